"""The handler of pictures on request, behind a function URL that only CloudFront may call.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl, quote, unquote

from botocore.exceptions import BotoCoreError, ClientError

from functions.analysis.photo_analysis import PhotoAnalysis
from functions.catalogue import entries
from functions.catalogue.tables import Tables
from functions.decision import Rejection
from functions.images import accepted, asked, signature, source
from functions.images.asked import Asked, RefusedError
from functions.images.keys import Keys
from functions.images.source import Source
from functions.imaging.variant import QUALITY, Fit, Focus, Made, TooManyPixelsError, Type, make
from functions.outcome import sentence
from functions.platform.aws import (
    PhotoNotFoundError,
    ServiceUnavailableError,
    ThrottledError,
    client,
    prepare,
    task_error,
)
from functions.platform.current_object import http_status
from functions.platform.observability import invocation, logger
from functions.platform.settings import ImagesSettings, read
from functions.platform.source_object import open_photo

if TYPE_CHECKING:
    from functions.analysis.region import Region
    from functions.imaging.variant import Variant

SETTINGS = read(ImagesSettings)
prepare("dynamodb", "s3", "secretsmanager")

HttpEvent: TypeAlias = Mapping[str, Any]
HttpAnswer: TypeAlias = dict[str, Any]

# An answer has 6 MB at most, as JSON with its body in base64.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MOST_BYTES = 4_500_000
# How long the address of a larger one holds.
_REDIRECT_S = 300
# How many pictures of the fallback are kept: the steps of a ladder, in the types of browsers.
_STAND_INS = 16
# What may change soon, and must not be asked for at every view.
_SHORTLY_S = 5
_FACE_CONFIDENCE = 80
_EXTENSIONS = {Type.AVIF: "avif", Type.WEBP: "webp", Type.JPEG: "jpg", Type.PNG: "png"}
_KEYS = Keys(SETTINGS.signing_secret)


@dataclass(frozen=True)
class Request:
    """A request as far as it matters here."""

    method: str
    path: str
    query: Mapping[str, str]
    accept: str
    if_none_match: str

    @classmethod
    def of(cls, event: HttpEvent) -> Request:
        """Reads Lambda's event of payload format 2.0."""
        headers = event.get("headers") or {}
        return cls(
            method=event["requestContext"]["http"]["method"],
            path=event["rawPath"],
            query=dict(parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True)),
            accept=headers.get("accept", ""),
            if_none_match=headers.get("if-none-match", ""),
        )


def handler(event: HttpEvent, context: Any) -> HttpAnswer:
    """Answers a request."""
    logger.append_keys(function_request_id=context.aws_request_id)
    with invocation("images"):
        request = Request.of(event)
        try:
            answer = _answered(request)
        except (ClientError, BotoCoreError) as error:
            logger.exception("an AWS call failed")
            if not isinstance(task_error(error), (ThrottledError, ServiceUnavailableError)):
                raise
            answer = _text(503, "Please try again in a moment.", {"retry-after": "1"})
        return answer | {"body": ""} if request.method == "HEAD" else answer


def _answered(request: Request) -> HttpAnswer:
    try:
        return _answer(request)
    except RefusedError as error:
        logger.info("refused: %s", error, extra={"status": error.status})
        return _refusal(request, error)


def _answer(request: Request) -> HttpAnswer:
    if request.method not in {"GET", "HEAD"}:
        raise RefusedError(405, "Pictures are only to be got: use GET or HEAD.")
    wanted = _read(request.path)
    seconds = _may_ask(wanted, request.query, time.time())
    there = source.find(
        wanted.key, table_name=SETTINGS.table_name, distribution_bucket=SETTINGS.distribution_bucket
    )
    if there is None:
        raise RefusedError(404, "There is no such photo.")
    takes = accepted.named(request.accept)
    tag = _tag(there, wanted, takes)
    headers = {"etag": tag, "vary": "Accept"}
    if _has(request.if_none_match, tag):
        return {"statusCode": 304, "headers": {**headers, **_kept(seconds)}, "body": ""}
    made, is_final = _made(wanted, there, takes)
    return _sent(made, headers, seconds) if is_final else _sent(made, {"vary": "Accept"}, _SHORTLY_S)


def _kept(seconds: int) -> dict[str, str]:
    return {"cache-control": f"public, max-age={seconds}"}


def _read(path: str) -> Asked:
    """What a path asks for, whether it comes as it was sent or decoded; it may be spelled in one way only.

    Otherwise a cache could be filled with copies of one picture.
    """
    wanted = asked.read(path)
    if path == wanted.path or quote(path, safe="/,") == wanted.path:
        return wanted
    decoded = asked.read(quote(path, safe="/,"))
    if path == unquote(decoded.path):
        return decoded
    raise RefusedError(400, f"The address is to be written as {wanted.path}.")


def _may_ask(wanted: Asked, query: Mapping[str, str], now: float) -> int:
    """For how many seconds the answer may be kept.

    Raises:
        RefusedError: 403: it is not signed, and has no size of the ladder; or its signature does not hold.
    """
    if unknown := query.keys() - {"expires", "signature"}:
        raise RefusedError(400, f"There is no parameter {ascii(min(unknown))[:40]}.")
    if not query:
        if not _is_step(wanted.variant):
            raise RefusedError(403, "This size must be asked for by a signed address.")
        return SETTINGS.cache_seconds
    expires = query.get("expires", "")
    holds = partial(signature.holds, wanted.path, expires, query.get("signature", ""))
    if not holds(_KEYS.known(), now) and not holds(_KEYS.again(), now):
        raise RefusedError(403, "The signature does not hold, or has expired.")
    return min(SETTINGS.cache_seconds, int(expires) - int(now))


def _is_step(variant: Variant) -> bool:
    """Whether anybody may ask for it: one of the ladder's sizes, fitted in, and nothing else done to it."""
    plain = type(variant)(variant.fit, variant.width_px, variant.height_px)
    return variant == plain and f"{variant.width_px or ''}x{variant.height_px or ''}" in SETTINGS.ladder


def _tag(there: Source, wanted: Asked, takes: tuple[Type, ...]) -> str:
    said = "\n".join([there.execution_arn, wanted.path, *takes])
    return f'"{hashlib.sha256(said.encode()).hexdigest()[:32]}"'


def _has(if_none_match: str, tag: str) -> bool:
    held = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return tag in held or "*" in held


def _made(wanted: Asked, there: Source, takes: tuple[Type, ...]) -> tuple[Made, bool]:
    """The picture, and whether it is going to be the same next time."""
    focus, is_known = _focus(wanted.key, there) if wanted.variant.fit is Fit.FACE else (None, True)
    try:
        made = make(
            open_photo(there.object).fetch(),
            wanted.variant,
            partial(accepted.choose, takes),
            max_pixels=SETTINGS.max_pixels,
            focus=focus,
        )
    except TooManyPixelsError as error:
        raise RefusedError(400, str(error)) from None
    except Rejection as rejection:
        raise RefusedError(422, sentence("REJECTED", rejection.decision.reason)) from None
    except ClientError as error:
        if isinstance(task_error(error), PhotoNotFoundError):
            raise RefusedError(404, "There is no such photo.") from None
        raise
    return made, is_known


def _focus(key: str, there: Source) -> tuple[Focus | None, bool]:
    """The box around all faces, of which the catalogue or else Rekognition is asked once; None where there
    are none.

    Where nobody can be asked just now, the middle of the photo has to do, and the second is False.
    """
    faces, is_known = there.faces, True
    if faces is None:
        try:
            found = _catalogued(there)
            if found is None:
                found = PhotoAnalysis(there.object, SETTINGS.max_pixels).faces(_FACE_CONFIDENCE)
            faces = tuple(Focus(each.left, each.top, each.width, each.height) for each in found)
            source.remember_faces(key, there, faces, table_name=SETTINGS.table_name)
        except Rejection:
            faces = ()
        except (ClientError, BotoCoreError):
            logger.exception("nobody says where the faces are: the middle is shown")
            faces, is_known = (), False
    if not faces:
        return None, is_known
    left, top = min(each.left for each in faces), min(each.top for each in faces)
    right = max(each.left + each.width for each in faces)
    bottom = max(each.top + each.height for each in faces)
    return Focus(left, top, right - left, bottom - top), is_known


def _catalogued(there: Source) -> Sequence[Region] | None:
    """The faces that the catalogue has of exactly this object; None where it has not looked."""
    photo = there.object
    which = entries.generation(photo.bucket, photo.key, photo.version_id)
    tables = Tables(client("dynamodb"), SETTINGS.catalogue_table, SETTINGS.table_name)
    known = [each for part in entries.read(tables, photo.key, which, 0) for each in part.entries]
    if not any((each.what, each.value) == ("count", "faces") for each in known):
        return None
    faces = [each.region for each in known if each.what == "face" and each.region]
    return [each for each in faces if each.confidence >= _FACE_CONFIDENCE]


def _sent(made: Made, headers: Mapping[str, str], seconds: int) -> HttpAnswer:
    if len(made.data) > _MOST_BYTES:
        return _elsewhere(made, headers, seconds)
    return {
        "statusCode": 200,
        "headers": {**headers, **_kept(seconds), "content-type": made.type.value},
        "isBase64Encoded": True,
        "body": base64.b64encode(made.data).decode(),
    }


def _elsewhere(made: Made, headers: Mapping[str, str], seconds: int) -> HttpAnswer:
    """A redirect to S3, for what is larger than Lambda's answers may be."""
    s3 = client("s3")
    name = hashlib.sha256(made.data).hexdigest()
    where: Any = {"Bucket": SETTINGS.large_bucket, "Key": f"{name}.{_EXTENSIONS[made.type]}"}
    try:
        s3.put_object(**where, Body=made.data, ContentType=made.type.value, IfNoneMatch="*")
    except ClientError as error:
        if http_status(error) not in {409, 412}:  # it is there, or is just being written
            raise
    address = s3.generate_presigned_url("get_object", Params=where, ExpiresIn=_REDIRECT_S)
    kept = _kept(min(_REDIRECT_S // 2, seconds))
    return {"statusCode": 302, "headers": {**headers, **kept, "location": address}, "body": ""}


def _refusal(request: Request, error: RefusedError) -> HttpAnswer:
    """A sentence, or with the status of one the picture that stands for what is not there."""
    if error.status == 404 and SETTINGS.fallback_key:
        try:
            wanted = Asked(SETTINGS.fallback_key, _read(request.path).variant)
            there = source.find(
                wanted.key, table_name=SETTINGS.table_name, distribution_bucket=SETTINGS.distribution_bucket
            )
            if there and wanted.variant.quality == QUALITY:
                takes = accepted.named(request.accept)
                answer = _sent(_stand_in(wanted, there, takes), {"vary": "Accept"}, _SHORTLY_S)
                return answer | {"statusCode": 404} if answer["statusCode"] == 200 else answer
        except RefusedError as another:
            logger.warning("the fallback cannot be shown: %s", another)
    return _text(error.status, str(error), _kept(_SHORTLY_S))


@lru_cache(maxsize=_STAND_INS)
def _stand_in(wanted: Asked, there: Source, takes: tuple[Type, ...]) -> Made:
    """The picture of the fallback, which is made once: anybody can ask for photos that there are not."""
    return _made(wanted, there, takes)[0]


def _text(status: int, message: str, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    return {
        "statusCode": status,
        "headers": {
            "content-type": "text/plain; charset=utf-8",
            "cache-control": "no-store",
            **(headers or {}),
            **({"allow": "GET, HEAD"} if status == 405 else {}),
        },
        "body": f"{message}\n",
    }
