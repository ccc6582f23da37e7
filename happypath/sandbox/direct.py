"""How the account's own parts call the account: not over the network, and with fault injection all the same.

The interpreter of state machines and the pollers of queues run in the account's process. Through a connection
to itself, each of their calls was signed, sent and read by two threads of one processor, which took longer
than most of what they ask for. Here the request that botocore has made goes to the same WSGI application that
answers those of other processes, with the same faults and accounts in its way.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSResponse
from botocore.endpoint import convert_to_response_dict
from botocore.parsers import create_parser
from moto.core.botocore_stubber import MockRawResponse
from werkzeug.wsgi import ClosingIterator

from happypath.sandbox.wsgi import Environ

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.model import OperationModel

# The status line's `200 OK`, the headers, the body.
Reply: TypeAlias = tuple[str, list[tuple[str, str]], bytes]

_PROTOCOLS = {"json", "rest-json"}


class ClientGoneError(Exception):
    """Who sent a request is gone before it was sent whole: nobody waits for an answer."""


def reply(application: Any, environ: Environ) -> Reply:
    """What a WSGI application answers, whole."""
    # What an application writes before it answers, as WSGI lets it.
    early: list[bytes] = []
    status = ""
    headers: list[tuple[str, str]] = []

    def start_response(
        new_status: str, new_headers: list[tuple[str, str]], _error: Any = None, /
    ) -> Callable[[bytes], object]:
        nonlocal status, headers
        status, headers = new_status, new_headers
        return early.append

    answer = ClosingIterator(application(environ, start_response))
    try:
        return status, headers, b"".join([*early, *answer])
    finally:
        answer.close()


def call_directly(client: BaseClient, application: Any, access_key: str) -> None:
    """Lets a client's calls go to a WSGI application of this process, as signed with an access key.

    Only those of the services that speak JSON: of others botocore still adds to a request when it sends it.
    """

    def answer(
        model: OperationModel, params: Mapping[str, Any], context: Mapping[str, Any], **_: Any
    ) -> tuple[AWSResponse, Any] | None:
        protocol, body = model.service_model.resolved_protocol, params["body"]
        if protocol not in _PROTOCOLS or not isinstance(body, bytes):
            return None
        scope = f"{access_key}/19700101/{context['client_region']}/{model.service_model.signing_name}"
        environ = _environ(params, body, f"AWS4-HMAC-SHA256 Credential={scope}/aws4_request")
        status, headers, content = reply(application, environ)
        named: Any = dict(headers)
        raw: Any = MockRawResponse(content)
        response = AWSResponse(params["url"], int(status.partition(" ")[0]), named, raw)
        return response, _parsed(response, model)

    # The last of all: others add to the request.
    events: Any = client.meta.events
    events.register_last("before-call", answer)


def _parsed(response: AWSResponse, model: OperationModel) -> Any:
    """The answer, or the error and what fields it has of its own, as botocore reads them."""
    parser, answered = (
        create_parser(model.service_model.resolved_protocol),
        convert_to_response_dict(response, model),
    )
    shape: Any = model.output_shape
    parsed = parser.parse(answered, shape)
    error = model.service_model.shape_for_error_code(parsed.get("Error", {}).get("Code", ""))
    return {**parsed, **parser.parse(answered, error)} if error else parsed


def _environ(params: Mapping[str, Any], body: bytes, authorization: str) -> Environ:
    """A request as botocore has made it → as WSGI has it: https://peps.python.org/pep-3333/."""
    url = urlsplit(params["url"])
    environ: Environ = {
        "REQUEST_METHOD": params["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(url.path, "latin-1") or "/",
        "QUERY_STRING": url.query,
        # Where moto looks for the path as it was sent.
        "RAW_URI": f"{url.path}?{url.query}" if url.query else url.path,
        "SERVER_NAME": url.hostname,
        "SERVER_PORT": str(url.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": url.netloc,
        "HTTP_AUTHORIZATION": authorization,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in params["headers"].items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = (
            value.decode() if isinstance(value, bytes) else str(value)
        )
    return environ
