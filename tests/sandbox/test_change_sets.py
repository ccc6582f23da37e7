"""Change sets of the sandbox's CloudFormation, as `sam deploy` and `aws cloudformation deploy` use them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from happypath.sandbox.deployment.change_sets import NO_CHANGES
from happypath.sandbox.sandbox import Sandbox

_NUMBERS = itertools.count()


def template(*, seconds: Any = None, queues: tuple[str, ...] = ("Queue",), **more: Any) -> str:
    properties = {"VisibilityTimeout": seconds or {"Fn::Sub": "${Seconds}"}}
    resources = {name: {"Type": "AWS::SQS::Queue", "Properties": properties} for name in queues}
    return json.dumps(
        {
            "Parameters": {"Seconds": {"Type": "Number", "Default": 20}, "Unused": {"Type": "String"}},
            "Resources": resources,
            "Outputs": {"Name": {"Value": {"Fn::GetAtt": [queues[0], "QueueName"]}, **more}},
        }
    )


class Stack:
    """One stack of a test, deployed by change sets."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.name = f"change-sets-{next(_NUMBERS)}"
        self.cloudformation = sandbox.client("cloudformation")
        self.sqs = sandbox.client("sqs")

    def change_set(self, kind: str, **arguments: Any) -> dict[str, Any]:
        made = self.cloudformation.create_change_set(
            StackName=self.name, ChangeSetName=f"c{next(_NUMBERS)}", ChangeSetType=kind, **arguments
        )
        described: dict[str, Any] = self.cloudformation.describe_change_set(ChangeSetName=made["Id"])
        return described

    def execute(self, change_set: dict[str, Any]) -> dict[str, Any]:
        self.cloudformation.execute_change_set(ChangeSetName=change_set["ChangeSetId"])
        return self.describe()

    def describe(self) -> dict[str, Any]:
        described: dict[str, Any] = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        return described

    def timeout(self) -> str:
        name = self.describe()["Outputs"][0]["OutputValue"]
        url = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return str(attributes["VisibilityTimeout"])


def given(**values: str) -> list[dict[str, str]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


PREVIOUS = [{"ParameterKey": "Seconds", "UsePreviousValue": True}, *given(Unused="x")]


@pytest.fixture
def stack(sandbox: Sandbox) -> Iterator[Stack]:
    stack = Stack(sandbox)
    yield stack
    stack.cloudformation.delete_stack(StackName=stack.name)


@pytest.fixture
def standing(stack: Stack) -> Stack:
    parameters = given(Seconds="33", Unused="x")
    stack.execute(stack.change_set("CREATE", TemplateBody=template(), Parameters=parameters))
    return stack


def actions(change_set: dict[str, Any]) -> set[tuple[str, str]]:
    changes = (each["ResourceChange"] for each in change_set["Changes"])
    return {(change["Action"], change["LogicalResourceId"]) for change in changes}


def test_a_stack_is_made_when_its_change_set_is_executed_and_not_before(stack: Stack) -> None:
    change_set = stack.change_set("CREATE", TemplateBody=template(), Parameters=given(Unused="x"))
    assert (change_set["Status"], actions(change_set)) == ("CREATE_COMPLETE", {("Add", "Queue")})
    assert stack.describe()["StackStatus"] == "REVIEW_IN_PROGRESS"

    executed = stack.execute(change_set)

    assert executed["StackStatus"] == "CREATE_COMPLETE"
    assert executed["StackId"] == change_set["StackId"]
    assert stack.timeout() == "20"


def test_a_second_review_is_of_the_same_stack(stack: Stack) -> None:
    one, two = (
        stack.change_set("CREATE", TemplateBody=template(), Parameters=given(Unused="x")) for _ in range(2)
    )
    assert one["StackId"] == two["StackId"]
    stack.execute(two)
    with pytest.raises(ClientError, match="cannot be executed"):
        stack.execute(one)


def test_a_parameter_keeps_its_value(standing: Stack) -> None:
    body = template(queues=("Queue", "Other"))
    change_set = standing.change_set("UPDATE", TemplateBody=body, Parameters=PREVIOUS)
    assert actions(change_set) == {("Add", "Other")}
    assert standing.execute(change_set)["StackStatus"] == "UPDATE_COMPLETE"
    assert standing.timeout() == "33"


def test_a_parameter_within_text_changes_what_it_is_in(standing: Stack) -> None:
    parameters = given(Seconds="44", Unused="x")
    change_set = standing.change_set("UPDATE", TemplateBody=template(), Parameters=parameters)
    assert actions(change_set) == {("Modify", "Queue")}
    standing.execute(change_set)
    assert standing.timeout() == "44"


def test_nothing_to_change_is_a_change_set_that_failed(standing: Stack) -> None:
    change_set = standing.change_set("UPDATE", TemplateBody=template(), Parameters=PREVIOUS)
    assert (change_set["Status"], change_set["StatusReason"]) == ("FAILED", NO_CHANGES)
    with pytest.raises(ClientError, match="cannot be executed"):
        standing.execute(change_set)


def test_a_template_that_is_no_sam_says_why(stack: Stack) -> None:
    body = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": {}}},
    }
    change_set = stack.change_set("CREATE", TemplateBody=json.dumps(body))
    assert change_set["Status"] == "FAILED"
    assert "Transform AWS::Serverless-2016-10-31 failed" in change_set["StatusReason"]


def test_what_cannot_be_made_is_the_stacks_status(stack: Stack, standing: Stack) -> None:
    body = json.loads(template())
    body["Resources"]["Queue"]["Properties"] = {"QueueName": {"Fn::ImportValue": "exported-by-nobody"}}
    change_set = stack.change_set("UPDATE", TemplateBody=json.dumps(body), Parameters=PREVIOUS)
    assert stack.execute(change_set)["StackStatus"] == "UPDATE_FAILED"
    events = stack.cloudformation.describe_stack_events(StackName=stack.name)["StackEvents"]
    assert any("exported-by-nobody" in each.get("ResourceStatusReason", "") for each in events)


def test_what_could_not_be_made_has_no_outputs_and_stops_nobody(sandbox: Sandbox, stack: Stack) -> None:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="change-sets-taken")
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "change-sets-taken"}}
    body = {
        "Resources": {"Bucket": bucket},
        "Outputs": {"Name": {"Value": {"Ref": "Bucket"}, "Export": {"Name": "change-sets-export"}}},
    }
    failed = stack.execute(stack.change_set("CREATE", TemplateBody=json.dumps(body)))
    assert (failed["StackStatus"], failed.get("Outputs")) == ("ROLLBACK_COMPLETE", None)
    standing = {each["StackName"]: each for each in stack.cloudformation.describe_stacks()["Stacks"]}
    assert stack.name in standing
    assert standing["happypath-core"]["Outputs"]
    exported = {each["Name"] for each in stack.cloudformation.list_exports()["Exports"]}
    assert "change-sets-export" not in exported

    # It goes, but not what was there before it.
    stack.cloudformation.delete_stack(StackName=stack.name)
    s3.delete_bucket(Bucket="change-sets-taken")
    assert stack.execute(stack.change_set("CREATE", TemplateBody=json.dumps(body)))["Outputs"]


def test_an_update_exports_what_is_new_and_takes_back_what_is_gone(standing: Stack) -> None:
    def exported() -> set[str]:
        return {each["Name"] for each in standing.cloudformation.list_exports()["Exports"]}

    body = template(Export={"Name": f"{standing.name}-new"})
    standing.execute(standing.change_set("UPDATE", TemplateBody=body, Parameters=PREVIOUS))
    assert f"{standing.name}-new" in exported()
    standing.execute(standing.change_set("UPDATE", TemplateBody=template(), Parameters=PREVIOUS))
    assert f"{standing.name}-new" not in exported()


@pytest.mark.parametrize("url", ["{endpoint}/{bucket}/{key}", "https://s3.amazonaws.com/{bucket}/{key}"])
def test_a_template_may_lie_in_s3(sandbox: Sandbox, stack: Stack, url: str) -> None:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="change-sets")
    s3.put_object(Bucket="change-sets", Key="a/b.template", Body=template().encode())
    place = url.format(endpoint=sandbox.endpoint, bucket="change-sets", key="a/b.template")
    change_set = stack.change_set("CREATE", TemplateURL=place, Parameters=given(Unused="x"))
    assert stack.execute(change_set)["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    ("kind", "arguments", "complaint"),
    [
        ("UPDATE", {"TemplateBody": template(), "Parameters": given(Unused="x")}, "does not exist"),
        ("CREATE", {"TemplateBody": template()}, r"Parameters: \[Unused\] must have values"),
        (
            "CREATE",
            {"TemplateBody": template(), "Parameters": given(Unused="x", Odd="y")},
            r"Parameters: \[Odd\] do not exist",
        ),
        ("CREATE", {"TemplateBody": "Resources: ["}, "YAML not well-formed"),
        ("CREATE", {"TemplateURL": "https://s3.amazonaws.com/nowhere/x"}, "does not exist"),
    ],
)
def test_what_makes_no_sense_is_refused(
    stack: Stack, kind: str, arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ClientError, match=complaint):
        stack.change_set(kind, **arguments)
    assert stack.name not in {each["StackName"] for each in stack.cloudformation.describe_stacks()["Stacks"]}


def test_what_is_there_is_not_created_again(standing: Stack) -> None:
    with pytest.raises(ClientError, match="already exists"):
        standing.change_set("CREATE", TemplateBody=template(), Parameters=given(Unused="x"))
