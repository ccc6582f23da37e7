"""What the handlers of the HTTP API share: a request goes to its route and is answered in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from functions.api.request import Caller, HttpEvent, RequestError
from functions.platform.aws import ServiceUnavailableError, TaskError, ThrottledError, task_error
from functions.platform.observability import invocation, logger

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
HttpAnswer: TypeAlias = dict[str, Any]
Route: TypeAlias = Callable[[HttpEvent, Caller], HttpAnswer]


def answered(name: str, event: HttpEvent, context: Any, routes: Mapping[str, Route]) -> HttpAnswer:
    """Answers a request by its route. An error that is not the caller's is logged; what passes is 503."""
    logger.append_keys(function_request_id=context.aws_request_id)
    with invocation(name):
        try:
            return routes[event["routeKey"]](event, Caller.of(event))
        except RequestError as error:
            logger.info("refused: %s", error, extra={"route": event["routeKey"], "status": error.status})
            return answer(error.status, {"message": str(error), "errors": error.errors, **error.more})
        except (ClientError, BotoCoreError, TaskError) as error:
            logger.exception("an AWS call failed", extra={"route": event["routeKey"]})
            named = error if isinstance(error, TaskError) else task_error(error)
            if isinstance(named, (ThrottledError, ServiceUnavailableError)):
                return answer(503, {"message": "Please try again in a moment."}, {"retry-after": "1"})
            raise


def answer(status_code: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """An answer of this status, which nobody keeps."""
    return {
        "statusCode": status_code,
        "headers": {"content-type": "application/json", "cache-control": "no-store", **(headers or {})},
        "body": json.dumps(body),
    }
