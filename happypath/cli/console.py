"""`happypath console`: the web page of an installation."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from happypath.cli import display
from happypath.cli.options import IMPATIENT, Prefix, app, installation_of
from happypath.operations.installation import Installation
from happypath.project import PREFIX

if TYPE_CHECKING:
    from happypath.sandbox.fault_injection.rules import Faults

PORT = 8400


@app.command()
def console(
    port: Annotated[int, typer.Option(help="The console's port.", min=0, max=65535)] = PORT,
    allow_changes: Annotated[
        bool | None,
        typer.Option(
            "--allow-changes/--read-only",
            help="Whether it may change anything. Unless said, it may in a sandbox, and not on AWS.",
        ),
    ] = None,
    prefix: Prefix = PREFIX,
) -> None:
    """Serve the console: every upload and execution, live, in a browser on this machine."""
    from happypath.console.console import Console
    from happypath.console.server import serving

    installation = installation_of(prefix, IMPATIENT)
    shared = Console(installation, allow_changes=False)
    shared.allow_changes = shared.is_sandbox if allow_changes is None else allow_changes
    stop = stopped_by_signals()
    with serving(shared, port) as address:
        where = shared.endpoint if shared.is_sandbox else f"AWS in {shared.region}"
        how = "changes allowed" if shared.allow_changes else "read-only"
        display.output.print(
            f"The console of {prefix} at {where} ({how}) is at {address}\nCtrl-C stops it.",
            markup=False,
            soft_wrap=True,
        )
        wait(stop)


def serve_uploads(installation: Installation, faults: Faults, keys: Sequence[str]) -> None:
    """Serves the console of a sandbox in this process, and prints the address of each upload's page."""
    from happypath.console.addresses import upload_page
    from happypath.console.console import Console
    from happypath.console.server import serving

    stop = stopped_by_signals()
    with serving(Console(installation, allow_changes=True, faults=faults), PORT, or_any=True) as address:
        for key in keys:
            display.show_notice(f"{address}{upload_page(key)}")
        display.show_notice(f"The sandbox stays; its console is at {address}\nCtrl-C stops it.")
        wait(stop)


def stopped_by_signals() -> threading.Event:
    """An event that is set when somebody wants this process to end."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def wait(stop: threading.Event) -> None:
    """Waits for the event."""
    # A wait without an end would not let a signal through everywhere.
    while not stop.wait(1):
        pass
