"""The cases of MockConfigFile.json, and what must come of each.

`python -m tests.stepfunctions_local.cases` writes the file. Paths, reasons and numbers of attempts are said
here and not read from the state machines, which are what the cases are about.
https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-mock-cfg-file.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any, TypeAlias

FILE = Path(__file__).parent / "MockConfigFile.json"

# What the tasks of a case are answered: "0" is the first attempt, "1-2" are the two after it.
Response: TypeAlias = dict[str, dict[str, Any]]

DIMENSIONS, PLACE, MODERATOR, LABELS = (
    "Check Dimensions",
    "Get place type from DynamoDB",
    "Moderator",
    "Get labels",
)
RESIZER, PUBLISH, RECORD_REFUSAL, RECORD_ERROR = "Resizer", "Publish", "RecordFailState", "RecordErrorState"
DECIDER, CONFIRM, PUBLISH_MATCH, RECORD_MATCH = (
    "Decider",
    "Confirm match",
    "Publish match",
    "RecordMatchState",
)

_CHECKED = (DIMENSIONS, "Dimensions Result?")
_PLACED = (*_CHECKED, PLACE, "Place type?")
_MODERATED = (MODERATOR, "Moderation Result?")
_PUBLISHED = (RESIZER, PUBLISH)
_MATCHED = (DECIDER, "Match Result?", "Match", CONFIRM, PUBLISH_MATCH, RECORD_MATCH)
# The ways of accepted photos, each with the answer by which it is found.
ROUTES: dict[str, dict[str, tuple[str, ...]]] = {
    "v1": {"Accepted": _PUBLISHED},
    "v2": {"Accepted": (*_MODERATED, *_PUBLISHED)},
    "v3": {"Accepted": (*_CHECKED, *_MODERATED, *_PUBLISHED)},
    "v4": {
        "Park": (*_PLACED, *_MODERATED, *_PUBLISHED),
        **dict.fromkeys(("Restaurant", "Cafe", "Bar"), (*_PLACED, LABELS, "Check for people", *_PUBLISHED)),
    },
    "matcher": {"Matches": _MATCHED},
}


@dataclass(frozen=True)
class Case:
    """One execution: what its tasks are answered, and what must come of it."""

    name: str
    # The state → the name of its response.
    answers: Mapping[str, str]
    path: tuple[str, ...]
    # The status and reason of the record that it asks DynamoDB to write; None: `publish` writes it.
    record: tuple[str, str | None] | None = None
    # The name under which it fails; None: it succeeds.
    error: str | None = None


@dataclass(frozen=True)
class Fault:
    """Errors that a task retries, one after the other, and how often."""

    name: str
    errors: tuple[str, ...]
    retries: int


_LAMBDA_FAULTS = (
    Fault("Throttled", ("ThrottledError", "Lambda.TooManyRequestsException"), 8),
    Fault(
        "Unavailable",
        (
            "ServiceUnavailableError",
            "Lambda.ServiceException",
            "Lambda.SdkClientException",
            "Lambda.ClientExecutionTimeoutException",
        ),
        5,
    ),
    Fault("TimedOut", ("Sandbox.Timedout", "States.Timeout"), 2),
)
_TABLE_FAULTS = (
    Fault(
        "TableUnavailable",
        (
            "DynamoDB.ProvisionedThroughputExceededException",
            "DynamoDB.ThrottlingException",
            "DynamoDB.RequestLimitExceeded",
            "DynamoDB.RequestLimitExceededException",
            "DynamoDB.InternalServerError",
            "DynamoDB.InternalServerErrorException",
            "DynamoDB.ServiceUnavailable",
            "DynamoDB.SdkClientException",
            "States.Timeout",
        ),
        6,
    ),
    # Throttled or denied: DynamoDB's answers that have no name of their own at Step Functions.
    Fault("TableUnnamed", ("DynamoDB.AmazonDynamoDBException",), 2),
)
_EVENT_FAULTS = (
    Fault(
        "BusUnavailable",
        (
            "EventBridge.FailedEntry",
            "EventBridge.ThrottlingException",
            "EventBridge.InternalException",
            "EventBridge.SdkClientException",
            "States.Timeout",
        ),
        6,
    ),
    Fault("BusUnnamed", ("EventBridge.AmazonEventBridgeException",), 2),
)
_RECORD_FAULT = Fault(
    "RecordUnavailable", ("DynamoDB.InternalServerError", "DynamoDB.AmazonDynamoDBException"), 10
)
_FAULTS = {PLACE: _TABLE_FAULTS, CONFIRM: (_RECORD_FAULT,), PUBLISH_MATCH: _EVENT_FAULTS}
# Errors that end the work at once. The second is left out by States.ALL.
_RAISED, _TOO_LARGE = "KeyError", "States.DataLimitExceeded"
_PERMANENT = (
    _RAISED,
    _TOO_LARGE,
    "AccessDeniedError",
    "PhotoNotFoundError",
    "AwsCallError",
    "Runtime.ExitError",
    "Lambda.AWSLambdaException",
    "Lambda.ResourceNotFoundException",
    "States.TaskFailed",
)
# What ends a task at once: Confirm match tries everything again that States.ALL stands for.
_ENDING = {RESIZER: _PERMANENT, CONFIRM: (_TOO_LARGE,)}
# What the Resizer raises of a photo that it cannot open.
_UNREADABLE = ("CORRUPT_IMAGE", "UNSUPPORTED_TYPE", "IMAGE_TOO_LARGE")
# What the deciding tasks refuse for, and the states after that.
_REFUSALS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    DIMENSIONS: (
        ("IMAGE_TOO_SMALL", "IMAGE_TOO_LARGE", "UNSUPPORTED_TYPE", "CORRUPT_IMAGE"),
        ("Dimensions Result?", "Refused for dimensions"),
    ),
    MODERATOR: (("FAILED_MODERATION",), ("Moderation Result?", "Refused by moderation")),
    LABELS: (("NO_PEOPLE_ALLOWED",), ("Check for people", "Refused for people")),
    DECIDER: (("NO_MATCH",), ("Match Result?", "No match")),
}
_UNFIT_PLACES = (
    ("NoPlace", "Unknown place", "UNKNOWN_PLACE"),
    ("PlaceWithoutType", "Place without type", "UNSUPPORTED_PLACE_TYPE"),
    ("Museum", "Unsupported place type", "UNSUPPORTED_PLACE_TYPE"),
)


def cases(version: str) -> Iterator[Case]:
    """The cases of a version."""
    tried: set[str] = set()
    for name, route in ROUTES[version].items():
        yield Case(name, _answers(name, route), route, _done(route))
        for task in _WORKING:
            # What two routes have in common is tried on the first.
            if task in route and task not in tried:
                tried.add(task)
                yield from _of_task(name, route, task)
    name, route = next(iter(ROUTES[version].items()))
    if version == "matcher":
        yield from _of_matching(_answers(name, route), route)
        return
    yield Case(f"{PUBLISH}FindsANewerUpload", _answers(name, route) | {PUBLISH: "NotPublished"}, route)
    yield from _of_recording(_answers(name, route[:-1]), route[:-1])


def _of_task(name: str, route: tuple[str, ...], task: str) -> Iterator[Case]:
    answers, title = _answers(name, route), _title(task)
    until = route[: route.index(task) + 1]
    before = {state: answer for state, answer in answers.items() if state in until}

    def failing(case: str, response: str, error: str, then: Sequence[str] = ()) -> Case:
        path = (*until, *then, RECORD_ERROR, "Failed")
        recorded = before | {task: response, RECORD_ERROR: "Recorded"}
        return Case(f"{title}{case}", recorded, path, ("FAILED", error), error)

    def refused(response: str, then: Sequence[str], reason: str) -> Case:
        path = (*until, *then, RECORD_REFUSAL)
        recorded = before | {task: response, RECORD_REFUSAL: "Recorded"}
        return Case(f"{title}{response}", recorded, path, ("REJECTED", reason))

    for fault in _FAULTS.get(task, _LAMBDA_FAULTS):
        recovering = answers | {task: f"{fault.name}Then{answers[task]}"}
        yield Case(f"{title}{fault.name}", recovering, route, _done(route))
        yield failing(f"{fault.name}TooOften", f"{fault.name}TooOften", _too_often(fault)[-1])
    for error in _ENDING.get(task, (_RAISED, _TOO_LARGE)):
        yield failing(f"Meets{_title(error)}", _title(error), error)
    reasons, then = _REFUSALS.get(task, ((), ()))
    for reason in reasons:
        yield refused(f"Refuses{_title(reason)}", then, reason)
    if reasons:
        garbage = "MalformedDecision"
        yield failing("AnswersGarbage", "Garbage", garbage, (then[0], "Malformed decision"))
    for response, state, reason in _UNFIT_PLACES if task == PLACE else ():
        yield refused(response, ("Place type?", state), reason)
    for reason in _UNREADABLE if task == RESIZER else ():
        yield refused(f"Raises{_title(reason)}", ("Read refusal", "Refused as unreadable"), reason)


def _of_recording(answers: dict[str, str], until: tuple[str, ...]) -> Iterator[Case]:
    """A refusal and an error by the Resizer, and everything that can happen while they are recorded."""
    refused = (*until, "Read refusal", "Refused as unreadable", RECORD_REFUSAL)
    yield from _of_records(
        (answers | {RESIZER: "RaisesCorruptImage"}, refused, ("REJECTED", "CORRUPT_IMAGE")),
        (answers | {RESIZER: _title(_RAISED)}, (*until, RECORD_ERROR), ("FAILED", _RAISED)),
    )


def _of_matching(answers: dict[str, str], route: tuple[str, ...]) -> Iterator[Case]:
    """What the matcher decides, and everything that can happen while it is recorded."""
    decided = route[: route.index(DECIDER) + 2]
    unusable = (*decided, "Unusable picture", RECORD_REFUSAL)
    yield from _of_records(
        (answers | {DECIDER: "RefusesCorruptImage"}, unusable, ("REJECTED", "CORRUPT_IMAGE")),
        (answers | {DECIDER: _title(_RAISED)}, (DECIDER, RECORD_ERROR), ("FAILED", _RAISED)),
    )
    later, never = f"{_RECORD_FAULT.name}ThenRecorded", f"{_RECORD_FAULT.name}TooOften"
    done, lost, gone = _done(route), "RecordingFailed", "Superseded"
    yield Case("MatchRecordedLate", answers | {RECORD_MATCH: later}, route, done)
    yield Case("MatchNotRecorded", answers | {RECORD_MATCH: never}, (*route, lost), done, lost)
    yield Case("MatchReplacedWhenTold", answers | {RECORD_MATCH: gone}, (*route, gone), done)
    confirmed = route[: route.index(CONFIRM) + 1]
    yield Case("MatchOfAnOlderUpload", answers | {CONFIRM: gone}, (*confirmed, gone))


# Answers, path and record.
_Recorded: TypeAlias = tuple[dict[str, str], tuple[str, ...], tuple[str, str]]


def _of_records(of_refusal: _Recorded, of_error: _Recorded) -> Iterator[Case]:
    """Everything that can happen while a refusal and an error are recorded."""
    (refusal, refused, rejection), (error, failed, failure) = of_refusal, of_error
    later, never = f"{_RECORD_FAULT.name}ThenRecorded", f"{_RECORD_FAULT.name}TooOften"

    def recording(name: str, task: str, response: str, then: Sequence[str], fails_as: str | None) -> Case:
        if task == RECORD_REFUSAL:
            return Case(f"Refusal{name}", refusal | {task: response}, (*refused, *then), rejection, fails_as)
        return Case(f"Error{name}", error | {task: response}, (*failed, *then), failure, fails_as)

    yield recording("RecordedLate", RECORD_REFUSAL, later, (), None)
    yield recording("NotRecorded", RECORD_REFUSAL, never, ("RecordingFailed",), "RecordingFailed")
    yield recording("OfAnOlderUpload", RECORD_REFUSAL, "Superseded", ("Superseded",), None)
    yield recording("RecordedLate", RECORD_ERROR, later, ("Failed",), _RAISED)
    yield recording("NotRecorded", RECORD_ERROR, never, ("RecordingFailed",), "RecordingFailed")
    yield recording("OfAnOlderUpload", RECORD_ERROR, "Superseded", ("Failed",), _RAISED)


def _done(route: tuple[str, ...]) -> tuple[str, None] | None:
    """The record of an upload that goes a route to its end, where the state machine writes it."""
    return ("PROCESSED", None) if RECORD_MATCH in route else None


def _answers(name: str, route: tuple[str, ...]) -> dict[str, str]:
    """What lets a photo go a route."""
    return {task: name if task == PLACE else good for task, good in _GOOD.items() if task in route}


_GOOD = {
    DIMENSIONS: "Accepted",
    PLACE: "",  # the route's own
    MODERATOR: "Accepted",
    LABELS: "Accepted",
    RESIZER: "Resized",
    PUBLISH: "Published",
    DECIDER: "Accepted",
    CONFIRM: "Recorded",
    PUBLISH_MATCH: "Told",
    RECORD_MATCH: "Recorded",
}


# Tasks that do more than to record.
_WORKING = tuple(task for task in _GOOD if task != RECORD_MATCH)


def _title(words: str) -> str:
    """Any name as a part of the name of a case.

    >>> _title("Get place type from DynamoDB"), _title("IMAGE_TOO_SMALL"), _title("States.Timeout")
    ('GetPlaceTypeFromDynamoDB', 'ImageTooSmall', 'StatesTimeout')
    """
    parts = words.replace("_", " ").replace(".", " ").split()
    return "".join(part.capitalize() if part.isupper() else part[0].upper() + part[1:] for part in parts)


def _too_often(fault: Fault) -> list[str]:
    """One error more than a task retries; the last is the one with which it gives up."""
    # From the end, so that with those that pass each error has its turn.
    return list(islice(cycle(reversed(fault.errors)), fault.retries + 1))


def responses() -> dict[str, Response]:
    """Every response by its name."""
    decisions = {reason for reasons, _ in _REFUSALS.values() for reason in reasons}
    returned = {
        "Accepted": _payload({"accepted": True, "reason": None, "detail": {}}),
        **{
            f"Refuses{_title(reason)}": _payload({"accepted": False, "reason": reason, "detail": {"seen": 1}})
            for reason in sorted(decisions)
        },
        "Garbage": _payload({}),
        "Resized": _payload(
            {
                "width": 1200,
                "height": 900,
                "tile": {"key": "the-park/photo.jpg/tile.jpg", "width": 400, "height": 400, "bytes": 1},
                "scaled": {"key": "the-park/photo.jpg/scaled.jpg", "width": 600, "height": 450, "bytes": 1},
            }
        ),
        "Published": _payload({"published": True, "tileURL": "https://t", "scaledURL": "https://s"}),
        "NotPublished": _payload({"published": False}),
        **{kind: _item({"type": {"S": kind.lower()}}) for kind in (*ROUTES["v4"], "Museum")},
        "PlaceWithoutType": _item({}),
        "NoPlace": {"SdkHttpMetadata": {"HttpStatusCode": 200}},
        "Told": {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]},
        "Recorded": {"SdkHttpMetadata": {"HttpStatusCode": 200}},
    }
    found: dict[str, Response] = {name: {"0": {"Return": value}} for name, value in returned.items()}
    found |= {_title(error): {"0": _throw(error)} for error in _PERMANENT}
    found |= {
        f"Raises{_title(reason)}": {"0": _throw(reason, json.dumps({"message": "not a photo"}))}
        for reason in _UNREADABLE
    }
    found["Superseded"] = {"0": _throw("DynamoDB.ConditionalCheckFailedException")}
    for fault in (*_LAMBDA_FAULTS, *_TABLE_FAULTS, *_EVENT_FAULTS, _RECORD_FAULT):
        passing = _attempts(list(islice(cycle(fault.errors), fault.retries)))
        found[f"{fault.name}TooOften"] = _attempts(_too_often(fault))
        for name, value in returned.items():
            found[f"{fault.name}Then{name}"] = {**passing, str(fault.retries): {"Return": value}}
    return found


def _payload(payload: Any) -> dict[str, Any]:
    """A function's answer, as Lambda's Invoke gives it to a state machine."""
    return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": payload}


def _item(attributes: dict[str, Any]) -> dict[str, Any]:
    return {"Item": {"PK": {"S": "the-place"}, **attributes}, "SdkHttpMetadata": {"HttpStatusCode": 200}}


def _throw(error: str, message: str = "it went wrong") -> dict[str, Any]:
    """An error whose cause is the JSON that Lambda makes of an exception.

    https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
    """
    cause = {"errorMessage": message, "errorType": error, "requestId": "1", "stackTrace": []}
    return {"Throw": {"Error": error, "Cause": json.dumps(cause)}}


def _attempts(errors: Sequence[str]) -> Response:
    return {str(number): _throw(error) for number, error in enumerate(errors)}


def machine(version: str) -> str:
    """The name of a version's state machine."""
    return f"happypath-{version}"


def config() -> dict[str, Any]:
    """What the file says."""
    test_cases = {
        machine(version): {"TestCases": {case.name: dict(case.answers) for case in cases(version)}}
        for version in ROUTES
    }
    used = {
        name
        for each in test_cases.values()
        for answers in each["TestCases"].values()
        for name in answers.values()
    }
    return {
        "StateMachines": test_cases,
        "MockedResponses": {name: each for name, each in responses().items() if name in used},
    }


def text() -> str:
    """The file."""
    return json.dumps(config(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
