"""`happypath cost`: the monthly bill of a workflow."""

from __future__ import annotations

import re
from collections import defaultdict
from statistics import fmean
from typing import Annotated

import typer

from happypath.cli import display
from happypath.cli.options import AsJson, Prefix, app, duration, installation_of, known_workflow
from happypath.errors import UsageError
from happypath.project import NEWEST, PREFIX


def _sides(size: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", size)
    if not found:
        raise UsageError(f"--size must be pixels across and down such as 1280x720, not {size!r}.")
    return int(found[1]), int(found[2])


@app.command()
def cost(
    workflow: Annotated[str, typer.Option(help="The workflow.")] = NEWEST,
    uploads: Annotated[int, typer.Option(help="Uploads in a month.", min=0)] = 1_000_000,
    accepted: Annotated[float, typer.Option(help="The part of them that is accepted.", min=0, max=1)] = 0.9,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Take the functions' times from the installation's logs: 2h or 7d."
        ),
    ] = None,
    minutes: Annotated[float, typer.Option(help="Of films: how long each is.", min=0.01)] = 1.0,
    fps: Annotated[float, typer.Option(help="Of films: pictures a second.", min=1)] = 30.0,
    size: Annotated[str, typer.Option(help="Of films: pixels across and down.")] = "1280x720",
    free_tier: Annotated[bool, typer.Option(help="Whether what is always free is deducted.")] = True,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """State the monthly bill of a workflow by line, and what it assumes."""
    from happypath.operations import cost as costs
    from happypath.operations import usage as usages
    from happypath.operations.film import Film

    known_workflow(workflow)
    usage = usages.load()
    if since is not None:
        machine = costs.read(workflow)
        installation = installation_of(prefix)
        _ = installation.core
        times: dict[str, list[float]] = defaultdict(list)
        for name, each in usages.times(installation, duration("--since", since), machine.functions).items():
            times[machine.handler[name]] += each
        means = {handler: fmean(each) for handler, each in times.items()}
        usage = usage.with_times(means, machine.handlers, f"the logs of {prefix}, last {since}")
    bill = costs.bill(
        workflow,
        uploads,
        accepted,
        usage,
        costs.prices(),
        free_tier=free_tier,
        film=Film(minutes, fps, *_sides(size)),
    )
    if as_json:
        display.show_json(bill.as_json())
    else:
        display.show_bill(bill)
