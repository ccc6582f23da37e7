"""What `happypath accuracy` shows a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from happypath.cli.display import output, show_notice
from happypath.operations.accuracy.curve import rows
from happypath.operations.naming import printable

if TYPE_CHECKING:
    from happypath.operations.accuracy.curve import Errors, Step
    from happypath.operations.accuracy.recorded import Recorded
    from happypath.operations.accuracy.report import OfThreshold, Report

_NAMED = 10
_KINDS = {"falseAcceptances": "false acceptances", "falseRefusals": "false refusals"}


def show_report(report: Report) -> None:
    """The errors of the whole workflow as it is today, then those of each decider by threshold."""
    today = report.today
    _line(f"[bold]{escape(report.title)}[/]")
    _errors(today.errors, report.asked.usd(today.errors))
    if today.review.count:
        _line(f"    for review          {today.review}")
    accepted = [each.photo for each in report.wrong if not each.accepted]
    refused = [f"{each.photo} ({', '.join(each.by.values())})" for each in report.wrong if each.accepted]
    for said, names in (
        ("wrongly accepted", accepted),
        ("wrongly refused", refused),
        ("refused for another reason", report.other_reasons),
    ):
        if names:
            more = f" and {len(names) - _NAMED} more (--json has all)" if len(names) > _NAMED else ""
            _line(f"    {said}: {escape(', '.join(map(printable, names[:_NAMED])))}{more}")
    for each in report.by_decider:
        _line("")
        alone = " alone" if each.decider.is_signal else ""
        _line(f"[bold]{escape(each.decider.name)}[/]{alone}, as its rules are today")
        _errors(each.today, report.asked.usd(each.today))
        for of_threshold in each.thresholds:
            _threshold(of_threshold)
    if report.unattributed:
        show_notice(
            f"{report.unattributed} pictures to be refused have no reason, and several deciders that may be "
            "meant: they count for the workflow alone. Give them reasons."
        )
    for photo, error in report.failed[:_NAMED]:
        show_notice(f"{printable(photo)} could not be measured: {error}.")
    if len(report.failed) > _NAMED:
        show_notice(f"{len(report.failed) - _NAMED} more could not be measured.")


def show_recorded(found: Recorded) -> None:
    """What people decided about uploads that the models doubted."""
    name = escape(found.workflow or "all workflows")
    _line(f"[bold]{name}[/], {found.uploads} uploads: a person was asked about {found.reviewed}")
    if not found.reviews:
        return
    _line(f"    {', '.join(f'{number} {verdict}' for verdict, number in found.verdicts.items())}")
    if not found.approved.of:
        return
    _line(f"    approved by people   {found.approved}")
    for title, rows_ in (
        ("the models' reason", found.by_reason),
        ("signal, or what was seen", found.by_name),
    ):
        if rows_:
            table = Table(title, "approved all the same", "approved without it", box=None, pad_edge=False)
            for each in rows_:
                table.add_row(escape(printable(each.name)), str(each.approved), str(each.otherwise))
            output.print(table)
    for reason, times in found.unforeseen.items():
        _line(f"    refused {times} times for {escape(reason)}, which no model said")
    if found.by_score is not None:
        table = Table("score from", "false acceptances", "false refusals", box=None, pad_edge=False)
        for threshold, errors in rows(found.by_score, ()):
            table.add_row(f"{threshold:g}", str(errors.false_acceptances), str(errors.false_refusals))
        _line("    had the score alone decided about those that people looked at:")
        output.print(table)


def _errors(errors: Errors, usd: float | None) -> None:
    _line(f"    false acceptances   {errors.false_acceptances}")
    _line(f"    false refusals      {errors.false_refusals}")
    if usd is not None:
        _line(f"    what they cost      ${usd:,.2f}")


def _threshold(shown: OfThreshold) -> None:
    within = f" of {escape(shown.threshold.within)}" if shown.threshold.within else ""
    if not shown.is_whole:
        if not shown.threshold.is_score:
            _line(f"    [dim]No curve by the threshold{within}: it takes pictures of both kinds.[/]")
        return
    asked = shown.asked
    headings = [f"threshold{within}", "false acceptances", "false refusals"]
    table = Table(*headings, *(["USD"] if asked.has_prices else []), box=None, pad_edge=False)
    table.columns[0].justify = "right"
    today = shown.threshold.today
    for threshold, errors in rows(shown.curve, today):
        cells = [f"{threshold:g}", str(errors.false_acceptances), str(errors.false_refusals)]
        if asked.has_prices:
            cells.append(f"{asked.usd(errors):,.2f}")
        marked = threshold in today
        table.add_row(*(f"[bold]{cell}[/]" if marked else cell for cell in cells))
    output.print(table)
    for kind, step in shown.wanted.items():
        _line(f"    {_wanted(shown, kind, step)}")
    if shown.cheapest is not None:
        _line(f"    cheapest: {_range(shown.cheapest)}, ${asked.usd(shown.cheapest.errors):,.2f}")
    if shown.pair is not None:
        pair = shown.pair
        _line(f"    between {pair.lower:g} and {pair.upper:g} a person looks at {pair.review}; then")
        _errors(pair.errors, asked.usd(pair.errors))


def _wanted(shown: OfThreshold, kind: str, step: Step | None) -> str:
    rate = shown.asked.acceptances if kind == "falseAcceptances" else shown.asked.refusals
    said = f"at most {100 * (rate or 0):g} % {_KINDS[kind]}"
    if step is None:
        return f"{said}: by no threshold"
    other = step.errors.false_refusals if kind == "falseAcceptances" else step.errors.false_acceptances
    others = next(each for name, each in _KINDS.items() if name != kind)
    advice = shown.advice(kind)
    return f"{said}: {_range(step)}, {others} {other}{'. ' + advice.removesuffix('.') if advice else ''}"


def _range(step: Step) -> str:
    return f"threshold {step.middle:g} (above {step.above:g}, up to {step.until:g})"


def _line(markup: str) -> None:
    output.print(markup, soft_wrap=True)
