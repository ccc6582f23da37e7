"""What viewers get of distributions: the objects of their buckets, with the headers that CloudFront adds.

Nothing is cached: each answer is the bucket's own of that moment.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorS3Origin.html
"""

from __future__ import annotations

import io
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import quote, unquote, unquote_to_bytes

from happypath.sandbox.apigateway.request import ApiRequest
from happypath.sandbox.cloudfront import cache_policies, response_headers
from happypath.sandbox.cloudfront.distributions import (
    ROOM,
    Distribution,
    bucket_of,
    find,
    function_url_of,
    is_domain,
    items,
    of_host,
)
from happypath.sandbox.direct import reply
from happypath.sandbox.front.answers import ErrorAnswer
from happypath.sandbox.function_urls.urls import Urls
from happypath.sandbox.iam import AccessDeniedError, Service, check, encryption, may
from happypath.sandbox.iam.principal import Anonymous
from happypath.sandbox.wsgi import Environ, Wsgi

_log = logging.getLogger(__name__)

Headers: TypeAlias = list[tuple[str, str]]

_CACHEABLE = ("GET", "HEAD")
_LENGTH = "Content-Length"
# What of a viewer's request the origin gets; and what of the origin's answer no viewer gets.
_FORWARDED = ("HTTP_RANGE", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")
_PREFLIGHT = ("HTTP_ORIGIN", "HTTP_ACCESS_CONTROL_REQUEST_METHOD", "HTTP_ACCESS_CONTROL_REQUEST_HEADERS")
_KEPT_BACK = {
    "connection",
    "content-length",
    "date",
    "server",
    "x-amz-id-2",
    "x-amz-request-id",
    # moto's, and not S3's.
    "x-amz-content-sha256",
    "x-amz-sdk-checksum-algorithm",
    "x-amzn-requestid",
}
# Where a signed address or a signed cookie would be.
_KEY_PAIR = "Key-Pair-Id="


@dataclass(frozen=True)
class _Answer:
    """A status code, headers (with a Content-Length only for HEAD), and a body."""

    status: int
    headers: Headers
    body: bytes


class _Refused(Exception):  # noqa: N818  # it is an answer, not a failure
    """A request that is answered without the origin."""

    def __init__(self, answer: _Answer) -> None:
        self.answer = answer


def viewed(account: Wsgi, account_id: str, own_access_key: str, urls: Urls) -> Wsgi:
    """The account, whose distributions answer viewers.

    A distribution is asked at `/_aws/cloudfront/NAME/PATH`, where NAME is its id or the stack's that made it,
    and by its domain or an alias in the Host header.
    """

    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        raw_path = _raw_path(environ)
        host = str(environ.get("HTTP_HOST", ""))
        if raw_path.startswith(ROOM):
            name, slash, rest = raw_path[len(ROOM) :].partition("/")
            distribution, path = find(account_id, unquote(name)), slash + rest or "/"
        else:
            distribution, path = of_host(account_id, host), raw_path
            if distribution is None and not is_domain(host):
                return account(environ, start_response)
        viewer = _Viewer(account, account_id, own_access_key, urls, environ, path)
        answer = viewer.answer(distribution)
        headers = answer.headers
        if answer.status != HTTPStatus.NOT_MODIFIED and not any(name == _LENGTH for name, _ in headers):
            headers = [*headers, (_LENGTH, str(len(answer.body)))]
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    return application


def _raw_path(environ: Environ) -> str:
    uri = str(environ.get("RAW_URI") or quote(str(environ.get("PATH_INFO", "/")).encode("latin-1")))
    if "://" in uri.partition("?")[0]:
        uri = "/" + uri.split("://", 1)[1].partition("/")[2]
    return uri.partition("?")[0] or "/"


class _Viewer:
    """One viewer's request for a path, which is as it was sent, encoded."""

    def __init__(
        self, account: Wsgi, account_id: str, own_access_key: str, urls: Urls, environ: Environ, path: str
    ) -> None:
        self._account = account
        self._urls = urls
        self._account_id = account_id
        self._own_access_key = own_access_key
        self._environ = environ
        self._method = str(environ["REQUEST_METHOD"])
        self._path = path

    def answer(self, distribution: Distribution | None) -> _Answer:
        """What the viewer gets."""
        try:
            if distribution is None or str(distribution.config.get("Enabled")).lower() == "false":
                raise _Refused(_page("Bad request. No distribution that is enabled answers here."))
            return self._of(distribution)
        except _Refused as refused:
            return self._told(refused.answer)

    def _of(self, distribution: Distribution) -> _Answer:
        behaviour = distribution.behaviour(unquote(self._path))
        if self._method not in (items(behaviour.get("AllowedMethods")) or _CACHEABLE):
            raise _Refused(
                _page(
                    "This distribution is not configured to allow the HTTP request method that was used for "
                    "this request."
                )
            )
        self._refuse_what_is_not_done(behaviour)
        root = distribution.config.get("DefaultRootObject")
        path = f"/{quote(root)}" if self._path == "/" and root else self._path
        found = self._from_origin(distribution, behaviour, path)
        if found.status >= HTTPStatus.BAD_REQUEST:
            found = self._own_error(distribution, found)
        policy = behaviour.get("ResponseHeadersPolicyId")
        try:
            headers = response_headers.changed(
                self._account_id, policy, found.headers, self._environ.get("HTTP_ORIGIN")
            )
        except LookupError:
            raise _Refused(_lacking(f"the response headers policy {policy}")) from None
        return self._told(_Answer(found.status, headers, found.body))

    def _refuse_what_is_not_done(self, behaviour: Mapping[str, Any]) -> None:
        if self._method not in {*_CACHEABLE, "OPTIONS"}:
            raise _Refused(_lacking(f"{self._method} by a distribution"))
        for name in ("FunctionAssociations", "LambdaFunctionAssociations"):
            if items(behaviour.get(name)):
                raise _Refused(_lacking(f"{name} of a cache behaviour"))
        if items(behaviour.get("TrustedKeyGroups")) or items(behaviour.get("TrustedSigners")):
            signed = f"{self._environ.get('QUERY_STRING')};{self._environ.get('HTTP_COOKIE')}"
            if f"CloudFront-{_KEY_PAIR}" not in signed and _KEY_PAIR not in signed:
                missing = "Missing Key-Pair-Id query parameter or cookie value"
                raise _Refused(_of(ErrorAnswer(403, "MissingKey", missing)))
            raise _Refused(_lacking("signed addresses and cookies of CloudFront"))

    def _from_origin(self, distribution: Distribution, behaviour: Mapping[str, Any], path: str) -> _Answer:
        origin = distribution.origin(behaviour)
        if function_url := function_url_of(origin):
            return self._from_function(function_url, distribution, behaviour, path)
        bucket = bucket_of(origin)
        if bucket is None:
            raise _Refused(_lacking(f"an origin that is no bucket ({origin['DomainName']})"))
        if (origin.get("S3OriginConfig") or {}).get("OriginAccessIdentity"):
            raise _Refused(_lacking("origin access identities: use an origin access control"))
        whole = f"{origin.get('OriginPath') or ''}{path}"
        try:
            key = unquote_to_bytes(whole[1:]).decode()
        except UnicodeDecodeError:
            return _of(ErrorAnswer(400, "InvalidURI", "Couldn't parse the specified URI."))
        signs = bool(origin.get("OriginAccessControlId")) and self._method != "OPTIONS"
        service = Service("cloudfront.amazonaws.com", distribution.arn, self._account_id)
        lists = not signs or may(service, "s3:ListBucket", f"arn:aws:s3:::{bucket}")
        try:
            if signs and key:
                check(service, "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
                for need in encryption.of_reading(bucket, key):
                    check(service, need.action, need.resource, need.context)
        except AccessDeniedError:
            return _forbidden()
        found = self._asked(bucket, whole, signs=signs) if key or lists else _forbidden()
        if found.status == HTTPStatus.PARTIAL_CONTENT and not self._may_be_a_part_of(found):
            del self._environ["HTTP_RANGE"]
            found = self._asked(bucket, whole, signs=signs)
        # Who may not list learns of no key that it is missing.
        return _forbidden() if found.status == HTTPStatus.NOT_FOUND and not lists else found

    def _from_function(
        self, url_id: str, distribution: Distribution, behaviour: Mapping[str, Any], path: str
    ) -> _Answer:
        """What a function URL answers CloudFront, which signs the request where the origin says so.

        https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-lambda.html
        """
        origin, policy = distribution.origin(behaviour), behaviour.get("CachePolicyId")
        if behaviour.get("OriginRequestPolicyId") or not policy:
            raise _Refused(_lacking("an origin request policy, or none that caches"))
        try:
            passed = cache_policies.forwarded(self._account_id, policy)
        except LookupError:
            raise _Refused(_lacking(f"the cache policy {policy}")) from None
        names = {*_FORWARDED, *(f"HTTP_{name.upper().replace('-', '_')}" for name in passed.headers)}
        headers = {
            key.removeprefix("HTTP_").lower().replace("_", "-"): str(self._environ[key])
            for key in sorted(names & self._environ.keys())
        }
        source_ip = str(self._environ.get("REMOTE_ADDR", "127.0.0.1"))
        headers |= {
            "host": origin["DomainName"],
            "user-agent": "Amazon CloudFront",
            "x-forwarded-for": source_ip,
        }
        whole = f"{origin.get('OriginPath') or ''}{path}"
        request = ApiRequest(
            api_id=url_id,
            method=self._method,
            sent_path=whole,
            path=whole,
            query=passed.query(str(self._environ.get("QUERY_STRING", ""))),
            headers=headers,
            source_ip=source_ip,
            protocol="HTTP/1.1",
        )
        signs = bool(origin.get("OriginAccessControlId"))
        caller = Service("cloudfront.amazonaws.com", distribution.arn, self._account_id)
        found = self._urls.answer(request, caller if signs else Anonymous())
        return _Answer(found.status, list(found.headers), found.body)

    def _may_be_a_part_of(self, found: _Answer) -> bool:
        """Whether the viewer, who has a part of an object, has it of the one that is there (`If-Range`)."""
        held = self._environ.get("HTTP_IF_RANGE")
        named = (value for name, value in found.headers if name.lower() in {"etag", "last-modified"})
        return held is None or held in named

    def _asked(self, bucket: str, path: str, *, signs: bool) -> _Answer:
        """What S3 answers CloudFront, whose query is none of the viewer's."""
        environ = {
            "REQUEST_METHOD": self._method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(f"/{bucket}{path}", "latin-1"),
            "QUERY_STRING": "",
            "RAW_URI": f"/{bucket}{path}",
            "REMOTE_ADDR": self._environ.get("REMOTE_ADDR", "127.0.0.1"),
            "SERVER_NAME": self._environ["SERVER_NAME"],
            "SERVER_PORT": self._environ["SERVER_PORT"],
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": f"{self._environ['SERVER_NAME']}:{self._environ['SERVER_PORT']}",
            "HTTP_USER_AGENT": "Amazon CloudFront",
            **{key: value for key, value in self._environ.items() if key.startswith("wsgi.")},
            "wsgi.input": io.BytesIO(),
        }
        forwarded = _PREFLIGHT if self._method == "OPTIONS" else _FORWARDED
        environ |= {name: self._environ[name] for name in forwarded if name in self._environ}
        if signs:
            scope = f"{self._own_access_key}/19700101/us-east-1/s3/aws4_request"
            environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 Credential={scope}"
        status, headers, body = reply(self._account, environ)
        own = [each for each in headers if each[0].lower() not in _KEPT_BACK]
        if self._method == "HEAD":
            own += [(_LENGTH, value) for name, value in headers if name.lower() == _LENGTH.lower()]
        return _Answer(int(status.partition(" ")[0]), [*own, ("Server", "AmazonS3")], body)

    def _own_error(self, distribution: Distribution, found: _Answer) -> _Answer:
        """The distribution's own page of an error, if it has one.

        https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/GeneratingCustomErrorResponses.html
        """
        for each in items(distribution.config.get("CustomErrorResponses")):
            if int(each["ErrorCode"]) != found.status or not each.get("ResponsePagePath"):
                continue
            path = str(each["ResponsePagePath"])
            page = self._from_origin(distribution, distribution.behaviour(path), path)
            if page.status < HTTPStatus.BAD_REQUEST:
                return _Answer(int(each.get("ResponseCode") or found.status), page.headers, page.body)
        return found

    def _told(self, answer: _Answer) -> _Answer:
        result = "Error" if answer.status >= HTTPStatus.BAD_REQUEST else "Miss"
        return _Answer(
            answer.status,
            [
                *answer.headers,
                ("X-Cache", f"{result} from cloudfront"),
                ("Via", f"1.1 {secrets.token_hex(16)}.cloudfront.net (CloudFront)"),
                ("X-Amz-Cf-Pop", "SEA900-P1"),
                ("X-Amz-Cf-Id", f"{secrets.token_urlsafe(40)}=="),
            ],
            answer.body,
        )


def _forbidden() -> _Answer:
    return _of(ErrorAnswer(403, "AccessDenied", "Access Denied"))


def _of(error: ErrorAnswer) -> _Answer:
    """S3's shape of an error, which CloudFront hands on and has for its own of signed addresses."""
    _, headers, body = error.written("rest-xml")
    return _Answer(error.status, [each for each in headers if each[0].lower() not in _KEPT_BACK], body)


def _lacking(what: str) -> _Answer:
    message = f"The sandbox does not do {what}."
    _log.warning("%s", message)
    return _of(ErrorAnswer(501, "NotImplemented", message))


def _page(message: str) -> _Answer:
    """A refusal of CloudFront's own, which is a page."""
    body = (
        "<!DOCTYPE html>\n<html><head><title>ERROR: The request could not be satisfied</title></head><body>"
        f"<h1>403 ERROR</h1><h2>The request could not be satisfied.</h2><hr>{message}<hr>"
        "<address>Generated by cloudfront (CloudFront)</address></body></html>"
    )
    return _Answer(403, [("Content-Type", "text/html"), ("Server", "CloudFront")], body.encode())
