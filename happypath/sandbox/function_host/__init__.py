"""Where functions run, as on Lambda: each execution environment is a process that speaks the Runtime API."""
