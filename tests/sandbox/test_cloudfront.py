"""CloudFront in a stack."""

from __future__ import annotations

from typing import Any

import pytest

from happypath.operations.installation import Installation
from happypath.sandbox.sandbox import Sandbox


def distributions(sandbox: Sandbox) -> list[dict[str, Any]]:
    listed = sandbox.client("cloudfront").list_distributions()["DistributionList"]
    found: list[dict[str, Any]] = listed.get("Items", [])
    return found


def test_photos_are_published_under_the_domain_of_the_distribution(sandbox: Sandbox) -> None:
    core = Installation(sandbox.client, sandbox.prefix).core
    (ours,) = [
        each for each in distributions(sandbox) if f"https://{each['DomainName']}" == core["DistributionUrl"]
    ]

    (origin,) = ours["Origins"]["Items"]
    assert origin["DomainName"].startswith(f"{core['DistributionBucket']}.s3.")
    assert ours["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "https-only"


def test_a_distribution_comes_and_goes_with_its_stack(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(distributions(sandbox))
    monkeypatch.setattr(sandbox, "prefix", "delivered")
    sandbox.deploy("core")
    assert len(distributions(sandbox)) == before + 1

    sandbox.client("cloudformation").delete_stack(StackName="delivered-core")
    assert len(distributions(sandbox)) == before
    # What people uploaded outlives the stack.
    assert "delivered" in sandbox.client("dynamodb").list_tables()["TableNames"]
    buckets = {each["Name"] for each in sandbox.client("s3").list_buckets()["Buckets"]}
    assert "delivered-uploads-123456789012-us-east-1" in buckets
