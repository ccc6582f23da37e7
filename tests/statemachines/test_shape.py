"""What must be true of the state machines as files, whatever runs them."""

from __future__ import annotations

from typing import Any

import pytest
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from functions.decision import Reason
from functions.upload import Upload
from tests.statemachines.definitions import (
    VERSIONS,
    WORKFLOWS,
    all_tasks,
    edges,
    given,
    load,
    paths_to,
    reads,
    states,
    tasks,
    text,
)

RECORDING = {"RecordFailState", "RecordErrorState", "RecordMatchState"}
# As patient as those, but what it gives up for can still be recorded.
CONFIRMING = {"Confirm match"}

CHECKED = ("Check Dimensions", "Dimensions Result?")
MODERATED = ("Moderator", "Moderation Result?")
LOOKED_AT = ("Get labels", "Check for people")
PLACED = ("Get place type from DynamoDB", "Place type?")
ENDED = ("Resizer", "Publish")
ACCEPTED = {
    "v1": {ENDED},
    "v2": {MODERATED + ENDED},
    "v3": {CHECKED + MODERATED + ENDED},
    "v4": {CHECKED + PLACED + MODERATED + ENDED, CHECKED + PLACED + LOOKED_AT + ENDED},
}

# https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html
# but for Lambda.AWSLambdaException, which is what a denied call is called (docs/reliability.md).
TRANSIENT_IN_LAMBDA = {
    "Lambda.ServiceException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    "Sandbox.Timedout",
    "States.Timeout",
    "ThrottledError",
    "ServiceUnavailableError",
}
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
TRANSIENT_IN_DYNAMODB = {
    "DynamoDB.InternalServerError",
    "DynamoDB.ProvisionedThroughputExceededException",
    "DynamoDB.RequestLimitExceeded",
    "DynamoDB.ServiceUnavailable",
    "DynamoDB.ThrottlingException",
    # Step Functions' name for an answer of DynamoDB that has no name of its own there.
    "DynamoDB.AmazonDynamoDBException",
    "States.Timeout",
}
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-eventbridge.html
TRANSIENT_IN_EVENTS = {
    "EventBridge.FailedEntry",
    "EventBridge.ThrottlingException",
    "EventBridge.InternalException",
    # An answer of EventBridge that has no name of its own.
    "EventBridge.AmazonEventBridgeException",
    "States.Timeout",
}


@pytest.mark.parametrize("version", WORKFLOWS)
def test_an_interpreter_understands_it(version: str) -> None:
    AmazonStateLanguageParser.parse(text(version))


@pytest.mark.parametrize("version", VERSIONS)
def test_an_accepted_photo_takes_the_designed_path(version: str) -> None:
    assert paths_to(version, "Publish") == ACCEPTED[version]


def test_a_match_is_told_of_between_two_looks_at_who_owns_the_record() -> None:
    (path,) = paths_to("matcher", "RecordMatchState")
    decided = ("Decider", "Match Result?", "Match")
    assert path == (*decided, "Confirm match", "Publish match", "RecordMatchState")


def test_confirming_a_match_changes_nothing() -> None:
    parameters = tasks("matcher")["Confirm match"]["Parameters"]
    assert parameters["ConditionExpression"] == "executionArn = :execution AND objStatus = :received"
    assert parameters["UpdateExpression"] == "SET executionArn = :execution"


def test_a_picture_that_does_not_match_is_told_apart_from_one_that_cannot_be_used() -> None:
    decided = ("Decider", "Match Result?")
    assert paths_to("matcher", "RecordFailState") == {
        (*decided, "No match", "RecordFailState"),
        (*decided, "Unusable picture", "RecordFailState"),
    }


@pytest.mark.parametrize("version", WORKFLOWS)
def test_every_state_can_be_reached_and_every_transition_arrives(version: str) -> None:
    targets = {edge.to for state in states(version).values() for edge in edges(state)}

    assert targets | {load(version)["StartAt"]} == set(states(version))


@pytest.mark.parametrize("version", WORKFLOWS)
def test_no_state_reads_a_field_that_may_be_missing(version: str) -> None:
    record = Upload("bucket", "place/photo.jpg", "place", "photo").as_detail()
    start = frozenset({"$.detail", *(f"$.detail.{key}" for key in record)})

    missing = {
        (name, field)
        for name, there in given(version, start).items()
        for field in _read_by(states(version)[name]) - there
    }

    assert missing == set()


def _read_by(state: dict[str, Any]) -> set[str]:
    if state["Type"] == "Fail":
        return reads(state)
    if state["Type"] == "Choice":
        return _compared_unguarded(state)
    return reads(state.get("Parameters", {}))


def _compared_unguarded(choice: dict[str, Any]) -> set[str]:
    """The variables that a Choice compares without having asked whether they are there."""
    asked: set[str] = set()
    unguarded: set[str] = set()
    for rule in choice["Choices"]:
        within = set(asked)
        for condition in rule.get("And", rule.get("Or", [rule])):
            if "IsPresent" not in condition and condition["Variable"] not in within:
                unguarded.add(condition["Variable"])
            if condition.get("IsPresent"):
                within.add(condition["Variable"])
        if rule.get("IsPresent") is False:
            asked.add(rule["Variable"])
    return unguarded


def test_states_of_one_name_are_the_same_in_every_workflow() -> None:
    seen: dict[str, tuple[str, Any]] = {}
    for version in WORKFLOWS:
        for name, state in states(version).items():
            first, other = seen.setdefault(name, (version, _without_targets(state)))
            assert _without_targets(state) == other, f"{name} differs between {first} and {version}"


def _without_targets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: "any state" if key in {"Next", "Default"} else _without_targets(each)
            for key, each in value.items()
        }
    return [_without_targets(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("version", "name"), all_tasks())
def test_every_task_has_an_end(version: str, name: str) -> None:
    assert 0 < tasks(version)[name]["TimeoutSeconds"] <= 120


@pytest.mark.parametrize("version", WORKFLOWS)
def test_the_whole_has_no_time_out_because_nothing_could_catch_it(version: str) -> None:
    assert "TimeoutSeconds" not in load(version)


@pytest.mark.parametrize(("version", "name"), all_tasks())
def test_every_retry_backs_off_with_jitter_and_ends(version: str, name: str) -> None:
    for retrier in tasks(version)[name]["Retry"]:
        if retrier["MaxAttempts"] == 0:
            continue
        assert retrier["JitterStrategy"] == "FULL"
        assert retrier["BackoffRate"] > 1
        assert _longest_wait_s(retrier) <= 600


def _longest_wait_s(retrier: dict[str, Any]) -> float:
    waits = (retrier["IntervalSeconds"] * retrier["BackoffRate"] ** n for n in range(retrier["MaxAttempts"]))
    return float(sum(min(wait, retrier["MaxDelaySeconds"]) for wait in waits))


@pytest.mark.parametrize(("version", "name"), all_tasks())
def test_every_transient_error_is_retried(version: str, name: str) -> None:
    task = tasks(version)[name]
    retried = {error for each in task["Retry"] if each["MaxAttempts"] for error in each["ErrorEquals"]}

    if name in RECORDING | CONFIRMING:
        assert retried == {"States.ALL"}
    elif "lambda" in task["Resource"]:
        assert retried == TRANSIENT_IN_LAMBDA
    else:
        assert retried >= (TRANSIENT_IN_DYNAMODB if "dynamodb" in task["Resource"] else TRANSIENT_IN_EVENTS)


def test_a_table_that_may_deny_is_asked_again_for_seconds_only() -> None:
    [retrier] = [
        each
        for each in tasks("v4")["Get place type from DynamoDB"]["Retry"]
        if "DynamoDB.AmazonDynamoDBException" in each["ErrorEquals"]
    ]

    assert retrier["ErrorEquals"] == ["DynamoDB.AmazonDynamoDBException"]
    assert _longest_wait_s(retrier) <= 6


@pytest.mark.parametrize("version", WORKFLOWS)
def test_recording_is_retried_longest(version: str) -> None:
    longest = {
        name: max(_longest_wait_s(each) for each in task["Retry"] if each["MaxAttempts"])
        for name, task in tasks(version).items()
    }

    recording = [longest.pop(name) for name in sorted((RECORDING | CONFIRMING) & longest.keys())]
    assert min(recording) > max(longest.values())


@pytest.mark.parametrize(("version", "name"), all_tasks())
@pytest.mark.parametrize("field", ["Retry", "Catch"])
def test_the_name_for_all_errors_stands_alone_and_last(version: str, name: str, field: str) -> None:
    *others, last = (each["ErrorEquals"] for each in tasks(version)[name][field])

    assert all("States.ALL" not in errors for errors in others)
    assert "States.ALL" not in last or last == ["States.ALL"]


@pytest.mark.parametrize(("version", "name"), all_tasks())
def test_every_error_is_caught_and_keeps_the_input(version: str, name: str) -> None:
    catchers = tasks(version)[name]["Catch"]
    caught = {error: each["Next"] for each in catchers for error in each["ErrorEquals"]}

    assert caught["States.ALL"] == ("RecordingFailed" if name in RECORDING else "RecordErrorState")
    if name not in RECORDING:
        # States.ALL leaves this one out, as AWS says; a task's own result may be too large at any time.
        # https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
        assert caught["States.DataLimitExceeded"] == "RecordErrorState"
    assert {each["ResultPath"] for each in catchers} <= {"$.error", "$.recording"}


@pytest.mark.parametrize(("version", "name"), all_tasks())
def test_a_malformed_result_cannot_end_an_execution_unrecorded(version: str, name: str) -> None:
    """A path into a result that lacks it is States.Runtime, which AWS lets nobody catch.

    So results are taken whole, and the states after look at them. Publish is the exception: there is no state
    after it, and an execution that fails is better than one that succeeds with nothing published.
    """
    selector = tasks(version)[name].get("ResultSelector", {})
    expected = {"published.$": "$.Payload.published"} if name == "Publish" else {"result.$": "$.Payload"}

    assert selector == (expected if "lambda" in tasks(version)[name]["Resource"] else {})


@pytest.mark.parametrize("version", WORKFLOWS)
def test_every_refusal_has_a_known_reason_and_a_detail(version: str) -> None:
    refusals = {
        name: state["Parameters"]
        for name, state in states(version).items()
        if any(edge.to == "RecordFailState" for edge in edges(state))
    }

    assert refusals
    for name, refusal in refusals.items():
        assert states(version)[name]["Type"] == "Pass"
        assert {key.removesuffix(".$") for key in refusal} == {"reason", "detail"}
        assert "reason.$" in refusal or refusal["reason"] in set(Reason)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_resizer_refuses_is_a_refusal_and_no_error(version: str) -> None:
    refused, *_ = tasks(version)["Resizer"]["Catch"]

    assert refused["Next"] == "Read refusal"
    assert set(refused["ErrorEquals"]) == {
        Reason.CORRUPT_IMAGE,
        Reason.UNSUPPORTED_TYPE,
        Reason.IMAGE_TOO_LARGE,
    }


@pytest.mark.parametrize("version", WORKFLOWS)
def test_no_lambda_records_a_refusal(version: str) -> None:
    assert states(version)["RecordFailState"]["Resource"] == "arn:aws:states:::dynamodb:updateItem"
