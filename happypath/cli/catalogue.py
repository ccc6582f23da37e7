"""`happypath catalogue`: what lies in the bucket already is catalogued."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from happypath.cli import display
from happypath.cli.options import PATIENT, AsJson, Prefix, Yes, app, confirm, installation_of
from happypath.errors import UsageError
from happypath.operations.installation import Installation
from happypath.project import PREFIX, cataloguing

if TYPE_CHECKING:
    from happypath.operations.catalogue import Ended, Found, State

    Look = Callable[[], Iterator[Found]]


@app.command()
def catalogue(
    existing: Annotated[
        bool, typer.Option("--existing", help="Every upload of the bucket that is not catalogued.")
    ] = False,
    key_prefix: Annotated[str, typer.Option(metavar="TEXT", help="Only keys that begin so.")] = "",
    workflow: Annotated[
        str | None,
        typer.Option(
            help="The workflow that looks at them; without it, pictures go to catalogue, others to document."
        ),
    ] = None,
    yes: Yes = False,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """Catalogue what is in the bucket already, so that `search` finds it.

    It says what that costs, and asks. Interrupted and started again, it goes on. Records stay as they are.
    The exit status is 1 if an upload failed.
    """
    from happypath.operations import catalogue as operation

    if not existing:
        raise UsageError("Say what to catalogue: --existing, which is everything in the bucket of uploads.")
    if workflow not in {None, *cataloguing()}:
        raise UsageError(
            f"--workflow {workflow} catalogues nothing: choose one of {', '.join(cataloguing())}."
        )
    installation = installation_of(prefix, PATIENT)

    def look() -> Iterator[Found]:
        choose = operation.by_name if workflow is None else lambda _: workflow
        return operation.look(installation, key_prefix, choose)

    new = _counted(look, installation, key_prefix)
    machines = operation.machines_of(installation, new)
    for name, number in new.items():
        display.show_bill_beforehand(operation.bill(name, number))
    if new and not yes:
        confirm(f"Catalogue {sum(new.values()):,} uploads?")
    ended: Counter[str] = Counter()
    outcomes = _counting(operation.catalogue(installation, look(), machines), ended, sum(new.values()))
    if as_json:
        display.show_json_array(each.as_json() for each in outcomes)
    else:
        for each in outcomes:
            display.show_catalogued(each)
    said = ", ".join(f"{number:,} {status}" for status, number in sorted(ended.items()))
    display.show_notice(said or "There is nothing to catalogue.")
    if ended["FAILED"]:
        display.show_notice("Those that failed are tried again when this is started again.")
        raise typer.Exit(1)


def _counted(look: Look, installation: Installation, key_prefix: str) -> Counter[str]:
    """Says what lies in the bucket → how many uploads each workflow is to catalogue."""
    from happypath.operations import catalogue as operation

    counted: Counter[State] = Counter()
    new: Counter[str] = Counter()
    with display.notices.status("Looking …") as status:
        for found in look():
            counted[found.state] += 1
            new.update([found.workflow] if found.state is operation.State.NEW else [])
            status.update(f"{counted.total():,} looked at …")
    if not counted:
        raise operation.nothing_there(installation, key_prefix)
    for state, number in sorted(counted.items()):
        display.show_notice(f"{state}: {number:,}.  {operation.ADVICE.get(state, '')}".rstrip())
    return new


def _counting(outcomes: Iterator[Ended], ended: Counter[str], total: int) -> Iterator[Ended]:
    with display.notices.status("Cataloguing …") as status:
        for each in outcomes:
            ended[each.status] += 1
            status.update(f"{ended.total():,} of {total:,} …")
            yield each
