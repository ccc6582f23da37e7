"""The sandbox as an issuer of tokens (OpenID Connect), for the JWT authorizers of the APIs in it.

https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from happypath.sandbox.apigateway.request import Answer, message

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

PATH = "/_aws/issuer"
_DISCOVERY = "/.well-known/openid-configuration"
_KEYS = "/.well-known/jwks.json"
# Whom the tokens are for that it gives to whoever asks: the APIs of this project.
AUDIENCE = "happypath"
# https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
GROUPS = "cognito:groups"
# Those of it who may decide reviews by the API.
REVIEWERS = "reviewers"
# And those who may search.
SEARCHERS = "searchers"


class Issuer:
    """Issues tokens in the name of `url`, with a key of its own that nobody else has."""

    def __init__(self, endpoint: str) -> None:
        self.url = f"{endpoint}{PATH}"
        self._making = threading.Lock()

    @cached_property
    def _made(self) -> RSAKey:
        from joserfc.jwk import RSAKey  # noqa: PLC0415  # few need it, and it is slow

        return RSAKey.generate_key(2048, {"kid": secrets.token_hex(8), "use": "sig", "alg": "RS256"})

    @property
    def _key(self) -> RSAKey:
        with self._making:
            return self._made

    def token(
        self,
        subject: str,
        audience: str,
        lifetime_s: int = 3600,
        scopes: Collection[str] = (),
        groups: Collection[str] = (),
    ) -> str:
        """A token that says who somebody is (`sub`), for whom (`aud`), until when (`exp`), and for what.

        Groups are in the claim in which a Cognito user pool has them.
        """
        from joserfc import jwt  # noqa: PLC0415  # few need it, and it is slow

        now, key = int(time.time()), self._key
        claims = {
            "iss": self.url,
            "sub": subject,
            "aud": audience,
            "iat": now,
            "exp": now + lifetime_s,
            **({"scope": " ".join(scopes)} if scopes else {}),
            **({GROUPS: list(groups)} if groups else {}),
        }
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)

    def answer(self, path: str, query: str) -> Answer:
        """The answer to a request for what is at a path below the issuer's.

        Whoever asks for `/token?sub=NAME` gets a token of that name, as text, and with `&group=GROUP` one of
        that group: there are no secrets here.
        """
        if path == "/token":
            asked = parse_qsl(query)
            token = self.token(
                dict(asked).get("sub", "you"),
                AUDIENCE,
                groups=[group for name, group in asked if name == "group"],
            )
            return Answer(200, (("Content-Type", "text/plain"),), token.encode())
        if path == _DISCOVERY:
            return _json(
                {
                    "issuer": self.url,
                    "jwks_uri": f"{self.url}{_KEYS}",
                    "id_token_signing_alg_values_supported": ["RS256"],
                    "response_types_supported": ["token"],
                    "subject_types_supported": ["public"],
                }
            )
        if path == _KEYS:
            return _json({"keys": [self._key.as_dict(private=False)]})
        return message(404, "Not Found")


def _json(document: object) -> Answer:
    return Answer(200, (("Content-Type", "application/json"),), json.dumps(document).encode())
