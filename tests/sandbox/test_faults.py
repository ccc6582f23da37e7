"""The rules of fault injection: how they are read, which calls they hit, and how services then answer."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from happypath.sandbox.account import CREDENTIALS, OWN_ACCESS_KEY
from happypath.sandbox.fault_injection import rules as faults_module
from happypath.sandbox.fault_injection.rules import Fault, FaultError, Faults, Kind
from happypath.sandbox.function_host.environment import Function
from happypath.sandbox.function_host.host import FunctionHost
from happypath.sandbox.injection import refusing
from tests import waiting
from tests.roles import make_role
from tests.sandbox.test_host import CODE, archive


def hits(rule: str, calls: int, *, seed: int = 0, target: str = "state:Resizer") -> list[int]:
    """The numbers of the calls that a rule hits, from 1."""
    faults = Faults.parse([rule], seed=seed)
    return [number for number in range(1, calls + 1) if faults.hit(target)]


@pytest.mark.parametrize(
    ("when", "numbers"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("@1", [1]),
        ("@3", [3]),
        ("@2-4", [2, 3, 4]),
        ("@4-", [4, 5]),
        ("@100%", [1, 2, 3, 4, 5]),
    ],
)
def test_a_rule_hits_the_calls_that_it_says(when: str, numbers: list[int]) -> None:
    assert hits(f"state:Resizer=throttle{when}", 5) == numbers


def test_a_percentage_hits_that_many_and_the_same_calls_for_the_same_seed() -> None:
    rule = "state:Resizer=throttle@10%"
    assert 60 < len(hits(rule, 1000)) < 140
    assert hits(rule, 1000, seed=7) == hits(rule, 1000, seed=7) != hits(rule, 1000, seed=8)


class Clock:
    """Seconds that pass when a test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def let_through(faults: Faults, calls: int, target: str = "state:A") -> int:
    """How many of so many calls at once meet no fault."""
    return sum(faults.hit(target) is None for _ in range(calls))


@pytest.mark.parametrize(
    ("rate", "burst", "a_minute"),
    [("5/s", 5, 300), ("0.5/s", 1, 30), ("300/m", 5, 300), ("30/m", 1, 30), ("2.5/s", 2, 150)],
)
def test_calls_beyond_a_rate_are_throttled(rate: str, burst: int, a_minute: int) -> None:
    clock = Clock()
    faults = Faults.parse([f"state:A=rate:{rate}"], clock=clock)

    # At first as many at once as come in a second, and no more however many ask.
    assert let_through(faults, 50) == burst
    assert faults.hit("state:A") == Fault(Kind.THROTTLE)
    passed = 0
    for _ in range(600):
        clock.now += 0.1
        passed += let_through(faults, 3)
    assert abs(passed - a_minute) <= 1
    # What is not used is not kept beyond that.
    clock.now += 3600
    assert let_through(faults, 50) == burst


def test_a_rate_is_kept_by_every_caller_together_and_apart_from_other_rules() -> None:
    clock = Clock()
    faults = Faults.parse(["state:A=rate:2/s", "function:B=rate:2/s"], clock=clock)

    passed = [faults.hit("state:A", f"state:{flow}/A") is None for flow in ("v1", "v2", "v3")]
    assert passed == [True, True, False]
    assert let_through(faults, 3, "function:B") == 2
    clock.now += 0.5
    assert let_through(faults, 3) == 1


def test_a_rate_holds_for_calls_of_many_threads() -> None:
    faults = Faults.parse(["state:A=rate:100/s"], clock=Clock())
    passed: list[int] = []
    threads = [threading.Thread(target=lambda: passed.append(let_through(faults, 100))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 100


def test_rules_with_percentages_do_not_change_each_others_calls() -> None:
    alone = Faults.parse(["state:A=throttle@50%"], seed=3)
    beside = Faults.parse(["state:A=throttle@50%", "state:B=throttle@50%"], seed=3)
    found = []
    for _ in range(50):
        beside.hit("state:B")
        found.append((alone.hit("state:A"), beside.hit("state:A")))
    assert all(one == other for one, other in found)


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("state:Get place type from DynamoDB=error", Fault(Kind.ERROR)),
        ("state:v4/Place type?=raise", Fault(Kind.RAISE, error="InjectedError")),
        ("state:Resizer=raise:Some.ErrorName", Fault(Kind.RAISE, error="Some.ErrorName")),
        ("state:Resizer=raise:States.Timeout@2", Fault(Kind.RAISE, error="States.Timeout")),
        ("state:a=b@c=timeout", Fault(Kind.TIMEOUT)),
        ("function:v4-Resize=kill@1", Fault(Kind.KILL)),
        ("function:Resize=delay:1.5@3-", Fault(Kind.DELAY, seconds=1.5)),
        ("s3:GetObject=denied", Fault(Kind.DENIED)),
        ("rekognition:DetectLabels=throttle@5%", Fault(Kind.THROTTLE)),
        ("states:StartExecution=gone", Fault(Kind.GONE)),
        ("lambda:Invoke=error", Fault(Kind.ERROR)),
        ("event:upload=duplicate@1", Fault(Kind.DUPLICATE)),
        ("state:my-flow/Resizer=raise", Fault(Kind.RAISE)),
        # What is called too often is throttled.
        ("function:Moderation=rate:5/s", Fault(Kind.THROTTLE)),
        ("state:Moderator=rate:0.5/s", Fault(Kind.THROTTLE)),
        ("rekognition:DetectModerationLabels=rate:300/m", Fault(Kind.THROTTLE)),
    ],
)
def test_a_rule_is_read_as_it_is_meant(rule: str, fault: Fault) -> None:
    read = faults_module.parse(rule)
    assert (read.text, read.fault) == (rule, fault)
    assert rule.startswith(f"{read.target}=")


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("", "it is not TARGET=KIND[@WHEN]"),
        ("state:Resizer", "it is not TARGET=KIND[@WHEN]"),
        ("Resizer=throttle", "its target is none of state:NAME, function:NAME, event:upload, and operations"),
        ("state:=throttle", "its target is none of"),
        ("sns:Publish=throttle", "its target is none of"),
        ("s3:=throttle", "its target is none of"),
        ("event:download=duplicate", "the only event is event:upload"),
        ("s3:GetObjekt=throttle", "s3 has no operation GetObjekt; it has GetObject"),
        ("dynamodb:Get=throttle", "dynamodb has no operation Get; it has GetItem"),
        (
            "state:Resizer=explode",
            "for this target choose one of throttle, error, denied, gone, raise[:ERROR]",
        ),
        ("state:Resizer=kill", "for this target choose one of"),
        (
            "s3:GetObject=timeout",
            "for this target choose one of throttle, error, denied, gone, delay:SECONDS, rate:CALLS/s.",
        ),
        ("event:upload=throttle", "for this target choose one of duplicate."),
        ("state:Resizer=throttle:3", "throttle takes no parameter"),
        ("state:Resizer=raise:", "raise is written raise[:ERROR]"),
        ("state:Resizer=raise:not a name", "raise is written raise[:ERROR]"),
        ("state:Resizer=raise:States.Unheard", "of States. errors choose one of States.DataLimitExceeded"),
        ("function:Resize=delay", "delay is written delay:SECONDS"),
        ("function:Resize=delay:-1", "delay is written delay:SECONDS"),
        ("function:Resize=delay:inf", "delay is written delay:SECONDS"),
        ("state:Resizer=throttle@", "@ is none of @1 (the first call)"),
        ("state:Resizer=throttle@0", "@0 is none of"),
        ("state:Resizer=throttle@-1", "@-1 is none of"),
        ("state:Resizer=throttle@0%", "@0% is none of"),
        ("state:Resizer=throttle@101%", "@101% is none of"),
        ("state:Resizer=throttle@4-2", "@4-2 ends before it begins"),
        ("state:Resizer=rate", "rate is written rate:CALLS/s or rate:CALLS/m, such as rate:5/s"),
        ("state:Resizer=rate:5", "rate is written rate:CALLS/s or"),
        ("state:Resizer=rate:/s", "rate is written rate:CALLS/s or"),
        ("state:Resizer=rate:0/s", "rate is written rate:CALLS/s or"),
        ("state:Resizer=rate:0.000/m", "rate is written rate:CALLS/s or"),
        ("state:Resizer=rate:-5/s", "rate is written rate:CALLS/s or"),
        ("state:Resizer=rate:5/h", "rate is written rate:CALLS/s or"),
        ("state:Resizer=rate:inf/s", "rate is written rate:CALLS/s or"),
        ("s3:GetObject=rate:5/s@2-", "a rate says itself which calls it hits: leave @2- out"),
        ("s3:GetObject=rate:5/s@", "a rate says itself which calls it hits: leave @ out"),
        ("event:upload=rate:5/s", "for this target choose one of duplicate."),
    ],
)
def test_a_rule_that_cannot_be_used_is_named_with_what_is_allowed(rule: str, complaint: str) -> None:
    with pytest.raises(FaultError) as raised:
        Faults.parse([rule])
    message = str(raised.value)
    assert message.startswith(f"The fault {rule!r} cannot be used: {complaint}")
    assert "\n" not in message


def test_every_kind_fits_some_target() -> None:
    fitting = set().union(*faults_module._BY_TARGET.values()) | faults_module._OF_OPERATIONS
    assert fitting == set(Kind)


def test_rules_can_be_changed_at_any_time() -> None:
    faults = Faults()
    assert not faults
    assert faults.hit("state:A") is None
    faults.set(["state:A=error"])
    assert faults
    with faults("state:A=throttle", "state:B=throttle"):
        # Of several rules for a call, the first decides.
        assert faults.hit("state:A") == Fault(Kind.ERROR)
        assert faults.hit("state:B") == Fault(Kind.THROTTLE)
    assert faults.hit("state:B") is None
    faults.clear()
    assert not faults


def test_the_same_rule_set_twice_is_ended_once() -> None:
    faults = Faults()
    with faults("state:A=error"):
        with faults("state:A=error"):
            pass
        assert faults.hit("state:A") == Fault(Kind.ERROR)


def test_a_call_counts_for_every_rule_that_it_meets() -> None:
    faults = Faults.parse(["state:A=throttle@1", "state:v1/A=error@2", "state:B=error"])
    kinds = [faults.hit("state:A", "state:v1/A") for _ in range(3)]
    assert kinds == [Fault(Kind.THROTTLE), Fault(Kind.ERROR), None]
    assert faults.unmet() == ["state:B=error"]


def test_calls_of_many_threads_are_counted_each_once() -> None:
    faults = Faults.parse(["state:A=error@1-500"])
    found: list[Fault | None] = []
    threads = [
        threading.Thread(target=lambda: found.extend(faults.hit("state:A") for _ in range(100)))
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1000
    assert sum(fault is not None for fault in found) == 500


class Server:
    """An account that answers everything with 200, behind faults."""

    def __init__(self, *rules: str) -> None:
        self.faults = Faults.parse(rules)
        self.application = refusing(self._answer, self.faults, OWN_ACCESS_KEY)
        self.reached = 0

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        self.reached += 1
        start_response("200 OK", [("Content-Length", "2")])
        return iter([b"{}"])

    def ask(self, method: str, path: str, service: str, query: str = "", **headers: str) -> tuple[str, bytes]:
        statuses: list[str] = []
        signature = f"AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/{service}/aws4_request, …"
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "HTTP_AUTHORIZATION": signature,
            "CONTENT_LENGTH": "4",
            "wsgi.input": io.BytesIO(b"body"),
            **headers,
        }
        body = self.application(environ, lambda status, headers: statuses.append(status))
        return statuses[0], b"".join(body)


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("s3:GetObject", ("GET", "/bucket/a/b.jpg", "s3", "versionId=7&response-content-type=x")),
        ("s3:HeadObject", ("HEAD", "/bucket/key", "s3")),
        ("s3:PutObject", ("PUT", "/bucket/key", "s3", "x-id=PutObject")),
        ("s3:DeleteObject", ("DELETE", "/bucket/key", "s3")),
        ("s3:ListObjectsV2", ("GET", "/bucket", "s3", "list-type=2&prefix=a")),
        ("lambda:Invoke", ("POST", "/2015-03-31/functions/happypath-v1-Resize/invocations", "lambda")),
    ],
)
def test_operations_are_told_by_method_and_path(operation: str, request_: Any) -> None:
    server = Server(f"{operation}=denied")
    status, body = server.ask(*request_)

    assert status.startswith("403 AccessDenied")
    assert bool(body) == (operation != "s3:HeadObject")
    assert server.reached == 0


@pytest.mark.parametrize(
    "request_",
    [
        ("GET", "/bucket/key", "s3", "tagging"),
        ("GET", "/bucket/key", "s3", "uploadId=7"),
        ("GET", "/bucket/", "s3", "versions"),
        ("PUT", "/bucket", "s3"),
        ("GET", "/bucket/key", "lambda"),
        ("GET", "/2015-03-31/functions/f/invocations", "lambda"),
    ],
)
def test_other_operations_of_the_same_service_are_left_alone(request_: Any) -> None:
    server = Server(
        *(f"s3:{name}=error" for name in ("GetObject", "PutObject", "ListObjectsV2")), "lambda:Invoke=error"
    )

    assert server.ask(*request_)[0] == "200 OK"


def test_a_copy_is_no_put() -> None:
    server = Server("s3:CopyObject=throttle@2-")
    copy = ("PUT", "/bucket/key", "s3", "")

    assert server.ask(*copy, HTTP_X_AMZ_COPY_SOURCE="/a/b")[0] == "200 OK"
    assert server.ask(*copy)[0] == "200 OK"
    assert server.ask(*copy, HTTP_X_AMZ_COPY_SOURCE="/a/b")[0] == "503 SlowDown"


@pytest.mark.parametrize(
    ("operation", "service", "target"),
    [
        ("dynamodb:UpdateItem", "dynamodb", "DynamoDB_20120810.UpdateItem"),
        ("rekognition:DetectLabels", "rekognition", "RekognitionService.DetectLabels"),
        ("kms:GenerateMac", "kms", "TrentService.GenerateMac"),
        ("ssm:GetParameter", "ssm", "AmazonSSM.GetParameter"),
        ("states:StartExecution", "states", "AWSStepFunctions.StartExecution"),
        ("sqs:SendMessage", "sqs", "AmazonSQS.SendMessage"),
        ("events:PutEvents", "events", "AWSEvents.PutEvents"),
        ("logs:PutLogEvents", "logs", "Logs_20140328.PutLogEvents"),
    ],
)
def test_operations_are_told_by_their_target_header(operation: str, service: str, target: str) -> None:
    server = Server(f"{operation}=throttle")
    other = target.partition(".")[0] + ".Other"

    assert server.ask("POST", "/", service, HTTP_X_AMZ_TARGET=target)[0] == "400 ThrottlingException"
    assert server.ask("POST", "/", service, HTTP_X_AMZ_TARGET=other)[0] == "200 OK"


def test_an_operation_beyond_its_rate_is_answered_as_when_throttled() -> None:
    server = Server("rekognition:DetectModerationLabels=rate:1/s", "s3:GetObject=rate:1/s")
    target = {"HTTP_X_AMZ_TARGET": "RekognitionService.DetectModerationLabels"}

    answers = [server.ask("POST", "/", "rekognition", **target)[0] for _ in range(2)]
    assert answers == ["200 OK", "400 ThrottlingException"]
    answers = [server.ask("GET", "/bucket/key", "s3")[0] for _ in range(2)]
    assert answers == ["200 OK", "503 SlowDown"]


def test_a_delay_answers_late_and_as_ever() -> None:
    server = Server("s3:GetObject=delay:0.01")

    assert server.ask("GET", "/bucket/key", "s3") == ("200 OK", b"{}")


def test_without_rules_requests_go_straight_through() -> None:
    assert Server().ask("GET", "/bucket/key", "s3") == ("200 OK", b"{}")


@pytest.fixture
def host() -> Iterator[FunctionHost]:
    host = FunctionHost({"AWS_REGION": "us-east-1"}, lambda *_: None, faults=Faults())
    yield host
    host.close()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("raise", "InjectedError"),
        ("raise:OutOfLuck", "OutOfLuck"),
        ("timeout", "Sandbox.Timedout"),
        ("delay:9", "Sandbox.Timedout"),
        ("kill", "Runtime.ExitError"),
    ],
)
@pytest.mark.parametrize("name", ["Echo", "v1-Echo", "happypath-v1-Echo"])
def test_a_function_answers_in_lambdas_shape(kind: str, error: str, name: str, host: FunctionHost) -> None:
    body = archive(CODE)
    function = Function(
        name="happypath-v1-Echo",
        arn="arn:aws:lambda:us-east-1:123456789012:function:happypath-v1-Echo",
        handler="work.handler",
        code=host.unpack("echo", body),
        environment={},
        timeout_s=0.3,
    )
    host._faults.set([f"function:{name}={kind}@1"])
    answer = host.invoke(function, b'{"do": "sleep", "s": 0.1}').answer

    assert answer.failed
    assert json.loads(answer.payload)["errorType"] == error
    assert (b"signal: killed" in answer.payload) == (kind == "kill")
    # The environment is another one, and may take its time.
    assert not host.invoke(replace(function, timeout_s=60), b'{"do": "echo"}').answer.failed


@pytest.mark.parametrize("end", ["clear", "remove", "add", "set", "leave"])
def test_a_delay_is_over_when_its_rule_is(end: str) -> None:
    rule = "state:Resizer=delay:3600"
    faults = Faults.parse(["state:Other=delay:3600"])
    with ThreadPoolExecutor(1) as pool:
        with faults(*[rule] * (end == "leave")):
            if end != "leave":
                faults.add(rule)
            fault = faults.hit("state:Resizer")
            assert fault is not None
            is_whole = pool.submit(fault.delay)
            match end:
                case "clear":
                    faults.clear()
                case "remove":
                    faults.remove(rule)
                case "add":
                    # It begins anew.
                    faults.add(rule)
                case "set":
                    faults.set(["state:Other=throttle"])
        assert not is_whole.result()


def test_a_delay_is_whole_while_other_rules_change() -> None:
    faults = Faults.parse(["state:Resizer=delay:0.1"])
    fault = faults.hit("state:Resizer")
    assert fault is not None
    with faults("state:Other=throttle"):
        pass
    faults.add("state:Other=throttle")
    faults.remove("state:Other=throttle")
    assert fault.delay()


@pytest.fixture
def clients(sandbox: Any) -> Any:
    """Clients of a program outside the sandbox, with one attempt each."""
    session = boto3.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    )
    once = Config(retries={"total_max_attempts": 1})
    return lambda service: session.client(service, endpoint_url=sandbox.endpoint, config=once)


@pytest.mark.parametrize(
    ("rule", "code", "status"),
    [
        ("s3:GetObject=throttle", "SlowDown", 503),
        ("s3:GetObject=error", "InternalError", 500),
        ("s3:GetObject=denied", "AccessDenied", 403),
        ("s3:GetObject=gone", "NoSuchKey", 404),
        ("s3:HeadObject=gone", "404", 404),
        ("dynamodb:GetItem=throttle", "ThrottlingException", 400),
        ("dynamodb:GetItem=error", "InternalServerError", 500),
        ("dynamodb:GetItem=denied", "AccessDeniedException", 400),
        ("dynamodb:GetItem=gone", "ResourceNotFoundException", 400),
        ("rekognition:DetectLabels=throttle", "ThrottlingException", 400),
        ("kms:GenerateMac=error", "KMSInternalException", 500),
        ("kms:GenerateMac=gone", "NotFoundException", 400),
        ("ssm:GetParameter=gone", "ParameterNotFound", 400),
        ("lambda:Invoke=throttle", "TooManyRequestsException", 429),
        ("function:v1-Resize=throttle", "TooManyRequestsException", 429),
        ("function:v1-Resize=error", "ServiceException", 500),
        ("function:happypath-v1-Resize=gone", "ResourceNotFoundException", 404),
    ],
)
def test_boto3_reads_what_the_service_would_say(
    rule: str, code: str, status: int, sandbox: Any, clients: Any
) -> None:
    operation = "lambda:Invoke" if rule.startswith("function") else rule.partition("=")[0]
    calls = {
        "s3:GetObject": lambda: clients("s3").get_object(Bucket="b", Key="k"),
        "s3:HeadObject": lambda: clients("s3").head_object(Bucket="b", Key="k"),
        "dynamodb:GetItem": lambda: clients("dynamodb").get_item(TableName="t", Key={"PK": {"S": "k"}}),
        "rekognition:DetectLabels": lambda: clients("rekognition").detect_labels(Image={"Bytes": b"x"}),
        "kms:GenerateMac": lambda: clients("kms").generate_mac(
            KeyId="k", MacAlgorithm="HMAC_SHA_256", Message=b"x"
        ),
        "ssm:GetParameter": lambda: clients("ssm").get_parameter(Name="n"),
        "lambda:Invoke": lambda: clients("lambda").invoke(FunctionName="happypath-v1-Resize", Payload=b"{}"),
    }
    with sandbox.faults(rule), pytest.raises(ClientError) as raised:
        calls[operation]()

    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_the_sandboxs_own_calls_meet_no_fault(sandbox: Any, clients: Any) -> None:
    with sandbox.faults("ssm:GetParameter=denied"):
        assert sandbox.client("ssm").get_parameter(Name="/happypath/live")["Parameter"]["Value"]
        with pytest.raises(ClientError, match="An injected fault"):
            clients("ssm").get_parameter(Name="/happypath/live")


@pytest.mark.parametrize("rule", ["state:my-flow/Look up=rate:1/m", "state:Look up=rate:1/m"])
def test_a_state_is_throttled_beyond_its_rate_also_where_its_workflows_name_has_a_hyphen(
    rule: str, sandbox: Any
) -> None:
    stepfunctions = sandbox.client("stepfunctions")
    look_up = {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:getItem",
        "Parameters": {"TableName": sandbox.prefix, "Key": {"PK": {"S": "a"}, "SK": {"S": "b"}}},
        "End": True,
    }
    machine = stepfunctions.create_state_machine(
        name=f"{sandbox.prefix}-my-flow",
        definition=json.dumps({"StartAt": "Look up", "States": {"Look up": look_up}}),
        roleArn=make_role(sandbox.client("iam"), "any"),
    )["stateMachineArn"]
    try:
        with sandbox.faults(rule):
            ends = [ended(stepfunctions, machine) for _ in range(3)]
        after = ended(stepfunctions, machine)
    finally:
        stepfunctions.delete_state_machine(stateMachineArn=machine)

    throttled = ("FAILED", "DynamoDB.ThrottlingException")
    assert ends == [("SUCCEEDED", None), throttled, throttled]
    assert after == ("SUCCEEDED", None)


def ended(stepfunctions: Any, machine: str) -> tuple[str, str | None]:
    """Starts an execution, and waits for its status and error."""
    arn = stepfunctions.start_execution(stateMachineArn=machine)["executionArn"]
    described = waiting.ended(stepfunctions, arn)
    return described["status"], described.get("error")
