"""A request for a deployed HTTP API reaches its function, and the function's answer the client."""

from __future__ import annotations

import base64
import json
import re
import socket
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.sandbox.apigateway.apis import DeployedApi, ask


def _returned(echo: DeployedApi, result: Any) -> Any:
    return echo.ask("/returns", "POST", json.dumps(result).encode(), {"Content-Type": "application/json"})


def test_a_function_gets_the_request_in_format_2(echo: DeployedApi) -> None:
    headers = {"X-Twice": "1", "Cookie": "a=b; c=d", "User-Agent": "tests"}
    response = echo.ask("/places/p%C3%A9rgola?q=a%20b&q=c&empty=", headers=headers)
    assert (response.status, response.header("content-type")) == (200, "application/json")
    event = response.json
    context = event["requestContext"]
    assert context["http"] == {
        "method": "GET",
        "path": "/places/pérgola",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "tests",
    }
    assert {key: event[key] for key in event if key not in {"headers", "requestContext"}} == {
        "version": "2.0",
        "routeKey": "GET /places/{id}",
        "rawPath": "/places/pérgola",
        "rawQueryString": "q=a%20b&q=c&empty=",
        "cookies": ["a=b", "c=d"],
        "queryStringParameters": {"q": "a b,c", "empty": ""},
        "pathParameters": {"id": "pérgola"},
        "isBase64Encoded": False,
    }
    assert "cookie" not in event["headers"]
    assert event["headers"]["x-twice"] == "1"
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert event["headers"]["x-amzn-trace-id"].startswith("Root=1-")
    assert (context["apiId"], context["stage"], context["accountId"]) == (
        echo.api_id,
        "$default",
        "123456789012",
    )
    assert context["domainName"] == f"{echo.api_id}.execute-api.us-east-1.amazonaws.com"
    assert "authorizer" not in context
    assert response.header("apigw-requestid") == context["requestId"]


@pytest.mark.parametrize(
    ("kind", "body", "encoded"),
    [
        ("application/json", b'{"a": "\xc3\xa9"}', False),
        ("application/problem+json; charset=utf-8", b"{}", False),
        ("text/plain", b"\xff\xfe", True),
        ("application/x-www-form-urlencoded", b"a=b", True),
        ("image/png", b"\x89PNG", True),
    ],
)
def test_a_body_that_is_no_text_comes_as_base64(
    echo: DeployedApi, kind: str, body: bytes, encoded: bool
) -> None:
    event = echo.ask("/any/x", "PUT", body, {"Content-Type": kind}).json
    assert event["isBase64Encoded"] is encoded
    sent = event["body"]
    assert (base64.b64decode(sent) if encoded else sent.encode()) == body


def test_an_api_answers_at_its_endpoint_and_at_the_name_of_its_host(echo: DeployedApi) -> None:
    assert echo.outputs["Endpoint"] == f"{echo.sandbox.endpoint}/_aws/execute-api/{echo.api_id}"
    host = f"{echo.api_id}.execute-api.us-east-1.amazonaws.com"
    event = ask(echo.sandbox, "/places/1?a=b", headers={"Host": host}).json
    assert event["rawPath"] == "/places/1"
    assert event["requestContext"]["domainName"] == host
    for other in (host.replace("us-east-1", "eu-west-1"), f"x{host}"):
        assert ask(echo.sandbox, "/places/1", headers={"Host": other}).status == 404
    found = echo.sandbox.client("apigatewayv2").get_api(ApiId=echo.api_id)
    assert found["ApiEndpoint"] == echo.outputs["Endpoint"]


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/places/a%2Fb", "GET /places/{id}", {"id": "a/b"}),
        ("GET", "/files/a/%2e%2e/..", "GET /files/{path+}", {"path": "a/../.."}),
        ("GET", "/files/a//b", "GET /files/{path+}", {"path": "a//b"}),
        ("DELETE", "/any/x", "ANY /any/{name}", {"name": "x"}),
    ],
)
def test_a_path_is_taken_by_its_segments(
    echo: DeployedApi, method: str, path: str, key: str, parameters: dict[str, str]
) -> None:
    event = echo.ask(path, method).json
    assert (event["routeKey"], event["pathParameters"]) == (key, parameters)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", ""),
        ("GET", "/places/"),
        ("GET", "/places/a/b"),
        ("POST", "/places"),
        ("GET", "/files/"),
        ("GET", "//places"),
        ("GET", "/x/../places"),
        ("BREW", "/any/x"),
    ],
)
def test_what_no_route_takes_is_not_found(echo: DeployedApi, method: str, path: str) -> None:
    response = echo.ask(path, method)
    assert (response.status, response.json) == (404, {"message": "Not Found"})


def test_an_api_that_is_not_there_is_not_found(echo: DeployedApi) -> None:
    response = ask(echo.sandbox, "/_aws/execute-api/nosuchapi/places", headers={})
    assert (response.status, response.body) == (404, b'{"message":"Not Found"}')


@pytest.mark.parametrize(
    ("result", "body"),
    [
        ("Hello from Lambda!", b"Hello from Lambda!"),
        ({"message": "é"}, '{"message":"é"}'.encode()),
        ([1, 2], b"[1,2]"),
        (None, b"null"),
    ],
)
def test_a_result_without_a_status_code_is_the_body(echo: DeployedApi, result: Any, body: bytes) -> None:
    response = _returned(echo, result)
    assert (response.status, response.header("content-type")) == (200, "application/json")
    assert json.loads(response.body) == json.loads(body) if body[:1] in b"{[n" else response.body == body


def test_a_function_chooses_status_headers_and_cookies(echo: DeployedApi) -> None:
    result = {
        "statusCode": 201,
        "headers": {"X-Own": "1", "Location": "/places/1"},
        "cookies": ["a=b; HttpOnly", "c=d"],
        "body": base64.b64encode(b"\x00\xff").decode(),
        "isBase64Encoded": True,
    }
    response = _returned(echo, result)
    assert (response.status, response.body) == (201, b"\x00\xff")
    assert (response.header("x-own"), response.header("location")) == ("1", "/places/1")
    cookies = [value for name, value in response.headers if name.lower() == "set-cookie"]
    assert cookies == ["a=b; HttpOnly", "c=d"]
    assert response.header("content-type") == "text/plain;charset=UTF-8"


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "no", "body": ""},
        {"statusCode": 99},
        {"statusCode": 200, "body": {"an": "object"}},
        {"statusCode": 200, "body": "!", "isBase64Encoded": True},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"x-a": "1\r\nset-cookie: stolen=1"}},
        {"statusCode": 200, "headers": {"x a": "1"}},
        {"statusCode": 200, "cookies": ["a=b\r\nx-injected: 1"]},
    ],
)
def test_a_response_that_cannot_be_sent_is_an_internal_server_error(echo: DeployedApi, result: Any) -> None:
    response = _returned(echo, result)
    assert (response.status, response.json) == (500, {"message": "Internal Server Error"})
    assert response.header("set-cookie") is None


def test_a_function_cannot_frame_the_answer(echo: DeployedApi) -> None:
    headers = {"Content-Length": "1", "Transfer-Encoding": "chunked", "Connection": "close"}
    response = _returned(echo, {"statusCode": 200, "headers": headers, "body": "whole"})
    assert response.body == b"whole"
    assert [value for name, value in response.headers if name.lower() == "content-length"] == ["5"]
    assert response.header("transfer-encoding") is None


def test_a_function_that_fails_is_an_internal_server_error(echo: DeployedApi) -> None:
    response = echo.ask("/raises")
    assert (response.status, response.json) == (500, {"message": "Internal Server Error"})


def test_an_answer_that_has_no_body_is_not_followed_by_one(echo: DeployedApi) -> None:
    smuggled = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    connection = HTTPConnection(urlsplit(echo.sandbox.endpoint).netloc, timeout=60)
    path, kind = f"/_aws/execute-api/{echo.api_id}", {"Content-Type": "application/json"}
    try:
        for status in (204, 304):
            result = json.dumps({"statusCode": status, "body": smuggled})
            connection.request("POST", f"{path}/returns", result, kind)
            response = connection.getresponse()
            assert (response.status, response.read()) == (status, b"")
            connection.request("GET", f"{path}/nowhere")
            response = connection.getresponse()
            assert (response.status, response.read()) == (404, b'{"message":"Not Found"}')
        connection.request("HEAD", f"{path}/any/x")
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b"")
    finally:
        connection.close()


def _sent(echo: DeployedApi, line: bytes, headers: bytes, body: bytes = b"") -> bytes:
    """What comes back for bytes as they are."""
    parts = urlsplit(echo.sandbox.endpoint)
    assert parts.hostname
    assert parts.port
    method, path = line.split(b" ", 1)
    target = f"/_aws/execute-api/{echo.api_id}".encode() + path
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as client:
        head = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        client.sendall(method + b" " + target + head + headers + b"\r\n" + body)
        return b"".join(iter(lambda: client.recv(100_000), b""))


@pytest.mark.parametrize("path", [b"/places/\xff", b"/places/\xc3\xa9", b"/places/1?a=\xff"])
def test_an_address_that_is_not_encoded_is_refused(echo: DeployedApi, path: bytes) -> None:
    assert _sent(echo, b"GET " + path, b"").startswith(b"HTTP/1.1 400 ")


def test_a_body_in_chunks_is_read_whole(echo: DeployedApi) -> None:
    headers = b"Transfer-Encoding: chunked\r\nContent-Type: text/plain\r\n"
    answer = _sent(echo, b"PUT /any/x", headers, b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["body"] == "abcde"


@pytest.mark.parametrize("body", [b"zz\r\nabc\r\n0\r\n\r\n", b"-1\r\nabc\r\n0\r\n\r\n"])
def test_a_body_whose_chunks_are_none_is_refused(echo: DeployedApi, body: bytes) -> None:
    answer = _sent(echo, b"PUT /any/x", b"Transfer-Encoding: chunked\r\n", body)
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_client_cannot_say_where_it_comes_from(echo: DeployedApi) -> None:
    headers = {
        "X-Forwarded-For": "203.0.113.1",
        "X-Amzn-Trace-Id": 'Root=1-evil"',
        "X-Forwarded-Proto": "https",
    }
    event = echo.ask("/places/1", headers=headers).json
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert event["headers"]["x-forwarded-for"] == "203.0.113.1, 127.0.0.1"
    assert event["headers"]["x-forwarded-proto"] == "http"
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", event["headers"]["x-amzn-trace-id"])


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Amz-Target": "DynamoDB_20120810.ListTables"},
        {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, Signature=x"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
def test_a_request_for_an_api_is_for_nothing_else(echo: DeployedApi, headers: dict[str, str]) -> None:
    event = echo.ask("/any/x?Action=ListQueues", "POST", b"Action=ListQueues", headers).json
    assert event["routeKey"] == "ANY /any/{name}"
