"""Stacks, and what is live: `deploy`, `new`, `destroy`, `live`."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from happypath.cli import display
from happypath.cli.options import (
    AsJson,
    Parameters,
    Prefix,
    Yes,
    app,
    confirm,
    given_parameters,
    installation_of,
)
from happypath.errors import UsageError
from happypath.operations import parameters
from happypath.project import NEWEST, PREFIX, STACKS

Stack = Annotated[str, typer.Argument(metavar="|".join(STACKS), help="The stack.")]


def _stack(name: str) -> str:
    if name not in STACKS:
        raise UsageError(f"There is no stack {name}: choose one of {', '.join(STACKS)}.")
    return name


@app.command()
def deploy(
    stack: Stack,
    guided: Annotated[bool, typer.Option("--guided", help="Let SAM ask for every parameter.")] = False,
    yes: Yes = False,
    parameter: Parameters = None,
    prefix: Prefix = PREFIX,
) -> None:
    """Build a stack and deploy it, with the AWS SAM CLI: shows what will change and asks."""
    from happypath.operations import deploy as deploying

    if "Prefix" in parameters.parse(parameter or []):
        raise UsageError("--parameter Prefix=… would not rename the stack: use --prefix.")
    chosen = given_parameters(_stack(stack), parameter)
    deploying.deploy(
        installation_of(prefix),
        stack,
        guided=guided,
        ask=not yes,
        parameters=chosen,
        built=lambda name, size: display.show_notice(f"{name}: {size / 1e6:.1f} MB zipped"),
    )


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new workflow's name: v5, or flash-sale.")],
    source: Annotated[str, typer.Option("--from", metavar="WORKFLOW", help="The workflow to copy.")] = NEWEST,
) -> None:
    """Make a workflow from another one: state machine, template, configuration, outcomes and samples."""
    from happypath.operations import new as making

    made = making.make(name, source)
    for path in made.files:
        display.output.print(str(path), markup=False, soft_wrap=True)
    display.output.print("\nIt does what the other one does. Next:\n", markup=False)
    for command in made.next_commands:
        display.output.print(f"    {command}", markup=False)


@app.command()
def destroy(stack: Stack, yes: Yes = False, prefix: Prefix = PREFIX) -> None:
    """Remove a stack, unless it is live or has executions that run; buckets and tables stay."""
    from happypath.operations import deploy as deploying

    installation = installation_of(prefix)
    deploying.removable_in(installation, _stack(stack))
    if not yes:
        then = (
            "The buckets and the tables stay."
            if stack == "core"
            else "Its failed executions cannot be redriven afterwards."
        )
        confirm(f"Remove {prefix}-{stack}? {then}")
    with display.notices.status(f"Removing {prefix}-{stack} …"):
        deploying.destroy(installation, stack, time.sleep)
    display.output.print(f"{prefix}-{stack} is gone.", markup=False)


@app.command()
def live(
    workflows: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORKFLOW | WORKFLOW=90 WORKFLOW=10 | none] [KEY_PREFIX/=WORKFLOW]...",
            help="What new uploads go to, and those whose keys begin so; nothing: show it.",
        ),
    ] = None,
    back: Annotated[bool, typer.Option("--back", help="Return to what was live before.")] = False,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """Show or set which workflow runs; with `none`, uploads wait in the queue."""
    from happypath.operations import live as switching

    if back and workflows:
        raise UsageError("--back goes back to what was live before: name no version with it.")
    installation = installation_of(prefix)
    if back or workflows:
        value = switching.before(installation) if back else " ".join(workflows or [])
        written = switching.switch(installation, value)
        if not as_json:
            said = "is live now" if written else "was live already; nothing is written"
            display.output.print(f"{value}: {said}.", markup=False)
            return
    history = switching.changes(installation)
    if as_json:
        display.show_json([{"live": each.value, "at": each.at, "by": each.by} for each in history])
    else:
        display.show_changes(history)
    for problem in switching.problems(installation, history[0].value):
        display.show_error(problem)
