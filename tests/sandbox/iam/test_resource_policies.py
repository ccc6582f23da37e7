"""The policies of queues, topics, buckets and functions decide what services may deliver to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.roles import document, make_role
from tests.sandbox.iam.test_assumed_roles import make_function
from tests.waiting import until

ACCOUNT = "123456789012"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:told"


def lets(service: str, action: str, resource: str, source: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": action,
        "Resource": resource,
        "Condition": {"ArnLike": {"aws:SourceArn": source}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }


@pytest.fixture
def queue(sandbox: Any) -> Iterator[str]:
    sqs = sandbox.client("sqs")
    url: str = sqs.create_queue(QueueName="told")["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


def received(sandbox: Any, url: str) -> list[str]:
    sqs = sandbox.client("sqs")
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for each in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return [each["Body"] for each in messages]


def allow(sandbox: Any, url: str, *statements: dict[str, Any]) -> None:
    policy = document(*statements) if statements else ""
    sandbox.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def test_a_rule_delivers_to_a_queue_that_lets_it(sandbox: Any, queue: str) -> None:
    events = sandbox.client("events")
    rule = events.put_rule(Name="tells", EventPattern='{"source": ["told"]}')["RuleArn"]
    events.put_targets(Rule="tells", Targets=[{"Id": "q", "Arn": QUEUE}])

    def put() -> list[str]:
        entry = {"Source": "told", "DetailType": "d", "Detail": "{}"}
        assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
        return received(sandbox, queue)

    assert not put()
    allow(sandbox, queue, lets("events", "sqs:SendMessage", QUEUE, f"{rule}-another"))
    assert not put()
    allow(sandbox, queue, lets("events", "sqs:SendMessage", QUEUE, rule))
    assert put()
    allow(sandbox, queue)
    # A role instead: its rights are what counts.
    role = make_role(sandbox.client("iam"), "of-a-rule", trusts=["events"])
    events.put_targets(Rule="tells", Targets=[{"Id": "q", "Arn": QUEUE, "RoleArn": role}])
    assert put()
    make_role(
        sandbox.client("iam"),
        "of-a-rule",
        {"Effect": "Allow", "Action": "sns:*", "Resource": "*"},
        trusts=["events"],
    )
    assert not put()
    events.remove_targets(Rule="tells", Ids=["q"])
    events.delete_rule(Name="tells")


def test_a_denied_delivery_is_a_dead_letter_that_says_so(sandbox: Any, queue: str) -> None:
    events, sqs = sandbox.client("events"), sandbox.client("sqs")
    rule = events.put_rule(Name="tells", EventPattern='{"source": ["told"]}')["RuleArn"]
    closed = f"arn:aws:sqs:us-east-1:{ACCOUNT}:closed"
    url = sqs.create_queue(QueueName="closed")["QueueUrl"]
    allow(sandbox, queue, lets("events", "sqs:SendMessage", QUEUE, rule))
    target = {"Id": "q", "Arn": closed, "DeadLetterConfig": {"Arn": QUEUE}}
    events.put_targets(Rule="tells", Targets=[target])
    events.put_events(Entries=[{"Source": "told", "DetailType": "d", "Detail": "{}"}])
    (letter,) = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
    attributes = {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert attributes["ERROR_MESSAGE"] == (
        f"User: events.amazonaws.com is not authorized to perform: sqs:sendmessage on resource: {closed} "
        "because no resource-based policy allows the sqs:sendmessage action"
    )
    events.remove_targets(Rule="tells", Ids=["q"])
    events.delete_rule(Name="tells")
    sqs.delete_queue(QueueUrl=url)


def test_a_topic_delivers_to_a_queue_that_lets_it(sandbox: Any, queue: str) -> None:
    sns = sandbox.client("sns")
    topic = sns.create_topic(Name="tells")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)
    sns.publish(TopicArn=topic, Message="m")
    assert not received(sandbox, queue)
    statement = lets("sns", "sqs:SendMessage", QUEUE, topic)
    allow(sandbox, queue, statement)
    sns.publish(TopicArn=topic, Message="m")
    assert received(sandbox, queue)
    sns.delete_topic(TopicArn=topic)


def test_a_bucket_tells_only_who_lets_it(sandbox: Any, queue: str) -> None:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="tells-objects")
    wanted = {"QueueConfigurations": [{"QueueArn": QUEUE, "Events": ["s3:ObjectCreated:*"]}]}

    def configure() -> None:
        s3.put_bucket_notification_configuration(Bucket="tells-objects", NotificationConfiguration=wanted)

    with pytest.raises(ClientError, match="Unable to validate the following destination") as raised:
        configure()
    assert raised.value.response["Error"]["Code"] == "InvalidArgument"
    allow(sandbox, queue, lets("s3", "sqs:SendMessage", QUEUE, "arn:aws:s3:::tells-objects"))
    configure()
    s3.put_object(Bucket="tells-objects", Key="a", Body=b"")
    assert any("ObjectCreated:Put" in body for body in received(sandbox, queue))
    allow(sandbox, queue)
    s3.put_object(Bucket="tells-objects", Key="a", Body=b"")
    assert not received(sandbox, queue)
    s3.delete_object(Bucket="tells-objects", Key="a")
    s3.delete_bucket(Bucket="tells-objects")


def test_a_function_is_invoked_by_what_has_its_permission(sandbox: Any) -> None:
    client, sns = sandbox.client("lambda"), sandbox.client("sns")
    arn = make_function(sandbox, "told", make_role(sandbox.client("iam"), "told"))
    topic = sns.create_topic(Name="tells")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    group = {"logGroupName": "/aws/lambda/told"}

    def invocations() -> int:
        try:
            found = sandbox.client("logs").filter_log_events(filterPattern="START", **group)
        except ClientError:
            return 0
        return len(found["events"])

    sns.publish(TopicArn=topic, Message="m")
    client.add_permission(
        FunctionName="told",
        StatementId="topic",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )
    assert invocations() == 0
    sns.publish(TopicArn=topic, Message="m")
    until(lambda: invocations() == 1, "the function is invoked")
    sns.delete_topic(TopicArn=topic)
    client.delete_function(FunctionName="told")


TEMPLATE = {
    "Resources": {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "policied"}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "policied"}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "policied"}},
        "BucketPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Statement": []}},
        },
        "QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": {"Statement": []}},
        },
        "TopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": {"Statement": []}},
        },
    }
}


def template(*statements: dict[str, Any], without: tuple[str, ...] = ()) -> str:
    made = json.loads(json.dumps(TEMPLATE))
    for name in without:
        del made["Resources"][name]
    for resource in made["Resources"].values():
        if "PolicyDocument" in resource["Properties"]:
            resource["Properties"]["PolicyDocument"] = {"Version": "2012-10-17", "Statement": statements}
    return json.dumps(made)


def test_stacks_make_change_and_delete_policies(sandbox: Any) -> None:
    cloudformation = sandbox.client("cloudformation")
    sqs, sns, s3 = (sandbox.client(each) for each in ("sqs", "sns", "s3"))

    def policies() -> list[Any]:
        url = sqs.get_queue_url(QueueName="policied")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})
        topic = sns.get_topic_attributes(TopicArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:policied")["Attributes"]
        try:
            bucket = s3.get_bucket_policy(Bucket="policied")["Policy"]
        except ClientError:
            bucket = "null"
        return [
            (json.loads(each) or {}).get("Statement")
            for each in (bucket, attributes.get("Policy", "null"), topic["Policy"])
        ]

    first, second = (lets("events", "s3:*", "*", f"arn:aws:events:*:*:rule/{n}") for n in (1, 2))
    cloudformation.create_stack(StackName="policied", TemplateBody=template(first))
    assert policies() == [[first], [first], [first]]
    cloudformation.update_stack(StackName="policied", TemplateBody=template(second))
    assert policies() == [[second], [second], [second]]
    without = ("BucketPolicy", "QueuePolicy", "TopicPolicy")
    cloudformation.update_stack(StackName="policied", TemplateBody=template(without=without))
    bucket, of_queue, of_topic = policies()
    assert (bucket, of_queue) == (None, None)
    assert of_topic[0]["Sid"] == "__default_statement_ID"
    cloudformation.delete_stack(StackName="policied")


def test_a_stacks_permission_is_made_changed_and_deleted(sandbox: Any) -> None:
    cloudformation, client = sandbox.client("cloudformation"), sandbox.client("lambda")
    arn = make_function(sandbox, "permitted", make_role(sandbox.client("iam"), "permitted"))

    def body(*principals: str) -> str:
        resources: dict[str, Any] = {
            f"Permission{number}": {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "FunctionName": arn,
                    "Action": "lambda:InvokeFunction",
                    "Principal": principal,
                },
            }
            for number, principal in enumerate(principals)
        }
        return json.dumps({"Resources": {**resources, "Other": {"Type": "AWS::SNS::Topic"}}})

    def permitted() -> list[str]:
        try:
            policy = client.get_policy(FunctionName="permitted")["Policy"]
        except ClientError:
            return []
        return sorted(each["Principal"]["Service"] for each in json.loads(policy)["Statement"])

    cloudformation.create_stack(StackName="permits", TemplateBody=body("s3.amazonaws.com"))
    assert permitted() == ["s3.amazonaws.com"]
    cloudformation.update_stack(
        StackName="permits", TemplateBody=body("sns.amazonaws.com", "events.amazonaws.com")
    )
    assert permitted() == ["events.amazonaws.com", "sns.amazonaws.com"]
    cloudformation.update_stack(StackName="permits", TemplateBody=body("sns.amazonaws.com"))
    assert permitted() == ["sns.amazonaws.com"]
    cloudformation.delete_stack(StackName="permits")
    assert permitted() == []
    client.delete_function(FunctionName="permitted")
