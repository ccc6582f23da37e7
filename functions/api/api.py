"""The handler of the HTTP API: three routes, and answers in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeAlias
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from functions.api import photos, request, status, upload_id
from functions.api.request import Caller, HttpEvent, RequestError
from functions.ingest.record import timestamp, utc_now
from functions.platform.aws import ServiceUnavailableError, ThrottledError, client, prepare, task_error
from functions.platform.observability import invocation, logger
from functions.platform.settings import ApiSettings, read

SETTINGS = read(ApiSettings)
prepare("dynamodb", "kms", "s3")

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
HttpAnswer: TypeAlias = dict[str, Any]
_Route: TypeAlias = Callable[[HttpEvent, Caller], HttpAnswer]


def handler(event: HttpEvent, context: Any) -> HttpAnswer:
    """Answers a request. An error that is not the caller's is logged; what passes by itself is 503."""
    logger.append_keys(function_request_id=context.aws_request_id)
    with invocation("api"):
        try:
            return _ROUTES[event["routeKey"]](event, Caller.of(event))
        except RequestError as error:
            logger.info("refused: %s", error, extra={"route": event["routeKey"], "status": error.status})
            return _answer(error.status, {"message": str(error), "errors": error.errors})
        except (ClientError, BotoCoreError) as error:
            logger.exception("an AWS call failed", extra={"route": event["routeKey"]})
            if isinstance(task_error(error), (ThrottledError, ServiceUnavailableError)):
                return _answer(503, {"message": "Please try again in a moment."}, {"retry-after": "1"})
            raise


def _give_form(event: HttpEvent, caller: Caller) -> HttpAnswer:
    """A form by which exactly the photo that was asked for can be uploaded, for a few minutes.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
    """
    request.query(event)
    asked = request.asked(
        event, max_size_bytes=SETTINGS.max_upload_bytes, content_types=SETTINGS.content_types
    )
    expires = (utc_now() + timedelta(seconds=SETTINGS.form_seconds)).replace(microsecond=0)
    folder = request.folder(asked, caller, SETTINGS.own_folders)
    key = upload_id.issue(folder, asked.file_name, caller, expires, SETTINGS.seal_key)
    form = client("s3").generate_presigned_post(
        Bucket=SETTINGS.upload_bucket,
        Key=key,
        Fields={"Content-Type": asked.content_type},
        Conditions=[{"Content-Type": asked.content_type}, ["content-length-range", 1, asked.size_bytes]],
        ExpiresIn=SETTINGS.form_seconds,
    )
    logger.info("a form was given", extra={"uploadId": key, "size_bytes": asked.size_bytes})
    return _answer(
        201,
        {"uploadId": key, "status": "WAITING", "expires": timestamp(expires), "form": form},
        {"location": f"/uploads/{quote(key)}"},
    )


def _tell_status(event: HttpEvent, caller: Caller) -> HttpAnswer:
    request.query(event)
    return _answer(
        200,
        status.of(
            event["pathParameters"]["uploadId"],
            caller,
            utc_now(),
            table_name=SETTINGS.table_name,
            bucket=SETTINGS.upload_bucket,
            seal_key=SETTINGS.seal_key,
        ),
    )


def _list_photos(event: HttpEvent, _: Caller) -> HttpAnswer:
    place_id = request.place(event["pathParameters"]["placeId"])
    query = request.query(event, "cursor", "limit")
    return _answer(
        200, photos.page(place_id, query, table_name=SETTINGS.table_name, seal_key=SETTINGS.seal_key)
    )


_ROUTES: Mapping[str, _Route] = {
    "POST /uploads": _give_form,
    "GET /uploads/{uploadId+}": _tell_status,
    "GET /places/{placeId}/photos": _list_photos,
}


def _answer(
    status_code: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    return {
        "statusCode": status_code,
        "headers": {"content-type": "application/json", "cache-control": "no-store", **(headers or {})},
        "body": json.dumps(body),
    }
