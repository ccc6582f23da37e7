"""What must be true of the templates as files, wherever they are deployed."""

from __future__ import annotations

import re
from typing import Any

import boto3
import pytest
from cfnlint.api import lint_file  # type: ignore[import-untyped]
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from functions.record import PARTITION
from happypath.project import template_of
from tests.statemachines import definitions
from tests.statemachines.definitions import VERSIONS, WORKFLOWS
from tests.templates.template import (
    ROOT,
    STACKS,
    all_functions,
    environment,
    functions,
    imports,
    listed,
    load,
    names,
    path,
    resources,
    settings_of,
    statements,
    variables_of,
)


@pytest.mark.parametrize("stack", STACKS)
def test_cfn_lint_finds_nothing_and_ignores_nothing(stack: str) -> None:
    assert [str(match) for match in lint_file(path(stack))] == []
    assert "cfn-lint" not in path(stack).read_text(encoding="utf-8")


@pytest.mark.parametrize("stack", STACKS)
def test_what_checkov_is_not_to_say_is_explained(stack: str) -> None:
    for name, resource in resources(stack).items():
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
            assert skip.keys() == {"id", "comment"}, name
            assert skip["comment"].endswith("."), name
    assert "checkov:skip" not in path(stack).read_text(encoding="utf-8")  # of the whole file


@pytest.mark.parametrize("stack", STACKS)
def test_every_name_is_declared_and_every_parameter_used(stack: str) -> None:
    # cfn-lint does not look into the environment of a serverless function.
    template = load(stack)
    used = {name for name in names(template) if not name.startswith("AWS::")}

    assert used <= template["Parameters"].keys() | template["Resources"].keys()
    assert used >= template["Parameters"].keys()


@pytest.mark.parametrize("stack", STACKS)
def test_the_serverless_transform_accepts_it(stack: str) -> None:
    document = template_of(stack)
    for resource in document["Resources"].values():
        for uri in {"CodeUri", "DefinitionUri"} & set(resource["Properties"]):
            resource["Properties"][uri] = {"Bucket": "artifacts", "Key": "key"}

    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
    expanded = translator.translate(document, parameter_values={})

    assert not any(each["Type"].startswith("AWS::Serverless") for each in expanded["Resources"].values())


@pytest.mark.parametrize(("stack", "name"), all_functions())
def test_a_function_gets_the_variables_that_it_reads_and_no_others(stack: str, name: str) -> None:
    handler = functions(stack)[name]["Properties"]["Handler"]

    assert set(environment(stack, name)) == set(variables_of(settings_of(handler)))


@pytest.mark.parametrize(("stack", "name"), all_functions())
def test_the_parameters_defaults_are_values_that_the_functions_take(stack: str, name: str) -> None:
    read = variables_of(settings_of(functions(stack)[name]["Properties"]["Handler"]))
    parameters = load(stack)["Parameters"]
    for variable, value in environment(stack, name).items():
        parameter = value.get("Ref", value.get("Fn::Sub", "")).strip("${}")
        if "Default" in parameters.get(parameter, {}):
            read[variable](str(parameters[parameter]["Default"]))


@pytest.mark.parametrize(("stack", "name"), all_functions())
def test_a_number_reaches_a_function_as_text(stack: str, name: str) -> None:
    # Environment variables are text; CloudFormation makes it of a number's !Ref, not everything else does.
    numbers = {key for key, each in load(stack)["Parameters"].items() if each["Type"] == "Number"}

    assert not {value.get("Ref") for value in environment(stack, name).values()} & numbers


@pytest.mark.parametrize("version", WORKFLOWS)
def test_a_version_has_neither_trigger_nor_bucket(version: str) -> None:
    kinds = {each["Type"] for each in resources(version).values()}

    assert kinds == {
        "AWS::Serverless::Function",
        "AWS::Serverless::StateMachine",
        "AWS::Logs::LogGroup",
        "AWS::CloudWatch::Alarm",
    }
    assert not any("Events" in each["Properties"] for each in resources(version, "AWS::Serverless").values())


@pytest.mark.parametrize("version", WORKFLOWS)
def test_core_exports_all_that_a_version_imports(version: str) -> None:
    exported = [each["Export"]["Name"] for each in load("core")["Outputs"].values()]

    imported = list(imports(load(version)))
    assert imported
    assert all(each in exported for each in imported)


@pytest.mark.parametrize("version", WORKFLOWS)
def test_a_state_machine_is_given_all_that_its_definition_leaves_open(version: str) -> None:
    (workflow,) = resources(version, "AWS::Serverless::StateMachine").values()
    definition = ROOT / "templates" / version / workflow["Properties"]["DefinitionUri"]

    assert definition.resolve() == ROOT / "statemachines" / f"{version}.asl.json"
    left_open = set(re.findall(r"\$\{(\w+)\}", definitions.text(version)))
    assert set(workflow["Properties"]["DefinitionSubstitutions"]) == left_open


@pytest.mark.parametrize("version", WORKFLOWS)
def test_a_function_times_out_before_its_task_does(version: str) -> None:
    for task in definitions.tasks(version).values():
        if "lambda" not in task["Resource"]:
            continue
        name = task["Parameters"]["FunctionName"].removeprefix("${").removesuffix("Arn}")
        # What is left is for the start of a function, which its Timeout does not count.
        assert task["TimeoutSeconds"] >= functions(version)[name]["Properties"]["Timeout"] + 10


@pytest.mark.parametrize("version", WORKFLOWS)
def test_a_state_machine_may_call_its_functions_and_keep_records_and_nothing_else(version: str) -> None:
    allowed = {
        action: statement["Resource"]
        for name, statement in statements(version)
        for action in listed(statement["Action"])
        if name == "Workflow" and not action.startswith("logs:")
    }

    table = {"Fn::ImportValue": {"Fn::Sub": "${Prefix}-TableArn"}}
    called = [{"Fn::GetAtt": [name, "Arn"]} for name in functions(version)]
    bus = {"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"}
    own: dict[str, dict[str, Any]] = {"v4": {"dynamodb:GetItem": table}, "matcher": {"events:PutEvents": bus}}
    expected: dict[str, Any] = {"lambda:InvokeFunction": called, "dynamodb:UpdateItem": table}
    assert allowed == expected | own.get(version, {})


@pytest.mark.parametrize("version", WORKFLOWS)
def test_who_only_keeps_records_may_touch_nothing_else_in_the_table(version: str) -> None:
    # Who writes by transactions is not limited: it is not documented whether the partitions of one are judged
    # together. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    limit = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": PARTITION}}
    limited = {
        (name, statement["Action"])
        for name, statement in statements(version)
        if statement.get("Condition") == limit
    }

    partitions = {
        (each["Resource"].rpartition(":")[2], each["Parameters"]["Key"]["PK"].get("S"))
        for each in definitions.tasks(version).values()
        if ":dynamodb:" in each["Resource"]
    }
    expected = {
        ("Workflow", f"dynamodb:{action[0].upper()}{action[1:]}")
        for action, partition in partitions
        if partition == PARTITION
    }
    if version in VERSIONS:
        expected.add(("ResizeFunction", "dynamodb:GetItem"))
    assert limited == expected


@pytest.mark.parametrize("stack", STACKS)
def test_policies_name_what_they_allow(stack: str) -> None:
    for _, statement in statements(stack):
        actions = listed(statement["Action"])
        assert not any("*" in action for action in actions)
        if statement["Resource"] == "*":
            # The two services that know no narrower resource for these actions.
            assert {action.split(":")[0] for action in actions} <= {"rekognition", "logs"}


@pytest.mark.parametrize("stack", STACKS)
def test_everything_is_traced(stack: str) -> None:
    assert load(stack)["Globals"]["Function"]["Tracing"] == "Active"
    for workflow in resources(stack, "AWS::Serverless::StateMachine").values():
        assert workflow["Properties"]["Tracing"] == {"Enabled": True}


@pytest.mark.parametrize(("stack", "name"), all_functions())
def test_a_functions_logs_are_kept_for_a_time(stack: str, name: str) -> None:
    function = functions(stack)[name]["Properties"]
    logs = resources(stack)[function["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]

    assert logs["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert logs["LogGroupName"] == {"Fn::Sub": f"/aws/lambda/{function['FunctionName']['Fn::Sub']}"}


NAMES = {
    "AlarmName",
    "BucketName",
    "FunctionName",
    "LogGroupName",
    "Name",
    "QueueName",
    "TableName",
    "TopicName",
}
# These have none that could collide.
NAMELESS = ("Policy", "::Key", "::Subscription", "::Distribution")


@pytest.mark.parametrize("stack", STACKS)
def test_two_installations_fit_into_one_account(stack: str) -> None:
    for name, resource in resources(stack).items():
        properties = resource["Properties"]
        # CloudFront keeps what it calls a thing among what it is.
        for config in ("OriginAccessControlConfig", "ResponseHeadersPolicyConfig"):
            properties = properties.get(config, properties)
        chosen = [value for key, value in properties.items() if key in NAMES]
        assert chosen or resource["Type"].endswith(NAMELESS), f"{name} has no name of its own"
        for value in chosen:
            assert value == {"Ref": "Prefix"} or "${Prefix}" in value["Fn::Sub"]
    for output in load(stack)["Outputs"].values():
        assert output.get("Export", {"Name": {"Fn::Sub": "${Prefix}"}})["Name"]["Fn::Sub"].startswith(
            "${Prefix}"
        )


def test_what_versions_have_in_common_is_the_same_in_each() -> None:
    seen: dict[str, tuple[str, str]] = {}
    for version in VERSIONS:
        template = load(version)
        parts = {**template["Parameters"], **functions(version), "Globals": template["Globals"]}
        for name, part in parts.items():
            first, other = seen.setdefault(name, (version, repr(part)))
            assert repr(part).replace(version, first) == other, (
                f"{name} differs between {first} and {version}"
            )
