"""`happypath up`: a sandbox that stays."""

from __future__ import annotations

import json
import mimetypes
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from happypath import samples
from happypath.cli import display
from happypath.cli.console import PORT, stopped_by_signals, wait
from happypath.cli.options import FaultRules, Iam, RealRekognition, Seed, app, faults_of
from happypath.operations.installation import Installation
from happypath.project import NEWEST, SANDBOX_STACKS, WORKFLOWS, usually_live

if TYPE_CHECKING:
    from happypath.sandbox.sandbox import Sandbox


@app.command()
def up(
    port: Annotated[
        int, typer.Option(help="The port of the endpoint; 0: any that is free.", min=0, max=65535)
    ] = 4566,
    console_port: Annotated[
        int | None,
        typer.Option(help=f"The port of the console: {PORT}, or else any that is free.", min=1, max=65535),
    ] = None,
    empty: Annotated[bool, typer.Option("--empty", help="Deploy nothing: for `happypath deploy`.")] = False,
    real_rekognition: RealRekognition = False,
    iam: Iam = True,
    fault: FaultRules = None,
    seed: Seed = 0,
) -> None:
    """Start a sandbox that stays: every workflow deployed, the newest version live, places listed."""
    from happypath.console.console import Console
    from happypath.console.server import serving
    from happypath.operations import extras
    from happypath.sandbox.sandbox import Sandbox

    faults = faults_of(fault, seed)
    stop = stopped_by_signals()
    with ExitStack() as opened:
        sandbox = opened.enter_context(
            Sandbox(port, real_rekognition=real_rekognition, faults=faults, iam=iam)
        )
        installation = Installation(sandbox.client, sandbox.prefix)
        console = opened.enter_context(
            serving(
                Console(installation, allow_changes=True, faults=faults),
                console_port or PORT,
                or_any=console_port is None,
            )
        )
        if not empty:
            with display.notices.status("Deploying …") as status:
                for stack in SANDBOX_STACKS:
                    if stop.is_set():
                        return
                    status.update(f"Deploying {stack} …")
                    sandbox.deploy(stack)
                for photo in (photo for each in WORKFLOWS for photo in samples.of(each).photos):
                    installation.put_place(photo.place_id, photo.place_type, f"A {photo.place_type}")
                installation.set_live(usually_live())
                photo = samples.of(NEWEST).photos[0]
                target = f"s3://{installation.core['UploadBucket']}/{photo.place_id}/{photo.path.name}"
                asking = _asking(sandbox, installation, photo)
        for workflow in () if empty else WORKFLOWS:
            for lacking in extras.missing(workflow, real_rekognition=real_rekognition):
                display.show_notice(str(lacking))
        with_what = (
            "with nothing in it" if empty else f"with {', '.join(WORKFLOWS)}; {usually_live()} is live"
        )
        first = (
            "happypath deploy core --yes"
            if empty
            else f"""aws s3 cp {photo.path} {target}
    happypath show {photo.path.stem}

As somebody without AWS credentials, ask the upload API for a form (docs/api.md):

    {asking}"""
        )
        display.output.print(
            f"""The sandbox is up at {sandbox.endpoint} {with_what}.
Its console is at {console}
In another terminal:

    export AWS_ENDPOINT_URL={sandbox.endpoint} AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
    export AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox AWS_DISABLE_HOST_PREFIX_INJECTION=true
    {first}

Ctrl-C stops it; nothing is kept.""",
            soft_wrap=True,
        )
        wait(stop)
        display.notices.print("Stopping …")


def _asking(sandbox: Sandbox, installation: Installation, photo: samples.Photo) -> str:
    """A line that asks the upload API for a form to upload a photo with."""
    asked = {
        "placeId": photo.place_id,
        "fileName": photo.path.name,
        "sizeBytes": photo.path.stat().st_size,
        "contentType": mimetypes.guess_type(photo.path)[0],
    }
    stack = installation.stack("api") or {}
    (url,) = (each["OutputValue"] for each in stack["Outputs"] if each["OutputKey"] == "Url")
    token = f"$(curl -s {sandbox.issuer.url}/token)"
    return f"""curl -H "Authorization: Bearer {token}" -d '{json.dumps(asked)}' {url}/uploads"""
