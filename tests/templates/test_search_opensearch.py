"""What the stack of full-text search promises: which items go there, and that nobody else gets in."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.templates.template import listed, load, resources

STACK = "search-opensearch"
NAMES = {"Prefix": "team", "PipelineRole.Arn": "role", "SearcherRoleArn": "searcher", "Endpoint": "vpce-1"}


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = resources(STACK)[name]["Properties"]
    return found


def filled(given: Any) -> str:
    """The text of a Fn::Sub, with a name for each thing that it refers to."""
    substituted = given["Fn::Sub"]
    text = substituted if isinstance(substituted, str) else substituted[0]
    text = re.sub(r"\$\{(?!!)([\w.:]+)\}", lambda found: NAMES.get(found[1], found[1]), text)
    return text.replace("${!", "${")


def pipeline() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(filled(properties("Pipeline")["PipelineConfigurationBody"]))
    assert found.pop("version") == "2"
    return found


def test_nobody_reaches_the_collection_but_by_its_endpoint_and_the_pipeline() -> None:
    (rule,) = json.loads(filled(properties("NetworkPolicy")["Policy"]))
    assert (rule["AllowFromPublic"], rule["SourceVPCEs"]) == (False, ["vpce-1"])
    assert {each["ResourceType"] for each in rule["Rules"]} == {"collection", "dashboard"}
    (inwards,) = properties("EndpointSecurityGroup")["SecurityGroupIngress"]
    assert inwards["SourceSecurityGroupId"] == {"Ref": "SearcherSecurityGroupId"}
    assert (inwards["FromPort"], inwards["ToPort"]) == (443, 443)
    (outwards,) = properties("EndpointSecurityGroup")["SecurityGroupEgress"]
    assert outwards["CidrIp"] == "127.0.0.1/32"
    # Whose name the policies are for, which have to be there before it.
    assert set(resources(STACK)["Collection"]["DependsOn"]) == {"EncryptionPolicy", "NetworkPolicy"}
    for name in ("NetworkPolicy", "EncryptionPolicy", "AccessPolicy"):
        assert "collection/team-search" in filled(properties(name)["Policy"])
    assert filled(properties("Collection")["Name"]) == "team-search"


def test_searchers_read_and_the_pipeline_alone_writes() -> None:
    granted = {
        rule["Principal"][0]: {right for each in rule["Rules"] for right in each["Permission"]}
        for rule in json.loads(filled(properties("AccessPolicy")["Policy"]))
    }
    assert granted.keys() == {"role", "searcher"}
    assert granted["searcher"] == {"aoss:DescribeIndex", "aoss:ReadDocument"}
    assert granted["role"] >= {"aoss:CreateIndex", "aoss:WriteDocument"}
    pattern = load(STACK)["Parameters"]["SearcherRoleArn"]["AllowedPattern"]
    assert re.search(pattern, "arn:aws:iam::123456789012:role/searchers/a")
    # It goes into JSON as it is.
    assert not re.search(pattern, 'arn:aws:iam::123456789012:role/a", "*')


def test_what_the_pipeline_says_belongs_together() -> None:
    ((name, parts),) = pipeline().items()
    (table,) = parts["source"]["dynamodb"]["tables"]
    assert table["table_arn"] == "TableArn"
    (sink,) = (each["opensearch"] for each in parts["sink"])
    assert sink["aws"]["serverless_options"]["network_policy_name"] == "NetworkPolicy"
    assert json.loads(sink["template_content"])["index_patterns"] == [sink["index"]]
    # The last change counts, whatever comes first; and what is removed is removed.
    assert sink["action"] == '${getMetadata("opensearch_action")}'
    assert sink["document_version_type"] == "external"
    assert sink["document_id"] == '${getMetadata("sort_key")}'
    # The buckets' rules are by the same prefixes.
    kept = {each.get("Prefix") for each in properties("ExportBucket")["LifecycleConfiguration"]["Rules"]}
    assert kept >= {table["export"]["s3_prefix"], sink["dlq"]["s3"]["key_path_prefix"]}
    for alarm in ("DeadLettersAlarm", "LateAlarm"):
        assert properties(alarm)["MetricName"].startswith(f"{name}.opensearch.")
    role = {
        action
        for policy in properties("PipelineRole")["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in listed(statement["Action"])
    }
    assert not {each for each in role if re.search(r"dynamodb:.*(Put|Update|Delete|Write)|s3:Delete", each)}


@pytest.mark.parametrize(
    ("partition", "goes"),
    [("upload#a-park/a.jpg", True), ("label#person#0", False), ("all##3", False), (None, True)],
)
def test_entries_go_there_and_the_inverted_index_does_not(partition: str | None, goes: bool) -> None:
    """The pipeline's own expression, put into Python; what the stream has no image of is a removed item."""
    (dropped,) = (each["drop_events"] for each in pipeline()["catalogue"]["processor"])
    expression = dropped["drop_when"].replace("/PK", "pk").replace("null", "None")
    starts = {"startsWith": lambda text, prefix: text is not None and text.startswith(prefix)}
    assert eval(expression, {"pk": partition, "None": None, **starts}) is not goes
    # One that it cannot work out is rather one too many.
    assert dropped["handle_failed_events"] == "skip"
