"""Signed addresses of pictures on request."""

from __future__ import annotations

from typing import Annotated

import typer

from happypath.cli import display
from happypath.cli.options import Prefix, app, duration, installation_of
from happypath.errors import UsageError
from happypath.project import PREFIX


@app.command()
def sign(
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="/i/FIT,WIDTHxHEIGHT/KEY",
            help="What to ask for: /i/cover,300x200/sample-park/mountains.jpg",
        ),
    ] = None,
    expires: Annotated[
        str, typer.Option(metavar="TIME", help="How long it holds: 90s, 15m, 2h or 1d.")
    ] = "1h",
    new_key: Annotated[
        bool,
        typer.Option(
            "--new-key", help="Sign with a new key from now on; the one before holds until the next."
        ),
    ] = False,
    prefix: Prefix = PREFIX,
) -> None:
    """Print the signed address of a picture on request."""
    from happypath.operations import images

    if path is None and not new_key:
        raise UsageError(
            "Say what to sign, such as /i/cover,300x200/sample-park/mountains.jpg, or --new-key."
        )
    installation = installation_of(prefix)
    if new_key:
        images.replace_key(installation)
        display.show_notice("There is a new key. What was signed with the one before holds until the next.")
    if path is not None:
        display.output.print(
            images.sign(installation, path, duration("--expires", expires)),
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
