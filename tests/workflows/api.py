"""The upload API, asked as API Gateway asks its function; and forms, sent as a browser sends them."""

from __future__ import annotations

import json
from typing import Any

import requests

from happypath.operations.installation import Installation

PRINCIPAL = {"iam": {"userArn": "arn:aws:iam::123456789012:user/server"}}


def call(installation: Installation, route: str, **more: Any) -> dict[str, Any]:
    """The answer's body to a request of one of the account's principals."""
    event = {"version": "2.0", "routeKey": route, "requestContext": {"authorizer": PRINCIPAL}, **more}
    answer = installation.client("lambda").invoke(
        FunctionName=f"{installation.prefix}-api", Payload=json.dumps(event)
    )
    result = json.loads(answer["Payload"].read())
    # Of an error, what Lambda says of it.
    body: dict[str, Any] = json.loads(result["body"]) if "body" in result else result
    return body


def ask(installation: Installation, place_id: str, size_bytes: int) -> dict[str, Any]:
    """A form for a photo of a place."""
    asked = {
        "placeId": place_id,
        "fileName": "photo.jpg",
        "sizeBytes": size_bytes,
        "contentType": "image/jpeg",
    }
    return call(installation, "POST /uploads", body=json.dumps(asked))


def status(installation: Installation, upload_id: str) -> dict[str, Any]:
    return call(installation, "GET /uploads/{uploadId+}", pathParameters={"uploadId": upload_id})


def photos(installation: Installation, place_id: str, **query: str) -> dict[str, Any]:
    return call(
        installation,
        "GET /places/{placeId}/photos",
        pathParameters={"placeId": place_id},
        queryStringParameters=query,
    )


def send(form: dict[str, Any], body: bytes) -> requests.Response:
    """Sends a form; the file comes last, as S3 asks."""
    files = {**{name: (None, value) for name, value in form["fields"].items()}, "file": ("photo.jpg", body)}
    return requests.post(form["url"], files=files, timeout=60)
