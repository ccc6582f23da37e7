"""`happypath accuracy`: how often a workflow is right about pictures of which a person knows the answer."""

from __future__ import annotations

import re
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from happypath import samples
from happypath.cli import accuracy_tables as tables
from happypath.cli import display
from happypath.cli.options import (
    AsJson,
    Parameters,
    Prefix,
    RealRekognition,
    Yes,
    app,
    check_place,
    check_place_type,
    confirm,
    duration,
    existing,
    given_parameters,
    installation_of,
    known_workflow,
)
from happypath.errors import UsageError
from happypath.loopback import is_loopback
from happypath.operations import parameters
from happypath.project import NEWEST, PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from happypath.operations.accuracy.report import Asked, Report
    from happypath.operations.accuracy.truth import Label
    from happypath.operations.installation import Installation


@app.command()
def accuracy(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="The folder with the pictures.")
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What should become of them: CSV, photo,accepted[,reason]."),
    ] = None,
    workflow: Annotated[
        str | None, typer.Option(help=f"The workflow: {NEWEST}; with --recorded all of them.")
    ] = None,
    recorded: Annotated[
        bool, typer.Option("--recorded", help="Show where reviewers overruled the models, from the records.")
    ] = False,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what was reviewed since then: 2h or 7d.")
    ] = None,
    false_acceptances: Annotated[
        str | None,
        typer.Option(metavar="RATE", help="Find the threshold that accepts at most 1% of the bad ones."),
    ] = None,
    false_refusals: Annotated[
        str | None,
        typer.Option(metavar="RATE", help="Find the threshold that refuses at most 5% of the good ones."),
    ] = None,
    review: Annotated[
        str | None,
        typer.Option(metavar="LOWER,UPPER", help="Count what would be reviewed between two thresholds."),
    ] = None,
    acceptance_usd: Annotated[
        float | None, typer.Option(help="What a false acceptance costs.", min=0)
    ] = None,
    refusal_usd: Annotated[float | None, typer.Option(help="What a false refusal costs.", min=0)] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw errors by threshold into this SVG file.")
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep what is seen here; what is in it is not asked again."),
    ] = None,
    place: Annotated[
        str | None, typer.Option(metavar="ID", help="The pictures' place: measure on the installation.")
    ] = None,
    place_type: Annotated[
        str | None, typer.Option(help="Their place's type, where the file says none; else the samples'.")
    ] = None,
    parameter: Parameters = None,
    real_rekognition: RealRekognition = False,
    yes: Yes = False,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """Run labelled pictures through a workflow as a dry run, and count its errors by threshold.

    With --place the workflow is the installation's; else a sandbox is made. Where Amazon Rekognition is
    asked it says what that costs, and asks first. The exit status is 1 if a picture could not be measured.
    """
    if recorded:
        if any(each is not None for each in (folder, truth, place, place_type)):
            raise UsageError("--recorded is about what is recorded: give no pictures with it, and no place.")
        _recorded(prefix, workflow, since, as_json=as_json)
        return
    if folder is None or truth is None or since is not None:
        raise UsageError(
            "Name a folder of pictures, and with --truth a file that says what should become of them; or "
            "--recorded, with --since if need be."
        )
    workflow = known_workflow(NEWEST if workflow is None else workflow)
    asked = _asked(false_acceptances, false_refusals, review, acceptance_usd, refusal_usd)
    _check_place(place, place_type, for_a_sandbox=bool(real_rekognition or parameter))
    pictures = _pictures(folder, truth, place)
    if plot is not None and not plot.absolute().parent.is_dir():
        raise UsageError(f"--plot {plot}: there is no folder {plot.parent}.")

    from happypath.operations.accuracy import truth as truths
    from happypath.operations.accuracy.kept import Kept
    from happypath.operations.accuracy.measuring import measuring
    from happypath.operations.accuracy.report import Report

    with ExitStack() as opened, display.notices.status("Starting …") as status:
        if place is not None:
            installation = installation_of(prefix)
            placed = {label: (path, place) for label, path in pictures.items()}
        else:
            chosen = _parameters(workflow, parameter)
            installation, placed = _sandboxed(
                opened, workflow, pictures, place_type, chosen, real_rekognition=real_rekognition
            )
        measured = opened.enter_context(measuring(installation, workflow))
        truths.known_reasons(pictures, measured.reasons, str(truth), workflow)
        kept = opened.enter_context(Kept(keep, workflow, measured.digest))
        new = kept.missing(placed)
        is_paid = real_rekognition or not is_loopback(str(installation.client("s3").meta.endpoint_url))
        if is_paid and new and not yes:
            status.stop()
            _confirm(workflow, len(new))
            status.start()
        report = Report(workflow, measured.deciders, asked)
        try:
            for number, (label, seen) in enumerate(measured.see(placed, kept), start=1):
                report.add(label, seen)
                status.update(f"{number} of {len(placed)} looked at …")
        except KeyboardInterrupt:
            status.stop()
            _show(report, plot, as_json=as_json)
            looked_at = len(report.measured) + len(report.failed)
            display.show_notice(f"That is of the first {looked_at} of {len(placed)} pictures alone.")
            raise
    _show(report, plot, as_json=as_json)
    if report.failed:
        raise typer.Exit(1)


def _check_place(place: str | None, place_type: str | None, *, for_a_sandbox: bool) -> None:
    check_place(place)
    check_place_type(place_type)
    if place is not None and (place_type is not None or for_a_sandbox):
        raise UsageError(
            "--place is for what is deployed: give neither --place-type, --parameter nor --real-rekognition."
        )


def _recorded(prefix: str, workflow: str | None, since: str | None, *, as_json: bool) -> None:
    from happypath.operations.accuracy import recorded

    begin = None if since is None else datetime.now(UTC) - duration("--since", since)
    found = recorded.read(installation_of(prefix), workflow and known_workflow(workflow), begin)
    if as_json:
        display.show_json(found.as_json())
    else:
        tables.show_recorded(found)


def _pictures(folder: Path, truth: Path, place: str | None) -> dict[Label, Path]:
    """The pictures of the folder, each by its label."""
    from happypath.operations.accuracy import truth as truths

    labels = truths.read(truth)
    if place is not None:
        truths.at_one_place(labels, str(truth))
    pictures = truths.matched(labels, folder, str(truth))
    existing(list(pictures.values()))
    return pictures


def _parameters(workflow: str, given: list[str] | None) -> dict[str, str]:
    chosen = {**samples.of(workflow).parameters, **given_parameters(workflow, given)}
    parameters.check_all(workflow, chosen)
    return chosen


def _sandboxed(
    opened: ExitStack,
    workflow: str,
    pictures: Mapping[Label, Path],
    place_type: str | None,
    chosen: Mapping[str, str],
    *,
    real_rekognition: bool,
) -> tuple[Installation, dict[Label, tuple[Path, str]]]:
    """A sandbox with the workflow, and the pictures with their places in it."""
    from happypath.operations import run as runs

    of_workflow = samples.of(workflow)
    photos = {
        label: of_workflow.photo(path, label.place_type or place_type) for label, path in pictures.items()
    }
    installed = runs.installed(
        [workflow], list(photos.values()), real_rekognition=real_rekognition, parameters=chosen
    )
    placed = {label: (photo.path, photo.place_id) for label, photo in photos.items()}
    return opened.enter_context(installed), placed


def _confirm(workflow: str, pictures: int) -> None:
    from happypath.operations.accuracy import price

    asked = price.of(workflow, pictures)
    if asked.asked:
        confirm(
            f"Amazon Rekognition looks up to {asked.asked:,} times at {pictures:,} pictures, for up to "
            f"${asked.usd:,.2f} at list prices. Go on?"
        )


def _show(report: Report, plot: Path | None, *, as_json: bool) -> None:
    from happypath.operations.accuracy import plot as plots

    if as_json:
        display.show_json(report.as_json())
    else:
        tables.show_report(report)
    if plot is not None:
        shown = report.plotted
        if not shown:
            display.show_notice(f"{plot} is not drawn: no decider with a threshold has seen a picture.")
            return
        try:
            plot.write_text(plots.svg(shown, report.title), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"--plot {plot} cannot be written: {error.strerror}.") from error


def _asked(
    acceptances: str | None,
    refusals: str | None,
    review: str | None,
    acceptance_usd: float | None,
    refusal_usd: float | None,
) -> Asked:
    from happypath.operations.accuracy.report import Asked

    return Asked(
        acceptances=None if acceptances is None else _rate("--false-acceptances", acceptances),
        refusals=None if refusals is None else _rate("--false-refusals", refusals),
        review=None if review is None else _pair(review),
        acceptance_usd=acceptance_usd,
        refusal_usd=refusal_usd,
    )


def _rate(option: str, text: str) -> float:
    """A share such as 1% or 0.5%, from 0 to 1."""
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?)\s?%", text)
    if match is None or float(match[1]) > 100:
        raise UsageError(f"{option} {text} is no rate: 1% or 0.5%.")
    return float(match[1]) / 100


def _pair(text: str) -> tuple[float, float]:
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?),(\d{1,3}(?:\.\d{1,6})?)", text)
    if match is None or not float(match[1]) <= float(match[2]) <= 100:
        raise UsageError(f"--review {text} are no two thresholds, the lower first: 60,90.")
    return float(match[1]), float(match[2])
