"""What brings uploads to their outcome: `redrive`, `reconcile`; and to their end: `delete`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer

from functions.ingest.live import Live
from happypath.cli import display
from happypath.cli.options import AsJson, Prefix, Yes, app, confirm, duration, installation_of
from happypath.errors import UsageError
from happypath.operations.installation import Installation
from happypath.project import PREFIX


@app.command()
def redrive(
    uploads: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="UPLOAD", help="Keys, upload ids or parts of keys; nothing: the dead-letter queue."
        ),
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Every upload that ended as FAILED.")] = False,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """Send the dead-letter queue back, or have uploads that failed run again by what is live."""
    if failed and uploads:
        raise UsageError("--failed means every upload that failed: name none with it.")
    installation = installation_of(prefix)
    if failed or uploads:
        _run_again(installation, uploads or None, as_json)
    else:
        _send_dead_letters_back(installation, as_json)


def _send_dead_letters_back(installation: Installation, as_json: bool) -> None:
    from happypath.operations import redrive as redriving

    with display.notices.status("Moving …") as status:
        for now in redriving.dead_letters(installation):
            status.update(f"{now.moved} of {now.of} moved …")
    if as_json:
        display.show_json({"moved": now.moved, "of": now.of})
    elif now.of:
        display.output.print(f"{now.moved} of {now.of} dead letters are in the queue of uploads again.")
    else:
        display.show_notice("The dead-letter queue is empty.")


def _run_again(installation: Installation, uploads: list[str] | None, as_json: bool) -> None:
    from happypath.operations import redrive as redriving

    total = Counter(looked=0, refused=0)

    def sent() -> Iterator[redriving.Sent]:
        with display.notices.status("Sending …") as status:
            for each in redriving.run_again(installation, uploads):
                total.update(looked=1, refused=each.attempt is None)
                status.update(f"{total['looked']} looked at …")
                yield each

    if as_json:
        display.show_json_array(each.as_json() for each in sent())
    else:
        for each in sent():
            display.show_sent(each)
    if not total["looked"]:
        display.show_notice("No upload ended as FAILED.")
    if total["refused"]:
        raise typer.Exit(1)


@app.command()
def reconcile(
    older_than: Annotated[
        str, typer.Option(metavar="TIME", help="What is younger is in time: 90s, 15m, 2h or 1d.")
    ] = "15m",
    fix: Annotated[
        bool, typer.Option("--fix", help="Have them run, or deleted; not those that run, or are to wait.")
    ] = False,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """List the uploads that have no outcome although it is time, and deletions that are not done.

    The exit status is 1 if there are any.
    """
    from happypath.operations import live as switching
    from happypath.operations import reconcile as reconciling
    from happypath.operations.redrive import waiting

    until = datetime.now(UTC) - duration("--older-than", older_than)
    installation = installation_of(prefix)
    value = switching.changes(installation)[0].value
    if fix and not switching.workflows(value):
        raise UsageError(
            "No workflow is live, so uploads wait in the queue: they run once one is (happypath live)."
        )
    total = Counter(looked=0, open=0)

    def waits(key: str) -> bool:
        # Whether there is a workflow for a key does not depend on the fingerprint.
        return Live.parse(value).choose(key, "0") is None

    def open_uploads() -> Iterator[tuple[reconciling.OpenUpload, bool]]:
        with display.notices.status("Looking …") as status:

            def looked(more: int) -> None:
                total["looked"] += more
                status.update(f"{total['looked']} looked at, {total['open']} open …")

            for upload in reconciling.find(installation, until, looked):
                total["open"] += 1
                yield upload, fix and not waits(upload.key) and reconciling.fix(installation, upload)

    if as_json:
        display.show_json_array({**upload.as_json(), "sent": sent} for upload, sent in open_uploads())
    else:
        for upload, sent in open_uploads():
            display.show_open_upload(upload, sent)
    display.show_notice(f"Records and objects looked at: {total['looked']}; open uploads: {total['open']}.")
    if total["open"]:
        queue, dead = waiting(installation, "Queue"), waiting(installation, "DeadLetterQueue")
        display.show_notice(f"Messages in the queue of uploads: {queue}; in the dead-letter queue: {dead}.")
        raise typer.Exit(1)


@app.command()
def delete(
    uploads: Annotated[
        list[str], typer.Argument(metavar="UPLOAD", help="Keys, upload ids or parts of keys.")
    ],
    yes: Yes = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for each one's end.", min=1)] = 120.0,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """Delete uploads, and wait until nothing of them is published any longer."""
    from happypath.operations import delete as deleting

    installation = installation_of(prefix)
    # All are looked at before the first is deleted.
    found = {each.key: each for each in (deleting.look(installation, name) for name in uploads)}
    if not yes:
        for each in found.values():
            display.show_notice(f"{each.key}: {each}.")
        confirm(f"Delete {len(found)} upload{'s' if len(found) > 1 else ''}?")
    for each in found.values():
        deleting.delete(installation, each)
    with display.notices.status("Waiting until all is gone …"):
        for each in found.values():
            deleting.wait(installation, each, timeout)
            if not as_json:
                display.show_deleted(each)
    if as_json:
        display.show_json([each.as_json() for each in found.values()])
