"""The `happypath` command.

The commands that look at an installation use the ordinary AWS environment (AWS_PROFILE, AWS_REGION,
AWS_ENDPOINT_URL), so they work against AWS and against a sandbox alike. `run` and `up` bring a sandbox of
their own, and import it only then.
"""

from __future__ import annotations

import secrets
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)

from happypath import display
from happypath.installation import TERMINAL, Installation, NotDeployedError

app = typer.Typer(
    help="Happy Path: photos of places through AWS Step Functions, on AWS and on this machine.",
    pretty_exceptions_enable=False,
    add_completion=False,
)

Prefix = Annotated[str, typer.Option(envvar="HAPPYPATH_PREFIX", help="The installation's stack prefix.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
RealRekognition = Annotated[
    bool,
    typer.Option("--real-rekognition", help="Ask Amazon Rekognition itself, with your own AWS credentials."),
]


class UsageError(Exception):
    """The arguments cannot be used; the message says which and why."""


def _existing(photos: list[Path]) -> list[Path]:
    for photo in photos:
        if not photo.is_file():
            raise UsageError(f"{photo}: there is no such file.")
        try:
            photo.open("rb").close()
        except OSError as error:
            raise UsageError(f"{photo} cannot be read: {error.strerror}.") from error
    return photos


def _installation(prefix: str) -> Installation:
    make: Any = boto3.Session().client
    return Installation(make, prefix)


@app.command()
def run(
    photos: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PHOTO]...", help="Photos; the samples when none is given."),
    ] = None,
    workflow: Annotated[str, typer.Option(help="The workflow to run: v1, v2, v3 or v4.")] = "v4",
    place_type: Annotated[
        str | None,
        typer.Option(
            help="The type of the photos' place: park, restaurant, cafe, bar, or any other.  [default: park]"
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder for the published photos.")] = Path("out"),
    as_json: AsJson = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an upload's end.", min=1)] = 300.0,
    real_rekognition: RealRekognition = False,
) -> None:
    """Run photos through a workflow, in a sandbox made for the run."""
    from happypath import run as runs
    from happypath.sandbox.sandbox import WORKFLOWS

    if workflow not in WORKFLOWS:
        raise UsageError(f"There is no workflow {workflow}: choose one of {', '.join(WORKFLOWS)}.")
    if place_type is not None and not place_type.strip():
        raise UsageError("--place-type must not be empty.")
    if photos:
        chosen = [runs.Photo(path, place_type or "park") for path in _existing(photos)]
    else:
        chosen = runs.sample_photos(place_type)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out} cannot be made: {error.strerror}.") from error

    results = []
    with display.notices.status("Starting the sandbox …") as status:
        for result in runs.run(chosen, workflow, out, timeout_s=timeout, real_rekognition=real_rekognition):
            results.append(result)
            status.update(f"{len(results)} of {len(chosen)} ended …")
            if not as_json:
                display.show_result(result)
    if as_json:
        display.show_json([result.as_json() for result in results])
    if any(result.status not in {"PROCESSED", "REJECTED"} for result in results):
        raise typer.Exit(1)


@app.command()
def up(
    port: Annotated[int, typer.Option(help="The port of the endpoint.", min=1, max=65535)] = 4566,
    real_rekognition: RealRekognition = False,
) -> None:
    """Start a sandbox that stays: core and every workflow deployed, v4 live, sample places seeded."""
    from happypath.run import SAMPLES
    from happypath.sandbox.sandbox import WORKFLOWS, Sandbox

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Sandbox(port, real_rekognition=real_rekognition) as sandbox:
        with display.notices.status("Deploying …") as status:
            for stack in ("core", *WORKFLOWS):
                if stop.is_set():
                    return
                status.update(f"Deploying {stack} …")
                sandbox.deploy(stack)
            installation = Installation(sandbox.client, sandbox.prefix)
            for place_type in ("park", "restaurant", "cafe", "bar"):
                installation.put_place(f"sample-{place_type}", place_type, f"A {place_type}")
            installation.set_live("v4")
        photo = SAMPLES / "photos" / "mountains.jpg"
        display.output.print(
            f"""The sandbox is up at {sandbox.endpoint} with {", ".join(WORKFLOWS)}; v4 is live.
In another terminal:

    export AWS_ENDPOINT_URL={sandbox.endpoint} AWS_REGION=us-east-1
    export AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox
    aws s3 cp {photo} s3://{installation.core["UploadBucket"]}/sample-park/mountains.jpg
    happypath show mountains

Ctrl-C stops it; nothing is kept.""",
            soft_wrap=True,
        )
        # A wait without an end would not let a signal through everywhere.
        while not stop.wait(1):
            pass
        display.notices.print("Stopping …")


@app.command()
def upload(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="The photos to upload.")],
    place: Annotated[str, typer.Option(help="The id of the place that the photos are of.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until each upload has ended.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an upload's end.", min=1)] = 300.0,
    prefix: Prefix = "happypath",
    as_json: AsJson = False,
) -> None:
    """Upload photos of a place; each starts a run of the live workflow."""
    if not place or "/" in place:
        raise UsageError(f"--place {place!r} is not a place id: it must not be empty nor hold a slash.")
    installation = _installation(prefix)
    uploads = []
    for photo in _existing(photos):
        # Two photos of one name are two uploads.
        upload_id = f"{photo.stem}-{secrets.token_hex(4)}"
        key = f"{place}/{upload_id}{photo.suffix}"
        installation.upload(photo.read_bytes(), key)
        uploads.append(upload_id)
        if not (wait or as_json):
            display.output.print(f"{photo} → s3://{installation.core['UploadBucket']}/{key}", markup=False)
    records: list[dict[str, Any]] = [{"uploadId": each, "placeId": place} for each in uploads]
    if wait:
        with display.notices.status("Waiting for the workflows …"):
            records = [installation.wait(each, timeout) or records[n] for n, each in enumerate(uploads)]
    if as_json:
        display.show_json(records)
    elif wait:
        for record in records:
            status = record.get("objStatus", "LOST")
            reason = record.get("reason") or ""
            display.output.print(f"{display.coloured(status)} {reason}  ", end="")
            display.output.print(record["uploadId"], markup=False)
    if wait and any(record.get("objStatus") not in TERMINAL - {"FAILED"} for record in records):
        raise typer.Exit(1)


@app.command()
def runs(
    workflow: Annotated[str | None, typer.Option(help="Only this workflow's.")] = None,
    status: Annotated[
        str | None, typer.Option(help="Only RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED ones.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 20,
    prefix: Prefix = "happypath",
    as_json: AsJson = False,
) -> None:
    """List executions, newest first."""
    known = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
    if status and status.upper() not in known:
        raise UsageError(f"--status {status} is not one of {', '.join(known)}.")
    found = _installation(prefix).executions(workflow, status.upper() if status else None)
    newest = sorted(found, key=lambda each: each["startDate"], reverse=True)[:limit]
    if as_json:
        display.show_json(newest)
    else:
        display.show_executions(newest)


@app.command()
def show(
    upload: Annotated[str, typer.Argument(help="An upload id, <placeId>/<uploadId>, or the object's key.")],
    prefix: Prefix = "happypath",
    as_json: AsJson = False,
) -> None:
    """Show one upload: its record, the states it went through, its decision and its outputs."""
    installation = _installation(prefix)
    record = installation.find(upload)
    if record is None:
        raise UsageError(f"There is no upload {upload}: `happypath runs` lists what has run.")
    arn = record.get("executionArn")
    steps = installation.steps(arn) if arn else []
    photo = (
        installation.photo(record["placeId"], record["uploadId"])
        if record["objStatus"] == "PROCESSED"
        else None
    )
    if as_json:
        states = [
            {"state": step.state, "entered": step.entered.isoformat(), "seconds": step.seconds}
            for step in steps
        ]
        display.show_json({**record, "states": states, "photo": photo})
    else:
        display.show_record(record, steps, photo)


def _explain(error: Exception) -> str:
    """What to tell a person about a foreseeable error."""
    match error:
        case typer.TyperException():
            text = getattr(error, "format_message", error.__str__)()
            return f"{text} See `happypath --help`."
        case NoCredentialsError():
            return "No AWS credentials: set AWS_PROFILE, or what `happypath up` prints for its sandbox."
        case NoRegionError():
            return "No AWS region: set AWS_REGION."
        case EndpointConnectionError():
            return f"{error} Is AWS_ENDPOINT_URL right, and the sandbox up?"
        case ClientError() | BotoCoreError():
            return f"AWS said: {error}"
    return str(error)


def main() -> None:
    """Runs the command; a foreseeable error is one line on standard error.

    Exit status: 0 done, 1 something failed, 2 unusable arguments, 130 interrupted.
    """
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except (typer.Abort, KeyboardInterrupt):
        display.show_error("interrupted.")
        sys.exit(130)
    except (typer.TyperException, UsageError) as error:
        display.show_error(_explain(error))
        sys.exit(2)
    except (NotDeployedError, ClientError, BotoCoreError, OSError) as error:
        display.show_error(_explain(error))
        sys.exit(1)
