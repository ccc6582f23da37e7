"""Documents: their text, read in a process of its own, for files from outside are parsed by code in C."""
