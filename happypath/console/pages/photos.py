"""Photos and films, through the console: never as anything but such as we know, or a file to be saved."""

from __future__ import annotations

import re
from contextlib import closing
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
# Browsers ask for a film in parts.
_RANGE = re.compile(r"bytes=(\d{1,15}-\d{0,15}|-\d{1,15})")
_KEPT = "private, max-age=3600"
# As the stack images makes it; here also of photos that are not published.
_THUMBNAIL, _LARGE = Variant(Fit.INSIDE, 192, 192), Variant(Fit.INSIDE, 640, 480)
# What files made of boxes call themselves.
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"isom", b"iso2", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V "), "video/mp4"),
}
# More than that is not decoded for a picture of the size of a thumb.
MOST_BYTES, _MOST_PIXELS = 30 * 1024 * 1024, 100_000_000


def media_type(head: bytes) -> str | None:
    """The type of a picture or film that browsers show, by its first bytes, whatever else it says of itself.

    >>> media_type(bytes.fromhex("ffd8ffe0")), media_type(b"<svg onload=alert(1)>")
    ('image/jpeg', None)
    >>> media_type(b"\\0\\0\\0\\x20ftypisom")
    'video/mp4'
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return _BRANDS.get(head[8:12]) if head[4:8] == b"ftyp" else None


def _object(console: Console, bucket: str, key: str, version: str | None, part: str | None = None) -> Any:
    """An object; with `part`, a Range header, that part of it."""
    arguments = {"Bucket": console.installation.core[bucket], "Key": key}
    more = {"VersionId": version, "Range": part}
    try:
        return console.installation.client("s3").get_object(
            **arguments, **{name: value for name, value in more.items() if value}
        )
    except ClientError as error:
        if error.response["ResponseMetadata"].get("HTTPStatusCode") == 416:
            raise HTTPException(416, "There is no such part of it.") from error
        if error.response["ResponseMetadata"].get("HTTPStatusCode") in {400, 404}:
            raise HTTPException(404, "There is no such photo: it was deleted, or never uploaded.") from error
        raise


def _streamed(request: Request, bucket: str, key: str, version: str | None = None) -> Response:
    """An object, or the part of it that the request asks for, of the type that its own first bytes say."""
    console: Console = request.app.state.console
    part = request.headers.get("range", "")
    part = part if _RANGE.fullmatch(part) else ""
    begins = _object(console, bucket, key, version, f"bytes=0-{_HEAD_BYTES - 1}" if part else None)
    head = begins["Body"].read(_HEAD_BYTES)
    known = media_type(head)
    found = _object(console, bucket, key, version, part) if part else begins
    body = found["Body"]

    def chunks() -> Iterator[bytes]:
        with closing(body):
            if not part:
                yield head
            yield from body.iter_chunks(_CHUNK_BYTES)

    of_part = {"Content-Range": found["ContentRange"]} if part else {}
    name = quote(key.rpartition("/")[2], safe="")
    disposition = "inline" if known else f"attachment; filename*=UTF-8''{name}"
    return StreamingResponse(
        chunks(),
        206 if part else 200,
        media_type=known or "application/octet-stream",
        headers={
            **of_part,
            "Accept-Ranges": "bytes",
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
    return _streamed(request, "UploadBucket", key, version)


def rendition(request: Request) -> Response:
    """A published rendition: `key` of the upload, and its `name`."""
    key, name = request.query_params.get("key", ""), request.query_params.get("name", "")
    console = request.app.state.console
    record = record_of(console.installation, key)
    where = renditions(record, console.installation.shown(record)).get(name) if record else None
    if where is None:
        raise HTTPException(404, "There is no such rendition.")
    return _streamed(request, "DistributionBucket", where)


def thumbnail(request: Request) -> Response:
    """A small picture of an upload, made here, or a `large` one; 404 for what no picture can be made of."""
    query = request.query_params
    found = _object(request.app.state.console, "UploadBucket", query.get("key", ""), query.get("version"))
    with found["Body"] as body:
        data = body.read(MOST_BYTES + 1)
    return small_picture(data, _LARGE if query.get("large") else _THUMBNAIL)


def small_picture(data: bytes, variant: Variant = _THUMBNAIL) -> Response:
    """A thumbnail of a photo; 404 for what no picture can be made of."""
    if len(data) > MOST_BYTES:
        raise HTTPException(404, "The photo is too large for a thumbnail.")
    try:
        small = make(data, variant, lambda *_: Type.JPEG, max_pixels=_MOST_PIXELS)
    except Rejection as rejection:
        raise HTTPException(404, "No thumbnail can be made of this.") from rejection
    return Response(small.data, media_type=small.type, headers={"Cache-Control": _KEPT})


routes = [
    Route("/photo", photo),
    Route("/rendition", rendition),
    Route("/thumbnail", thumbnail),
]
