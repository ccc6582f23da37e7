"""What the stack of full-text search promises: which items go there, and that nobody else gets in."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from unittest.mock import create_autospec

import pytest
import yaml

from functions.analysis.region import Region
from functions.catalogue import entries
from functions.catalogue.entry import Entry
from functions.catalogue.tables import Tables
from functions.upload import Upload
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
        (dimension,) = properties(alarm)["Dimensions"]
        assert dimension == {"Name": "PipelineName", "Value": properties("Pipeline")["PipelineName"]}
    role = {
        action
        for policy in properties("PipelineRole")["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in listed(statement["Action"])
    }
    assert not {each for each in role if re.search(r"dynamodb:.*(Put|Update|Delete|Write)|s3:Delete", each)}


def processor(name: str) -> dict[str, Any]:
    (found,) = (each[name] for each in pipeline()["catalogue"]["processor"] if name in each)
    return dict(found)


@pytest.mark.parametrize(
    ("partition", "goes"),
    [(f"{entries.PREFIX}a-park/a.jpg", True), ("label#person#0", False), ("index#a", False), (None, True)],
)
def test_entries_go_there_and_the_inverted_index_does_not(partition: str | None, goes: bool) -> None:
    """The pipeline's own expression, put into Python; what the stream has no image of is a removed item."""
    dropping = processor("drop_events")
    expression = dropping["drop_when"].replace("/PK", "pk").replace("null", "None")
    starts = {"startsWith": lambda text, prefix: text is not None and text.startswith(prefix)}
    assert eval(expression, {"pk": partition, **starts}) is not goes
    # One that it cannot work out is rather one too many.
    assert dropping["handle_failed_events"] == "skip"


def test_each_attribute_of_an_item_has_a_type_there() -> None:
    """An item as the tasks leave it, on the way that it takes through the pipeline."""
    known = [Entry("words", 'NEW "YORK"\n$', 98.0, Region(0, 0, 1, 1, "text", 98.0), page=2, second=1.5)]
    known.append(Entry("count", "people", count=2))
    tables = create_autospec(Tables)
    upload = Upload("uploads", "park/a.jpg", "park", "a.jpg", "1")
    entries.write_part(tables, upload, 2, known, "text", workflow="v1", at=datetime.now(UTC), type="jpg")
    item = {name: each["S"] for name, each in tables.put.call_args.args[0].items()}

    for substituted in processor("substitute_string")["entries"]:
        at, put = substituted["from"], substituted["to"]
        item[substituted["source"]] = re.sub(at, put, item[substituted["source"]])
    parsing = processor("parse_json")
    item[parsing["destination"]] = json.loads(item.pop(parsing["source"]))
    assert parsing["delete_source"] is True

    (sink,) = (each["opensearch"] for each in pipeline()["catalogue"]["sink"])
    mapped = json.loads(sink["template_content"])["template"]["mappings"]["properties"]
    assert item.keys() == mapped.keys()
    listed = mapped["known"]["properties"]["entries"]["properties"]
    given = item["known"]["entries"]
    assert given == [each.as_json() for each in known]
    assert {name for each in given for name in each} == listed.keys()
