"""CloudFront for moto's CloudFormation: moto has distributions, and no stack could make one.

Requests to a distribution's domain are not answered: what it would serve is in its bucket. A stack's other
resources of CloudFront are skipped, as what moto does not know is.
"""

from __future__ import annotations

import uuid
from typing import Any, Self

from moto.cloudfront.models import CloudFrontBackend, Distribution, cloudfront_backends
from moto.core.common_models import CloudFormationModel


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
        return cls(made)

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str
    ) -> None:
        """Removes it; `resource_name` is its id."""
        _backend(account_id).distributions.pop(resource_name, None)

    def is_created(self) -> bool:
        """At once, where CloudFront takes minutes."""
        return True


def _as_in_the_api(properties: dict[str, Any]) -> dict[str, Any]:
    """A template's DistributionConfig as CreateDistribution takes it: lists are counted there."""

    def counted(items: list[Any]) -> dict[str, Any]:
        return {"Quantity": len(items), "Items": items}

    behaviour = properties["DefaultCacheBehavior"]
    return {
        **properties,
        "CallerReference": uuid.uuid4().hex,
        "Origins": counted(properties["Origins"]),
        "DefaultCacheBehavior": {**behaviour, "AllowedMethods": counted(behaviour["AllowedMethods"])},
    }
