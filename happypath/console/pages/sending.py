"""Photos that come through the console, and uploads that are run again."""

from __future__ import annotations

import secrets
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, BinaryIO, cast

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route

from functions.upload import InvalidKeyError, parse_key
from happypath.console import addresses
from happypath.console.changes import Form, change
from happypath.console.parts import Parts
from happypath.console.templating import page
from happypath.errors import UsageError
from happypath.operations import delete as deleting
from happypath.operations import redrive
from happypath.operations.records import find

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from happypath.console.console import Console

# S3 takes 5 GB in one request. No photo is as large as this.
MOST_BYTES = 250_000_000
_IN_MEMORY_BYTES = 4_000_000


def key_of(place_id: str, name: str) -> str:
    """The key of a photo that is dropped at a place, or at a folder of one: two of one name are two uploads.

    Raises:
        UsageError: no upload can have it; the message says why.
    """
    key = f"{place_id}/{secrets.token_hex(4)}-{name}"
    try:
        if "/" in name:
            raise InvalidKeyError("a file's name has no slash")
        parse_key(key)
    except InvalidKeyError as error:
        raise UsageError(
            f"{name[:100]} cannot be uploaded to {place_id[:100] or 'no place'}: {error}."
        ) from None
    return key


async def upload(request: Request) -> Response:
    """Takes a photo as the body of the request, and its `place` and `name` from the address."""
    console: Console = request.app.state.console
    key = key_of(request.query_params.get("place", "").strip(), request.query_params.get("name", ""))
    with SpooledTemporaryFile(_IN_MEMORY_BYTES) as body:
        size_bytes = 0
        async for chunk in request.stream():
            size_bytes += len(chunk)
            if size_bytes > MOST_BYTES:
                raise HTTPException(413, f"A photo has at most {MOST_BYTES // 1_000_000} MB.")
            body.write(chunk)
        body.seek(0)
        await run_in_threadpool(console.installation.upload, cast("BinaryIO", body), key)
    return JSONResponse({"key": key, "page": addresses.upload_page(key)}, status_code=201)


@change("/uploads")
def run_again(console: Console, form: Form) -> str:
    """Has an upload that failed run again, by what is live."""
    (sent,) = redrive.run_again(console.installation, [form.get("key", "")])
    if sent.refused:
        raise UsageError(sent.refused)
    return f"{sent.upload} is in the queue, as attempt {sent.attempt}."


@change("/uploads")
def upload_again(console: Console, form: Form) -> str:
    """Uploads a photo again under its key: a new version, which runs as any upload."""
    record = find(console.installation, form.get("key", ""))
    console.installation.upload_again(record["key"])
    return f"{record['key']} is uploaded again, as a new version: it runs by what is live."


def confirm_deletion(request: Request) -> Response:
    """What goes with an upload, before it is deleted."""
    console: Console = request.app.state.console
    key = request.query_params.get("key", "")
    parts = Parts()
    upload = parts.get("The upload", lambda: deleting.look(console.installation, key), None)
    return page(request, "delete.html", parts, upload=upload, key=key, back=addresses.upload_page(key))


@change("/uploads")
def delete(console: Console, form: Form) -> str:
    """Deletes an upload; the page shows when nothing of it is published any longer."""
    upload = deleting.look(console.installation, form.get("key", ""))
    deleting.delete(console.installation, upload)
    return f"{upload.key} is deleted; what was published of it goes within seconds."


routes = [
    Route("/uploads.delete", confirm_deletion),
    Route("/uploads.delete", delete, methods=["POST"]),
    Route("/uploads.new", upload, methods=["PUT"]),
    Route("/uploads.redrive", run_again, methods=["POST"]),
    Route("/uploads.again", upload_again, methods=["POST"]),
]
