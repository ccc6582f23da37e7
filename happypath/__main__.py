"""`python -m happypath` is `happypath`."""

from happypath.cli.commands import main

main()
