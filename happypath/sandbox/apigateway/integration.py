"""What a route leads to: a Lambda function, invoked by API Gateway.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.core.exceptions import JsonRESTError

from happypath.sandbox.apigateway.request import Answer, RefusedError, Told
from happypath.sandbox.apigateway.response import MalformedResponseError, answer_of
from happypath.sandbox.function_host.environment import Outcome
from happypath.sandbox.function_host.host import InvokeError
from happypath.sandbox.iam.denial import AccessDeniedError
from happypath.sandbox.iam.enforcement import assume, check
from happypath.sandbox.iam.principal import Principal, Service

_log = logging.getLogger(__name__)

# A function as moto holds it, the payload, the trace header → what came of it.
Invoke: TypeAlias = Callable[[Any, bytes, str | None], Outcome]

SERVICE = "apigateway.amazonaws.com"
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MOST_EVENT_BYTES = 6_291_456
_FUNCTION = re.compile(r"(?:.*/functions/)?(arn:aws:lambda:[^/]+)(?:/invocations)?")
_VARIABLE = re.compile(r"\$\{stageVariables\.(\w+)\}")


class UnservedError(RefusedError):
    """A request needs `what`, which the sandbox does not do."""

    def __init__(self, what: str) -> None:
        said = f"The sandbox does not do {what}."
        _log.warning("%s", said)
        super().__init__(501, said)


@dataclass(frozen=True)
class Target:
    """A function that a route invokes, in which payload format, and how long for."""

    arn: str
    version: str
    credentials: str | None
    timeout_s: float


def target_of(integration: Any, variables: Mapping[str, str]) -> Target:
    """The function of an integration.

    Raises:
        UnservedError: it is no function's, or of a format that there is not.
    """
    uri = _VARIABLE.sub(lambda found: variables.get(found[1], ""), integration.integration_uri or "")
    kind = str(integration.integration_type).upper()
    if kind != "AWS_PROXY" or integration.integration_subtype:
        raise UnservedError(f"integrations with {integration.integration_subtype or uri or kind}")
    arn = function_of(uri)
    version = str(integration.payload_format_version or "1.0")
    if version not in {"1.0", "2.0"}:
        raise UnservedError(f"the payload format {version}")
    return Target(arn, version, integration.credentials_arn, integration.timeout_in_millis / 1000)


def function_of(uri: str) -> str:
    """The ARN of the function that an integration's or an authorizer's URI names.

    Raises:
        UnservedError: it names none.
    """
    named = _FUNCTION.fullmatch(uri)
    if named is None:
        raise UnservedError(f"integrations with {uri or 'no URI'}")
    return named[1]


def invoke_target(
    invoke: Invoke, target: Target, source_arn: str, event: Mapping[str, Any], trace: str, told: Told
) -> Answer:
    """The answer of a function.

    Raises:
        RefusedError: it gives none that can be sent.
    """
    function = function_for(target.arn, target.credentials, source_arn)
    payload = json.dumps(event).encode()
    if len(payload) > MOST_EVENT_BYTES:
        raise RefusedError(413, "Request Entity Too Large", why="The event is larger than Lambda takes.")
    result = invoked(invoke, function, payload, trace, target.timeout_s)
    told.tell(integration__requestId=result.request_id, integrationStatus=200)
    if result.answer.failed:
        raise failed("The function ended with an error.")
    try:
        answer = answer_of(result.answer.payload, target.version)
    except MalformedResponseError as error:
        raise failed(f"The function's response cannot be sent: {error}.") from None
    told.tell(integration__status=answer.status)
    return answer


def function_for(arn: str, credentials: str | None, source_arn: str) -> Any:
    """A function as moto holds it, if API Gateway may invoke it for a route or an authorizer.

    Raises:
        RefusedError: it may not, or there is none.
    """
    try:
        account_id = arn.split(":")[4]
        caller: Principal = (
            assume(credentials, SERVICE, "BackplaneAssumeRoleSession")
            if credentials
            else Service(SERVICE, source_arn, account_id)
        )
        check(caller, "lambda:InvokeFunction", arn)
        return lambda_backends[account_id][arn.split(":")[3]].get_function(arn)
    except AccessDeniedError:
        # Which is in the log.
        why = "The IAM role configured on the integration or API Gateway doesn't have permissions to call"
        raise failed(f"{why} the integration. Check the permissions and try again.") from None
    except UnknownFunctionException:
        raise failed(f"There is no function {arn}.") from None


def invoked(invoke: Invoke, function: Any, payload: bytes, trace: str, timeout_s: float) -> Outcome:
    """What comes of an invocation.

    Raises:
        RefusedError: it takes too long, or Lambda refuses it.
    """
    try:
        return _within(timeout_s, lambda: invoke(function, payload, trace))
    except TimeoutError:
        raise RefusedError(503, "Service Unavailable", why="The integration timed out.") from None
    except InvokeError as error:
        if error.response.status != HTTPStatus.TOO_MANY_REQUESTS:
            raise failed(str(error)) from None
        raise RefusedError(503, "Service Unavailable", why=str(error)) from None
    except JsonRESTError as error:
        raise failed(str(error)) from None


def failed(why: str) -> RefusedError:
    """The answer when the integration failed; why is in the log only."""
    _log.warning("An API answers with an internal server error: %s", why)
    return RefusedError(500, "Internal Server Error", why=why)


def _within(seconds: float, work: Callable[[], Outcome]) -> Outcome:
    """What work comes to.

    Raises:
        TimeoutError: it takes longer; it goes on, as functions do on AWS.
        Exception: what the work raises.
    """
    came: list[Outcome | Exception] = []

    def run() -> None:
        try:
            came.append(work())
        except Exception as error:  # whose thread it is not
            came.append(error)

    thread = threading.Thread(target=run, name="http-api", daemon=True)
    thread.start()
    thread.join(seconds)
    if not came:
        raise TimeoutError
    if isinstance(came[0], Exception):
        raise came[0]
    return came[0]
