"""IAM authorization: a request that is signed for a service, and what its signer may do.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control-iam.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from botocore.utils import normalize_url_path

from happypath.sandbox.apigateway.request import ApiRequest, RefusedError
from happypath.sandbox.iam.denial import AccessDeniedError
from happypath.sandbox.iam.enforcement import check, session_of
from happypath.sandbox.iam.principal import Principal

# An access key → its secret.
SecretOf: TypeAlias = Callable[[str], str]

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[a-z0-9-]+)"
    r"/(?P<service>[a-z0-9-]+)/aws4_request, *SignedHeaders=(?P<headers>[^,\s]+), "
    r"*Signature=(?P<signature>[0-9a-f]{64})"
)
_SKEW = timedelta(minutes=5)


def identity(request: ApiRequest, region: str, arn: str, secret_of: SecretOf) -> dict[str, Any]:
    """What a function is told of the signer, who may invoke `arn`.

    Raises:
        RefusedError: the request is not signed as it must be, or its signer may not invoke that.
    """
    key = signer(request, region, "execute-api", secret_of)
    principal = session_of(key)
    context = {"aws:sourceip": (request.source_ip,), "aws:requestedregion": (region,)}
    if request.headers.get("user-agent"):
        context["aws:useragent"] = (request.headers["user-agent"],)
    try:
        check(principal, "execute-api:Invoke", arn, context)
    except AccessDeniedError as error:
        # Which is in the log.
        raise _forbidden(str(error)) from None
    return _described(principal, key)


def signer(request: ApiRequest, region: str, service: str, secret_of: SecretOf) -> str:
    """The access key of who signed a request for a service.

    Raises:
        RefusedError: it is not signed as it must be.
    """
    signed = _HEADER.fullmatch(request.headers.get("authorization", ""))
    if signed is None or (signed["region"], signed["service"]) != (region, service):
        raise _forbidden(f"The request is not signed for {service} in {region}.")
    at = _signed_at(request.headers.get("x-amz-date", ""))
    if at is None or f"{at:%Y%m%d}" != signed["date"] or abs(datetime.now(UTC) - at) > _SKEW:
        raise _forbidden("The request is not signed now.")
    names = signed["headers"].split(";")
    lacking = {"host", *(each for each in request.headers if each.startswith("x-amz-"))} - set(names)
    if lacking - {"x-amzn-trace-id"} or not set(names) <= set(request.headers):
        raise _forbidden("The signature does not cover the headers that it must.")
    expected = _signature(request, signed, names, secret_of(signed["key"]))
    if not hmac.compare_digest(expected, signed["signature"]):
        raise _forbidden("The signature is of another request.")
    return signed["key"]


def _described(principal: Principal, access_key: str) -> dict[str, Any]:
    account_id = principal.arn.split(":")[4]
    return {
        "accessKey": access_key,
        "accountId": account_id,
        "callerId": access_key,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": principal.arn,
        "userId": access_key,
    }


def _forbidden(why: str) -> RefusedError:
    return RefusedError(403, "Forbidden", why=why)


def _signed_at(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _signature(request: ApiRequest, signed: re.Match[str], names: list[str], secret: str) -> str:
    """What the signature must be, of the body that came, whatever hash the request names."""
    auth = SigV4Auth(Credentials(signed["key"], secret), signed["service"], signed["region"])
    headers: Any = HTTPHeaders()
    for name in names:
        headers[name] = request.headers[name]
    url = f"http://{request.headers['host']}{request.sent_path}"
    copy = AWSRequest(request.method, f"{url}?{request.query}" if request.query else url)
    copy.context["timestamp"] = request.headers["x-amz-date"]
    canonical = "\n".join(
        [
            request.method,
            # Of all services but S3 the path is encoded once more.
            quote(normalize_url_path(request.sent_path), safe="/~"),
            auth.canonical_query_string(copy),
            f"{auth.canonical_headers(headers)}\n",
            ";".join(sorted(names)),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    return auth.signature(auth.string_to_sign(copy, canonical), copy)
