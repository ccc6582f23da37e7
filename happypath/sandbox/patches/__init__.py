"""Where moto differs from AWS in what matters here, by service: a module for each.

Each patch is a context manager that replaces attributes of moto while its block lasts. Its docstring says
what AWS does, and where that is documented. `PATCHES` of a module lists them; `all` applies them.
"""

from happypath.sandbox import imports  # noqa: F401  # before any of moto
