"""Response headers policies: what they are given as, and what they make of a response.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/understanding-response-headers-policies.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from happypath.sandbox.cloudfront.distributions import items
from happypath.sandbox.cloudfront.policies import Policies

Headers: TypeAlias = list[tuple[str, str]]

_SIMPLE = {"AccessControlAllowOrigins": ["*"], "OriginOverride": False}
_PREFLIGHT = {
    **_SIMPLE,
    "AccessControlAllowMethods": ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
    "AccessControlExposeHeaders": ["*"],
}
_SECURITY = {
    "ReferrerPolicy": {"ReferrerPolicy": "strict-origin-when-cross-origin", "Override": False},
    "StrictTransportSecurity": {"AccessControlMaxAgeSec": 31_536_000, "Override": False},
    "ContentTypeOptions": {"Override": True},
    "FrameOptions": {"FrameOption": "SAMEORIGIN", "Override": False},
    "XSSProtection": {"Protection": True, "ModeBlock": True, "Override": False},
}
# AWS's own, by their ids.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-response-headers-policies.html
_MANAGED: Mapping[str, Mapping[str, Any]] = {
    "60669652-455b-4ae9-85a4-c4c02393f86c": {"CorsConfig": _SIMPLE},
    "5cc3b908-e619-4b99-88e5-2cf7f45965bd": {"CorsConfig": _PREFLIGHT},
    "67f7725c-6f97-4210-82d7-5512b31e9d03": {"SecurityHeadersConfig": _SECURITY},
    "e61eb60c-9c35-4d20-a928-2b84e02af89c": {"CorsConfig": _SIMPLE, "SecurityHeadersConfig": _SECURITY},
    "eaab4381-ed33-4a86-88ca-d9558dc6cd63": {"CorsConfig": _PREFLIGHT, "SecurityHeadersConfig": _SECURITY},
}
POLICIES = Policies("response_headers_policies", _MANAGED)


def changed(account_id: str, policy_id: str | None, received: Headers, origin: str | None) -> Headers:
    """The headers of a response under a policy, from those received; `origin` is the viewer's page's.

    Raises:
        LookupError: there is no such policy.
    """
    if not policy_id:
        return received
    config = POLICIES.find(account_id, policy_id)
    removed = {each["Header"].lower() for each in _listed(config.get("RemoveHeadersConfig"))}
    headers = [each for each in received if each[0].lower() not in removed]
    for name, value, override in (*_cors(config, headers, origin), *_security(config), *_custom(config)):
        there = any(each[0].lower() == name.lower() for each in headers)
        if there and not override:
            continue
        headers = [*(each for each in headers if each[0].lower() != name.lower()), (name, value)]
    return headers


def _listed(counted: Any) -> list[Any]:
    """A list as the API has it, counted, or as templates have it, beneath `Items` or by itself."""
    return counted if isinstance(counted, list) else items(counted)


def _true(value: Any) -> bool:
    return str(value).lower() == "true"


def _security(config: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    for kind, given in (config.get("SecurityHeadersConfig") or {}).items():
        name, value = _SECURITY_HEADERS[kind](given)
        yield name, value, _true(given.get("Override"))


def _transport(given: Mapping[str, Any]) -> tuple[str, str]:
    value = f"max-age={given['AccessControlMaxAgeSec']}"
    value += "; includeSubDomains" if _true(given.get("IncludeSubdomains")) else ""
    return "Strict-Transport-Security", value + ("; preload" if _true(given.get("Preload")) else "")


def _xss(given: Mapping[str, Any]) -> tuple[str, str]:
    value = "1" if _true(given["Protection"]) else "0"
    value += "; mode=block" if _true(given.get("ModeBlock")) else ""
    return "X-XSS-Protection", value + (f"; report={given['ReportUri']}" if given.get("ReportUri") else "")


_SECURITY_HEADERS = {
    "StrictTransportSecurity": _transport,
    "ContentTypeOptions": lambda _: ("X-Content-Type-Options", "nosniff"),
    "ContentSecurityPolicy": lambda given: ("Content-Security-Policy", str(given["ContentSecurityPolicy"])),
    "FrameOptions": lambda given: ("X-Frame-Options", str(given["FrameOption"])),
    "ReferrerPolicy": lambda given: ("Referrer-Policy", str(given["ReferrerPolicy"])),
    "XSSProtection": _xss,
}


def _custom(config: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    for each in _listed(config.get("CustomHeadersConfig")):
        yield each["Header"], each["Value"], _true(each.get("Override"))


def _cors(
    config: Mapping[str, Any], received: Headers, origin: str | None
) -> Iterator[tuple[str, str, bool]]:
    cors = config.get("CorsConfig")
    if not cors or not origin:
        return
    override = _true(cors.get("OriginOverride"))
    # Either the origin's headers or the policy's, not some of each.
    if not override and any(name.lower().startswith("access-control-") for name, _ in received):
        return
    origins = _listed(cors["AccessControlAllowOrigins"])
    if "*" in origins:
        yield "Access-Control-Allow-Origin", "*", override
    elif any(_is_of(each, origin) for each in origins):
        yield "Access-Control-Allow-Origin", origin, override
        yield "Vary", "Origin", override
    else:
        return
    for name in ("AllowMethods", "AllowHeaders", "ExposeHeaders"):
        if values := _listed(cors.get(f"AccessControl{name}")):
            yield f"Access-Control-{name[:-7]}-{name[-7:]}", ", ".join(values), override
    if cors.get("AccessControlMaxAgeSec") is not None:
        yield "Access-Control-Max-Age", str(cors["AccessControlMaxAgeSec"]), override
    if _true(cors.get("AccessControlAllowCredentials")):
        yield "Access-Control-Allow-Credentials", "true", override


def _is_of(pattern: str, origin: str) -> bool:
    """Whether an origin is one that a policy names, of which a part may be `*`."""
    return bool(re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), origin, re.IGNORECASE))
