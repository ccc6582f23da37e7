"""What can go wrong raises an alarm, and the alarm reaches whoever asked for it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.statemachines.definitions import WORKFLOWS
from tests.templates.template import STACKS, Resource, functions, load, resources

IN_CORE = {
    "DeadLettersAlarm",
    "OldestUploadAlarm",
    "StartExecutionErrorsAlarm",
    "StartExecutionThrottlesAlarm",
}
# Of each version: one metric of Step Functions each, and two of all its functions together.
OF_EXECUTIONS = {
    "ExecutionsFailedAlarm": "ExecutionsFailed",
    "ExecutionsAbortedAlarm": "ExecutionsAborted",
    "ExecutionsTimedOutAlarm": "ExecutionsTimedOut",
    "ExecutionsThrottledAlarm": "ExecutionThrottled",
}
OF_TASKS = {"TaskErrorsAlarm": "Errors", "TaskThrottlesAlarm": "Throttles"}


def alarms(stack: str) -> dict[str, dict[str, Any]]:
    """The properties of a stack's alarms."""
    return {name: each["Properties"] for name, each in resources(stack, "AWS::CloudWatch::Alarm").items()}


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_has_its_alarms(stack: str) -> None:
    assert set(alarms(stack)) == (IN_CORE if stack == "core" else {*OF_EXECUTIONS, *OF_TASKS})


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


@pytest.mark.parametrize("version", WORKFLOWS)
def test_the_executions_of_a_version_are_watched(version: str) -> None:
    for name, metric in OF_EXECUTIONS.items():
        alarm = alarms(version)[name]
        assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/States", metric)
        assert alarm["Dimensions"] == [{"Name": "StateMachineArn", "Value": {"Ref": "Workflow"}}]
        # One is enough, but for what Step Functions retries by itself.
        assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 0)
        assert alarm["EvaluationPeriods"] == (3 if metric == "ExecutionThrottled" else 1)


@pytest.mark.parametrize("version", WORKFLOWS)
@pytest.mark.parametrize(("name", "metric"), OF_TASKS.items())
def test_the_functions_of_a_version_are_watched_and_no_others(version: str, name: str, metric: str) -> None:
    total, *parts = alarms(version)[name]["Metrics"]

    assert (total["Expression"], total["ReturnData"]) == ("SUM(FILL(METRICS(), 0))", True)
    for part in parts:
        stat = part["MetricStat"]
        assert (stat["Metric"]["Namespace"], stat["Metric"]["MetricName"]) == ("AWS/Lambda", metric)
        assert (stat["Stat"], stat["Period"], part["ReturnData"]) == ("Sum", 300, False)
    watched = [part["MetricStat"]["Metric"]["Dimensions"] for part in parts]
    names = sorted(functions(version))
    assert sorted(watched, key=str) == [[{"Name": "FunctionName", "Value": {"Ref": name}}] for name in names]
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create-alarm-on-metric-math-expression.html
    assert len(parts) <= 10


@pytest.mark.parametrize("stack", STACKS)
def test_no_alarm_is_by_a_query(stack: str) -> None:
    """Metrics Insights knows no OR, which none but AWS itself would tell of, at the time of a deployment.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
    """
    assert "SELECT" not in json.dumps(alarms(stack))


def test_versions_have_the_same_alarms() -> None:
    def shape(version: str) -> str:
        own = alarms(version)
        for name in OF_TASKS:
            del own[name]["Metrics"]
        return json.dumps(own).replace(f"-{version}-", "-vN-")

    assert len({shape(version) for version in WORKFLOWS}) == 1


def of_core(name: str) -> tuple[Any, ...]:
    alarm = alarms("core")[name]
    (dimension,) = alarm["Dimensions"]
    return alarm["Namespace"], alarm["MetricName"], dimension["Name"], dimension["Value"]


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
    assert of_core("StartExecutionThrottlesAlarm") == ("AWS/Lambda", "Throttles", "FunctionName", function)
    assert alarms("core")["DeadLettersAlarm"]["Threshold"] == 0


def test_a_message_that_fails_raises_an_alarm_before_it_is_a_dead_letter() -> None:
    queue = resources("core")["Queue"]["Properties"]
    dead_after_s = queue["VisibilityTimeout"] * queue["RedrivePolicy"]["maxReceiveCount"]

    assert alarms("core")["OldestUploadAlarm"]["Threshold"] < dead_after_s


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
