"""Which version runs: looking at it, switching, and going back.

The SSM parameter of core is the switch, and its history is the record: SSM itself notes who wrote each value
and when (GetParameterHistory; it keeps the last 100). `functions.ingest.live` knows what it may say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from string import punctuation
from urllib.parse import quote

from functions.ingest.live import Live
from happypath.errors import ExpectedError
from happypath.operations.installation import Installation

# What a prefix holds as it is: all but white space, what is not ASCII, and the sign that encodes those.
_PLAIN = punctuation.replace("%", "")
# A stack in one of these has its state machine and functions, and keeps them.
_STANDING = ("CREATE_COMPLETE", "UPDATE_", "IMPORT_")


class LiveRefusedError(ExpectedError):
    """The switch is not made; the message says why and what to do."""


@dataclass(frozen=True)
class Change:
    """A value of the parameter, and who wrote it when. `by` is an ARN on AWS."""

    value: str
    at: datetime
    by: str


def changes(installation: Installation) -> list[Change]:
    """The values that the parameter has had, newest (what is live) first.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameterHistory.html
    """
    name = installation.core["LiveParameter"]
    pages = installation.client("ssm").get_paginator("get_parameter_history").paginate(Name=name)
    versions = sorted((each for page in pages for each in page["Parameters"]), key=lambda it: it["Version"])
    return [
        Change(each["Value"], each["LastModifiedDate"], each["LastModifiedUser"])
        for each in reversed(versions)
    ]


def workflows(value: str) -> tuple[str, ...]:
    """The workflows that a value of the parameter sends uploads to; none for one that makes no sense.

    >>> workflows("v3=90 v4=10 documents/=matcher")
    ('v3', 'v4', 'matcher')
    """
    try:
        return Live.parse(value).workflows
    except ValueError:
        return ()


def switch(installation: Installation, value: str) -> bool:
    """Sends new uploads to `value`: `v4`, `v3=90 v4=10`, `v4 documents/=matcher` or `none`, with one write.

    False where that was live already, and nothing is written.

    Raises:
        LiveRefusedError: the value is not understood, or names a version that is not deployed.
    """
    try:
        wanted = Live.parse(value).workflows
    except ValueError as error:
        raise LiveRefusedError(f"{value!r} cannot be live: {error}.") from None
    for problem in _missing(installation, wanted):
        raise LiveRefusedError(problem)
    value = " ".join(value.split())
    if changes(installation)[0].value == value:
        return False
    installation.set_live(value)
    return True


def with_general(value: str, general: str) -> str:
    """A value that sends uploads in general elsewhere, and those with prefixes of their own where they went.

    >>> with_general("v4 documents/=matcher", "v3=90 v4=10")
    'v3=90 v4=10 documents/=matcher'
    """
    return " ".join([*general.split(), *(route for route in value.split() if "/" in route)])


def with_route(value: str, key_prefix: str, workflow: str | None) -> str:
    """A value that sends uploads whose keys begin so to a workflow, or to where the others go (None).

    >>> with_route("v4", "my documents/", "matcher")
    'v4 my%20documents/=matcher'
    >>> with_route("v4 my%20documents/=matcher", "my documents/", None)
    'v4'
    """
    beginning = f"{quote(key_prefix, safe=_PLAIN)}="
    kept = [route for route in value.split() if not route.startswith(beginning)]
    return " ".join([*kept, *([f"{beginning}{workflow}"] if workflow else [])])


def before(installation: Installation) -> str:
    """The value before the one that is live.

    Raises:
        LiveRefusedError: there was none.
    """
    now, *earlier = (change.value for change in changes(installation))
    for value in earlier:
        if value != now:
            return value
    raise LiveRefusedError(f"There is nothing to go back to: the parameter has only ever said {now!r}.")


def problems(installation: Installation, value: str) -> list[str]:
    """What keeps uploads from where the parameter sends them; nothing if all is well."""
    try:
        return list(_missing(installation, Live.parse(value).workflows))
    except ValueError as error:
        return [f"{value!r} makes no sense, so no upload can be started: {error}."]


def _missing(installation: Installation, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        stack = installation.stack(name)
        if stack is None or "StateMachine" not in {each["OutputKey"] for each in stack.get("Outputs", [])}:
            yield f"{name} is not deployed (no workflow stack {installation.prefix}-{name}): deploy it first."
        elif (other := installation.owner(stack)) != installation.prefix:
            yield (
                f"{name} is not deployed: {installation.prefix}-{name} is a stack of the installation "
                f"{other} (its parameter Prefix says so)."
            )
        elif not stack["StackStatus"].startswith(_STANDING):
            yield (
                f"{name} is not ready: its stack {installation.prefix}-{name} is in "
                f"{stack['StackStatus']}. Wait, or deploy it again."
            )
