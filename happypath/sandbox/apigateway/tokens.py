"""JWT authorizers: who a token is of, if it is one that the authorizer lets in.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

from moto.core.models import DEFAULT_ACCOUNT_ID

from happypath.loopback import is_loopback
from happypath.sandbox.apigateway.request import ApiRequest, RefusedError

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

_log = logging.getLogger(__name__)

# API Gateway takes RSA's only.
_ALGORITHMS = ("RS256", "RS384", "RS512")
# How long an issuer's keys are kept, and how long it may take to give them. AWS waits for 1.5 s.
_KEPT_S = 7200
_FETCH_S = 30.0
_MOST_BYTES = 1_000_000
_POOL = re.compile(r"https://cognito-idp\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<id>[\w-]+)")


class Keys:
    """The keys of issuers: of user pools of this account, and of who is asked as OpenID Connect says."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, KeySet]] = {}
        self._lock = threading.Lock()

    def of(self, issuer: str, kid: str) -> Any:
        """An issuer's key by its id, None if it has none of that id.

        Raises:
            OSError, ValueError: the issuer does not give its keys.
        """
        with self._lock:
            until, known = self._kept.get(issuer, (0.0, None))
            if known is None or time.monotonic() > until or not _find(known, kid):
                known = _fetch(issuer)
                self._kept[issuer] = time.monotonic() + _KEPT_S, known
        return _find(known, kid)


def identity(request: ApiRequest, authorizer: Any, scopes: Sequence[str], keys: Keys) -> dict[str, Any]:
    """What a function is told of the caller: `{"claims": …, "scopes": …}`.

    `authorizer` is moto's; the token must have one of `scopes`, if there are any.

    Raises:
        RefusedError: there is no token, or it is not valid (401), or has none of the scopes (403).
    """
    token = _token(request, authorizer.identity_source or [])
    if not token:
        raise RefusedError(401, "Unauthorized", ("www-authenticate", "Bearer"), why="There is no token.")
    settings = authorizer.jwt_config or {}
    issuer = str(settings.get("issuer") or settings.get("Issuer") or "")
    claims = _verified(token, issuer, keys)
    wrong = _problem(claims, issuer, settings.get("audience") or settings.get("Audience") or [], time.time())
    if wrong:
        raise _invalid(wrong)
    own = _scopes(claims)
    if scopes and not set(scopes) & set(own):
        wanted = f'scope="{" ".join(scopes)}" error="insufficient_scope"'
        why = "the token does not have a valid scope"
        raise RefusedError(
            403,
            "Forbidden",
            ("www-authenticate", f'Bearer {wanted} error_description="{why}"'),
            why=why,
        )
    return {
        "claims": {name: _text(value) for name, value in claims.items()},
        "scopes": own if scopes else None,
    }


def _invalid(why: str) -> RefusedError:
    header = f'Bearer scope="" error="invalid_token" error_description="{why}"'
    return RefusedError(401, "Unauthorized", ("www-authenticate", header), why=why)


def _token(request: ApiRequest, sources: Sequence[str]) -> str:
    for source in sources:
        found = request.selected(source)
        if found:
            scheme, _, rest = found.partition(" ")
            return rest.strip() if scheme.lower() == "bearer" else found
    return ""


def _verified(token: str, issuer: str, keys: Keys) -> dict[str, Any]:
    """The claims of a token that the issuer signed."""
    from joserfc import jws, jwt  # noqa: PLC0415  # few need it, and it is slow
    from joserfc.errors import JoseError  # noqa: PLC0415

    try:
        if token.count(".") != 2:
            raise ValueError(token)
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError, RecursionError):
        raise _invalid("the token is malformed") from None
    kid, algorithm = header.get("kid"), header.get("alg")
    if not isinstance(kid, str) or algorithm not in _ALGORITHMS:
        raise _invalid("the token has no key id, or no algorithm of RSA")
    try:
        key = keys.of(issuer, kid)
    except (OSError, ValueError) as error:
        _log.warning("The keys of the issuer %s cannot be had: %s", issuer, error)
        raise _invalid("the issuer's keys cannot be had") from None
    if key is None:
        raise _invalid("the token is signed by a key that the issuer does not have")
    try:
        return dict(jwt.decode(token, key, algorithms=_ALGORITHMS).claims)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise _invalid("the token's signature is not valid") from None


def _problem(claims: Mapping[str, Any], issuer: str, audience: Sequence[str], now: float) -> str | None:
    """What is wrong with claims, None if nothing is."""
    times = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
    if any(isinstance(each, bool) or not isinstance(each, (int, float)) for each in times.values()):
        return "the token's times are no numbers"
    # `client_id` counts only without `aud`.
    meant = claims.get("aud", claims.get("client_id"))
    named = meant if isinstance(meant, list) else [meant]
    for wrong, why in (
        (claims.get("iss") != issuer, "the token does not have a valid issuer"),
        (not any(each in audience for each in named), "the token does not have a valid audience"),
        ("exp" not in times, "the token does not expire"),
        (times.get("exp", 0) <= now, "the token has expired"),
        (times.get("nbf", 0) > now, "the token is not valid yet"),
        (times.get("iat", 0) > now + 1, "the token is issued in the future"),
    ):
        if wrong:
            return why
    return None


def _scopes(claims: Mapping[str, Any]) -> list[str]:
    given = claims.get("scope", claims.get("scp", []))
    return given.split() if isinstance(given, str) else [str(each) for each in given or []]


def _text(value: Any) -> str:
    """A claim as functions get it: a list is `[a b]`."""
    if isinstance(value, list):
        return f"[{' '.join(_text(each) for each in value)}]"
    return value if isinstance(value, str) else json.dumps(value)


def _find(keys: KeySet, kid: str) -> Any:
    return next((key for key in keys.keys if key.kid == kid), None)


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Goes nowhere else."""


def _fetch(issuer: str) -> KeySet:
    from joserfc.errors import JoseError  # noqa: PLC0415  # few need it, and it is slow
    from joserfc.jwk import KeySet  # noqa: PLC0415

    pool = _POOL.fullmatch(issuer)
    try:
        if pool:
            return KeySet([_key_of_pool(pool["region"], pool["id"])])
        configuration = _get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        return KeySet.import_key_set(_get(str(configuration["jwks_uri"])))
    except (JoseError, KeyError, TypeError) as error:
        raise ValueError(f"they are malformed: {error!r}") from None


def _key_of_pool(region: str, pool_id: str) -> Any:
    from moto.cognitoidp.models import cognitoidp_backends  # noqa: PLC0415  # few need it, and it is slow

    pool = cognitoidp_backends[DEFAULT_ACCOUNT_ID][region].user_pools.get(pool_id)
    if pool is None:
        raise ValueError(f"there is no user pool {pool_id}")
    return pool.json_web_key


def _get(url: str) -> Any:
    if not is_loopback(url) or not url.startswith(("http://", "https://")):
        raise ValueError(f"the sandbox asks nobody beyond this machine, as {url} is")
    opener = build_opener(ProxyHandler({}), _NoRedirect())
    with opener.open(url, timeout=_FETCH_S) as response:
        found = json.loads(response.read(_MOST_BYTES))
    if not isinstance(found, dict):
        raise TypeError(f"{url} gives no JSON object")
    return found
