"""What the command shows a person: tables on standard output, notices on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import ExecutionListItemTypeDef

    from happypath.installation import Step
    from happypath.run import Result

output = Console(highlight=False)
notices = Console(stderr=True, highlight=False)

_COLOURS = {
    "PROCESSED": "green",
    "SUCCEEDED": "green",
    "REJECTED": "yellow",
    "RECEIVED": "cyan",
    "RUNNING": "cyan",
}


def coloured(status: str) -> str:
    """A status in its colour; what is not known to be good is red."""
    return f"[{_COLOURS.get(status, 'red')}]{escape(status)}[/]"


def show_json(value: Any) -> None:
    """The value as JSON, and nothing else, on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, default=str, ensure_ascii=False) + "\n")


def show_error(message: str) -> None:
    """One line on standard error."""
    notices.print(f"happypath: {message}", style="red", markup=False, soft_wrap=True)


def show_result(result: Result) -> None:
    """How one upload ended, and below it the states it went through, why, and where the outputs are."""
    reason = f" {escape(result.reason)}" if result.reason else ""
    photo = escape(_from_here(result.photo))
    _line(f"{coloured(result.status)}{reason}  {photo} at {escape(result.place_id)}  {result.seconds:.2f} s")
    if result.path:
        _line(f"    [dim]{escape(' → '.join(result.path))}[/]")
    if result.reason and result.detail:
        _line(f"    [dim]{escape(_shortened(_brief(result.detail)))}[/]")
    for saved in result.outputs:
        _line(f"    {escape(saved)}")


def show_executions(executions: Iterable[ExecutionListItemTypeDef]) -> None:
    """A table of executions."""
    table = Table("workflow", "execution", "status", "started", "seconds", box=None, pad_edge=False)
    for execution in executions:
        machine = execution["stateMachineArn"].rpartition(":")[2]
        stopped = execution.get("stopDate")
        seconds = f"{(stopped - execution['startDate']).total_seconds():.2f}" if stopped else ""
        table.add_row(
            escape(machine),
            escape(execution["name"]),
            coloured(execution["status"]),
            _time(execution["startDate"]),
            seconds,
        )
    output.print(table)


def show_record(record: dict[str, Any], steps: list[Step], photo: dict[str, Any] | None) -> None:
    """One upload: its record, its states with times, and where it is published."""
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in record.items():
        if value is None:
            continue
        text = coloured(value) if name == "objStatus" else escape(_brief(value))
        table.add_row(f"[bold]{escape(name)}[/]", text)
    output.print(table)
    if steps:
        output.print()
        path = Table("state", "entered", "seconds", box=None, pad_edge=False)
        for step in steps:
            path.add_row(
                escape(step.state), _time(step.entered), "" if step.seconds is None else f"{step.seconds:.3f}"
            )
        output.print(path)
    if photo:
        output.print()
        output.print(f"[bold]tile[/]    {escape(photo['tileURL'])}")
        output.print(f"[bold]scaled[/]  {escape(photo['scaledURL'])}")


def _brief(value: Any) -> str:
    if isinstance(value, dict) and set(value) >= {"name", "confidence"}:
        return f"{value['name']} {value['confidence']}"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_brief(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(_brief(each) for each in value) or "none"
    return str(value)


def _time(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _line(markup: str) -> None:
    # A terminal breaks long lines itself, and a pipe wants them whole.
    output.print(markup, soft_wrap=True)


def _from_here(path: str) -> str:
    """A path as one would type it here."""
    absolute = Path(path).absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else path


def _shortened(text: str, length: int = 160) -> str:
    return text if len(text) <= length else f"{text[:length]} …"
