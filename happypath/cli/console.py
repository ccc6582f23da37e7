"""`happypath console`: the web page of an installation."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from happypath.cli import display
from happypath.cli.options import Prefix, app, installation_of
from happypath.project import PREFIX

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

    installation = installation_of(prefix, patient=False)
    shared = Console(installation, allow_changes=False)
    shared.allow_changes = shared.is_sandbox if allow_changes is None else allow_changes
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with serving(shared, port) as address:
        where = shared.endpoint if shared.is_sandbox else f"AWS in {shared.region}"
        how = "changes allowed" if shared.allow_changes else "read-only"
        display.output.print(
            f"The console of {prefix} at {where} ({how}) is at {address}\nCtrl-C stops it.",
            markup=False,
            soft_wrap=True,
        )
        while not stop.wait(1):
            pass
