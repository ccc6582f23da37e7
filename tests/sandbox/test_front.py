"""What the account says of requests that it cannot answer: errors of AWS's shapes, a line in the log."""

from __future__ import annotations

import json
import logging
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError
from moto.ssm.models import SimpleSystemManagerBackend

from happypath.sandbox.sandbox import Sandbox

_SIGNED = (
    "AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=x"
)


def _send(
    sandbox: Sandbox, service: str, body: bytes, headers: dict[str, str], path: str = "/"
) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(urlsplit(sandbox.endpoint).netloc, timeout=30)
    connection.request("POST", path, body, {"Authorization": _SIGNED.format(service), **headers})
    response = connection.getresponse()
    return response, response.read()


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "named"),
    [
        # JSON, REST, XML, EC2's XML; a service that moto does not have; what moto makes up.
        ("sqs", "start_message_move_task", {"SourceArn": "x"}, "sqs:StartMessageMoveTask"),
        (
            "lambda",
            "get_runtime_management_config",
            {"FunctionName": "x"},
            "lambda:GetRuntimeManagementConfig",
        ),
        ("iam", "get_mfa_device", {"SerialNumber": "123456789"}, "iam:GetMFADevice"),
        ("ec2", "describe_fpga_images", {}, "ec2:DescribeFpgaImages"),
        ("translate", "list_languages", {}, "translate:ListLanguages"),
        ("apigatewayv2", "get_deployments", {"ApiId": "a"}, "apigateway:GetDeployments"),
        ("apigateway", "get_sdk_types", {}, "apigateway:GetSdkTypes"),
        ("comprehend", "detect_sentiment", {"Text": "a", "LanguageCode": "en"}, "comprehend:Detect"),
        ("bedrock-runtime", "invoke_model", {"modelId": "x"}, "bedrock:InvokeModel"),
        (
            "polly",
            "synthesize_speech",
            {"OutputFormat": "mp3", "Text": "a", "VoiceId": "Amy"},
            "polly:",
        ),
        ("textract", "detect_document_text", {"Document": {"Bytes": b"x"}}, "textract:DetectDocumentText"),
        (
            "rekognition",
            "compare_faces",
            {"SourceImage": {"Bytes": b"x"}, "TargetImage": {"Bytes": b"x"}},
            "rekognition:CompareFaces",
        ),
    ],
)
def test_what_is_lacking_is_501_and_named(
    sandbox: Sandbox,
    service: str,
    operation: str,
    arguments: dict[str, object],
    named: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(ClientError) as raised:
        getattr(sandbox.client(service), operation)(**arguments)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert raised.value.response["Error"]["Code"] == "NotImplemented"
    assert named in raised.value.response["Error"]["Message"]
    lines = [record for record in caplog.records if named in record.getMessage()]
    assert [record.exc_info for record in lines] == [None]
    assert "\n" not in lines[0].getMessage()


@pytest.mark.parametrize("body", [b"{not", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000])
def test_a_request_that_is_no_json_object_is_refused(sandbox: Sandbox, body: bytes) -> None:
    response, answer = _send(
        sandbox,
        "dynamodb",
        body,
        {"X-Amz-Target": "DynamoDB_20120810.GetItem", "Content-Type": "application/x-amz-json-1.0"},
    )
    assert response.status == 400
    assert json.loads(answer)["__type"] == "SerializationException"


@pytest.mark.parametrize(
    ("service", "target", "body", "code"),
    [
        ("sqs", "AmazonSQS.GetQueueUrl", {"QueueName": ["q"]}, "SerializationException"),
        ("ssm", "AmazonSSM.PutParameter", {"Value": "x", "Type": "String"}, "ValidationException"),
        ("events", "AWSEvents.Nonsense", {}, "UnknownOperationException"),
    ],
)
def test_a_request_that_makes_no_sense_is_the_callers_mistake(
    sandbox: Sandbox, service: str, target: str, body: dict[str, object], code: str
) -> None:
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    response, answer = _send(sandbox, service, json.dumps(body).encode(), headers)
    assert response.status == 400
    assert json.loads(answer)["__type"] == code


def test_an_action_that_a_query_service_does_not_have_is_invalid(sandbox: Sandbox) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response, answer = _send(sandbox, "sns", b"Action=Nonsense&Version=2010-03-31", headers)
    assert response.status == 400
    assert ElementTree.fromstring(answer).findtext("Error/Code") == "InvalidAction"


def test_what_fails_in_moto_says_where_in_one_line(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    get_parameter = SimpleSystemManagerBackend.get_parameter

    def fail(backend: SimpleSystemManagerBackend, name: str) -> object:
        # Functions of the sandbox read theirs at any time.
        if name == "x":
            raise RuntimeError("of the test")
        return get_parameter(backend, name)

    monkeypatch.setattr(SimpleSystemManagerBackend, "get_parameter", fail)
    with pytest.raises(ClientError) as raised:
        sandbox.client("ssm").get_parameter(Name="x")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert raised.value.response["Error"]["Code"] == "InternalFailure"
    assert "ssm:GetParameter" in raised.value.response["Error"]["Message"]
    [line] = [record.getMessage() for record in caplog.records if "ssm:GetParameter" in record.getMessage()]
    assert "RuntimeError: of the test (sandbox/test_front.py:" in line
