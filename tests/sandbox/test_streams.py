"""Streams of tables to functions: in order, again when they fail, and told of when they are given up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from happypath.sandbox.dynamodb.streams import StreamReader, size_bytes
from happypath.sandbox.fault_injection.error_responses import ErrorResponse
from happypath.sandbox.function_host.environment import Outcome
from happypath.sandbox.function_host.host import InvokeError
from happypath.sandbox.function_host.mappings import Running
from happypath.sandbox.function_host.runtime_api import Answer, error_answer
from happypath.sandbox.function_host.stream_source import ACTIONS, StreamSource
from happypath.sandbox.iam import AccessDeniedError
from happypath.sandbox.patches.event_sources import starting_point
from happypath.sandbox.sandbox import Sandbox
from tests.roles import make_role
from tests.sandbox.iam.test_assumed_roles import make_function

OK = Answer(b"null")
BROKEN = error_answer("ValueError", "no")


@pytest.fixture(scope="module")
def account() -> Iterator[Sandbox]:
    with Sandbox(retry_wait_scale=0, tracing=False) as sandbox:
        make_function(sandbox, "reads", make_role(sandbox.client("iam"), "reads"))
        yield sandbox


class Work:
    """A function, which answers as it is told, and what it was invoked with: the keys of each batch."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.records: list[dict[str, Any]] = []
        self.answer: Callable[[list[dict[str, Any]]], Answer] = lambda _: OK
        # What the mapping's settings are by now.
        self.settings: Callable[[Any], Any] = lambda made: made

    def __call__(self, arn: str, payload: bytes) -> Outcome:
        assert arn.endswith(":reads")
        records = json.loads(payload)["Records"]
        self.batches.append([each["dynamodb"]["Keys"]["PK"]["S"] for each in records])
        self.records += records
        return Outcome(self.answer(records), "request-1", [], 1.0, None, 1)


@pytest.fixture
def work() -> Work:
    return Work()


class Table:
    """A table with a stream."""

    def __init__(self, account: Sandbox, name: str, view: str = "NEW_AND_OLD_IMAGES") -> None:
        self.account, self.name = account, name
        self.client = account.client("dynamodb")
        self.stream: str = self.client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
        )["TableDescription"]["LatestStreamArn"]

    def put(self, *keys: str, **attributes: Any) -> None:
        for key in keys:
            self.client.put_item(TableName=self.name, Item={"PK": {"S": key}, **attributes})

    def mapped(self, work: Work, **settings: Any) -> Callable[[], None]:
        """Maps the stream to the function, whose mapping is polled only by what is returned."""
        client = self.account.client("lambda")
        # The sandbox's own pollers leave it alone.
        made = client.create_event_source_mapping(
            FunctionName="reads",
            EventSourceArn=self.stream,
            Enabled=False,
            **{"StartingPosition": "TRIM_HORIZON", **settings},
        )
        source = StreamSource(made, self.account._direct_client, work, starting_point, lambda: 0.0)
        return lambda: source.poll(lambda: work.settings(made), Running())


@pytest.fixture
def table(account: Sandbox, request: pytest.FixtureRequest) -> Iterator[Table]:
    made = Table(account, request.node.name[:200].replace("[", "-").replace("]", ""))
    yield made
    client = account.client("lambda")
    for each in client.list_event_source_mappings(EventSourceArn=made.stream)["EventSourceMappings"]:
        client.delete_event_source_mapping(UUID=each["UUID"])
    made.client.delete_table(TableName=made.name)


def reporting(*bad: str) -> Callable[[list[dict[str, Any]]], Answer]:
    """Reports the records of these items as failed."""

    def answer(records: Sequence[dict[str, Any]]) -> Answer:
        numbers = [
            each["dynamodb"]["SequenceNumber"]
            for each in records
            if each["dynamodb"]["Keys"]["PK"]["S"] in bad
        ]
        failures = [{"itemIdentifier": number} for number in numbers]
        return Answer(json.dumps({"batchItemFailures": failures}).encode())

    return answer


def raising(*bad: str) -> Callable[[list[dict[str, Any]]], Answer]:
    """Fails for batches that one of these items is in."""
    return lambda records: (
        BROKEN if {each["dynamodb"]["Keys"]["PK"]["S"] for each in records} & set(bad) else OK
    )


def test_a_function_gets_the_records_in_order_as_lambda_hands_them_over(table: Table, work: Work) -> None:
    poll = table.mapped(work)
    table.put("a", n={"N": "1"}, raw={"B": b"\0\1"}, more={"M": {"x": {"L": [{"BOOL": True}]}}})
    table.put("a", n={"N": "2"})
    table.client.delete_item(TableName=table.name, Key={"PK": {"S": "a"}})
    poll()
    assert work.batches == [["a", "a", "a"]]
    assert [each["eventName"] for each in work.records] == ["INSERT", "MODIFY", "REMOVE"]
    first = work.records[0]
    assert {name: first[name] for name in first if name not in {"eventID", "dynamodb"}} == {
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "eventSourceARN": table.stream,
    }
    change = first["dynamodb"]
    assert change["NewImage"]["raw"] == {"B": "AAE="}
    assert change["NewImage"]["more"] == {"M": {"x": {"L": [{"BOOL": True}]}}}
    assert change["ApproximateCreationDateTime"] == int(change["ApproximateCreationDateTime"])
    numbers = [int(each["dynamodb"]["SequenceNumber"]) for each in work.records]
    assert numbers == sorted(set(numbers))
    assert work.records[1]["dynamodb"]["OldImage"]["n"] == {"N": "1"}
    assert "NewImage" not in work.records[2]["dynamodb"]


def test_latest_begins_with_what_is_written_after_the_mapping(table: Table, work: Work) -> None:
    table.put("before")
    poll = table.mapped(work, StartingPosition="LATEST")
    table.put("after")
    poll()
    assert work.batches == [["after"]]


def test_a_batch_has_its_size_and_a_window_gathers_what_comes(table: Table, work: Work) -> None:
    table.put(*"abcde")
    poll = table.mapped(work, BatchSize=2)
    for _ in range(3):
        poll()
    assert work.batches == [["a", "b"], ["c", "d"], ["e"]]


def test_a_window_ends_with_a_full_batch(table: Table, work: Work) -> None:
    # It would last longer than the test may.
    poll = table.mapped(work, BatchSize=3, MaximumBatchingWindowInSeconds=300)
    table.put(*"abc")
    poll()
    assert work.batches == [["a", "b", "c"]]


def test_a_batch_is_no_larger_than_an_invocation_may_be(table: Table, work: Work) -> None:
    table.put(*"abcdefghijklmnopqrst", text={"S": "x" * 399_000})
    poll = table.mapped(work)
    poll()
    poll()
    assert [len(each) for each in work.batches] == [15, 5]


@pytest.mark.parametrize(
    ("pattern", "passing"),
    [
        ({"dynamodb": {"NewImage": {"status": {"S": ["DONE"]}}}}, ["b"]),
        ({"dynamodb": {"Keys": {"PK": {"S": [{"prefix": "a"}]}}}}, ["a"]),
        ({"eventName": ["REMOVE"]}, ["a"]),
        ({"dynamodb": {"OldImage": {"PK": {"S": [{"exists": False}]}}}}, ["a", "b"]),
    ],
)
def test_what_a_filter_leaves_out_is_in_no_batch(
    table: Table, work: Work, pattern: dict[str, Any], passing: list[str]
) -> None:
    table.put("a", status={"S": "NEW"})
    table.put("b", status={"S": "DONE"})
    table.client.delete_item(TableName=table.name, Key={"PK": {"S": "a"}})
    filters = {"Filters": [{"Pattern": json.dumps(pattern)}]}
    table.mapped(work, FilterCriteria=filters)()
    assert [key for batch in work.batches for key in batch][: len(passing)] == passing
    assert len(work.records) == (2 if pattern.get("dynamodb", {}).get("Keys") else len(passing))


def test_a_batch_that_fails_is_tried_again_before_what_follows(table: Table, work: Work) -> None:
    answers = iter([BROKEN, BROKEN, OK])
    work.answer = lambda _: next(answers)
    table.put(*"ab")
    table.mapped(work)()
    assert work.batches == [["a", "b"]] * 3


def test_a_batch_is_split_until_the_record_that_fails_is_alone(table: Table, work: Work) -> None:
    work.answer = raising("c")
    table.put(*"abcd")
    table.mapped(work, BisectBatchOnFunctionError=True, MaximumRetryAttempts=0)()
    assert work.batches == [["a", "b", "c", "d"], ["a", "b"], ["c", "d"], ["c"], ["d"]]


def test_records_from_the_first_that_is_reported_are_tried_again(table: Table, work: Work) -> None:
    first = reporting("c", "b")
    work.answer = lambda records: first(records) if len(records) == 4 else OK
    table.put(*"abcd")
    table.mapped(work, FunctionResponseTypes=["ReportBatchItemFailures"])()
    assert work.batches == [["a", "b", "c", "d"], ["b", "c", "d"]]


def test_a_report_without_sense_is_a_failed_batch(table: Table, work: Work) -> None:
    answers = iter([Answer(b'{"batchItemFailures": [{"itemIdentifier": ""}]}'), Answer(b'"ok"'), OK])
    work.answer = lambda _: next(answers)
    table.put(*"ab")
    table.mapped(work, FunctionResponseTypes=["ReportBatchItemFailures"])()
    assert work.batches == [["a", "b"]] * 3


def test_a_split_at_a_reported_record_uses_up_no_attempt(table: Table, work: Work) -> None:
    work.answer = reporting("b", "d")
    table.put(*"abcde")
    report = ["ReportBatchItemFailures"]
    table.mapped(
        work, FunctionResponseTypes=report, BisectBatchOnFunctionError=True, MaximumRetryAttempts=0
    )()
    assert work.batches == [list("abcde"), list("bcde"), list("bc"), ["b"], ["c"], list("de"), ["d"], ["e"]]


@pytest.mark.parametrize("kind", ["sqs", "sns"])
def test_what_is_given_up_is_told_to_the_destination(
    account: Sandbox, table: Table, work: Work, kind: str
) -> None:
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName=f"given-up-{kind}")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:123456789012:given-up-{kind}"
    destination = arn
    if kind == "sns":
        destination = account.client("sns").create_topic(Name="given-up")["TopicArn"]
        sends = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [sends]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        account.client("sns").subscribe(
            TopicArn=destination, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
        )
    work.answer = raising("a")
    table.put(*"ab")
    poll = table.mapped(
        work, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": destination}}
    )
    poll()
    table.put("c")
    poll()
    assert work.batches == [["a", "b"], ["a", "b"], ["c"]]
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    told = json.loads(message["Body"])
    first, last = work.records[0]["dynamodb"], work.records[1]["dynamodb"]
    assert told["requestContext"] == {
        "requestId": "request-1",
        "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:reads",
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 2,
    }
    assert told["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    batch = told["DDBStreamBatchInfo"]
    assert (batch["startSequenceNumber"], batch["endSequenceNumber"]) == (
        first["SequenceNumber"],
        last["SequenceNumber"],
    )
    assert (batch["batchSize"], batch["streamArn"]) == (2, table.stream)
    assert batch["shardId"].startswith("shardId-")


def test_a_throttled_function_loses_nothing_whatever_its_attempts(table: Table, work: Work) -> None:
    answers = iter([None, None, None, OK])

    def answer(_: Any) -> Answer:
        found = next(answers)
        if found is None:
            raise InvokeError(ErrorResponse("TooManyRequestsException", 429, "Rate Exceeded."))
        return found

    work.answer = answer
    table.put("a")
    table.mapped(work, MaximumRetryAttempts=0)()
    assert work.batches == [["a"]] * 4


def test_a_record_that_is_too_old_is_given_up_and_a_newer_one_is_not(table: Table, work: Work) -> None:
    table.put(*"ab")
    (first, _) = StreamReader(table.stream).read(0, 2)
    first.written -= timedelta(seconds=61)
    table.mapped(work, MaximumRecordAgeInSeconds=60)()
    assert work.batches == [["b"]]


def test_waits_between_attempts_count_for_the_age_of_a_record(table: Table, work: Work) -> None:
    work.answer = lambda _: BROKEN
    table.put("a")
    table.mapped(work, MaximumRecordAgeInSeconds=60)()
    # 1, 2, 4, … seconds: after six attempts a minute is over.
    assert work.batches == [["a"]] * 6


def test_what_is_disabled_meanwhile_is_not_tried_again_and_goes_on_where_it_was(
    table: Table, work: Work
) -> None:
    work.answer = raising("b")
    table.put(*"ab")
    poll = table.mapped(work, BisectBatchOnFunctionError=True)
    # Enabled until the record that fails was tried twice.
    work.settings = lambda made: made if work.batches.count(["b"]) < 2 else None
    poll()
    assert work.batches == [["a", "b"], ["a"], ["b"], ["b"]]
    poll()
    assert len(work.batches) == 4
    work.settings, work.answer = lambda made: made, lambda _: OK
    poll()
    assert work.batches[4:] == [["b"]]


def test_settings_that_are_changed_hold_for_the_batch_at_hand(table: Table, work: Work) -> None:
    work.answer = raising("a")
    table.put(*"ab")
    poll = table.mapped(work)
    # For ever, until somebody limits it.
    work.settings = lambda made: made | ({"MaximumRetryAttempts": 3} if len(work.batches) > 2 else {})
    poll()
    assert work.batches == [["a", "b"]] * 4


def test_what_waits_is_seen_by_the_age_of_what_is_read(account: Sandbox, table: Table, work: Work) -> None:
    table.put("a")
    (record,) = StreamReader(table.stream).read(0, 1)
    record.written -= timedelta(minutes=11)
    table.mapped(work)()
    now = datetime.now(UTC)
    (point,) = account.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="IteratorAge",
        Dimensions=[{"Name": "FunctionName", "Value": "reads"}],
        StartTime=now - timedelta(minutes=30),
        EndTime=now + timedelta(minutes=30),
        Period=3600 * 24,
        Statistics=["Maximum"],
    )["Datapoints"]
    assert point["Maximum"] >= 660_000


def test_a_role_that_may_not_read_the_stream_reads_nothing(account: Sandbox, work: Work) -> None:
    table = Table(account, "denied")
    allowed = [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": table.stream}]
    iam = account.client("iam")
    try:
        for missing in ACTIONS:
            deny = {"Effect": "Deny", "Action": f"dynamodb:{missing}", "Resource": "*"}
            make_role(iam, "reads", *allowed, deny)
            with pytest.raises(ClientError) as refused:
                table.mapped(work)
            error = refused.value.response["Error"]
            assert error["Code"] == "InvalidParameterValueException"
            assert error["Message"] == (
                f"Cannot access stream {table.stream}. Please ensure the role can perform the GetRecords, "
                "GetShardIterator, DescribeStream, and ListStreams Actions on your stream in IAM."
            )
        make_role(iam, "reads", *allowed)
        poll = table.mapped(work)
        make_role(
            iam, "reads", *allowed, {"Effect": "Deny", "Action": "dynamodb:GetRecords", "Resource": "*"}
        )
        table.put("a")
        with pytest.raises(AccessDeniedError, match="dynamodb:GetRecords"):
            poll()
        assert work.batches == []
        make_role(iam, "reads", *allowed)
        poll()
        assert work.batches == [["a"]]
    finally:
        make_role(iam, "reads")


def test_a_transaction_that_fails_is_not_in_the_stream(table: Table, work: Work) -> None:
    poll = table.mapped(work)
    table.put("there")
    put = {"Put": {"TableName": table.name, "Item": {"PK": {"S": "new"}}}}
    fails = {
        "Put": {
            "TableName": table.name,
            "Item": {"PK": {"S": "there"}},
            "ConditionExpression": "attribute_not_exists(PK)",
        }
    }
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        table.client.transact_write_items(TransactItems=[put, fails])
    table.put("after")
    poll()
    assert work.batches == [["there", "after"]]


def test_a_table_that_is_gone_has_nothing_to_read(account: Sandbox, work: Work) -> None:
    table = Table(account, "gone")
    poll = table.mapped(work)
    table.put("a")
    table.client.delete_table(TableName="gone")
    poll()
    assert work.batches == []


def test_a_size_is_that_of_the_names_and_values() -> None:
    # The examples of https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html.
    key = {"Id": {"N": "101"}}
    new, old = ({"Message": {"S": text}, **key} for text in ("This item has changed", "New item!"))
    assert size_bytes(key) + size_bytes(new) + size_bytes(old) == 59
    assert size_bytes(
        {"a": {"NULL": True}, "b": {"L": [{"SS": ["x", "yy"]}, {"M": {"c": {"B": "AAE="}}}]}}
    ) == (2 + 1 + 3 + (1 + 3) + (1 + 3 + 1 + 1 + 2))
