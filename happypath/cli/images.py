"""Signed addresses of pictures on request."""

from __future__ import annotations

from typing import Annotated

import typer

from happypath.cli import display
from happypath.cli.options import AsJson, Prefix, app, duration, installation_of
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


@app.command()
def image_cost(
    requests: Annotated[int, typer.Option(help="How many are asked for in a month.", min=0)] = 1_000_000,
    cached: Annotated[float, typer.Option(help="The part that caches answer.", min=0, max=1)] = 0.9,
    free_tier: Annotated[bool, typer.Option(help="Whether what is always free is deducted.")] = True,
    as_json: AsJson = False,
) -> None:
    """State the monthly bill of pictures on request by line, and what it assumes."""
    from happypath.operations import images_cost
    from happypath.operations.cost import prices

    bill = images_cost.bill(requests, cached, prices(), free_tier=free_tier)
    if as_json:
        display.show_json(bill.as_json())
    else:
        display.show_images_bill(bill)
