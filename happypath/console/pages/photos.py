"""Photos, through the console: never as anything but a picture that we know, or a file to be saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.exceptions import ClientError
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from functions.decision import Rejection
from functions.imaging.variant import Fit, Type, Variant, make
from happypath.console.run import record_of
from happypath.operations.installation import renditions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from happypath.console.console import Console

_CHUNK_BYTES = 256 * 1024
_HEAD_BYTES = 32
_KEPT = "private, max-age=3600"
# As the stack images makes it; here also of photos that are not published.
_THUMBNAIL = Variant(Fit.INSIDE, 192, 192)
# More than that is not decoded for a picture of the size of a thumb.
MOST_BYTES, _MOST_PIXELS = 30 * 1024 * 1024, 100_000_000


def media_type(head: bytes) -> str | None:
    """The type of a picture that browsers show, by its first bytes, whatever its name or metadata say.

    >>> media_type(bytes.fromhex("ffd8ffe0")), media_type(b"<svg onload=alert(1)>")
    ('image/jpeg', None)
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:12] in {b"ftypavif", b"ftypavis"}:
        return "image/avif"
    return None


def _object(console: Console, bucket: str, key: str, version: str | None) -> Any:
    arguments = {"Bucket": console.installation.core[bucket], "Key": key}
    try:
        return console.installation.client("s3").get_object(
            **arguments, **({"VersionId": version} if version else {})
        )
    except ClientError as error:
        if error.response["ResponseMetadata"].get("HTTPStatusCode") in {400, 404}:
            raise HTTPException(404, "There is no such photo: it was deleted, or never uploaded.") from error
        raise


def _streamed(found: Any, key: str) -> Response:
    body = found["Body"]
    head = body.read(_HEAD_BYTES)
    known = media_type(head)

    def chunks() -> Iterator[bytes]:
        with body:
            yield head
            yield from body.iter_chunks(_CHUNK_BYTES)

    name = quote(key.rpartition("/")[2], safe="")
    disposition = "inline" if known else f"attachment; filename*=UTF-8''{name}"
    return StreamingResponse(
        chunks(),
        media_type=known or "application/octet-stream",
        headers={
            "Cache-Control": _KEPT,
            "Content-Disposition": disposition,
            "Content-Length": str(found["ContentLength"]),
            # Should a browser ever take it for a page, it may do nothing.
            "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
        },
    )


def photo(request: Request) -> Response:
    """The photo as it was uploaded: `key`, and `version` where it is not the current one."""
    key = request.query_params.get("key", "")
    version = request.query_params.get("version")
    return _streamed(_object(request.app.state.console, "UploadBucket", key, version), key)


def rendition(request: Request) -> Response:
    """A published rendition: `key` of the upload, and its `name`."""
    key, name = request.query_params.get("key", ""), request.query_params.get("name", "")
    console = request.app.state.console
    record = record_of(console.installation, key)
    where = renditions(record, console.installation.shown(record)).get(name) if record else None
    if where is None:
        raise HTTPException(404, "There is no such rendition.")
    return _streamed(_object(console, "DistributionBucket", where, None), where)


def thumbnail(request: Request) -> Response:
    """A small picture of an upload, made here; 404 for what no picture can be made of."""
    key = request.query_params.get("key", "")
    found = _object(request.app.state.console, "UploadBucket", key, request.query_params.get("version"))
    with found["Body"] as body:
        data = body.read(MOST_BYTES + 1)
    return small_picture(data)


def small_picture(data: bytes) -> Response:
    """A thumbnail of a photo; 404 for what no picture can be made of."""
    if len(data) > MOST_BYTES:
        raise HTTPException(404, "The photo is too large for a thumbnail.")
    try:
        small = make(data, _THUMBNAIL, lambda *_: Type.JPEG, max_pixels=_MOST_PIXELS)
    except Rejection as rejection:
        raise HTTPException(404, "No thumbnail can be made of this.") from rejection
    return Response(small.data, media_type=small.type, headers={"Cache-Control": _KEPT})


routes = [
    Route("/photo", photo),
    Route("/rendition", rendition),
    Route("/thumbnail", thumbnail),
]
