"""Signed addresses and forms: whether a signature is of the account, of this request, and not too old.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from botocore.auth import HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from happypath.sandbox.front.answers import ErrorAnswer
from happypath.sandbox.s3.request import S3Request

# An access key → its secret.
SecretOf: TypeAlias = Callable[[str], str]
# The same, of the keys of users and of roles that were assumed; of others, nothing.
OwnSecretOf: TypeAlias = Callable[[str], str | None]

_V4 = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)
_V2 = ("Signature", "Expires", "AWSAccessKeyId")
_DATE = re.compile(r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3])([0-5]\d){2}Z")
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, ?"
    r"SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_WEEK_S = 604_800
# What a signer of the server's clock may be ahead.
_AHEAD = timedelta(minutes=15)
_PARAMETERS_ERROR = "AuthorizationQueryParametersError"


def mismatch(access_key: str, provided: str, to_sign: str) -> ErrorAnswer:
    """The answer to a signature of something else."""
    return ErrorAnswer(
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and "
        "signing method.",
        {"AWSAccessKeyId": access_key, "StringToSign": to_sign, "SignatureProvided": provided},
    )


def check(request: S3Request, secret_of: SecretOf, now: datetime) -> ErrorAnswer | None:
    """The answer to a signed address that is not valid; None for one that is, and for requests without."""
    query = request.query
    if any(name in query for name in _V4) and "X-Amz-Date" not in query and "X-Amz-Signature" not in query:
        return _incomplete_v4()
    if "X-Amz-Signature" in query or "X-Amz-Algorithm" in query:
        return _check_v4(request, secret_of, now)
    if "Signature" in query or "AWSAccessKeyId" in query:
        return _check_v2(request, secret_of, now)
    return None


def check_header(request: S3Request, own_secret_of: OwnSecretOf, now: datetime) -> ErrorAnswer | None:
    """The answer to a signature of version 4 in the header, by a user or a session, that is not valid.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html
    """
    found = _HEADER.fullmatch(request.header("authorization") or "")
    secret = own_secret_of(found["key"]) if found else None
    if found is None or secret is None:
        return None
    date = request.header("x-amz-date") or ""
    if not _DATE.fullmatch(date):
        message = "AWS authentication requires a valid Date or x-amz-date header"
        return ErrorAnswer(403, "AccessDenied", message)
    signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs(now - signed_at) > _AHEAD:
        return ErrorAnswer(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            {"RequestTime": date, "ServerTime": _shown(now), "MaxAllowedSkewMilliseconds": "900000"},
        )
    signed = found["headers"].lower().split(";")
    unsigned = _unsigned(request, signed)
    if unsigned is not None:
        return unsigned
    auth = S3SigV4Auth(Credentials(found["key"], secret), found["service"], found["region"])
    query = f"?{request.raw_query}" if request.raw_query else ""
    copy = _copy(request, signed, query)
    copy.context["timestamp"] = date
    to_sign = auth.string_to_sign(copy, auth.canonical_request(copy))
    if hmac.compare_digest(auth.signature(to_sign, copy), found["signature"]):
        return None
    return mismatch(found["key"], found["signature"], to_sign)


def _unsigned(request: S3Request, signed: list[str]) -> ErrorAnswer | None:
    """The answer to a request with headers that its signature leaves out, and must not."""
    unsigned = sorted(
        name for name, _ in request.headers() if name.startswith("x-amz-") and name not in signed
    )
    if not unsigned:
        return None
    return ErrorAnswer(
        403,
        "AccessDenied",
        "There were headers present in the request which were not signed",
        {"HeadersNotSigned": ", ".join(unsigned)},
    )


def _copy(request: S3Request, signed: list[str], query: str) -> AWSRequest:
    """What was signed of a request."""
    return AWSRequest(
        request.method,
        f"http://{request.header('host')}{request.raw_path}{query}",
        {name: request.header(name) or "" for name in signed},
    )


def _incomplete_v4() -> ErrorAnswer:
    return ErrorAnswer(
        400,
        _PARAMETERS_ERROR,
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
        "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
    )


def _check_v4(request: S3Request, secret_of: SecretOf, now: datetime) -> ErrorAnswer | None:
    query = request.query
    error = _malformed_v4(query)
    if error is not None:
        return error
    lifetime = _lifetime(query["X-Amz-Expires"])
    if isinstance(lifetime, ErrorAnswer):
        return lifetime
    signed_at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if signed_at > now + _AHEAD:
        return ErrorAnswer(403, "AccessDenied", "Request is not yet valid")
    if now > signed_at + lifetime:
        return _expired(signed_at + lifetime, now, {"X-Amz-Expires": query["X-Amz-Expires"]})
    return _check_v4_signature(request, secret_of, query["X-Amz-Credential"].split("/"))


def _malformed_v4(query: Mapping[str, str]) -> ErrorAnswer | None:
    if not all(query.get(name) for name in _V4):
        return _incomplete_v4()
    message = None
    credential = query["X-Amz-Credential"].split("/")
    if query["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256":
        message = 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"'
    elif len(credential) != 5 or credential[4] != "aws4_request":  # its parts
        message = (
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
    elif not _DATE.fullmatch(query["X-Amz-Date"]):
        message = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
    return None if message is None else ErrorAnswer(400, _PARAMETERS_ERROR, message)


def _lifetime(text: str) -> timedelta | ErrorAnswer:
    try:
        seconds = int(text)
    except ValueError:
        return ErrorAnswer(400, _PARAMETERS_ERROR, "X-Amz-Expires should be a number")
    if seconds < 0:
        return ErrorAnswer(400, _PARAMETERS_ERROR, "X-Amz-Expires must be non-negative")
    if seconds > _WEEK_S:
        return ErrorAnswer(
            400,
            _PARAMETERS_ERROR,
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be "
            f"less than {_WEEK_S} seconds",
        )
    return timedelta(seconds=seconds)


def _check_v4_signature(request: S3Request, secret_of: SecretOf, credential: list[str]) -> ErrorAnswer | None:
    access_key, _, region, service, _ = credential
    signed = request.query["X-Amz-SignedHeaders"].lower().split(";")
    unsigned = _unsigned(request, signed)
    if unsigned is not None:
        return unsigned
    secret = secret_of(access_key)
    auth = S3SigV4QueryAuth(Credentials(access_key, secret), service, region)
    kept = [each for each in request.raw_query.split("&") if not each.startswith("X-Amz-Signature=")]
    copy = _copy(request, signed, f"?{'&'.join(kept)}")
    copy.context["timestamp"] = request.query["X-Amz-Date"]
    to_sign = auth.string_to_sign(copy, auth.canonical_request(copy))
    provided = request.query["X-Amz-Signature"]
    if hmac.compare_digest(auth.signature(to_sign, copy), provided):
        return None
    return mismatch(access_key, provided, to_sign)


def _check_v2(request: S3Request, secret_of: SecretOf, now: datetime) -> ErrorAnswer | None:
    query = request.query
    if not all(query.get(name) for name in _V2):
        return ErrorAnswer(
            403,
            "AccessDenied",
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
        )
    try:
        expires = datetime.fromtimestamp(int(query["Expires"]), UTC)
    except (ValueError, OverflowError, OSError):
        message = f"Invalid date (should be seconds since epoch): {query['Expires']}"
        return ErrorAnswer(403, "AccessDenied", message)
    if now > expires:
        return _expired(expires, now, {})
    access_key = query["AWSAccessKeyId"]
    secret = secret_of(access_key)
    auth = _V2Auth(Credentials(access_key, secret), query["Expires"])
    split = urlsplit(f"http://host{request.resource}?{request.raw_query}")
    headers: Any = HTTPHeaders()
    for name, value in request.headers():
        headers[name] = value
    to_sign = auth.canonical_string(request.method, split, headers)
    if hmac.compare_digest(auth.sign_string(to_sign), query["Signature"]):
        return None
    return mismatch(access_key, query["Signature"], to_sign)


class _V2Auth(HmacV1QueryAuth):
    """botocore's signer of version 2, for a time that is given."""

    def __init__(self, credentials: Credentials, expires: str) -> None:
        super().__init__(credentials)
        self._given = expires

    def _get_date(self) -> str:
        return self._given


def _expired(expires: datetime, now: datetime, details: dict[str, str]) -> ErrorAnswer:
    return ErrorAnswer(
        403,
        "AccessDenied",
        "Request has expired",
        {**details, "Expires": _shown(expires), "ServerTime": _shown(now)},
    )


def _shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def of_policy(policy: str, secret: str, scope: list[str] | None) -> str:
    """The signature of a form's policy: version 4 for a scope (date, region, service, …), else version 2."""
    if scope is None:
        digest = hmac.new(secret.encode(), policy.encode(), hashlib.sha1).digest()
        return base64.b64encode(digest).decode()
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, policy.encode(), hashlib.sha256).hexdigest()
