"""What the stacks of notices promise: every end is told, nothing else, and each subscriber for itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.ingest.record import PARTITION
from functions.notices.notice import ENDS, SOURCE
from happypath.sandbox.eventbridge import patterns
from tests.templates.template import STACKS, load, resources

NAMES = ("Gallery", "Support")
BUCKET = {"Fn::ImportValue": {"Fn::Sub": "${Prefix}-UploadBucket"}}


def properties(stack: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = resources(stack)[name]["Properties"]
    return found


@pytest.mark.parametrize("status", ["RECEIVED", "IN_REVIEW", *ENDS])
@pytest.mark.parametrize("partition", [PARTITION, "a-park"])
def test_the_function_is_given_records_of_ends_and_no_others(status: str, partition: str) -> None:
    (only,) = properties("notices", "Records")["FilterCriteria"]["Filters"]
    image = {"PK": {"S": partition}, "objStatus": {"S": status}}
    change = {"dynamodb": {"Keys": {"PK": {"S": partition}}, "NewImage": image}}
    passes = patterns.read(only["Pattern"]).matches(change)
    assert passes is (status in ENDS and partition == PARTITION)
    assert not patterns.read(only["Pattern"]).matches({"dynamodb": {"Keys": {"PK": {"S": partition}}}})


def test_a_record_that_fails_is_isolated_tried_again_and_kept() -> None:
    mapping = properties("notices", "Records")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["FailedQueue", "Arn"]}
    # Time is left to send by hand what the stream still has.
    assert mapping["MaximumRecordAgeInSeconds"] <= 6 * 3600
    queue = properties("notices", "FailedQueue")
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    watched = properties("notices", "FailedAlarm")["Dimensions"]
    assert watched == [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["FailedQueue", "QueueName"]}}]


def test_mails_are_of_rejections_alone_and_of_nobody_by_default() -> None:
    template = load("notices")
    mail = template["Resources"]["RejectionsByMail"]
    assert (mail["Condition"], template["Parameters"]["NoticeEmail"]["Default"]) == ("HasNoticeEmail", "")
    assert mail["Properties"]["FilterPolicyScope"] == "MessageBody"
    assert mail["Properties"]["FilterPolicy"] == {
        "detail": {
            "status": ["REJECTED"],
            "placeId": {
                "Fn::If": ["HasNoticePlace", [{"Ref": "NoticePlace"}], {"Ref": "AWS::NoValue"}],
            },
        }
    }


def test_the_topic_lets_rules_in_without_a_condition_which_eventbridge_does_not_support() -> None:
    (admitted, _) = properties("notices", "NoticesTopicPolicy")["PolicyDocument"]["Statement"]
    assert (admitted["Effect"], admitted["Action"]) == ("Allow", "sns:Publish")
    assert admitted["Principal"] == {"Service": "events.amazonaws.com"}
    assert "Condition" not in admitted


@pytest.mark.parametrize("name", NAMES)
def test_a_subscriber_has_a_rule_a_queue_and_dead_letters_of_its_own(name: str) -> None:
    rule, queue = (properties("subscriber", f"{name}{kind}") for kind in ("Rule", "Queue"))
    dead = {"Fn::GetAtt": [f"{name}DeadLetterQueue", "Arn"]}
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": [f"{name}Queue", "Arn"]}
    assert target["DeadLetterConfig"]["Arn"] == queue["RedrivePolicy"]["deadLetterTargetArn"] == dead
    (admitted, _) = properties("subscriber", f"{name}QueuePolicy")["PolicyDocument"]["Statement"]
    assert admitted["Principal"] == {"Service": "events.amazonaws.com"}
    assert admitted["Condition"]["ArnEquals"]["aws:SourceArn"] == {"Fn::GetAtt": [f"{name}Rule", "Arn"]}
    others = [each for each in NAMES if each != name]
    assert not any(other in json.dumps([rule, queue]) for other in others)


def test_rules_are_for_the_notices_of_this_installation_and_miss_none() -> None:
    rules = [each["Properties"] for each in resources("subscriber", "AWS::Events::Rule").values()]
    people = properties("notices", "NoticesRule")
    for rule in (*rules, people):
        assert rule["EventPattern"]["source"] == [SOURCE]
        assert rule["EventPattern"]["detail"] == {"bucket": [BUCKET]}
    types = [each for rule in rules for each in rule["EventPattern"]["detail-type"]]
    assert sorted(types) == sorted(f"Photo {status.lower()}" for status in ENDS)
    assert "detail-type" not in people["EventPattern"]


def test_reviewers_are_told_of_each_photo_once_in_one_sentence_and_of_each_reminder_in_another() -> None:
    rules = [properties("notices", name) for name in ("ReviewsRule", "ReviewsLateRule")]
    for reminders in (0, 1, 499):
        detail = {"bucket": "uploads", "reminders": reminders}
        event = {"source": SOURCE, "detail-type": "Photo in review", "detail": detail}
        matching = [
            patterns.read(json.dumps(rule["EventPattern"]).replace(json.dumps(BUCKET), '"uploads"')).matches(
                event
            )
            for rule in rules
        ]
        assert matching == [reminders == 0, reminders > 0]
    for rule in rules:
        (target,) = rule["Targets"]
        assert target["Arn"] == {"Ref": "ReviewsTopic"}
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["FailedQueue", "Arn"]}}
    assert load("notices")["Parameters"]["ReviewEmail"]["Default"] == ""
    watched = properties("notices", "ReviewsLateAlarm")
    assert (watched["Namespace"], watched["MetricName"]) == ("AWS/Events", "TriggeredRules")
    assert watched["Dimensions"] == [{"Name": "RuleName", "Value": {"Ref": "ReviewsLateRule"}}]


@pytest.mark.parametrize("stack", STACKS)
def test_every_queue_and_topic_is_encrypted_and_closed_to_what_comes_without_tls(stack: str) -> None:
    closed: set[str] = set()
    for kind, key in (("AWS::SQS::QueuePolicy", "Queues"), ("AWS::SNS::TopicPolicy", "Topics")):
        for policy in resources(stack, kind).values():
            denied = [
                each
                for each in policy["Properties"]["PolicyDocument"]["Statement"]
                if each.get("Condition") == {"Bool": {"aws:SecureTransport": False}}
            ]
            assert [(each["Effect"], each["Principal"]) for each in denied] == [("Deny", "*")]
            closed |= {each["Ref"] for each in policy["Properties"][key]}
    queues, topics = resources(stack, "AWS::SQS::Queue"), resources(stack, "AWS::SNS::Topic")
    assert closed == {*queues, *topics}
    assert all(each["Properties"]["SqsManagedSseEnabled"] is True for each in queues.values())
    assert all("Ref" in each["Properties"]["KmsMasterKeyId"] for each in topics.values())
