"""The `happypath` command."""
