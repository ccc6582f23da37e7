"""Where Rekognition is missing: which workflows need it, and that docs/deploying.md says where."""

from __future__ import annotations

import json
import re
from typing import Any

import botocore
import grimp
import pytest

from happypath.operations import regions
from happypath.operations.regions import is_aws, needs_rekognition, without_rekognition
from happypath.project import ROOT, WORKFLOWS, functions_of, template_of


def test_the_page_names_the_regions_without_rekognition_and_where_it_has_them_from() -> None:
    page = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"^## Regions without Rekognition\n(.*?)^## ", page, re.M | re.S)
    assert re.findall(r"`([a-z]+(?:-[a-z]+)+-\d)`", section) == without_rekognition()
    # The list is as old as the data: another version is looked at, and has another date.
    assert re.findall(r"botocore ([\d.]+\d) of \d{4}-\d\d-\d\d", section) == [botocore.__version__]


def test_regions_of_every_partition_are_known() -> None:
    found = without_rekognition()
    assert {"eu-west-3", "cn-north-1", "us-gov-east-1"} <= set(found)
    assert not {"us-east-1", "eu-west-1", "us-gov-west-1"} & set(found)


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("functions", cache_dir=None, exclude_type_checking_imports=True)


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_workflow_needs_what_its_functions_call(workflow: str, imports: grimp.ImportGraph) -> None:
    handlers = [each["Handler"] for each in functions_of(template_of(workflow)).values()]
    # Whoever asks Rekognition does it by this module.
    asks = any(
        imports.chain_exists(each.rpartition(".")[0], "functions.analysis.photo_analysis")
        for each in handlers
        if each.startswith("functions.")
    )
    assert needs_rekognition(workflow) is asks


@pytest.mark.parametrize(
    ("exports", "needed"), [("LookPolicy", True), ("TablePolicy", False), ("Gone", False)]
)
def test_a_policy_of_core_counts_where_it_is_imported(
    monkeypatch: pytest.MonkeyPatch, exports: str, needed: bool
) -> None:
    def policy(action: Any) -> dict[str, Any]:
        statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
        return {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": {"Statement": [statement]}},
        }

    templates = {
        "core": {
            "Resources": {"Look": policy(["rekognition:DetectLabels"]), "Use": policy("dynamodb:GetItem")},
            "Outputs": {
                "A": {"Value": {"Ref": "Look"}, "Export": {"Name": {"Fn::Sub": "${Prefix}-LookPolicy"}}},
                "B": {"Value": {"Ref": "Use"}, "Export": {"Name": {"Fn::Sub": "${Prefix}-TablePolicy"}}},
                "C": {"Value": {"Fn::GetAtt": ["Use", "Arn"]}},
            },
        },
        "flow": {
            "Resources": {
                "Function": {
                    "Properties": {"Policies": [{"Fn::ImportValue": {"Fn::Sub": f"${{Prefix}}-{exports}"}}]}
                }
            }
        },
    }
    monkeypatch.setattr(regions, "template_of", lambda stack: json.loads(json.dumps(templates[stack])))
    assert needs_rekognition("flow") is needed


@pytest.mark.parametrize(
    ("endpoint", "aws"),
    [
        ("https://cloudformation.cn-north-1.amazonaws.com.cn", True),
        ("https://vpce-1.cloudformation.eu-west-3.vpce.amazonaws.com", True),
        ("http://localhost:4566", False),
        ("http://amazonaws.com.example.org", False),
        ("https://notamazonaws.com", False),
    ],
)
def test_a_sandbox_is_told_from_aws_by_its_address(endpoint: str, aws: bool) -> None:
    assert is_aws(endpoint) is aws
