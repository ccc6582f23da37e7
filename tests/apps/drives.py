"""The main job of each app, done as its user would, and what must have come of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests import waiting
from tests.waiting import until

Client: TypeAlias = Callable[[str], Any]
Outputs: TypeAlias = Mapping[str, str]


def execution(client: Client, arn: str, given: Any, status: str = "SUCCEEDED") -> Any:
    """Runs a state machine to its end → its output, or its error."""
    stepfunctions = client("stepfunctions")
    started = stepfunctions.start_execution(stateMachineArn=arn, input=json.dumps(given))["executionArn"]
    return ended(client, started, status)


def ended(client: Client, arn: str, status: str = "SUCCEEDED") -> Any:
    found = waiting.ended(client("stepfunctions"), arn)
    assert found["status"] == status, found
    return json.loads(found["output"]) if status == "SUCCEEDED" else found["error"]


def started_by_an_event(client: Client, state_machine: str, status: str) -> str:
    """The ARN of an execution of that status, that nobody here started."""
    found = until(
        lambda: client("stepfunctions").list_executions(stateMachineArn=state_machine, statusFilter=status)[
            "executions"
        ],
        f"an execution is {status}",
    )
    return str(found[0]["executionArn"])


def log(client: Client, group: str) -> list[str]:
    logs = client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    return [each["message"] for each in logs.filter_log_events(logGroupName=group)["events"]]


def stock_trader(client: Client, outputs: Outputs) -> None:
    for price, kind in ((10, "buy"), (90, "sell")):
        execution(client, outputs["StateMachineArn"], {"price": price})
        items = client("dynamodb").scan(TableName=outputs["TableName"])["Items"]
        assert (str(price), kind) in {(each["Price"]["N"], each["Type"]["S"]) for each in items}
    rules = client("events").list_rules()["Rules"]
    (rule,) = [each for each in rules if each.get("Description") == "Trades each hour"]
    assert (rule["State"], rule["ScheduleExpression"]) == ("DISABLED", "rate(1 hour)")


def queue_to_function(client: Client, outputs: Outputs) -> None:
    client("sqs").send_message(QueueUrl=outputs["QueueUrl"], MessageBody='{"order": 7}')
    group = f"/aws/lambda/{outputs['FunctionName']}"
    until(lambda: '{"worked": 7}' in log(client, group), "the function has worked")


def queue_to_express(client: Client, outputs: Outputs) -> None:
    text = base64.b64encode(b"To be, or not to be!").decode()
    client("sqs").send_message(QueueUrl=outputs["QueueUrl"], MessageBody=json.dumps({"body": text}))

    def look() -> Any:
        events = [json.loads(line) for line in log(client, outputs["LogGroup"])]
        return [each for each in events if each["type"] == "ExecutionSucceeded"]

    (end,) = until(look, "the execution has succeeded")
    assert json.loads(end["details"]["output"])["counted"] == {"to": 2, "be": 2, "or": 1, "not": 1}


def backoff(client: Client, outputs: Outputs) -> None:
    output = execution(client, outputs["StateMachineArn"], {})
    assert output == {"answer": {"calls": 3, "event": {}}}


def object_pipeline(client: Client, outputs: Outputs) -> None:
    client("s3").put_object(Bucket=outputs["Bucket"], Key="a/poem.txt", Body=b"a rose is a rose")
    sqs = client("sqs")
    (message,) = until(
        lambda: sqs.receive_message(QueueUrl=outputs["Inbox"]).get("Messages"), "a message has come"
    )
    assert message["Body"] == "a/poem.txt has 5 words"
    (item,) = client("dynamodb").scan(TableName=outputs["Table"])["Items"]
    assert (item["id"], item["words"]) == ({"S": "a/poem.txt"}, {"N": "5"})
    assert item["started"]["S"].endswith("Z")


def idempotent(client: Client, outputs: Outputs) -> None:
    first = execution(client, outputs["StateMachineArn"], {"orderId": "a", "try": 1})
    again = execution(client, outputs["StateMachineArn"], {"orderId": "a", "try": 2})
    other = execution(client, outputs["StateMachineArn"], {"orderId": "b", "try": 1})
    assert first == again
    assert first["paymentId"] != other["paymentId"]


def thumbnails(client: Client, outputs: Outputs) -> None:
    s3 = client("s3")
    s3.put_object(Bucket=outputs["Uploads"], Key="a.png", Body=b"\x89PNG\r\n\x1a\n" + bytes(100))
    ended(client, started_by_an_event(client, outputs["StateMachineArn"], "SUCCEEDED"))
    made = s3.get_object(Bucket=outputs["Thumbnails"], Key="thumbnail-a.png")
    assert made["ContentLength"] == 54
    items = client("dynamodb").scan(TableName=outputs["Table"])["Items"]
    assert [item["id"]["S"] for item in items] == ["a.png"]
    s3.put_object(Bucket=outputs["Uploads"], Key="a.txt", Body=b"no picture")
    failed = started_by_an_event(client, outputs["StateMachineArn"], "FAILED")
    assert ended(client, failed, "FAILED") == "NoPicture"


def shared_fallback(client: Client, outputs: Outputs) -> None:
    machine = outputs["StateMachineArn"]
    done = execution(client, machine, {"fails": "nothing"})
    assert done == {"reservation": "reserve-1", "payment": "pay-1"}
    failed = execution(client, machine, {"fails": "reserve"})
    assert failed == {"failed": "Reserve", "why": "StepError", "undo": []}
    failed = execution(client, machine, {"fails": "pay"})
    assert failed == {"failed": "Pay", "why": "StepError", "undo": ["reserve-1"]}


def ask(url: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
    """What an API answers: the status, and the JSON that it sends."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urlopen(request, timeout=60) as response:
            status, content = response.status, response.read()
    except HTTPError as error:
        with error:
            status, content = error.code, error.read()
    return status, json.loads(content) if content else None


def notes_api(client: Client, outputs: Outputs) -> None:
    notes = f"{outputs['Url']}/notes"
    assert ask(notes) == (200, [])
    status, made = ask(notes, "POST", {"text": "buy milk"})
    assert (status, made["text"]) == (201, "buy milk")
    assert ask(notes, "POST", {"text": ""}) == (400, {"error": "A note needs a text."})
    one = f"{notes}/{made['id']}"
    assert ask(one, "PUT", {"text": "buy bread"}) == (200, {**made, "text": "buy bread"})
    assert ask(one) == (200, {**made, "text": "buy bread"})
    assert ask(notes) == (200, [{**made, "text": "buy bread"}])
    assert ask(one, "DELETE") == (204, None)
    assert ask(one) == (404, {"error": "There is no such note."})
    assert ask(f"{outputs['Url']}/nothing") == (404, {"message": "Not Found"})
    assert client("dynamodb").describe_table(TableName=outputs["Table"])["Table"]["ItemCount"] == 0


DRIVES: Mapping[str, Callable[[Client, Outputs], None]] = {
    drive.__name__: drive
    for drive in (
        stock_trader,
        queue_to_function,
        queue_to_express,
        backoff,
        object_pipeline,
        idempotent,
        thumbnails,
        shared_fallback,
        notes_api,
    )
}
