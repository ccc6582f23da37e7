"""What the command shows a person: tables on standard output, notices on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from happypath.operations.brief import brief
from happypath.operations.visible import in_line

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import ExecutionListItemTypeDef

    from happypath.operations.catalogue import Ended
    from happypath.operations.compare import Comparison
    from happypath.operations.cost import Bill
    from happypath.operations.cost import Line as BillLine
    from happypath.operations.delete import Deletable
    from happypath.operations.images_cost import ImagesBill
    from happypath.operations.installation import Step
    from happypath.operations.live import Change
    from happypath.operations.logs import Line
    from happypath.operations.reconcile import OpenUpload
    from happypath.operations.redrive import Sent
    from happypath.operations.run import Result
    from happypath.operations.waiting import Look

output = Console(highlight=False)
if not output.is_terminal and "COLUMNS" not in os.environ:
    # Whatever reads it wants lines whole.
    output.width = 1000
notices = Console(stderr=True, highlight=False)

_COLOURS = {
    "PROCESSED": "green",
    "SUCCEEDED": "green",
    "REJECTED": "yellow",
    "RECEIVED": "cyan",
    "IN_REVIEW": "cyan",
    "CLAIMED": "cyan",
    "DECIDED": "green",
    "EXPIRED": "yellow",
    "WITHDRAWN": "bright_black",
    "RUNNING": "cyan",
    "WAITING": "cyan",
    "CATALOGUED": "green",
    "DELETED": "bright_black",
}


def coloured(status: str) -> str:
    """A status in its colour; what is not known to be good is red."""
    return f"[{_COLOURS.get(status, 'red')}]{escape(status)}[/]"


def show_json(value: Any) -> None:
    """The value as JSON, and nothing else, on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, default=str, ensure_ascii=False) + "\n")


def show_json_array(values: Iterable[Any]) -> None:
    """The values as one JSON array, each written as it comes."""
    before = "[\n"
    for value in values:
        sys.stdout.write(f"{before}{json.dumps(value, default=str, ensure_ascii=False)}")
        before = ",\n"
    sys.stdout.write("[]\n" if before == "[\n" else "\n]\n")


def show_notice(message: str) -> None:
    """One line on standard error that is no error."""
    notices.print(message, markup=False, soft_wrap=True)


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
    if result.detail:
        _line(f"    [dim]{escape(_shortened(brief(result.detail)))}[/]")
    for saved in result.outputs:
        _line(f"    {escape(saved)}")
    if result.missing:
        _line(f"    {escape(result.missing)}")
    if result.unrecorded:
        _line("    Where it stays, `happypath reconcile` finds such an upload and has it run again (--fix).")


def show_upload(upload: str, look: Look) -> None:
    """How one upload ended or, below it, why it has not and what to do."""
    reason = escape((look.record or {}).get("reason") or "")
    _line(f"{coloured(look.status)} {reason}  {escape(upload)}")
    for said in (look.missing, look.advice(upload)):
        if said:
            _line(f"    {escape(said)}")


def show_executions(executions: Sequence[ExecutionListItemTypeDef]) -> None:
    """A table of executions, or a notice that there are none."""
    if not executions:
        show_notice("There are none.")
        return
    table = Table("status", "started", "seconds", "workflow", "execution", box=None, pad_edge=False)
    table.columns[-1].overflow = "fold"
    for execution in executions:
        machine = execution["stateMachineArn"].rpartition(":")[2]
        stopped = execution.get("stopDate")
        seconds = f"{(stopped - execution['startDate']).total_seconds():.2f}" if stopped else ""
        table.add_row(
            coloured(execution["status"]),
            _time(execution["startDate"]),
            seconds,
            escape(machine),
            escape(execution["name"]),
        )
    output.print(table)


def show_found(found: Iterable[tuple[str, datetime, str]]) -> None:
    """A table of what a search found: of each upload its key, when it was, and what matched."""
    table = Table("upload", "when", "matched", box=None, pad_edge=False)
    table.columns[0].overflow = "fold"
    for key, at, matched in found:
        table.add_row(escape(in_line(key)), _time(at), escape(_shortened(in_line(matched), 400)))
    output.print(table)


def show_changes(changes: list[Change], at_most: int = 10) -> None:
    """What is live, and below it what was before."""
    table = Table("live", "since", "by", box=None, pad_edge=False)
    for number, change in enumerate(changes[:at_most]):
        value = escape(change.value)
        table.add_row(f"[bold]{value}[/]" if number == 0 else value, _time(change.at), escape(change.by))
    output.print(table)


def show_record(record: dict[str, Any], steps: list[Step], photo: dict[str, Any] | None) -> None:
    """One upload: its record, its states with times, and where it is published."""
    for name, value in record.items():
        if value is not None:
            text = coloured(value) if name == "objStatus" else escape(brief(value))
            _line(f"[bold]{escape(name):13}[/] {text}")
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
        for name, url in photo.items():
            if name.endswith("URL"):
                _line(f"[bold]{name.removesuffix('URL'):13}[/] {escape(url)}")


def show_lines(lines: list[Line]) -> None:
    """Log lines, oldest first; what is the same in all of them is left out."""
    for line in lines:
        level = str(line.fields.get("level", ""))
        colour = {"ERROR": "red", "CRITICAL": "red", "WARNING": "yellow"}.get(level, "")
        clock = line.time.astimezone().strftime("%H:%M:%S.%f")[:-3]
        text = Text.assemble(
            (clock, "bright_black"), "  ", (line.function, "cyan"), "  ", (line.message, colour or "default")
        )
        for name, value in line.more.items():
            text.append(f"  {name}: {brief(value)}", style="bright_black")
        output.print(text, soft_wrap=True)


def show_comparison(comparison: Comparison) -> None:
    """A photo about which two workflows decide differently: both paths from where they part. Else nothing."""
    if not comparison.differs:
        return
    subject = comparison.subject
    _line(f"{escape(_from_here(subject.name))} at {escape(subject.place_id)}")
    shared = comparison.shared
    width = max(map(len, ("both", *comparison.decisions)))
    if shared:
        path = next(iter(comparison.decisions.values())).path[:shared]
        _line(f"    {'both':{width}}  [dim]{escape(' → '.join(path))}[/]")
    for name, decision in comparison.decisions.items():
        ways = escape(" → ".join(("", *decision.path[shared:])).strip())
        _line(f"    {escape(name):{width}}  {_verdict(decision.verdict)}  [dim]{ways}[/]")


def show_differences(comparisons: list[Comparison], workflows: tuple[str, str]) -> None:
    """How many decisions differ, and how often which became which."""
    differing = [each for each in comparisons if each.differs]
    one, other = map(escape, workflows)
    _line(f"[bold]{len(differing)} of {len(comparisons)}[/] photos end differently in {one} and {other}.")
    changes = Counter(
        tuple(_verdict(decision.verdict) for decision in each.decisions.values()) for each in differing
    )
    for (was, becomes), times in changes.most_common():
        _line(f"{times:5}  {was} → {becomes}")


def _verdict(verdict: tuple[str, str | None]) -> str:
    status, reason = verdict
    return f"{coloured(status)} {escape(reason)}" if reason else coloured(status)


def show_bill(bill: Bill) -> None:
    """A bill by line, its total, and what it assumes."""
    name = escape(bill.workflow)
    _line(f"[bold]{name}[/], {bill.uploads:,} uploads a month, {bill.accepted:.0%} of them accepted")
    rows = () if bill.as_standard is None else (("all, if it were a Standard workflow", bill.as_standard),)
    _show_lines(bill.lines, bill.total, rows)
    _show_assumptions(bill.assumptions)


def show_images_bill(bill: ImagesBill) -> None:
    """A bill of pictures on request, by line."""
    _line(
        f"[bold]images[/], {bill.requests:,} requests a month, {bill.cached:.0%} of them answered by caches"
    )
    _show_lines(bill.lines, bill.total)
    _show_assumptions(bill.assumptions)


def show_bill_beforehand(bill: Bill) -> None:
    """What is going to be spent, by line: on standard error, before somebody is asked."""
    notices.print(f"[bold]{escape(bill.workflow)}[/], {bill.uploads:,} uploads")
    _show_lines(bill.lines, bill.total, unit="USD", to=notices)
    for assumption in bill.assumptions:
        show_notice(assumption)


def show_catalogued(ended: Ended) -> None:
    """What became of one upload."""
    reason = f"  {escape(ended.reason)}" if ended.reason else ""
    _line(f"{coloured(ended.status)}  {escape(in_line(ended.key))}  {escape(ended.workflow)}{reason}")


def _show_lines(
    lines: Iterable[BillLine],
    total: float,
    more: Iterable[tuple[str, float]] = (),
    *,
    unit: str = "USD a month",
    to: Console = output,
) -> None:
    table = Table("", "quantity", unit, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for line in lines:
        few = line.quantity < 100 and line.quantity != round(line.quantity)
        table.add_row(escape(line.item), f"{line.quantity:,.{2 if few else 0}f}", f"{line.amount:,.2f}")
    table.add_row("[bold]all[/]", "", f"[bold]{total:,.2f}[/]")
    for item, amount in more:
        table.add_row(item, "", f"{amount:,.2f}")
    to.print(table)


def _show_assumptions(assumptions: Iterable[str]) -> None:
    for assumption in assumptions:
        _line(f"[dim]{escape(assumption)}[/]")


def show_sent(sent: Sent) -> None:
    """An upload that is to be run again, or why it is not."""
    if sent.refused:
        show_error(sent.refused)
    else:
        _line(f"{escape(sent.upload)} is in the queue, as attempt {sent.attempt}.")


def show_deleted(deleted: Deletable) -> None:
    """An upload that was deleted, and what went with it."""
    _line(f"{escape(deleted.key)} is deleted: {deleted}{' went with it' if deleted.renditions else ''}.")


def show_open_upload(upload: OpenUpload, sent: bool) -> None:
    """One upload without an outcome, since when, and whether and where it was sent."""
    end = f"  → {upload.goes_to}" if sent else ""
    since = " " * 19 if upload.since is None else _time(upload.since)
    _line(f"[red]{upload.state:19}[/]  {since}  {escape(in_line(upload.key))}{end}")


def show_reviews(reviews: Sequence[Mapping[str, Any]]) -> None:
    """A table of what waits for a person, as JSON has it."""
    table = Table("upload", "workflow", "waited", "claimed by", "seen", box=None, pad_edge=False)
    for each in reviews:
        table.add_row(
            escape(each["key"]),
            escape(each["workflow"] or ""),
            _span(each["waited_s"]),
            escape(each["claimedBy"] or ""),
            escape(_shortened(brief(each["seen"]), 80)),
        )
    output.print(table)


def show_review(review: Mapping[str, Any]) -> None:
    """One review, as JSON has it."""
    for name, value in review.items():
        if value is None or value == "":
            continue
        text = escape(brief(value))
        if name == "status":
            text = coloured(value)
        elif name == "waited_s":
            name, text = "waited", _span(value)  # noqa: PLW2901  # it is shown so
        _line(f"[bold]{escape(name):13}[/] {text}")


def _span(seconds: float) -> str:
    """A time in the two largest units that it has.

    >>> _span(8 * 86400 + 7200), _span(61.4), _span(0.2)
    ('8 d 2 h', '1 min 1 s', '0 s')
    """
    left = round(seconds)
    said: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number or (unit == "s" and not said):
            said.append(f"{number} {unit}")
    return " ".join(said[:2])


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
