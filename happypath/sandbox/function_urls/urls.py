"""The account's function URLs: who may ask, what the function gets, what comes back.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

from moto.awslambda.models import lambda_backends

from happypath.sandbox.apigateway import signed
from happypath.sandbox.apigateway.event import event
from happypath.sandbox.apigateway.gateway import body_of, written
from happypath.sandbox.apigateway.integration import MOST_EVENT_BYTES, Invoke
from happypath.sandbox.apigateway.request import Answer, ApiRequest, Place, RefusedError, request_of
from happypath.sandbox.apigateway.response import MalformedResponseError, answer_of
from happypath.sandbox.apigateway.routes import DEFAULT, Match
from happypath.sandbox.function_host.host import InvokeError
from happypath.sandbox.iam.denial import AccessDeniedError
from happypath.sandbox.iam.enforcement import check, session_of
from happypath.sandbox.iam.principal import Anonymous, Principal
from happypath.sandbox.wsgi import Environ, Wsgi

_log = logging.getLogger(__name__)

# Where they answer on the sandbox's own address, besides at AWS's names of hosts.
PLACE = Place("/_aws/lambda-url/", "lambda-url", "on.aws")
_ROUTE = Match(SimpleNamespace(route_key=DEFAULT))


@dataclass(frozen=True)
class Urls:
    """Answers requests for function URLs. Functions are run by `invoke`."""

    account_id: str
    invoke: Invoke
    secret_of: signed.SecretOf

    def in_front_of(self, account: Wsgi) -> Wsgi:
        """The account, whose function URLs are asked at `/_aws/lambda-url/ID/` and by their own hosts."""

        def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            request = request_of(environ, PLACE)
            if request is None:
                return account(environ, start_response)
            return written(self._asked(environ, request), start_response)

        return application

    def _asked(self, environ: Environ, request: ApiRequest) -> Answer:
        try:
            request = replace(request, body=body_of(environ))
            found = self._find(request.api_id)
            caller: Principal = Anonymous()
            if found.config.get("AuthType") == "AWS_IAM":
                key = signed.signer(request, found.function.region, "lambda", self.secret_of)
                caller = session_of(key)
            return self._answered(found, request, caller)
        except RefusedError as error:
            return error.answer

    def answer(self, request: ApiRequest, caller: Principal) -> Answer:
        """The answer to a request of a service, such as CloudFront, that signs as itself."""
        try:
            return self._answered(self._find(request.api_id), request, caller)
        except RefusedError as error:
            return error.answer

    def _find(self, url_id: str) -> Any:
        for backend in list(lambda_backends[self.account_id].values()):
            for function in backend.list_functions():
                config: Any = function.url_config
                if config is not None and f"//{url_id}." in config.url:
                    return config
        raise RefusedError(403, "Forbidden", why=f"There is no function URL {url_id}.")

    def _answered(self, found: Any, request: ApiRequest, caller: Principal) -> Answer:
        if (found.config.get("InvokeMode") or "BUFFERED").upper() != "BUFFERED":
            raise RefusedError(501, "The sandbox does not do response streaming.")
        _check(caller, found)
        trace = f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"
        made = self._event(found, request, trace)
        payload = json.dumps(made).encode()
        if len(payload) > MOST_EVENT_BYTES:
            raise RefusedError(413, "Request Entity Too Large")
        try:
            outcome = self.invoke(found.function, payload, trace)
        except InvokeError as error:
            throttled = error.response.status == HTTPStatus.TOO_MANY_REQUESTS
            raise _failed(str(error), 429 if throttled else 502) from None
        if outcome.answer.failed:
            raise _failed(f"{found.function.function_name} ended with an error.", 502)
        try:
            return answer_of(outcome.answer.payload, "2.0")
        except MalformedResponseError as error:
            raise _failed(f"the response of {found.function.function_name}: {error}.", 502) from None

    def _event(self, found: Any, request: ApiRequest, trace: str) -> Mapping[str, Any]:
        headers = {**request.headers, "x-amzn-trace-id": trace, "x-forwarded-proto": "https"}
        domain = found.url.partition("//")[2]
        context = {
            "accountId": "anonymous" if found.config.get("AuthType") == "NONE" else self.account_id,
            "apiId": request.api_id,
            "domainName": domain,
            "requestId": secrets.token_hex(16),
            "stage": DEFAULT,
            "at": datetime.now(UTC),
        }
        return event(replace(request, headers=headers), _ROUTE, {}, context)


def _check(caller: Principal, found: Any) -> None:
    """Who asks needs both permissions.

    https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    """
    kind = str(found.config.get("AuthType"))
    arn = found.function.function_arn
    try:
        check(caller, "lambda:InvokeFunctionUrl", arn, {"lambda:functionurlauthtype": (kind,)})
        check(caller, "lambda:InvokeFunction", arn, {"lambda:invokedviafunctionurl": ("true",)})
    except AccessDeniedError as error:
        raise RefusedError(403, "Forbidden", why=str(error)) from None


def _failed(why: str, status: int) -> RefusedError:
    _log.warning("A function URL answers with an error: %s", why)
    return RefusedError(status, "Internal Server Error" if status >= 500 else "Rate Exceeded.", why=why)
