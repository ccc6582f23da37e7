"""Cache policies: what of a viewer's request an origin gets. Nothing is cached here.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cache-key-understand-cache-policy.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from happypath.sandbox.cloudfront.policies import Config, Policies

# AWS's own CachingOptimized and CachingDisabled, which forward nothing.
_MANAGED: Mapping[str, Config] = {
    "658327ea-f89d-4fab-a63d-7e88639e58f6": {},
    "4135ea2d-6df8-44a3-9df3-4b5a84be39ad": {},
}
POLICIES = Policies("cache_policies", _MANAGED)


@dataclass(frozen=True)
class Forwarded:
    """What an origin gets: headers by their names in lower case, and parameters of the query."""

    headers: frozenset[str]
    # None: all of them.
    parameters: frozenset[str] | None

    def query(self, sent: str) -> str:
        """The part of a query that is forwarded."""
        if self.parameters is None:
            return sent
        kept = [each for each in sent.split("&") if unquote_plus(each.partition("=")[0]) in self.parameters]
        return "&".join(kept)


def forwarded(account_id: str, policy_id: str) -> Forwarded:
    """What a policy forwards.

    Raises:
        LookupError: there is no such policy here.
    """
    config = POLICIES.find(account_id, policy_id)
    in_key = config.get("ParametersInCacheKeyAndForwardedToOrigin") or {}
    headers = in_key.get("HeadersConfig") or {}
    query = in_key.get("QueryStringsConfig") or {}
    all_of_query = query.get("QueryStringBehavior") == "all"
    return Forwarded(
        frozenset(name.lower() for name in headers.get("Headers") or []),
        None if all_of_query else frozenset(query.get("QueryStrings") or []),
    )
