"""CloudFront for moto's CloudFormation: moto has distributions, and no stack could make one."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from unittest.mock import patch

from moto.cloudfront.models import CloudFrontBackend, Distribution, DistributionConfig, cloudfront_backends
from moto.core.common_models import CloudFormationModel

from happypath.sandbox.patches.served import Patch, Served


def _backend(account_id: str) -> CloudFrontBackend:
    # What CloudFront has is of no region.
    backend: CloudFrontBackend = cloudfront_backends[account_id]["aws"]
    return backend


class StackDistribution(CloudFormationModel):
    """An `AWS::CloudFront::Distribution`.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudfront-distribution.html
    """

    def __init__(self, distribution: Distribution) -> None:
        self._distribution = distribution
        self.physical_resource_id = distribution.distribution_id

    @staticmethod
    def cloudformation_name_type() -> str:
        """It has no name."""
        return ""

    @staticmethod
    def cloudformation_type() -> str:
        """The type in templates."""
        return "AWS::CloudFront::Distribution"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """What Fn::GetAtt may ask for."""
        return attr in {"Id", "DomainName"}

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """What Fn::GetAtt is answered."""
        known = {"Id": self.physical_resource_id, "DomainName": self._distribution.domain_name}
        return str(known[attribute_name])

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **_: Any,
    ) -> Self:
        """Makes it."""
        config = _as_in_the_api(cloudformation_json["Properties"]["DistributionConfig"])
        made, _location, _etag = _backend(account_id).create_distribution(config, [])
        # A generated name is the stack's, the resource's (which has no hyphen) and some letters.
        named: Any = made
        named.stack_name = resource_name.rsplit("-", 2)[0]
        return cls(made)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Self,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> Self:
        """Changes it; id and domain stay."""
        config = _as_in_the_api(cloudformation_json["Properties"]["DistributionConfig"])
        any_etag: Any = "*"
        _backend(account_id).update_distribution(config, original_resource.physical_resource_id, any_etag)
        return original_resource

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str
    ) -> None:
        """Removes it; `resource_name` is its id."""
        _backend(account_id).distributions.pop(resource_name, None)

    def is_created(self) -> bool:
        """At once, where CloudFront takes minutes."""
        return True


_LISTS = ("Aliases", "CacheBehaviors", "CustomErrorResponses", "Origins")
_LISTS_OF_BEHAVIOURS = (
    "AllowedMethods",
    "CachedMethods",
    "FunctionAssociations",
    "LambdaFunctionAssociations",
    "TrustedKeyGroups",
    "TrustedSigners",
)


def _as_in_the_api(properties: dict[str, Any]) -> dict[str, Any]:
    """A template's DistributionConfig as CreateDistribution takes it: lists are counted there."""
    origins = [_with_identity(each) for each in properties["Origins"]]
    config = {**properties, "CallerReference": uuid.uuid4().hex, "Origins": origins}
    behaviour = _counted(config["DefaultCacheBehavior"], _LISTS_OF_BEHAVIOURS)
    behaviours = [_counted(each, _LISTS_OF_BEHAVIOURS) for each in config.get("CacheBehaviors") or []]
    return _counted({**config, "DefaultCacheBehavior": behaviour, "CacheBehaviors": behaviours}, _LISTS)


def _with_identity(origin: dict[str, Any]) -> dict[str, Any]:
    """An origin, with the empty identity that templates may leave out."""
    if "S3OriginConfig" not in origin:
        return origin
    return {**origin, "S3OriginConfig": {"OriginAccessIdentity": "", **(origin["S3OriginConfig"] or {})}}


def _counted(properties: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    lists = {name: properties[name] for name in names if name in properties}
    return {**properties, **{name: {"Quantity": len(each), "Items": each} for name, each in lists.items()}}


@contextmanager
def whole_configurations(_: Served) -> Iterator[None]:
    """A distribution does what all of its configuration says; moto keeps no more than it shows.

    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionConfig.html
    """
    read: Any = DistributionConfig.__init__

    def read_and_keep(config: Any, given: dict[str, Any]) -> None:
        # moto puts objects of its own into what it is given.
        whole = copy.deepcopy(given)
        read(config, given)
        config.given = whole

    with patch.object(DistributionConfig, "__init__", read_and_keep):
        yield


PATCHES: tuple[Patch, ...] = (whole_configurations,)
