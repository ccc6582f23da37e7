"""A distribution's configuration: whose it is, and which behaviour and origin a path has.

https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionConfig.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moto.cloudfront.models import cloudfront_backends

from happypath.sandbox.function_urls.urls import PLACE

# Where distributions answer on the sandbox's own address: by the id, or the name of the stack that made it.
ROOM = "/_aws/cloudfront/"
_DOMAIN = ".cloudfront.net"
# Of a bucket, not of its website: https://docs.aws.amazon.com/general/latest/gr/s3.html
_BUCKET = re.compile(r"(.+?)\.s3(?:[.-](?:dualstack\.)?[a-z]{2}(?:-[a-z]+)+-\d)?\.amazonaws\.com(?:\.cn)?")


@dataclass(frozen=True)
class Distribution:
    """A distribution: its ARN, and what CreateDistribution was given."""

    arn: str
    domain: str
    config: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Such as `E1A2B3C4D5E6F7`."""
        return self.arn.rpartition("/")[2]

    def behaviour(self, path: str) -> Mapping[str, Any]:
        """The cache behaviour of a path: the first whose pattern it fits, else the default one."""
        for each in items(self.config.get("CacheBehaviors")):
            if _fits(each["PathPattern"], path):
                return dict(each)
        found: Mapping[str, Any] = self.config["DefaultCacheBehavior"]
        return found

    def origin(self, behaviour: Mapping[str, Any]) -> Mapping[str, Any]:
        """The origin of a behaviour."""
        wanted = behaviour["TargetOriginId"]
        return next(dict(each) for each in items(self.config["Origins"]) if each["Id"] == wanted)


def items(counted: Any) -> list[Any]:
    """What is in one of CloudFront's lists, which are counted.

    >>> items({"Quantity": 1, "Items": ["GET"]}), items({"Quantity": 0}), items(None)
    (['GET'], [], [])
    """
    return list((counted or {}).get("Items") or [])


def bucket_of(origin: Mapping[str, Any]) -> str | None:
    """The bucket that is an origin; None where it is no bucket.

    >>> bucket_of({"DomainName": "a.photos.s3.us-east-1.amazonaws.com"})
    'a.photos'
    >>> bucket_of({"DomainName": "www.example.com"})
    """
    found = None if "CustomOriginConfig" in origin else _BUCKET.fullmatch(origin["DomainName"])
    return found and found[1]


def function_url_of(origin: Mapping[str, Any]) -> str | None:
    """The id of the function URL that is an origin; None where it is none.

    >>> function_url_of({"DomainName": "abc123.lambda-url.us-east-1.on.aws", "CustomOriginConfig": {}})
    'abc123'
    """
    found = PLACE.named(origin["DomainName"])
    return found and found[1]


def _fits(pattern: str, path: str) -> bool:
    """Whether a path is one of a pattern's, in which `*` is any text and `?` any character.

    >>> _fits("images/*.jp?", "/images/a/b.jpg"), _fits("*.jpg", "/a.JPG")
    (True, False)
    """
    parts = re.split(r"([*?])", pattern if pattern.startswith(("/", "*")) else f"/{pattern}")
    wild = {"*": ".*", "?": "."}
    return bool(re.fullmatch("".join(wild.get(each) or re.escape(each) for each in parts), path, re.DOTALL))


def find(account_id: str, name: str) -> Distribution | None:
    """A distribution by its id, or by the name of the stack that made it."""
    return next((each for made, each in _all(account_id) if name in {each.id, _stack(made)}), None)


def of_host(account_id: str, host: str) -> Distribution | None:
    """The distribution that is asked by a host's name: its own domain, or one of its aliases."""
    name = host.partition(":")[0].lower()
    return next(
        (
            each
            for _, each in _all(account_id)
            if name == each.domain or name in map(str.lower, items(each.config.get("Aliases")))
        ),
        None,
    )


def is_domain(host: str) -> bool:
    """Whether a host's name is of CloudFront's own domain."""
    return host.partition(":")[0].lower().endswith(_DOMAIN)


def _stack(made: Any) -> str | None:
    found: str | None = getattr(made, "stack_name", None)
    return found


def _all(account_id: str) -> Iterator[tuple[Any, Distribution]]:
    known: dict[str, Any] = cloudfront_backends[account_id]["aws"].distributions
    for made in list(known.values()):
        yield made, Distribution(made.arn, made.domain_name, made.distribution_config.given)
