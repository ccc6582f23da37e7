"""Uploads by a browser's form: the policy that it brings, its signature, and what it allows.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from moto.s3.models import get_canned_acl
from moto.s3.utils import metadata_from_headers
from werkzeug.http import parse_options_header

from happypath.sandbox.front.answers import ErrorAnswer
from happypath.sandbox.front.multipart import (
    MOST_FIELDS_BYTES,
    FieldsTooLargeError,
    Form,
    MalformedFormError,
    read,
)
from happypath.sandbox.s3.limits import MOST_KEY_BYTES, MOST_OBJECT_BYTES, too_large, too_long, too_small
from happypath.sandbox.s3.request import S3Request
from happypath.sandbox.s3.signatures import SecretOf, mismatch, of_policy

# What an object keeps of a form's fields, beside x-amz-meta-….
_SYSTEM_METADATA = ("cache-control", "content-disposition", "content-encoding", "content-type", "expires")
# Fields that a policy need not mention.
_UNMENTIONED = {"awsaccesskeyid", "signature", "x-amz-signature", "policy", "file", "bucket"}


# A piece of a form that is looked at.
_PIECE_BYTES = 65_536


class Body(Protocol):
    """What is left to be read of a request."""

    def read1(self, size: int, /) -> bytes:
        """What has come, at most so many bytes; nothing only at the end."""


def receive(
    request: S3Request, body: Body, size_bytes: int, secret_of: SecretOf, now: datetime
) -> bytes | ErrorAnswer:
    """The body of a form that is allowed, read to its end; the answer to another, as soon as that is known.

    Fields are judged when the file begins, and the file's size while it comes.
    """
    content_type = request.header("content-type")
    if parse_options_header(content_type)[0] != "multipart/form-data":
        return _NO_FORM
    form, came = Form(content_type), bytearray()
    least, most = None, MOST_OBJECT_BYTES
    try:
        while piece := body.read1(min(_PIECE_BYTES, size_bytes - len(came))):
            came += piece
            form.feed(piece)
            if form.file_at is not None and least is None:
                least, most = _judge(request, form, secret_of, now)
            if form.file_bytes > most:
                raise _RefusedError(too_large(_proposed(form, request, size_bytes), most))
        form.feed(b"")
    except FieldsTooLargeError:
        return _TOO_MANY_FIELDS
    except MalformedFormError:
        return _MALFORMED
    except _RefusedError as refused:
        return refused.answer
    if least is not None and form.file_bytes < least:
        return too_small(form.file_bytes, least)
    return bytes(came) if least is not None else _NO_FILE


class _RefusedError(Exception):
    """A form that is not allowed."""

    def __init__(self, answer: ErrorAnswer) -> None:
        self.answer = answer


_NO_FORM = ErrorAnswer(
    412,
    "PreconditionFailed",
    "At least one of the pre-conditions you specified did not hold",
    {"Condition": "Bucket POST must be of the enclosure-type multipart/form-data"},
)
_TOO_MANY_FIELDS = ErrorAnswer(
    400,
    "MaxPostPreDataLengthExceeded",
    "Your POST request fields preceding the upload file were too large.",
    {"MaxPostPreDataLength": str(MOST_FIELDS_BYTES)},
)
_MALFORMED = ErrorAnswer(
    400, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data."
)
_NO_FILE = ErrorAnswer(
    400,
    "InvalidArgument",
    "POST requires exactly one file upload per request.",
    {"ArgumentName": "file"},
)


def _proposed(form: Form, request: S3Request, size_bytes: int) -> int:
    """The size of a file that has not come whole, if it is the last of its form."""
    _, options = parse_options_header(request.header("content-type"))
    end = len(f"\r\n--{options.get('boundary', '')}--\r\n")
    return max(form.file_bytes, size_bytes - (form.file_at or 0) - end)


def _judge(request: S3Request, form: Form, secret_of: SecretOf, now: datetime) -> tuple[int, int]:
    """The least and the most bytes that a form's file may have.

    Raises:
        _RefusedError: the form is not allowed.
    """
    fields = form.fields
    if "key" not in fields:
        raise _RefusedError(
            ErrorAnswer(
                400,
                "InvalidArgument",
                "Bucket POST must contain a field named 'key'.  If it is specified, please check the order "
                "of the fields.",
                {"ArgumentName": "key"},
            )
        )
    policy = fields.get("policy")
    if policy is None:
        raise _RefusedError(ErrorAnswer(403, "AccessDenied", "Access Denied"))
    key = fields["key"].replace("${filename}", form.file_name)
    if len(key.encode()) > MOST_KEY_BYTES:
        raise _RefusedError(too_long(len(key.encode())))
    named = {**fields, "key": key, "bucket": request.bucket}
    judged = _check_signature(fields, policy, secret_of) or _check_policy(policy, named, now)
    if isinstance(judged, ErrorAnswer):
        raise _RefusedError(judged)
    return judged


def _check_signature(fields: Mapping[str, str], policy: str, secret_of: SecretOf) -> ErrorAnswer | None:
    if "x-amz-credential" in fields or "x-amz-signature" in fields:
        credential = fields.get("x-amz-credential", "").split("/")
        if len(credential) != 5:  # its parts
            return ErrorAnswer(
                400,
                "InvalidArgument",
                "The credential of this form is malformed.",
                {"ArgumentName": "x-amz-credential"},
            )
        access_key, provided, scope = credential[0], fields.get("x-amz-signature", ""), credential[1:]
    else:
        access_key, provided, scope = fields.get("awsaccesskeyid", ""), fields.get("signature", ""), None
    if not access_key or not provided:
        return ErrorAnswer(403, "AccessDenied", "Access Denied")
    if hmac.compare_digest(of_policy(policy, secret_of(access_key), scope).encode(), provided.encode()):
        return None
    return mismatch(access_key, provided, policy)


def _check_policy(policy: str, fields: Mapping[str, str], now: datetime) -> tuple[int, int] | ErrorAnswer:
    try:
        document = json.loads(base64.b64decode(policy, validate=True))
        expires = datetime.fromisoformat(document["expiration"])
        conditions = document["conditions"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ErrorAnswer(400, "InvalidPolicyDocument", "Invalid Policy: Invalid JSON.")
    if not isinstance(conditions, list):
        return ErrorAnswer(
            400, "InvalidPolicyDocument", "Invalid Policy: Invalid 'conditions' value: must be a List."
        )
    if now > (expires if expires.tzinfo else expires.replace(tzinfo=UTC)):
        return ErrorAnswer(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
    mentioned, least, most = set(_UNMENTIONED), 0, MOST_OBJECT_BYTES
    for condition in conditions:
        judged = _check_condition(condition, fields, mentioned)
        if isinstance(judged, ErrorAnswer):
            return judged
        if judged is not None:
            least, most = max(least, judged[0]), min(most, judged[1])
    extra = sorted(name for name in fields if name not in mentioned and not name.startswith("x-ignore-"))
    if extra:
        return ErrorAnswer(
            403, "AccessDenied", f"Invalid according to Policy: Extra input fields: {', '.join(extra)}"
        )
    return least, most


def _check_condition(
    condition: Any, fields: Mapping[str, str], mentioned: set[str]
) -> tuple[int, int] | ErrorAnswer | None:
    """The answer to a form that does not meet a condition, or the sizes that it allows, if it is of these.

    Adds the condition's field to those mentioned.
    """
    if isinstance(condition, dict):
        if len(condition) != 1:
            return ErrorAnswer(
                400,
                "InvalidPolicyDocument",
                "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property "
                "specified.",
            )
        [(name, value)] = condition.items()
        condition = ["eq", f"${name}", value]
    if not isinstance(condition, list) or len(condition) != 3:  # operator, field, value
        return ErrorAnswer(400, "InvalidPolicyDocument", "Invalid Policy: Invalid Condition.")
    operator, name, value = condition
    if str(operator).lower() == "content-length-range":
        return _sizes(condition)
    field = str(name).removeprefix("$").lower()
    mentioned.add(field)
    given = fields.get(field)
    is_field = str(name).startswith("$")
    met = is_field and given is not None and _is_met(str(operator).lower(), given, value, field)
    return None if met else _failed(condition)


def _is_met(operator: str, given: str, value: Any, field: str) -> bool:
    if operator == "eq":
        return bool(given == value)
    if operator != "starts-with":
        return False
    # A list of types: each of them.
    parts = given.split(",") if field == "content-type" else [given]
    return all(each.strip().startswith(str(value)) for each in parts)


def _sizes(condition: list[Any]) -> tuple[int, int] | ErrorAnswer:
    try:
        return int(condition[1]), int(condition[2])
    except (TypeError, ValueError):
        return _failed(condition)


def _failed(condition: list[Any]) -> ErrorAnswer:
    shown = ", ".join(json.dumps(str(each)) for each in condition)
    return ErrorAnswer(
        403, "AccessDenied", f"Invalid according to Policy: Policy Condition failed: [{shown}]"
    )


def store(backend: Any, bucket: str, content_type: str, body: bytes) -> tuple[int, dict[str, Any], str]:
    """Stores the file of a form that is allowed, by its fields alone, and answers the form as it asks."""
    form = read(content_type, body)
    fields = form.fields
    key = fields["key"].replace("${filename}", form.file_name)
    stored = backend.put_object(
        bucket,
        key,
        form.file(body),
        storage=fields.get("x-amz-storage-class"),
        encryption=fields.get("x-amz-server-side-encryption"),
        kms_key_id=fields.get("x-amz-server-side-encryption-aws-kms-key-id"),
        request_method="POST",
    )
    if "acl" in fields:
        stored.set_acl(get_canned_acl(fields["acl"]))
    metadata = metadata_from_headers(fields)
    metadata.update({name: fields[name] for name in _SYSTEM_METADATA if name in fields})
    stored.set_metadata(metadata)
    location = f"/{bucket}/{quote(key)}"
    headers = {"Location": location, "ETag": stored.etag}
    if stored.version_id not in {None, "null"}:
        headers["x-amz-version-id"] = stored.version_id
    onward = fields.get("success_action_redirect") or fields.get("redirect")
    if onward:
        told = urlencode({"bucket": bucket, "key": key, "etag": stored.etag})
        address = urlsplit(onward)
        query = f"{address.query}&{told}" if address.query else told
        headers["Location"] = address._replace(query=query).geturl()
        return 303, headers, ""
    status = fields.get("success_action_status")
    if status != "201":
        return (200 if status == "200" else 204), headers, ""
    parts = {"Location": location, "Bucket": bucket, "Key": key, "ETag": stored.etag}
    elements = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in parts.items())
    headers["Content-Type"] = "application/xml"
    return 201, headers, f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>{elements}</PostResponse>'
