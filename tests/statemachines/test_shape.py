"""What must be true of the state machines as files, whatever runs them: rules for each kind of state."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from functions.decision import REASON, Reason
from functions.platform import rules
from functions.upload import Upload
from tests.outcomes import rows
from tests.statemachines import filled
from tests.statemachines.definitions import (
    FAILED,
    FOLDER,
    MACHINES,
    PUBLISHING,
    REFUSED,
    WORKFLOWS,
    all_tasks,
    asks_person,
    decides,
    edges,
    execution_of,
    given,
    holds_record,
    is_express,
    is_lambda,
    load,
    paths,
    reads,
    service,
    states,
    status_recorded,
    tasks,
    tasks_in,
    tasks_of_machines,
    text,
    waits_for_execution,
)

TASKS = all_tasks()
ALL_TASKS = tasks_of_machines()
# What makes renditions, whose keys and sizes are its whole result.
MAKERS = {
    "functions.dicom.redact.handler",
    "functions.publish.resize.handler",
    "functions.redact.redact.handler",
}
# What decides beside the deciders.
DECIDERS = {"functions.catalogue.describe.handler", "functions.document.read.handler"}
LAMBDA_TASKS = [(workflow, name) for workflow, name in TASKS if is_lambda(tasks(workflow)[name])]
DECIDING_TASKS = [(workflow, name) for workflow, name in LAMBDA_TASKS if decides(tasks(workflow)[name])]
# Those in which a person decides.
REVIEWS = [(workflow, name) for workflow, name in TASKS if asks_person(tasks(workflow)[name])]
# Those in which another workflow does.
WORKFLOWS_ASKED = [
    (workflow, name)
    for workflow, name in TASKS
    if waits_for_execution(tasks(workflow)[name]) and (workflow, name) not in REVIEWS
]
# Those about a part of what was found: the upload goes on either way, and what is next knows the verdict.
QUESTIONS = [
    (workflow, name)
    for workflow, name in REVIEWS
    if is_lambda(then := states(workflow)[tasks(workflow)[name]["Next"]])
    and then["Parameters"]["Payload"].get("decision.$") == "$.decision"
]
# Recording, and asking by a write whether the record is still this execution's.
HOLDING_TASKS = [(workflow, name) for workflow, name in TASKS if holds_record(tasks(workflow)[name])]
WORKING_TASKS = [each for each in TASKS if each not in HOLDING_TASKS]

# What a burst does to each service: it passes when the burst has.
THROTTLED = {
    "lambda": {"ThrottledError", "Lambda.TooManyRequestsException"},
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
    "dynamodb": {
        "DynamoDB.ProvisionedThroughputExceededException",
        "DynamoDB.RequestLimitExceeded",
        "DynamoDB.RequestLimitExceededException",
        "DynamoDB.ThrottlingException",
    },
    # https://docs.aws.amazon.com/step-functions/latest/dg/connect-eventbridge.html
    "events": {"EventBridge.ThrottlingException"},
    # As the SDK calls it.
    "aws-sdk:dynamodb": {
        "DynamoDb.ProvisionedThroughputExceededException",
        "DynamoDb.RequestLimitExceededException",
        "DynamoDb.ThrottlingException",
    },
    # An answer of Step Functions that has no name of its own, throttling and denial among them.
    "states": {
        "StepFunctions.AWSStepFunctionsException",
        "StepFunctions.ExecutionLimitExceededException",
        # https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html calls it so.
        "StepFunctions.ExecutionLimitExceeded",
    },
    # Few errors of S3 have a name there: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
    "s3": {"S3.S3Exception"},
    # https://docs.aws.amazon.com/step-functions/latest/apireference/CommonErrors.html
    "sfn": {"Sfn.ThrottlingException"},
    # https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateInvalidation.html
    "cloudfront": {"CloudFront.ThrottlingException", "CloudFront.TooManyInvalidationsInProgressException"},
}
# What passes by itself.
TRANSIENT = {
    # https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html
    # but for Lambda.AWSLambdaException, which is what a denied call is called (docs/reliability.md).
    "lambda": {
        "Lambda.ServiceException",
        "Lambda.SdkClientException",
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.Unknown",
        # A process that died.
        "Runtime.ExitError",
        "Sandbox.Timedout",
        "ServiceUnavailableError",
        "States.Timeout",
    },
    "dynamodb": {
        "DynamoDB.InternalServerError",
        "DynamoDB.InternalServerErrorException",
        "DynamoDB.ServiceUnavailable",
        "DynamoDB.SdkClientException",
        # Step Functions' name for an answer of DynamoDB that has no name of its own there.
        "DynamoDB.AmazonDynamoDBException",
        "States.Timeout",
    },
    "events": {
        "EventBridge.FailedEntry",
        "EventBridge.InternalException",
        "EventBridge.SdkClientException",
        # An answer of EventBridge that has no name of its own.
        "EventBridge.AmazonEventBridgeException",
        "States.Timeout",
    },
    "s3": {"S3.SdkClientException", "States.Timeout"},
    "states": {"StepFunctions.SdkClientException", "States.Timeout"},
}
HOUR_S = 3600
# https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
EXPRESS_LIMIT_S = 300


def test_every_state_machine_is_that_of_a_template_and_the_other_way_round() -> None:
    assert {path.name.removesuffix(".asl.json") for path in FOLDER.glob("*")} == set(MACHINES)


@pytest.mark.parametrize("workflow", MACHINES)
def test_an_interpreter_understands_it(workflow: str) -> None:
    AmazonStateLanguageParser.parse(text(workflow))


@pytest.mark.parametrize("workflow", MACHINES)
def test_it_runs_in_every_partition(workflow: str) -> None:
    assert "arn:aws" not in text(workflow)
    for task in tasks(workflow).values():
        assert task["Resource"].startswith("arn:${Partition}:states:::")


# Paths


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_an_accepted_upload_takes_the_paths_of_the_table(workflow: str) -> None:
    accepted = {path for path in paths(workflow) if REFUSED not in path}

    assert accepted == {row.path for row in rows(workflow) if not row.reason}


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_way_to_a_refusal_is_in_the_table(workflow: str) -> None:
    refused = {path for path in paths(workflow) if REFUSED in path}

    assert refused <= {row.path for row in rows(workflow) if row.reason}


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_row_of_the_table_is_a_way_through_it(workflow: str) -> None:
    for row in rows(workflow):
        assert row.path[0] == load(workflow)["StartAt"]
        for name, then in zip(row.path, row.path[1:], strict=False):
            assert then in {edge.to for edge in edges(states(workflow)[name])}, f"{row}: {name} → {then}"
        assert (REFUSED in row.path) is bool(row.reason)


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_type_of_place_that_it_knows_is_in_the_table(workflow: str) -> None:
    choices = [state for state in states(workflow).values() if state["Type"] == "Choice"]
    known = {
        rule["StringEquals"]
        for choice in choices
        for rule in choice["Choices"]
        if rule.get("Variable", "").startswith("$.place.") and "StringEquals" in rule
    }

    assert known <= {row.place for row in rows(workflow) if not row.reason}


@pytest.mark.parametrize("workflow", MACHINES)
def test_every_state_can_be_reached_and_every_transition_arrives(workflow: str) -> None:
    targets = {edge.to for state in states(workflow).values() for edge in edges(state)}

    assert targets | {load(workflow)["StartAt"]} == set(states(workflow))


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_no_state_reads_a_field_that_may_be_missing(workflow: str) -> None:
    record = Upload("bucket", "place/photo.jpg", "place", "photo").as_detail()
    start = frozenset({"$.detail", *(f"$.detail.{key}" for key in record)})

    missing = {
        (name, field)
        for name, there in given(workflow, start).items()
        for field in _read_by(states(workflow)[name]) - there
    }

    assert missing == set()


def _read_by(state: dict[str, Any]) -> set[str]:
    if state["Type"] == "Fail":
        return reads(state)
    if state["Type"] == "Choice":
        return _compared_unguarded(state)
    return reads(state.get("Parameters", state.get("ItemSelector", {})))


def _compared_unguarded(choice: dict[str, Any]) -> set[str]:
    """The variables that a Choice compares without having asked whether they are there."""
    asked: set[str] = set()
    unguarded: set[str] = set()
    for rule in choice["Choices"]:
        within = set(asked)
        for each in rule.get("And", rule.get("Or", [rule])):
            condition = each.get("Not", each)
            if "IsPresent" not in condition and condition["Variable"] not in within:
                unguarded.add(condition["Variable"])
            if condition.get("IsPresent"):
                within.add(condition["Variable"])
        if rule.get("IsPresent") is False:
            asked.add(rule["Variable"])
    return unguarded


def test_states_that_record_and_those_that_end_are_the_same_in_every_workflow_of_a_type() -> None:
    seen: dict[tuple[str, bool], tuple[str, Any]] = {}
    for workflow in WORKFLOWS:
        for name, state in states(workflow).items():
            if holds_record(state) or state["Type"] in {"Fail", "Succeed"}:
                kind = (name, is_express(workflow))
                first, other = seen.setdefault(kind, (workflow, _without_targets(state)))
                assert _without_targets(state) == other, f"{name} differs between {first} and {workflow}"


def _without_targets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_targets(each)
            for key, each in value.items()
            if key not in {"Next", "Default", "End"}
        }
    return [_without_targets(each) for each in value] if isinstance(value, list) else value


# Time


@pytest.mark.parametrize(("workflow", "name"), ALL_TASKS)
def test_every_task_has_an_end(workflow: str, name: str) -> None:
    task = tasks(workflow)[name]
    if task["Resource"].endswith(".waitForTaskToken"):
        # For a person: as long as the input says.
        assert task["TimeoutSecondsPath"].startswith("$.")
    elif task["Resource"].endswith(":states:startExecution.sync:2"):
        # What it starts has an end itself.
        assert "TimeoutSeconds" not in task
    else:
        # A function has 15 minutes at most.
        assert 0 < task["TimeoutSeconds"] <= 930


@pytest.mark.parametrize("workflow", MACHINES)
def test_the_whole_has_no_time_out_because_nothing_could_catch_it(workflow: str) -> None:
    assert "TimeoutSeconds" not in load(workflow)


# Retries


@pytest.mark.parametrize(("workflow", "name"), ALL_TASKS)
def test_every_retry_backs_off_with_jitter(workflow: str, name: str) -> None:
    for retrier in _retriers(workflow, name):
        assert retrier["JitterStrategy"] == "FULL"
        assert retrier["BackoffRate"] > 1


@pytest.mark.parametrize(("workflow", "name"), ALL_TASKS)
def test_what_is_throttled_waits_for_hours_if_it_can_and_ends(workflow: str, name: str) -> None:
    called = service(tasks(workflow)[name])
    if ":aws-sdk:dynamodb:" in tasks(workflow)[name]["Resource"]:
        called = f"aws-sdk:{called}"
    (throttled,) = (
        each for each in _retriers(workflow, name) if THROTTLED[called] & set(each["ErrorEquals"])
    )

    assert set(throttled["ErrorEquals"]) == THROTTLED[called]
    if is_express(workflow):
        assert _longest_wait_s(throttled) >= 20
    elif called in {"s3", "states"}:
        # What is denied has the same name, and is to raise its alarm.
        assert HOUR_S <= _longest_wait_s(throttled) <= 2 * HOUR_S
    else:
        # A backlog of a million at five a second takes two and a half days (docs/scaling.md).
        assert 48 * HOUR_S <= _longest_wait_s(throttled) <= 7 * 24 * HOUR_S


@pytest.mark.parametrize(("workflow", "name"), WORKING_TASKS)
def test_what_passes_by_itself_is_tried_again_for_a_minute_or_two(workflow: str, name: str) -> None:
    assert len(tasks(workflow)[name]["Retry"]) == 2
    _, transient = _retriers(workflow, name)

    assert set(transient["ErrorEquals"]) == TRANSIENT[service(tasks(workflow)[name])]
    least_s, most_s = (5, 30) if is_express(workflow) else (60, 120)
    assert least_s <= _longest_wait_s(transient) <= most_s


@pytest.mark.parametrize(("workflow", "name"), HOLDING_TASKS)
def test_what_is_written_to_the_record_is_tried_longest_whatever_the_error(workflow: str, name: str) -> None:
    owned, *_ = tasks(workflow)[name]["Retry"]
    _, everything = _retriers(workflow, name)

    assert owned == {"ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"], "MaxAttempts": 0}
    assert everything["ErrorEquals"] == ["States.ALL"]
    least_s, most_s = (10, 60) if is_express(workflow) else (120, 600)
    assert least_s < _longest_wait_s(everything) <= most_s


@pytest.mark.parametrize("workflow", [workflow for workflow in WORKFLOWS if is_express(workflow)])
def test_an_express_execution_records_its_end_before_it_is_cut_off(workflow: str) -> None:
    """Even if each task times out once, and is tried again as often as it can be."""

    def longest_s(name: str, before: tuple[str, ...] = ()) -> float:
        assert name not in before
        state = states(workflow)[name]
        waits_s = sum(_longest_wait_s(each) for each in state.get("Retry", []) if each["MaxAttempts"])
        after_s = (longest_s(edge.to, (*before, name)) for edge in edges(state))
        return float(state.get("TimeoutSeconds", 0)) + waits_s + max(after_s, default=0.0)

    assert longest_s(load(workflow)["StartAt"]) < EXPRESS_LIMIT_S


def _retriers(workflow: str, name: str) -> list[dict[str, Any]]:
    """Those that do retry."""
    return [each for each in tasks(workflow)[name]["Retry"] if each["MaxAttempts"]]


def _longest_wait_s(retrier: dict[str, Any]) -> float:
    waits = (retrier["IntervalSeconds"] * retrier["BackoffRate"] ** n for n in range(retrier["MaxAttempts"]))
    return float(sum(min(wait, retrier["MaxDelaySeconds"]) for wait in waits))


@pytest.mark.parametrize(("workflow", "name"), ALL_TASKS)
@pytest.mark.parametrize("field", ["Retry", "Catch"])
def test_the_name_for_all_errors_stands_alone_and_last(workflow: str, name: str, field: str) -> None:
    # Where nothing is caught the execution fails by the error itself.
    *others, last = (
        each["ErrorEquals"] for each in tasks(workflow)[name].get(field) or [{"ErrorEquals": []}]
    )

    assert all("States.ALL" not in errors for errors in others)
    assert "States.ALL" not in last or last == ["States.ALL"]


# Errors


@pytest.mark.parametrize(("workflow", "name"), TASKS)
def test_every_error_is_caught_and_keeps_the_input(workflow: str, name: str) -> None:
    catchers = tasks(workflow)[name]["Catch"]
    caught = {error: each["Next"] for each in catchers for error in each["ErrorEquals"]}

    if status_recorded(tasks(workflow)[name]):
        assert caught["States.ALL"] == "RecordingFailed"
    else:
        # States.ALL leaves this one out, as AWS says; a task's own result may be too large at any time.
        # https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
        assert (caught["States.ALL"], caught["States.DataLimitExceeded"]) == (FAILED, FAILED)
    assert {each["ResultPath"] for each in catchers} <= {"$.error", "$.recording"}


@pytest.mark.parametrize(("workflow", "name"), HOLDING_TASKS)
def test_a_record_of_another_execution_is_left_alone(workflow: str, name: str) -> None:
    task = tasks(workflow)[name]
    (missed,) = (
        each for each in task["Catch"] if each["ErrorEquals"] == ["DynamoDB.ConditionalCheckFailedException"]
    )

    assert task["Parameters"]["ConditionExpression"].startswith("executionArn = :execution AND objStatus ")
    assert missed["Next"] == ("Failed" if status_recorded(task) == "FAILED" else "Superseded")
    if not status_recorded(task):
        # It asks, and changes nothing.
        assert task["Parameters"]["UpdateExpression"] == "SET executionArn = :execution"


@pytest.mark.parametrize(("workflow", "name"), TASKS)
def test_what_is_caught_by_a_reason_is_a_refusal(workflow: str, name: str) -> None:
    caught = {
        error: each["Next"]
        for each in tasks(workflow)[name]["Catch"]
        for error in each["ErrorEquals"]
        if REASON.fullmatch(error)
    }

    assert caught.keys() <= set(Reason)
    for state in caught.values():
        then = [state]
        while states(workflow)[then[-1]]["Type"] == "Pass":
            then.append(states(workflow)[then[-1]]["Next"])
        assert then[-1] == REFUSED
    if (
        is_lambda(tasks(workflow)[name])
        and filled.handler(workflow, name) == "functions.publish.resize.handler"
    ):
        assert caught.keys() == {
            Reason.CORRUPT_IMAGE,
            Reason.UNSUPPORTED_TYPE,
            Reason.IMAGE_TOO_LARGE,
            Reason.IMAGE_TOO_NARROW,
            Reason.IMAGE_TOO_COMPLEX,
        }


# Decisions


@pytest.mark.parametrize(("workflow", "name"), LAMBDA_TASKS)
def test_a_function_is_told_of_the_upload_and_of_the_execution(workflow: str, name: str) -> None:
    payload = tasks(workflow)[name]["Parameters"]["Payload"]

    assert payload["detail.$"] == "$.detail"
    assert payload["executionArn.$"] == execution_of(workflow)


@pytest.mark.parametrize(("workflow", "name"), HOLDING_TASKS)
def test_a_record_is_held_by_the_execution_that_it_names(workflow: str, name: str) -> None:
    values = tasks(workflow)[name]["Parameters"]["ExpressionAttributeValues"]

    assert values[":execution"] == {"S.$": execution_of(workflow)}


@pytest.mark.parametrize(("workflow", "name"), LAMBDA_TASKS)
def test_every_decision_is_left_at_one_place(workflow: str, name: str) -> None:
    handler = filled.handler(workflow, name)
    is_decider = handler.startswith("functions.decide.") or handler in DECIDERS

    # Within a Parallel state it answers the state after that.
    assert (is_decider and name in states(workflow)) is decides(tasks(workflow)[name])


@pytest.mark.parametrize(("workflow", "name"), DECIDING_TASKS)
def test_a_decision_is_taken_whole(workflow: str, name: str) -> None:
    assert tasks(workflow)[name]["ResultSelector"] == {
        "accepted.$": "$.Payload.accepted",
        "reason.$": "$.Payload.reason",
        "detail.$": "$.Payload.detail",
    }


@pytest.mark.parametrize(("workflow", "name"), REVIEWS)
def test_a_persons_decision_is_taken_whole_and_is_about_what_was_seen(workflow: str, name: str) -> None:
    task = tasks(workflow)[name]

    assert task["ResultSelector"] == {
        "accepted.$": "$.Output.accepted",
        "reason.$": "$.Output.reason",
        "detail.$": "$.Output.detail",
    }
    assert task["ResultPath"] == "$.decision"
    # The same for each attempt: an answer may be lost after a person was asked.
    told = re.findall(r"\$\$[.\w]+", task["Parameters"]["Name.$"])
    assert told == ["$$.Execution.Id", "$$.State.EnteredTime"]
    given = task["Parameters"]["Input"]
    assert (
        given.items()
        >= {
            "detail.$": "$.detail",
            "executionArn.$": "$$.Execution.Id",
            "seen.$": "$.decision.detail",
        }.items()
    )
    assert set(given["rules"]) == {"reminder_s", "expiry_s", "on_expiry"}


@pytest.mark.parametrize(("workflow", "name"), WORKFLOWS_ASKED)
def test_the_decision_of_another_workflow_is_taken_whole_and_is_about_the_same_upload(
    workflow: str, name: str
) -> None:
    task = tasks(workflow)[name]

    assert task["ResultSelector"] == {
        "accepted.$": "$.Output.decision.accepted",
        "reason.$": "$.Output.decision.reason",
        "detail.$": "$.Output.decision.detail",
    }
    assert task["ResultPath"] == "$.decision"
    told = re.findall(r"\$\$[.\w]+", task["Parameters"]["Name.$"])
    assert told == ["$$.Execution.Id", "$$.State.EnteredTime"]
    # As a workflow is started, and without a record of its own: it writes none.
    assert task["Parameters"]["Input"] == {
        "detail.$": "$.detail",
        "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id",
    }


@pytest.mark.parametrize(("workflow", "name"), [each for each in LAMBDA_TASKS if each not in DECIDING_TASKS])
def test_a_malformed_result_cannot_end_an_execution_unrecorded(workflow: str, name: str) -> None:
    """A path into a result that lacks it is States.Runtime, which AWS lets nobody catch.

    A Decision is whole, Python guarantees it. Other results are taken as they are, and who gets them looks at
    them. The last task is the exception: there is nobody after it, and an execution that fails is better than
    one that succeeds with nothing done.
    """
    task = tasks(workflow)[name]
    if not task.get("End"):
        assert task["ResultSelector"] == {"result.$": "$.Payload"}


@pytest.mark.parametrize(
    ("workflow", "name"),
    [
        each
        for each in LAMBDA_TASKS
        if filled.handler(*each).startswith("functions.decide.") or filled.handler(*each) in DECIDERS
    ],
)
def test_a_decider_is_given_rules_that_it_takes(workflow: str, name: str) -> None:
    payload = tasks_in(json.loads(filled.definition(workflow)))[name]["Parameters"]["Payload"]

    rules.read(filled.shape_of_rules(workflow, name), payload["rules"])


@pytest.mark.parametrize(
    ("workflow", "name"),
    [each for each in (*DECIDING_TASKS, *REVIEWS, *WORKFLOWS_ASKED) if each not in QUESTIONS],
)
def test_only_what_is_accepted_goes_on_and_a_refusal_is_recorded_next(workflow: str, name: str) -> None:
    choice = states(workflow)[tasks(workflow)[name]["Next"]]

    assert choice["Type"] == "Choice"
    assert choice["Default"] == REFUSED
    for rule in choice["Choices"]:
        then = states(workflow)[rule["Next"]]
        if waits_for_execution(then) and not asks_person(then):
            # What is refused here another workflow may accept, for some reasons and not whatever the reason.
            reasons = [
                each["StringEquals"] for each in rule["And"] if each.get("Variable") == "$.decision.reason"
            ]
            assert reasons
            assert set(reasons) <= set(Reason)
            continue
        if waits_for_execution(then):
            assert rule == {
                "Variable": "$.decision.reason",
                "StringEquals": Reason.NEEDS_REVIEW,
                "Next": rule["Next"],
            }
            continue
        conditions = [
            {key: each for key, each in one.items() if key != "Next"} for one in rule.get("And", [rule])
        ]
        assert {"Variable": "$.decision.accepted", "BooleanEquals": True} in conditions


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_refusal_is_a_decision_wherever_it_is_made(workflow: str) -> None:
    """It is that of the task before its Choice, or a Pass writes it whole."""
    choices_of_tasks = {
        tasks(workflow)[name]["Next"]
        for each, name in (*DECIDING_TASKS, *REVIEWS, *WORKFLOWS_ASKED)
        if each == workflow
    }
    refusing = {
        name: state
        for name, state in states(workflow).items()
        if any(edge.to == REFUSED for edge in edges(state)) and name not in choices_of_tasks
    }

    for name, state in refusing.items():
        assert state["Type"] == "Pass", name
        assert state["ResultPath"] == "$.decision"
        decision = state["Parameters"]
        assert {key.removesuffix(".$") for key in decision} == {"accepted", "reason", "detail"}
        assert decision["accepted"] is False
        assert "reason.$" in decision or REASON.fullmatch(decision["reason"])
        assert "detail.$" in decision or isinstance(decision["detail"], dict)


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_no_lambda_records_a_refusal(workflow: str) -> None:
    recording = {
        status_recorded(state): name for name, state in tasks(workflow).items() if status_recorded(state)
    }

    assert (recording["REJECTED"], recording["FAILED"]) == (REFUSED, FAILED)


@pytest.mark.parametrize("workflow", PUBLISHING)
def test_a_version_publishes_last_and_what_the_resizer_made(workflow: str) -> None:
    task = tasks(workflow)["Publish"]

    assert task["End"]
    assert task["ResultSelector"] == {"published.$": "$.Payload.published"}
    assert filled.handler(workflow, "Publish") == "functions.publish.publish.handler"
    for path in paths(workflow):
        if REFUSED not in path:
            maker, last = path[-2:]
            assert last == "Publish"
            assert filled.handler(workflow, maker) in MAKERS


@pytest.mark.parametrize(
    ("workflow", "name"),
    [(workflow, name) for workflow, name in TASKS if service(tasks(workflow)[name]) == "events"],
)
def test_an_event_is_sent_between_two_looks_at_who_owns_the_record(workflow: str, name: str) -> None:
    for path in paths(workflow):
        if name in path:
            place = path.index(name)
            before, after = (states(workflow)[each] for each in (path[place - 1], path[place + 1]))
            assert holds_record(before)
            assert status_recorded(before) is None
            assert status_recorded(after) == "PROCESSED"
