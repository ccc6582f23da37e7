"""The `happypath` command.

The commands that look at an installation use the ordinary AWS environment (AWS_PROFILE, AWS_REGION,
AWS_ENDPOINT_URL), so they work against AWS and against a sandbox alike. `run` and `up` bring a sandbox of
their own, and import it only then.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import boto3
import typer
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    SSLError,
)
from botocore.parsers import ResponseParserError

from functions.ingest.live import Live
from functions.upload import InvalidKeyError
from happypath import samples
from happypath.cli import display
from happypath.operations import parameters
from happypath.operations.deploy import STACKS, DeployRefusedError
from happypath.operations.installation import TERMINAL, Installation, NotDeployedError
from happypath.operations.live import LiveRefusedError
from happypath.operations.naming import printable, upload_name
from happypath.operations.new import NewRefusedError
from happypath.operations.parameters import ParameterError
from happypath.operations.records import UploadNameError, find
from happypath.operations.redrive import RedriveError
from happypath.operations.shadow import ShadowError
from happypath.operations.trace import NoTraceError
from happypath.operations.usage import NotMeasuredError
from happypath.project import NEWEST, PREFIX, WORKFLOWS
from happypath.sandbox import DeployError

if TYPE_CHECKING:
    from happypath.operations.compare import Subject
    from happypath.sandbox.fault_injection.rules import Faults


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


FaultRules = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="RULE",
        help="Make calls fail on purpose: state:Resizer=throttle@1 (docs/faults.md). Repeatable.",
    ),
]
Seed = Annotated[int, typer.Option(help="Decides which calls a fault with a percentage hits.")]


Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameter", metavar="NAME=VALUE", help="A parameter of the template. Repeatable."),
]


class UsageError(Exception):
    """The arguments cannot be used; the message says which and why."""


def _existing(photos: list[Path]) -> list[Path]:
    for photo in photos:
        try:
            os.fsencode(photo).decode()
        except UnicodeDecodeError:
            raise UsageError(f"{printable(photo)}: its name is not UTF-8, as keys are: rename it.") from None
        if not photo.is_file():
            problem = "is not a file" if photo.exists() else "there is no such file"
            raise UsageError(f"{photo}: {problem}.")
        try:
            photo.open("rb").close()
        except OSError as error:
            raise UsageError(f"{photo} cannot be read: {error.strerror}.") from error
    return photos


def _workflow(name: str) -> str:
    if name not in WORKFLOWS:
        raise UsageError(f"There is no workflow {name}: choose one of {', '.join(WORKFLOWS)}.")
    return name


def _place(place_id: str | None) -> None:
    if place_id is not None and (not place_id or "/" in place_id):
        raise UsageError(f"--place {place_id!r} is not a place id: it must not be empty nor hold a slash.")


def _place_type(place_type: str | None) -> None:
    if place_type is not None and (not place_type.strip() or "/" in place_type):
        raise UsageError(f"--place-type {place_type!r} must not be empty nor hold a slash.")


def _parameters(stack: str, options: list[str] | None) -> dict[str, str]:
    """What `--parameter` says, as far as the stack's template allows it."""
    found = parameters.parse(options or [])
    parameters.check(stack, found)
    return found


def _is_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        return False


def _installation(prefix: str) -> Installation:
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if endpoint and not _is_address(endpoint):
        raise UsageError(f"AWS_ENDPOINT_URL={endpoint} is no address, such as http://127.0.0.1:4566.")
    # boto3 itself reads AWS_DEFAULT_REGION only; every other SDK, and Lambda, reads AWS_REGION.
    make: Any = boto3.Session(region_name=os.environ.get("AWS_REGION") or None).client
    return Installation(make, prefix)


def _faults(rules: list[str] | None, seed: int) -> Faults:
    from happypath.sandbox.fault_injection.rules import FaultError, Faults

    try:
        return Faults.parse(rules or [], seed=seed)
    except FaultError as error:
        raise UsageError(str(error)) from None


@app.command()
def run(
    photos: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PHOTO]...", help="Photos; the samples when none is given."),
    ] = None,
    workflow: Annotated[str, typer.Option(help=f"The workflow to run, of {', '.join(WORKFLOWS)}.")] = NEWEST,
    place_type: Annotated[
        str | None,
        typer.Option(help="The type of the photos' place: that of the first sample, unless given."),
    ] = None,
    parameter: Parameters = None,
    out: Annotated[Path, typer.Option(help="The folder for the published photos.")] = Path("out"),
    as_json: AsJson = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an upload's end.", min=1)] = 300.0,
    real_rekognition: RealRekognition = False,
    fault: FaultRules = None,
    seed: Seed = 0,
) -> None:
    """Run photos through a workflow, in a sandbox made for the run.

    Parameters that its template has no default for have the samples' values (samples/), unless given.
    """
    _workflow(workflow)
    _place_type(place_type)
    of_workflow = samples.of(workflow)
    asked_for = _parameters(workflow, parameter)
    chosen_parameters = {**of_workflow.parameters, **asked_for}
    parameters.check_all(workflow, chosen_parameters)
    faults = _faults(fault, seed)
    given = _existing(photos or [])
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out} cannot be made: {error.strerror}.") from error

    from happypath.operations import run as runs

    own = [samples.Photo(path, place_type or of_workflow.place_type) for path in given]
    chosen = own or of_workflow.at(place_type)
    if taken := [f"{name}={value}" for name, value in chosen_parameters.items() if name not in asked_for]:
        display.show_notice(f"{', '.join(taken)}: as for the samples. --parameter sets others.")
    results = []
    with display.notices.status("Starting the sandbox …") as status:
        ended = runs.run(
            chosen,
            workflow,
            out,
            timeout_s=timeout,
            real_rekognition=real_rekognition,
            faults=faults,
            parameters=chosen_parameters,
        )
        for result in ended:
            results.append(result)
            status.update(f"{len(results)} of {len(chosen)} ended …")
            if not as_json:
                display.show_result(result)
    if as_json:
        display.show_json([result.as_json() for result in results])
    for rule in faults.unmet():
        display.notices.print(f"No call met the fault {rule}.", markup=False, soft_wrap=True)
    if any(result.status not in {"PROCESSED", "REJECTED"} for result in results):
        raise typer.Exit(1)


@app.command()
def up(
    port: Annotated[int, typer.Option(help="The port of the endpoint.", min=1, max=65535)] = 4566,
    empty: Annotated[bool, typer.Option("--empty", help="Deploy nothing: for `happypath deploy`.")] = False,
    real_rekognition: RealRekognition = False,
    fault: FaultRules = None,
    seed: Seed = 0,
) -> None:
    """Start a sandbox that stays: every workflow deployed, the newest version live, places listed."""
    from happypath.sandbox.sandbox import Sandbox

    faults = _faults(fault, seed)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Sandbox(port, real_rekognition=real_rekognition, faults=faults) as sandbox:
        if not empty:
            with display.notices.status("Deploying …") as status:
                for stack in ("core", *WORKFLOWS):
                    if stop.is_set():
                        return
                    status.update(f"Deploying {stack} …")
                    sandbox.deploy(stack)
                installation = Installation(sandbox.client, sandbox.prefix)
                for photo in (photo for each in WORKFLOWS for photo in samples.of(each).photos):
                    installation.put_place(photo.place_id, photo.place_type, f"A {photo.place_type}")
                installation.set_live(NEWEST)
                photo = samples.of(NEWEST).photos[0]
                target = f"s3://{installation.core['UploadBucket']}/{photo.place_id}/{photo.path.name}"
        with_what = "with nothing in it" if empty else f"with {', '.join(WORKFLOWS)}; {NEWEST} is live"
        first = (
            "happypath deploy core --yes"
            if empty
            else f"aws s3 cp {photo.path} {target}\n    happypath show {photo.path.stem}"
        )
        display.output.print(
            f"""The sandbox is up at {sandbox.endpoint} {with_what}.
In another terminal:

    export AWS_ENDPOINT_URL={sandbox.endpoint} AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
    export AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox
    {first}

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
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """Upload photos of a place; each starts a run of the live workflow."""
    _place(place)
    installation = _installation(prefix)
    named = _named(photos, place)
    for photo, key in named.values():
        installation.upload(photo.read_bytes(), key)
        if not (wait or as_json):
            where = f"s3://{installation.core['UploadBucket']}/{key}"
            display.output.print(f"{photo} → {where}", markup=False, soft_wrap=True)
    if wait:
        _wait(installation, place, named, timeout, as_json)
    elif as_json:
        display.show_json([{"uploadId": each, "placeId": place} for each in named])


def _named(photos: list[Path], place: str) -> dict[str, tuple[Path, str]]:
    """The photos and their keys, by upload id: all are looked at before the first is uploaded."""
    named = {}
    for photo in _existing(photos):
        # Two photos of one name are two uploads.
        upload_id, key = upload_name(photo, place, after=f"-{secrets.token_hex(4)}")
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
    if any(look.status not in TERMINAL - {"FAILED"} for look in looks):
        raise typer.Exit(1)


Stack = Annotated[str, typer.Argument(metavar="|".join(STACKS), help="The stack.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def _stack(name: str) -> str:
    if name not in STACKS:
        raise UsageError(f"There is no stack {name}: choose one of {', '.join(STACKS)}.")
    return name


@app.command()
def deploy(
    stack: Stack,
    guided: Annotated[bool, typer.Option("--guided", help="Let SAM ask for every parameter.")] = False,
    yes: Yes = False,
    parameter: Parameters = None,
    prefix: Prefix = PREFIX,
) -> None:
    """Build a stack and deploy it, with the AWS SAM CLI: shows what will change and asks."""
    from happypath.operations import deploy as deploying

    if "Prefix" in parameters.parse(parameter or []):
        raise UsageError("--parameter Prefix=… would not rename the stack: use --prefix.")
    chosen = _parameters(_stack(stack), parameter)
    deploying.deploy(
        _installation(prefix),
        stack,
        guided=guided,
        ask=not yes,
        parameters=chosen,
        built=lambda name, size: display.show_notice(f"{name}: {size / 1e6:.1f} MB zipped"),
    )


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new workflow's name: v5, or flash-sale.")],
    source: Annotated[str, typer.Option("--from", metavar="WORKFLOW", help="The workflow to copy.")] = NEWEST,
) -> None:
    """Make a workflow from another one: state machine, template, configuration, outcomes and samples."""
    from happypath.operations import new as making

    made = making.make(name, source)
    for path in made.files:
        display.output.print(str(path), markup=False, soft_wrap=True)
    display.output.print("\nIt does what the other one does. Next:\n", markup=False)
    for command in made.next_commands:
        display.output.print(f"    {command}", markup=False)


def _confirm(question: str) -> None:
    try:
        typer.confirm(question, abort=True, err=True)
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        raise UsageError("That was not confirmed, so nothing is done. With --yes it is not asked.") from None


@app.command()
def destroy(stack: Stack, yes: Yes = False, prefix: Prefix = PREFIX) -> None:
    """Remove a stack, unless it is live or has executions that run; buckets and the table stay."""
    from happypath.operations import deploy as deploying

    installation = _installation(prefix)
    deploying.removable_in(installation, _stack(stack))
    if not yes:
        then = (
            "The buckets and the table stay."
            if stack == "core"
            else "Its failed executions cannot be redriven afterwards."
        )
        _confirm(f"Remove {prefix}-{stack}? {then}")
    with display.notices.status(f"Removing {prefix}-{stack} …"):
        deploying.destroy(installation, stack, time.sleep)
    display.output.print(f"{prefix}-{stack} is gone.", markup=False)


@app.command()
def live(
    workflows: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORKFLOW | WORKFLOW=90 WORKFLOW=10 | none] [KEY_PREFIX/=WORKFLOW]...",
            help="What new uploads go to, and those whose keys begin so; nothing: show it.",
        ),
    ] = None,
    back: Annotated[bool, typer.Option("--back", help="Return to what was live before.")] = False,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """Show or set which workflow runs; with `none`, uploads wait in the queue."""
    from happypath.operations import live as switching

    if back and workflows:
        raise UsageError("--back goes back to what was live before: name no version with it.")
    installation = _installation(prefix)
    if back or workflows:
        value = switching.before(installation) if back else " ".join(workflows or [])
        written = switching.switch(installation, value)
        if not as_json:
            said = "is live now" if written else "was live already; nothing is written"
            display.output.print(f"{value}: {said}.", markup=False)
            return
    history = switching.changes(installation)
    if as_json:
        display.show_json([{"live": each.value, "at": each.at, "by": each.by} for each in history])
    else:
        display.show_changes(history)
    for problem in switching.problems(installation, history[0].value):
        display.show_error(problem)


@app.command()
def compare(
    one: Annotated[str, typer.Argument(metavar="ONE", help="A workflow.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Another one.")],
    photos: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PHOTO]...", help="Photos; the samples when neither they nor --last are given."
        ),
    ] = None,
    last: Annotated[
        int | None, typer.Option(metavar="N", help="The installation's last N uploads.", min=1)
    ] = None,
    place: Annotated[
        str | None, typer.Option(metavar="ID", help="The photos' place: compare on the installation.")
    ] = None,
    place_type: Annotated[
        str | None,
        typer.Option(help="Their place's type, in a sandbox made for the comparison; else the samples'."),
    ] = None,
    real_rekognition: RealRekognition = False,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """Run photos through two workflows in shadow, and show where their decisions differ.

    Nothing is published and no record is changed. With --last or --place the workflows are those of the
    installation; else a sandbox is made for the comparison. The exit status is 1 if any decision differs.
    """
    if _workflow(one) == _workflow(other):
        raise UsageError(f"{one} and {other} are one workflow: name two.")
    _place(place)
    _place_type(place_type)
    for_a_sandbox = place_type is not None or real_rekognition
    if last is not None and (photos or place is not None or for_a_sandbox):
        raise UsageError("--last takes photos and their places from the uploads: give neither with it.")
    if place is not None and (for_a_sandbox or not photos):
        raise UsageError(
            "--place is the place of photos on the installation: name photos, and no --place-type."
        )
    given = _existing(photos or [])

    from happypath.operations import compare as comparing

    found: list[comparing.Comparison] = []
    with ExitStack() as opened, display.notices.status("Comparing …") as status:
        if last is not None:
            installation = _installation(prefix)
            subjects = comparing.last(installation, last, (one, other))
        elif place is not None:
            installation = _installation(prefix)
            subjects = [comparing.Subject(str(path), place) for path in given]
        else:
            status.update("Starting the sandbox …")
            installation, subjects = _sandboxed(opened, (one, other), given, place_type, real_rekognition)
        for comparison in comparing.compare(installation, (one, other), subjects):
            found.append(comparison)
            status.update(f"{len(found)} of {len(subjects)} compared …")
            if not as_json:
                display.show_comparison(comparison)
    if as_json:
        display.show_json([each.as_json() for each in found])
    else:
        display.show_differences(found, (one, other))
    if any(each.differs for each in found):
        raise typer.Exit(1)


def _sandboxed(
    opened: ExitStack,
    workflows: tuple[str, str],
    photos: list[Path],
    place_type: str | None,
    real_rekognition: bool,
) -> tuple[Installation, list[Subject]]:
    """A sandbox with workflows, and photos, or the samples, at places in it."""
    from happypath.operations import run as runs
    from happypath.operations.compare import Subject

    of_each = [samples.of(workflow) for workflow in workflows]
    own = [samples.Photo(path, place_type or of_each[0].place_type) for path in photos]
    chosen = own or list(dict.fromkeys(photo for each in of_each for photo in each.at(place_type)))
    installation = opened.enter_context(runs.installed(workflows, chosen, real_rekognition=real_rekognition))
    return installation, [Subject(str(photo.path), photo.place_id) for photo in chosen]


@app.command()
def cost(
    workflow: Annotated[str, typer.Option(help="The workflow.")] = NEWEST,
    uploads: Annotated[int, typer.Option(help="Uploads in a month.", min=0)] = 1_000_000,
    accepted: Annotated[float, typer.Option(help="The part of them that is accepted.", min=0, max=1)] = 0.9,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Take the functions' times from the installation's logs: 2h or 7d."
        ),
    ] = None,
    free_tier: Annotated[bool, typer.Option(help="Whether what is always free is deducted.")] = True,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """State the monthly bill of a workflow by line, and what it assumes."""
    from happypath.operations import cost as costs
    from happypath.operations import usage as usages

    _workflow(workflow)
    usage = usages.load()
    if since is not None:
        machine = costs.read(workflow)
        installation = _installation(prefix)
        _ = installation.core
        times: dict[str, list[float]] = defaultdict(list)
        for name, each in usages.times(installation, _duration("--since", since), machine.functions).items():
            times[machine.handler[name]] += each
        means = {handler: fmean(each) for handler, each in times.items()}
        usage = usage.with_times(means, machine.handlers, f"the logs of {prefix}, last {since}")
    bill = costs.bill(workflow, uploads, accepted, usage, costs.prices(), free_tier=free_tier)
    if as_json:
        display.show_json(bill.as_json())
    else:
        display.show_bill(bill)


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
    installation = _installation(prefix)
    _ = installation.core
    found = installation.executions(workflow and _workflow(workflow), status.upper() if status else None)
    newest = sorted(found, key=lambda each: each["startDate"], reverse=True)[:limit]
    if as_json:
        display.show_json(newest)
    else:
        display.show_executions(newest)


_UPLOAD = "The object's key, the upload id, or a part of the key that no other upload's has."


@app.command()
def show(
    upload: Annotated[str, typer.Argument(metavar="UPLOAD", help=_UPLOAD)],
    with_logs: Annotated[
        bool, typer.Option("--logs", help="Show the log lines of all functions instead.")
    ] = False,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """Show one upload: its record, the states it went through, its decision and its outputs."""
    installation = _installation(prefix)
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


@app.command()
def trace(
    upload: Annotated[str | None, typer.Argument(metavar="[UPLOAD]", help=_UPLOAD)] = None,
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
    installation = _installation(prefix)
    if upload is None:
        search = traces.slowest if slowest else traces.errors
        with display.notices.status("Searching …"):
            found = search(installation, _duration("--since", since), limit)
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
    installation = _installation(prefix)
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
        bool, typer.Option("--fix", help="Have them run, but for those that are running, or are to wait.")
    ] = False,
    prefix: Prefix = PREFIX,
    as_json: AsJson = False,
) -> None:
    """List the uploads that have no outcome although it is time. The exit status is 1 if there are any."""
    from happypath.operations import live as switching
    from happypath.operations import reconcile as reconciling
    from happypath.operations.redrive import waiting

    until = datetime.now(UTC) - _duration("--older-than", older_than)
    installation = _installation(prefix)
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


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _duration(option: str, text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,4})([smhd])", text)
    if match is None:
        raise UsageError(f"{option} {text} is not a time: 90s, 15m, 2h or 1d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _explain(error: Exception) -> str:
    """What to tell a person about a foreseeable error."""
    said = str(error)
    match error:
        case typer.TyperException():
            text = getattr(error, "format_message", error.__str__)()
            said = f"{text.rstrip('.')}. See `happypath --help`."
        case NoCredentialsError():
            said = "No AWS credentials: set AWS_PROFILE, or what `happypath up` prints for its sandbox."
        case NoRegionError():
            said = "No AWS region: set AWS_REGION, or what `happypath up` prints for its sandbox."
        case ProfileNotFound():
            said = f"{error}: set AWS_PROFILE to one of ~/.aws/config, or unset it."
        case EndpointConnectionError() | SSLError():
            said = f"{error} Is AWS_ENDPOINT_URL right, and the sandbox up?"
        case ResponseParserError():
            endpoint = os.environ.get("AWS_ENDPOINT_URL", "not set")
            said = f"What answered is no AWS: are AWS_ENDPOINT_URL ({endpoint}) and AWS_REGION right?"
        case ClientError():
            said = f"AWS said: {error}"
        case OSError() if error.strerror:
            said = f"{': '.join(filter(None, (error.filename, error.strerror)))}."
    return said


def main() -> None:
    """Runs the command; a foreseeable error is one line on standard error.

    Exit status: 0 done, 1 something failed, 2 unusable arguments, 130 interrupted.
    """
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except (typer.Abort, KeyboardInterrupt):
        display.show_error("interrupted.")
        sys.exit(130)
    except (typer.TyperException, UsageError, ParameterError, NewRefusedError, InvalidKeyError) as error:
        display.show_error(_explain(error))
        sys.exit(2)
    except (
        UploadNameError,
        NotDeployedError,
        NotMeasuredError,
        LiveRefusedError,
        DeployError,
        DeployRefusedError,
        NoTraceError,
        RedriveError,
        ShadowError,
        ClientError,
        BotoCoreError,
        ResponseParserError,
        OSError,
    ) as error:
        display.show_error(_explain(error))
        sys.exit(1)
