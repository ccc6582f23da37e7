"""Uploads by a browser's form: the policy that it brings, its signature, and what it allows.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from io import BytesIO
from typing import Any
from urllib.parse import quote

from werkzeug.datastructures import FileStorage
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from happypath.sandbox.front.answers import ErrorAnswer
from happypath.sandbox.s3.request import S3Request
from happypath.sandbox.s3.signatures import SecretOf, mismatch, of_policy

# What an object keeps of a form's fields, beside x-amz-meta-….
_SYSTEM_METADATA = ("cache-control", "content-disposition", "content-encoding", "content-type", "expires")
# Fields that a policy need not mention.
_UNMENTIONED = {"awsaccesskeyid", "signature", "x-amz-signature", "policy", "file", "bucket"}


@dataclass(frozen=True)
class Form:
    """A form's fields, with names in lower case, and its file."""

    fields: Mapping[str, str]
    size_bytes: int


def check(request: S3Request, secret_of: SecretOf, now: datetime) -> ErrorAnswer | None:
    """The answer to a form that is not allowed; None for one that is."""
    content_type, _ = parse_options_header(request.header("content-type"))
    if content_type != "multipart/form-data":
        return ErrorAnswer(
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
            {"Condition": "Bucket POST must be of the enclosure-type multipart/form-data"},
        )
    form = _read(request)
    if isinstance(form, ErrorAnswer):
        return form
    policy = form.fields.get("policy")
    if policy is None:
        return ErrorAnswer(403, "AccessDenied", "Access Denied")
    return _check_signature(form.fields, policy, secret_of) or _check_policy(
        policy, form, {**form.fields, "bucket": request.bucket}, now
    )


def _read(request: S3Request) -> Form | ErrorAnswer:
    mimetype, options = parse_options_header(request.header("content-type"))
    try:
        _, fields, files = FormDataParser(max_form_memory_size=None, silent=False).parse(
            BytesIO(request.body), mimetype, len(request.body), options
        )
    except ValueError:
        return ErrorAnswer(
            400,
            "MalformedPOSTRequest",
            "The body of your POST request is not well-formed multipart/form-data.",
        )
    file: Any = files.get("file")
    named = {name.lower(): value for name, value in fields.items()}
    # A file may come as a field, without a name of its own.
    text = named.pop("file", None)
    if file is None and text is None:
        return ErrorAnswer(
            400,
            "InvalidArgument",
            "POST requires exactly one file upload per request.",
            {"ArgumentName": "file"},
        )
    if "key" not in named:
        return ErrorAnswer(
            400,
            "InvalidArgument",
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of "
            "the fields.",
            {"ArgumentName": "key"},
        )
    filename = _filename(file)
    named["key"] = named["key"].replace("${filename}", filename)
    return Form(named, _size(file) if file is not None else len((text or "").encode()))


def _filename(file: FileStorage | None) -> str:
    name = (file.filename or "") if file is not None else ""
    return name.replace("\\", "/").rpartition("/")[2]


def _size(file: FileStorage) -> int:
    return len(file.stream.read())


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


def _check_policy(policy: str, form: Form, fields: Mapping[str, str], now: datetime) -> ErrorAnswer | None:
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
    mentioned = set(_UNMENTIONED)
    for condition in conditions:
        error = _check_condition(condition, form, fields, mentioned)
        if error is not None:
            return error
    extra = sorted(name for name in fields if name not in mentioned and not name.startswith("x-ignore-"))
    if extra:
        return ErrorAnswer(
            403, "AccessDenied", f"Invalid according to Policy: Extra input fields: {', '.join(extra)}"
        )
    return None


def _check_condition(
    condition: Any, form: Form, fields: Mapping[str, str], mentioned: set[str]
) -> ErrorAnswer | None:
    """The answer to a form that does not meet a condition; adds the condition's field to those mentioned."""
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
        return _check_size(condition, form.size_bytes)
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


def _check_size(condition: list[Any], size_bytes: int) -> ErrorAnswer | None:
    try:
        least, most = int(condition[1]), int(condition[2])
    except (TypeError, ValueError):
        return _failed(condition)
    if size_bytes > most:
        return ErrorAnswer(
            400,
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
            {"ProposedSize": str(size_bytes), "MaxSizeAllowed": str(most)},
        )
    if size_bytes < least:
        return ErrorAnswer(
            400,
            "EntityTooSmall",
            "Your proposed upload is smaller than the minimum allowed size",
            {"ProposedSize": str(size_bytes), "MinSizeAllowed": str(least)},
        )
    return None


def _failed(condition: list[Any]) -> ErrorAnswer:
    shown = ", ".join(json.dumps(str(each)) for each in condition)
    return ErrorAnswer(
        403, "AccessDenied", f"Invalid according to Policy: Policy Condition failed: [{shown}]"
    )


def stored(
    backend: Any, bucket: str, key: str, fields: Mapping[str, str], headers: dict[str, Any]
) -> tuple[int, dict[str, Any], str]:
    """What a form's object has beside its bytes is kept, and the form answered as it asks."""
    stored_key = backend.get_object(bucket, key)
    stored_key.set_metadata({name: fields[name] for name in _SYSTEM_METADATA if name in fields})
    location = f"/{bucket}/{quote(key)}"
    headers = {"Location": location, "ETag": stored_key.etag, **headers}
    if stored_key.version_id not in {None, "null"}:
        headers["x-amz-version-id"] = stored_key.version_id
    if "success_action_redirect" in fields or "redirect" in fields:
        return 303, headers, ""
    status = fields.get("success_action_status")
    if status != "201":
        return (200 if status == "200" else 204), headers, ""
    parts = {"Location": location, "Bucket": bucket, "Key": key, "ETag": stored_key.etag}
    elements = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in parts.items())
    headers["Content-Type"] = "application/xml"
    return 201, headers, f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>{elements}</PostResponse>'
