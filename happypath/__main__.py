"""`python -m happypath` is `happypath`."""

from happypath.cli.main import main

main()
