"""The tool on a person's machine: the `happypath` command and its sandbox. Never shipped to Lambda."""
