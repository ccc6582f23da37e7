"""The handler of the upload API: forms, what became of an upload, and the photos of a place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from functions.api import photos, request, status, upload_id
from functions.api.answering import HttpAnswer, Route, answer, answered
from functions.api.request import Caller, HttpEvent
from functions.ingest.record import timestamp, utc_now
from functions.platform.aws import client, prepare
from functions.platform.observability import logger
from functions.platform.settings import ApiSettings, read

SETTINGS = read(ApiSettings)
prepare("dynamodb", "kms", "s3")


def handler(event: HttpEvent, context: Any) -> HttpAnswer:
    """Answers a request."""
    return answered("api", event, context, _ROUTES)


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
    return answer(
        201,
        {"uploadId": key, "status": "WAITING", "expires": timestamp(expires), "form": form},
        {"location": f"/uploads/{quote(key)}"},
    )


def _tell_status(event: HttpEvent, caller: Caller) -> HttpAnswer:
    request.query(event)
    return answer(
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
    return answer(
        200, photos.page(place_id, query, table_name=SETTINGS.table_name, seal_key=SETTINGS.seal_key)
    )


_ROUTES: Mapping[str, Route] = {
    "POST /uploads": _give_form,
    "GET /uploads/{uploadId+}": _tell_status,
    "GET /places/{placeId}/photos": _list_photos,
}
