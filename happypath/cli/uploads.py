"""Uploads of an installation: `upload`, `runs`, `show`, `trace`."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

from happypath.cli import display
from happypath.cli.options import (
    AsJson,
    Prefix,
    app,
    check_place,
    duration,
    existing,
    installation_of,
    known_workflow,
)
from happypath.errors import UsageError
from happypath.operations.installation import TERMINAL, Installation, claimed_at
from happypath.operations.naming import upload_name
from happypath.operations.records import find
from happypath.project import PREFIX


@app.command()
def upload(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO", help="The photos to upload.")],
    place: Annotated[str, typer.Option(help="The id of the place that the photos are of.")],
    own_name: Annotated[
        bool,
        typer.Option("--own-name", help="Upload it under its own name, in the place of what has it already."),
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until each upload has ended.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an upload's end.", min=1)] = 300.0,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """Upload photos of a place; each starts a run of the live workflow."""
    check_place(place)
    installation = installation_of(prefix)
    named = _named(photos, place, own_name=own_name)
    for photo, key in named.values():
        installation.upload(photo.read_bytes(), key)
        if not (wait or as_json):
            where = f"s3://{installation.core['UploadBucket']}/{key}"
            display.output.print(f"{photo} → {where}", markup=False, soft_wrap=True)
    if wait:
        _wait(installation, place, named, timeout, as_json)
    elif as_json:
        display.show_json([{"uploadId": each, "placeId": place} for each in named])


def _named(photos: list[Path], place: str, *, own_name: bool) -> dict[str, tuple[Path, str]]:
    """The photos and their keys, by upload id: all are looked at before the first is uploaded."""
    named: dict[str, tuple[Path, str]] = {}
    for photo in existing(photos):
        # Two photos of one name are two uploads.
        upload_id, key = upload_name(photo, place, "" if own_name else f"{secrets.token_hex(4)}-")
        if upload_id in named:
            raise UsageError(f"{photo} has the name of {named[upload_id][0]}: leave out --own-name.")
        named[upload_id] = photo, key
    return named


def _wait(
    installation: Installation,
    place: str,
    named: dict[str, tuple[Path, str]],
    timeout_s: float,
    as_json: bool,
) -> None:
    """Waits for uploads, one after the other, and tells how each ended; leaves with 1 if one failed."""
    from happypath.operations.waiting import wait

    looks = []
    with display.notices.status("Waiting for the workflows …"):
        for _, key in named.values():
            looks.append(wait(installation, key, timeout_s))
            if not as_json:
                display.show_upload(key, looks[-1])
    if as_json:
        display.show_json(
            [
                {"uploadId": upload_id, "placeId": place} | look.as_json()
                for upload_id, look in zip(named, looks, strict=True)
            ]
        )
    if any(look.status not in TERMINAL - {"FAILED"} and not look.is_in_review for look in looks):
        raise typer.Exit(1)


@app.command()
def runs(
    workflow: Annotated[str | None, typer.Option(help="Only this workflow's.")] = None,
    status: Annotated[
        str | None, typer.Option(help="Only RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED ones.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 20,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """List executions, newest first."""
    known = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
    if status and status.upper() not in known:
        raise UsageError(f"--status {status} is not one of {', '.join(known)}.")
    installation = installation_of(prefix)
    _ = installation.core
    found = installation.executions(workflow and known_workflow(workflow), status.upper() if status else None)
    newest = sorted(found, key=lambda each: each["startDate"], reverse=True)[:limit]
    if as_json:
        display.show_json(newest)
    else:
        display.show_executions(newest)


UPLOAD = "The object's key, the upload id, or a part of the key that no other upload's has."


@app.command()
def show(
    upload: Annotated[str, typer.Argument(metavar="UPLOAD", help=UPLOAD)],
    with_logs: Annotated[
        bool, typer.Option("--logs", help="Show the log lines of all functions instead.")
    ] = False,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """Show one upload: its record, the states it went through, its decision and its outputs."""
    installation = installation_of(prefix)
    record = find(installation, upload)
    if with_logs:
        from happypath.operations import logs

        lines = logs.of_upload(installation, record)
        if as_json:
            display.show_json([line.as_json() for line in lines])
        else:
            display.show_lines(lines)
        return
    arn = record.get("executionArn")
    steps = installation.steps(arn, claimed_at(record)) if arn else []
    photo = installation.shown(record) if record["objStatus"] == "PROCESSED" else None
    if as_json:
        states = [
            {"state": step.state, "entered": step.entered.isoformat(), "seconds": step.seconds}
            for step in steps
        ]
        display.show_json({**record, "states": states, "photo": photo})
    else:
        display.show_record(record, steps, photo)


@app.command()
def trace(
    upload: Annotated[str | None, typer.Argument(metavar="[UPLOAD]", help=UPLOAD)] = None,
    slowest: Annotated[bool, typer.Option("--slowest", help="The uploads that took longest.")] = False,
    errors: Annotated[bool, typer.Option("--errors", help="The uploads that failed, newest first.")] = False,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="How far back these two look: 15m, 2h or 1d.")
    ] = "1h",
    limit: Annotated[int, typer.Option(help="At most so many of them.", min=1)] = 10,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """Show where an upload's time went, call by call, or find the uploads worth looking at."""
    from happypath.cli import waterfall
    from happypath.operations import trace as traces

    if (upload is not None) + slowest + errors != 1:
        raise UsageError("Name one upload, or give --slowest or --errors.")
    installation = installation_of(prefix)
    if upload is None:
        search = traces.slowest if slowest else traces.errors
        with display.notices.status("Searching …"):
            found = search(installation, duration("--since", since), limit)
        if as_json:
            display.show_json([each.as_json() for each in found])
        else:
            display.output.print(waterfall.render_found(found))
        return
    shown = traces.of_upload(installation, find(installation, upload))
    if as_json:
        display.show_json(shown.as_json())
    else:
        display.output.print(waterfall.render(shown))
