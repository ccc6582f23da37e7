"""Connections to the account stay open, whatever was asked and answered before."""

from __future__ import annotations

import http.client
import socket
from urllib.parse import urlsplit

import pytest

from happypath.sandbox.sandbox import Sandbox


def address(sandbox: Sandbox) -> tuple[str, int]:
    parts = urlsplit(sandbox.endpoint)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


@pytest.fixture
def connection(sandbox: Sandbox) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(*address(sandbox), timeout=30)


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b""
) -> tuple[int, bytes]:
    connection.request(
        method, path, body, {"Authorization": "AWS4-HMAC-SHA256 Credential=x/1/us-east-1/s3/x"}
    )
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_one_connection_serves_many_requests(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "PUT", "/connection-test")[0] == 200
    used = connection.sock
    # What the application refuses or does not read is no part of the next request, either.
    assert ask(connection, "PUT", "/no-such-bucket/key", b"GET / HTTP/1.1\r\n\r\n" * 1000)[0] == 404
    assert ask(connection, "PUT", "/connection-test/key", bytes(300_000))[0] == 200
    assert ask(connection, "HEAD", "/connection-test/key") == (200, b"")
    assert ask(connection, "GET", "/connection-test/key") == (200, bytes(300_000))
    assert ask(connection, "DELETE", "/connection-test/key") == (204, b"")
    assert ask(connection, "DELETE", "/connection-test")[0] == 204
    assert connection.sock is used


def test_a_client_that_asks_first_is_told_to_go_on_before_it_sends(sandbox: Sandbox) -> None:
    with socket.create_connection(address(sandbox), timeout=30) as client:
        client.sendall(
            b"PUT /no-such-bucket/key HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            b"Content-Length: 4\r\nAuthorization: AWS4-HMAC-SHA256 Credential=x/1/us-east-1/s3/x\r\n\r\n"
        )
        assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
        client.sendall(b"body")
        assert client.recv(1000).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("sent", [b"", b'{"TransactItems"'])
def test_a_request_that_is_cut_off_asks_for_nothing(
    sent: bytes,
    sandbox: Sandbox,
    connection: http.client.HTTPConnection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    signature = "AWS4-HMAC-SHA256 Credential=a-function/1/us-east-1/{}/aws4_request"
    requests = {
        "PUT /cut-off/key": {"Authorization": signature.format("s3")},
        "POST /": {
            "Authorization": signature.format("dynamodb"),
            "X-Amz-Target": "DynamoDB_20120810.TransactWriteItems",
        },
    }
    assert ask(connection, "PUT", "/cut-off")[0] == 200
    for line, headers in requests.items():
        with socket.create_connection(address(sandbox), timeout=30) as client:
            lines = [f"{line} HTTP/1.1", "Host: localhost", "Content-Length: 100"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            client.sendall("\r\n".join([*lines, "", ""]).encode() + sent)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(1000) == b""
    assert ask(connection, "HEAD", "/cut-off/key")[0] == 404
    assert ask(connection, "DELETE", "/cut-off")[0] == 204
    assert "a-function" not in sandbox.calls.needed
    assert not caplog.records


def test_after_a_body_in_chunks_the_connection_ends(connection: http.client.HTTPConnection) -> None:
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/1/us-east-1/s3/x"}
    connection.request("PUT", "/no-such-bucket/key", iter([b"one", b"two"]), headers, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 404
    assert answer.getheader("Connection") == "close"


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Transfer-Encoding:\x0bchunked",
        b"Content-Length: 4\r\nContent-Length: 5",
        b"Content-Length: 4, 4",
        b"Content-Length: -1",
        b"Content-Length: +4",
        b"Content-Length: 0x4",
        b"Content-Length: 1_0",
        b"Content-Length: \xb2",
        b"Content-Length : 4",
        b"X-Folded: a\r\n Content-Length: 4",
        b"No colon\r\nContent-Length: 4",
        b"Content-Type: multipart/form-data; boundary=a\r\nNo colon\r\nContent-Length: 4",
        b"X-Zero: \x00",
    ],
)
def test_a_request_whose_end_is_not_certain_is_refused_and_ends_the_connection(
    sandbox: Sandbox, headers: bytes
) -> None:
    request = b"POST /_aws/execute-api/a/ HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n\r\n"
    with socket.create_connection(address(sandbox), timeout=30) as client:
        client.sendall(request + b"GET /_aws/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(10_000), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
