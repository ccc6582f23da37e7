"""What the commands share: the application, options that several have, and checks of what was given."""

from __future__ import annotations

import os
import re
import sys
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import boto3
import typer
from botocore.config import Config

from happypath.errors import UsageError
from happypath.loopback import is_loopback, isolated
from happypath.operations import parameters
from happypath.operations.installation import Installation
from happypath.operations.naming import printable
from happypath.project import ROOT, WORKFLOWS

if TYPE_CHECKING:
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


Iam = Annotated[
    bool,
    typer.Option("--iam/--no-iam", help="Whether policies are enforced, as on AWS."),
]


FaultRules = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="RULE",
        help="Inject a fault: state:Resizer=error (docs/faults.md). Repeatable.",
    ),
]


Seed = Annotated[int, typer.Option(help="Decides which calls a fault with a percentage hits.")]


Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameter", metavar="NAME=VALUE", help="A parameter of the template. Repeatable."),
]


def existing(photos: list[Path]) -> list[Path]:
    """The photos, if each is a file that can be read and has a name that a key can have."""
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


def known_workflow(name: str) -> str:
    """The workflow, if there is one of that name."""
    if not WORKFLOWS:
        raise UsageError(f"There are no workflows in {ROOT}: go to a checkout of Happy Path.")
    if name not in WORKFLOWS:
        raise UsageError(f"There is no workflow {name}: choose one of {', '.join(WORKFLOWS)}.")
    return name


def check_place(place_id: str | None) -> None:
    """Refuses what is no place id."""
    if place_id is not None and (not place_id or "/" in place_id):
        raise UsageError(f"--place {place_id!r} is not a place id: it must not be empty nor hold a slash.")


def check_place_type(place_type: str | None) -> None:
    """Refuses what is no type of place."""
    if place_type is not None and (not place_type.strip() or "/" in place_type):
        raise UsageError(f"--place-type {place_type!r} must not be empty nor hold a slash.")


def given_parameters(stack: str, options: list[str] | None) -> dict[str, str]:
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


_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
# What is undone when the command ends.
until_the_end = ExitStack()

# Somebody waits for a page: what is throttled or does not answer is said to be so instead.
IMPATIENT = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 2})
# Nobody waits: what is throttled is asked for again for as long as it takes, and ever more rarely.
PATIENT = Config(retries={"mode": "adaptive", "total_max_attempts": 100})


def installation_of(prefix: str, config: Config | None = None) -> Installation:
    """The installation that the environment and the prefix name; without `config` as patient as boto3 is."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if endpoint and not _is_address(endpoint):
        raise UsageError(f"AWS_ENDPOINT_URL={endpoint} is no address, such as http://127.0.0.1:4566.")
    if endpoint and is_loopback(endpoint):
        # A sandbox takes any keys.
        keys = {name: os.environ.get(name, "sandbox") for name in _KEYS}
        until_the_end.enter_context(isolated(**keys))
    # boto3 itself reads AWS_DEFAULT_REGION only; every other SDK, and Lambda, reads AWS_REGION.
    make: Any = boto3.Session(region_name=os.environ.get("AWS_REGION") or None).client
    return Installation(make if config is None else partial(make, config=config), prefix)


def faults_of(rules: list[str] | None, seed: int) -> Faults:
    """The faults by these rules."""
    from happypath.sandbox.fault_injection.rules import FaultError, Faults

    try:
        return Faults.parse(rules or [], seed=seed)
    except FaultError as error:
        raise UsageError(str(error)) from None


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(option: str, text: str) -> timedelta:
    """A time such as 90s, 15m, 2h or 1d."""
    match = re.fullmatch(r"(\d{1,4})([smhd])", text)
    if match is None:
        raise UsageError(f"{option} {text} is not a time: 90s, 15m, 2h or 1d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def confirm(question: str) -> None:
    """Asks a person on the terminal.

    Raises:
        UsageError: nobody can be asked.
    """
    try:
        typer.confirm(question, abort=True, err=True)
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        raise UsageError("That was not confirmed, so nothing is done. With --yes it is not asked.") from None
