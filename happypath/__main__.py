"""`python -m happypath` is `happypath`."""

from happypath.cli import main

main()
