"""Every end of an upload is told, to each subscriber that asked for it, whatever goes wrong on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from functions.notices.notice import ENDS, notice
from tests.outcomes import Row
from tests.roles import make_role
from tests.sandbox.iam.test_assumed_roles import make_function
from tests.templates.template import load
from tests.waiting import until
from tests.workflows.driver import Driver
from tests.workflows.notices import Subscriber, give_up, refused
from tests.workflows.pictures import place_id
from tests.workflows.tasks import accepted, all_tasks, rejected

pytestmark = pytest.mark.timeout(300)

ACCOUNT = "123456789012"
# A workflow with a quick way to each end.
QUICK, REFUSING = "v1", "v3"


@pytest.fixture(scope="module")
def gallery(driver: Driver) -> Subscriber:
    return Subscriber(driver.installation, "subscriber-gallery")


@pytest.fixture(scope="module")
def support(driver: Driver) -> Subscriber:
    return Subscriber(driver.installation, "subscriber-support")


def upload(driver: Driver, workflow: str, row: Row, place: str | None = None) -> str:
    driver.go_live(workflow)
    key = driver.new_key(place or place_id(row), f"notice{row.suffix}")
    driver.upload(driver.picture(row), key)
    return key


def uploaded(driver: Driver) -> str:
    return upload(driver, QUICK, accepted(QUICK))


def test_what_is_published_is_told_with_its_addresses(driver: Driver, gallery: Subscriber) -> None:
    key = uploaded(driver)
    told = gallery.first(key, "PROCESSED")
    ended = driver.ended(key)
    assert ended.photo is not None
    assert {each["name"]: each["url"] for each in told["renditions"]} == {
        "tile": ended.photo["tileURL"],
        "scaled": ended.photo["scaledURL"],
    }
    assert told["at"] == ended.record["finishedAt"]
    assert told["version"] == ended.record["version"]
    assert (told["bucket"], told["workflow"]) == (driver.upload_bucket, QUICK)
    assert key == f"{told['placeId']}/{told['uploadId']}"


def test_what_comes_to_nothing_is_told_to_whom_it_concerns(
    driver: Driver, gallery: Subscriber, support: Subscriber
) -> None:
    no = upload(driver, REFUSING, rejected(REFUSING))
    told = support.first(no, "REJECTED")
    (task, *_) = [each for each in all_tasks() if each.workflow == QUICK]
    with driver.sandbox.faults(f"{task.target}=raise:KeyError"):
        broken = uploaded(driver)
        failed = support.first(broken, "FAILED")
    assert told["reason"] == driver.ended(no).reason
    assert (failed["reason"], failed["renditions"]) == ("KeyError", [])
    assert [each["detail-type"] for each in support.told(no)] == ["Photo rejected"]
    assert [each["detail-type"] for each in support.told(broken)] == ["Photo failed"]
    # Once what came later has arrived, so would have what came before.
    gallery.first(uploaded(driver), "PROCESSED")
    assert gallery.told(no) == gallery.told(broken) == []


def test_what_is_gone_before_it_is_looked_at_is_told_as_deleted(driver: Driver, gallery: Subscriber) -> None:
    driver.go_live("none")
    key = driver.new_key()
    version = driver.put_quietly(key, b"gone")
    s3 = driver.installation.client("s3")
    s3.delete_object(Bucket=driver.upload_bucket, Key=key, VersionId=version)
    detail = {
        "bucket": {"name": driver.upload_bucket},
        "object": {"key": key, "version-id": version, "sequencer": "0"},
    }
    driver.send({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})
    told = gallery.first(key, "DELETED")
    assert (told["version"], told["workflow"], told["renditions"]) == (version, None, [])


def test_a_deletion_is_told_once_and_what_comes_after_it_is_another_upload(
    driver: Driver, gallery: Subscriber
) -> None:
    s3 = driver.installation.client("s3")
    key = uploaded(driver)
    first = gallery.first(key, "PROCESSED")
    s3.delete_object(Bucket=driver.upload_bucket, Key=key)
    gone = gallery.first(key, "DELETED")
    assert (gone["version"], gone["renditions"]) == (first["version"], [])
    until(lambda: not driver.published(key).renditions, "the renditions are gone")
    # All that the deletion did with the record is in the stream before what comes now.
    driver.upload(driver.picture(accepted(QUICK)), key)

    def again() -> bool:
        return [each["detail"]["status"] for each in gallery.told(key)].count("PROCESSED") > 1

    until(again, "the photo that was uploaded again is told of")
    told = [each["detail"] for each in gallery.told(key)]
    assert [each["status"] for each in told] == ["PROCESSED", "DELETED", "PROCESSED"]
    assert len({each["id"] for each in told}) == len(told)
    assert told[2]["version"] != first["version"]


@pytest.mark.slow
def test_whatever_happens_to_objects_each_end_in_the_stream_is_told(
    driver: Driver, gallery: Subscriber, support: Subscriber
) -> None:
    s3, random = driver.installation.client("s3"), Random(16)
    photo = driver.picture(accepted(QUICK))
    driver.go_live(QUICK)
    keys = [driver.new_key() for _ in range(6)]
    faults = ("function:Notices=kill@10%", "function:Notices=timeout@20%", "events:PutEvents=throttle@20%")
    with driver.sandbox.faults(*faults):
        for key in [*keys, *random.choices(keys, k=12)]:
            if random.random() < 0.4:
                s3.delete_object(Bucket=driver.upload_bucket, Key=key)
            else:
                driver.upload(photo if random.random() < 0.8 else b"no photo", key)
        until(lambda: all(_rests(driver, key) for key in keys), "every upload has ended")
        expected = {each["id"] for each in _ends_in_the_stream(driver, keys)}
        assert len(expected) >= len([key for key in keys if driver.installation.record(key)])

        def told() -> set[str]:
            return {
                each["detail"]["id"]
                for subscriber in (gallery, support)
                for key in keys
                for each in subscriber.told(key)
            }

        until(lambda: told() >= expected, "each end is told")
    assert told() == expected


def _rests(driver: Driver, key: str) -> bool:
    """Whether nothing more is going to happen to a record: it ended, and says of the bucket what is there."""
    record = driver.installation.record(key)
    there = driver.installation.client("s3").list_objects_v2(Bucket=driver.upload_bucket, Prefix=key)
    if not driver.all_events_are_handled() or record is None:
        # A key that was only deleted has none.
        return record is None and not there["KeyCount"] and driver.all_events_are_handled()
    if record["objStatus"] not in ENDS or "deletion" in record:
        return False
    if not there["KeyCount"]:
        return record["objStatus"] in {"DELETED", "REJECTED"}
    head = driver.installation.client("s3").head_object(Bucket=driver.upload_bucket, Key=key)
    return bool(record["version"] == head["VersionId"])


def _ends_in_the_stream(driver: Driver, keys: list[str]) -> Iterator[dict[str, Any]]:
    """The notices of what the stream has of some keys, read by hand."""
    streams = driver.installation.client("dynamodbstreams")
    (stream,) = streams.list_streams(TableName=driver.installation.core["Table"])["Streams"]
    (shard,) = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=stream["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    while page := streams.get_records(ShardIterator=iterator):
        for each in page["Records"]:
            if each["dynamodb"]["Keys"]["SK"]["S"] in keys:
                made = notice(each, driver.installation.core["DistributionUrl"])
                if made is not None:
                    yield made
        iterator = page["NextShardIterator"]
        if not page["Records"]:
            return


def test_people_hear_of_what_is_rejected_at_one_place_and_of_nothing_else(
    driver: Driver, gallery: Subscriber, support: Subscriber
) -> None:
    row = rejected(REFUSING)
    sns, sqs = driver.installation.client("sns"), driver.installation.client("sqs")
    url = sqs.create_queue(QueueName=f"{driver.sandbox.prefix}-person")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{driver.sandbox.prefix}-person"
    (topic,) = [
        each["TopicArn"] for each in sns.list_topics()["Topics"] if each["TopicArn"].endswith("-notices")
    ]
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    mail = load("notices")["Resources"]["RejectionsByMail"]["Properties"]
    # As CloudFormation puts it in, if there is a place.
    given = mail["FilterPolicy"]["detail"]
    assert given["placeId"]["Fn::If"][:2] == ["HasNoticePlace", [{"Ref": "NoticePlace"}]]
    filters = {"detail": {"status": given["status"], "placeId": ["one-place"]}}
    subscription = sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"FilterPolicyScope": mail["FilterPolicyScope"], "FilterPolicy": json.dumps(filters)},
    )["SubscriptionArn"]
    person = Subscriber(driver.installation, "person")
    try:
        elsewhere = upload(driver, REFUSING, row, "another-place")
        support.first(elsewhere, "REJECTED")
        fine = upload(driver, QUICK, accepted(QUICK), "one-place")
        gallery.first(fine, "PROCESSED")
        here = upload(driver, REFUSING, row, "one-place")
        assert person.first(here, "REJECTED")["reason"] == driver.ended(here).reason
        assert person.told(elsewhere) == person.told(fine) == []
    finally:
        sns.unsubscribe(SubscriptionArn=subscription)
        sqs.delete_queue(QueueUrl=url)


@pytest.mark.parametrize(
    "fault",
    [
        "function:Notices=kill@1-2",
        "function:Notices=throttle@1-5",
        "function:Notices=raise@1-3",
        "function:Notices=garbage@1",
        "events:PutEvents=throttle@1-4",
        "events:PutEvents=error@1-4",
    ],
)
def test_a_notice_is_sent_again_rather_than_lost(driver: Driver, support: Subscriber, fault: str) -> None:
    with driver.sandbox.faults(fault):
        keys = [refused(driver) for _ in range(3)]
        told = [support.first(key, "REJECTED") for key in keys]
    assert len({each["id"] for each in told}) == len(keys)


def test_none_of_many_is_missing_and_each_has_its_own_id(driver: Driver, support: Subscriber) -> None:
    faults = (
        "function:Notices=kill@20%",
        "function:Notices=timeout@20%",
        "events:PutEvents=throttle@30%",
        "event:upload=duplicate",
    )
    with driver.sandbox.faults(*faults):
        keys = [refused(driver) for _ in range(30)]
        ids = {support.first(key, "REJECTED")["id"] for key in keys}
    assert len(ids) == len(keys)
    # However often each came.
    assert {each["detail"]["id"] for key in keys for each in support.told(key)} == ids


def test_a_notice_that_is_sent_twice_has_one_id(driver: Driver, support: Subscriber) -> None:
    # The stream is read in order: when this is told of, no batch of another test is left to take the fault.
    support.first(refused(driver), "REJECTED")
    # All is done, and nobody hears of it.
    with driver.sandbox.faults("function:Notices=timeout@1"):
        key = refused(driver)
        until(lambda: len(support.told(key)) > 1, "the notice comes again")
    told = support.told(key)
    assert len({each["id"] for each in told}) == len(told)
    assert all(each["detail"] == told[0]["detail"] for each in told)


def test_what_is_given_up_can_be_sent_by_hand(driver: Driver, support: Subscriber) -> None:
    key, told = give_up(driver)
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    where = told["DDBStreamBatchInfo"]
    # As docs/notices.md has it.
    streams = driver.installation.client("dynamodbstreams")
    iterator = streams.get_shard_iterator(
        StreamArn=where["streamArn"],
        ShardId=where["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=where["startSequenceNumber"],
    )["ShardIterator"]
    records = streams.get_records(ShardIterator=iterator)["Records"]
    assert support.told(key) == []
    answer = driver.installation.client("lambda").invoke(
        FunctionName=f"{driver.sandbox.prefix}-Notices", Payload=json.dumps({"Records": records}, default=str)
    )
    assert json.loads(answer["Payload"].read()) == {"batchItemFailures": []}
    support.first(key, "REJECTED")


def test_a_record_that_no_notice_can_be_made_of_is_left_out_alone(
    driver: Driver, support: Subscriber
) -> None:
    dynamodb, table = driver.installation.client("dynamodb"), driver.installation.core["Table"]
    failed = Subscriber(driver.installation, "notices-failed")
    failed.take()
    broken = {"PK": {"S": "workflow"}, "SK": {"S": f"broken-{driver.new_id()}"}}
    before = refused(driver)
    # Whoever may write to the table may write anything.
    senseless = {"objStatus": {"S": "PROCESSED"}, "renditions": {"S": "a text"}}
    dynamodb.put_item(TableName=table, Item=broken | senseless)
    dynamodb.delete_item(TableName=table, Key=broken)
    after = refused(driver)
    for key in (before, after):
        support.first(key, "REJECTED")
    (message,) = until(failed.take, "the record is given up")
    assert json.loads(message["Body"])["DDBStreamBatchInfo"]["batchSize"] == 1


def throwing(driver: Driver) -> str:
    role = make_role(driver.installation.client("iam"), "stranger")
    code = "def handler(event, context): raise ValueError('no')"
    return make_function(driver.sandbox, "stranger", role, code)


def deleted(driver: Driver) -> str:
    sqs = driver.installation.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.create_queue(QueueName="stranger")["QueueUrl"])
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:stranger"


@pytest.mark.parametrize(
    "target",
    [
        throwing,
        deleted,
        f"arn:aws:sns:us-east-1:{ACCOUNT}:stranger",
        f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/stranger",
        f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/stranger",
        f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/stranger",
        f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/stranger",
        f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/stranger",
    ],
    ids=lambda target: target if isinstance(target, str) else target.__name__,
)
def test_a_strangers_rule_makes_no_difference_to_uploads_and_their_notices(
    driver: Driver, gallery: Subscriber, target: str | Callable[[Driver], str]
) -> None:
    events: Any = driver.installation.client("events")
    arn = target if isinstance(target, str) else target(driver)
    pattern = json.dumps({"source": ["happypath", "aws.s3", "aws.states"]})
    events.put_rule(Name="stranger", EventPattern=pattern)
    try:
        entry = {"Id": "stranger", "Arn": arn}
        if ":ecs:" in arn:
            entry["RoleArn"] = make_role(driver.installation.client("iam"), "stranger")
        events.put_targets(Rule="stranger", Targets=[entry])
        gallery.first(uploaded(driver), "PROCESSED")
    finally:
        events.remove_targets(Rule="stranger", Ids=["stranger"])
        events.delete_rule(Name="stranger")
        if target is throwing:
            driver.installation.client("lambda").delete_function(FunctionName="stranger")
