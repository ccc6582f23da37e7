"""What can go wrong raises an alarm, and the alarm reaches whoever asked for it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.statemachines.definitions import MACHINES
from tests.templates.template import STACKS, Resource, load, resources

# Of the stacks that are no workflow.
ALARMS = {
    "core": {
        "DeadLettersAlarm",
        "OldestUploadAlarm",
        "StartExecutionErrorsAlarm",
        "FunctionsThrottledAlarm",
        "TransitionsThrottledAlarm",
        "TasksRetriedAlarm",
    },
    "api": {"ErrorsAlarm", "ThrottledAlarm"},
    "images": {"ErrorsAlarm"},
    "notices": {"FailedAlarm", "LateAlarm", "ReviewsLateAlarm"},
    "review": {"ExecutionsFailedAlarm", "LateAlarm", "UndoneAlarm"},
    "search-opensearch": {"DeadLettersAlarm", "LateAlarm"},
    "subscriber": {"GalleryDeadLettersAlarm", "SupportDeadLettersAlarm"},
    "deletion": {"ExecutionsFailedAlarm", "DeadLettersAlarm"},
}
# What ends an execution, and its upload without a good outcome.
BAD_ENDS = {"ExecutionsFailed", "ExecutionsAborted", "ExecutionsTimedOut"}


def alarms(stack: str) -> dict[str, dict[str, Any]]:
    """The properties of a stack's alarms."""
    return {name: each["Properties"] for name, each in resources(stack, "AWS::CloudWatch::Alarm").items()}


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_has_its_alarms(stack: str) -> None:
    assert set(alarms(stack)) == ALARMS.get(stack, {"ExecutionsFailedAlarm"})


@pytest.mark.parametrize("stack", STACKS)
def test_an_alarm_tells_the_topic_and_rests_while_nothing_happens(stack: str) -> None:
    topic = (
        {"Ref": "AlarmTopic"} if stack == "core" else {"Fn::ImportValue": {"Fn::Sub": "${Prefix}-AlarmTopic"}}
    )
    own = "${Prefix}-" if stack == "core" else f"${{Prefix}}-{stack}-"
    for name, alarm in alarms(stack).items():
        assert alarm["AlarmActions"] == [topic]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmName"] == {"Fn::Sub": f"{own}{name.removesuffix('Alarm')}"}
        assert alarm["AlarmDescription"].endswith(".")


@pytest.mark.parametrize("version", MACHINES)
def test_every_bad_end_of_executions_raises_their_alarm(version: str) -> None:
    alarm = alarms(version)["ExecutionsFailedAlarm"]
    (machine,) = resources(version, "AWS::Serverless::StateMachine")
    total, *parts = alarm["Metrics"]

    # An expression is what is returned unless it says otherwise.
    assert total == {"Id": "all", "Expression": "SUM(FILL(METRICS(), 0))"}
    assert {part["MetricStat"]["Metric"]["MetricName"] for part in parts} == BAD_ENDS
    for part in parts:
        stat = part["MetricStat"]
        assert (stat["Metric"]["Namespace"], stat["Stat"], stat["Period"]) == ("AWS/States", "Sum", 300)
        assert stat["Metric"]["Dimensions"] == [{"Name": "StateMachineArn", "Value": {"Ref": machine}}]
        assert part["ReturnData"] is False
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (0, 1)


@pytest.mark.parametrize("stack", STACKS)
def test_no_alarm_is_by_a_query(stack: str) -> None:
    """Metrics Insights knows no OR, which none but AWS itself would tell of, at the time of a deployment.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
    """
    assert "SELECT" not in json.dumps(alarms(stack))


def of_core(name: str) -> tuple[Any, ...]:
    alarm = alarms("core")[name]
    dimensions = ((each["Name"], each["Value"]) for each in alarm.get("Dimensions", []))
    return alarm["Namespace"], alarm["MetricName"], *(part for each in dimensions for part in each)


def test_the_queues_and_the_function_of_core_are_watched() -> None:
    dead, queue, function = (
        {"Fn::GetAtt": ["DeadLetterQueue", "QueueName"]},
        {"Fn::GetAtt": ["Queue", "QueueName"]},
        {"Ref": "StartExecutionFunction"},
    )
    assert of_core("DeadLettersAlarm") == (
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        "QueueName",
        dead,
    )
    assert of_core("OldestUploadAlarm") == ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queue)
    assert of_core("StartExecutionErrorsAlarm") == ("AWS/Lambda", "Errors", "FunctionName", function)
    assert alarms("core")["DeadLettersAlarm"]["Threshold"] == 0


def test_what_all_workflows_share_is_watched_once() -> None:
    # Concurrency and transitions are quotas of the account.
    # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
    assert of_core("FunctionsThrottledAlarm") == ("AWS/Lambda", "Throttles")
    shared = ("AWS/States", "ThrottledEvents", "ServiceMetric", "StateTransition")
    assert of_core("TransitionsThrottledAlarm") == shared
    # As functions.platform.task counts it.
    assert of_core("TasksRetriedAlarm") == ("HappyPath", "Retried", "service", {"Ref": "Prefix"})
    for name in ("FunctionsThrottledAlarm", "TransitionsThrottledAlarm", "TasksRetriedAlarm"):
        # What passes by itself is no alarm.
        assert alarms("core")[name]["EvaluationPeriods"] == 3


def test_a_message_that_fails_raises_an_alarm_before_it_is_a_dead_letter() -> None:
    queue = resources("core")["Queue"]["Properties"]
    dead_after_s = queue["VisibilityTimeout"] * queue["RedrivePolicy"]["maxReceiveCount"]

    assert alarms("core")["OldestUploadAlarm"]["Threshold"] < dead_after_s


def test_what_the_api_cannot_answer_and_what_it_turns_away_are_watched() -> None:
    errors, throttled = alarms("api")["ErrorsAlarm"], alarms("api")["ThrottledAlarm"]
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
    assert (errors["Namespace"], errors["MetricName"], errors["Threshold"]) == ("AWS/ApiGateway", "5xx", 0)
    assert errors["Dimensions"] == [{"Name": "ApiId", "Value": {"Ref": "Api"}}]
    counted = resources("api")["Throttled"]["Properties"]
    [metric] = counted["MetricTransformations"]
    assert (throttled["Namespace"], throttled["MetricName"]) == (
        metric["MetricNamespace"],
        metric["MetricName"],
    )
    written = resources("api")["Api"]["Properties"]["AccessLogSettings"]
    assert written["DestinationArn"] == {"Fn::GetAtt": [counted["LogGroupName"]["Ref"], "Arn"]}
    assert counted["FilterPattern"] == '{ $.status = "429" }'
    assert json.loads(written["Format"])["status"] == "$context.status"


def statement(resource: Resource, document: str, sid: str) -> dict[str, Any]:
    (found,) = (each for each in resource["Properties"][document]["Statement"] if each["Sid"] == sid)
    return dict(found)


def test_alarms_may_use_the_encrypted_topic_and_so_may_no_other_account() -> None:
    core = resources("core")
    assert core["AlarmTopic"]["Properties"]["KmsMasterKeyId"] == {"Ref": "AlarmKey"}
    assert core["AlarmKey"]["Properties"]["EnableKeyRotation"] is True
    publishes = statement(core["AlarmTopicPolicy"], "PolicyDocument", "AlarmsPublish")
    encrypts = statement(core["AlarmKey"], "KeyPolicy", "AlarmsPublish")
    assert publishes["Action"] == "sns:Publish"
    # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    assert set(encrypts["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}
    for allowed in (publishes, encrypts):
        assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert statement(core["AlarmTopicPolicy"], "PolicyDocument", "OnlyOverTls")["Effect"] == "Deny"


def test_nobody_is_subscribed_unless_named() -> None:
    template = load("core")
    email = template["Parameters"]["AlarmEmail"]
    subscription = template["Resources"]["AlarmSubscription"]

    assert email["Default"] == ""
    for address, is_one in (("", True), ("ops@example.com", True), ("nobody", False), ("a@b c", False)):
        assert (re.search(email["AllowedPattern"], address) is not None) is is_one
    assert subscription["Condition"] == "HasAlarmEmail"
    assert template["Conditions"]["HasAlarmEmail"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]
    }
    assert subscription["Properties"] == {
        "TopicArn": {"Ref": "AlarmTopic"},
        "Protocol": "email",
        "Endpoint": {"Ref": "AlarmEmail"},
    }
