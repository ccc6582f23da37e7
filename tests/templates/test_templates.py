"""What must be true of the templates as files, wherever they are deployed."""

from __future__ import annotations

import re
from typing import Any

import boto3
import pytest
import yaml
from cfnlint.api import lint_file  # type: ignore[import-untyped]
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from functions.ingest.record import PARTITION
from happypath.project import needed_by, template_of
from tests.statemachines import definitions
from tests.statemachines.definitions import WORKFLOWS
from tests.templates.template import (
    ROOT,
    STACKS,
    all_functions,
    environment,
    function,
    functions,
    imports,
    listed,
    load,
    managed_policies,
    names,
    path,
    resources,
    statements,
    variables_of,
)


@pytest.mark.slow
@pytest.mark.parametrize("stack", STACKS)
def test_cfn_lint_finds_nothing_and_ignores_nothing(stack: str) -> None:
    assert [str(match) for match in lint_file(path(stack))] == []
    assert "cfn-lint" not in path(stack).read_text(encoding="utf-8")


def test_what_checkov_is_not_to_say_is_explained() -> None:
    for stack in STACKS:
        for name, resource in resources(stack).items():
            for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
                assert skip.keys() == {"id", "comment"}, name
                assert skip["comment"].endswith("."), name
        assert "checkov:skip" not in path(stack).read_text(encoding="utf-8")  # of the whole file
    configuration = (ROOT / ".checkov.yaml").read_text(encoding="utf-8")
    skipped = re.findall(r"^  - (CKV_\w+)( # .+\.)?$", configuration, flags=re.M)
    assert [check for check, _ in skipped] == yaml.safe_load(configuration)["skip-check"]
    assert all(reason for _, reason in skipped)


@pytest.mark.parametrize("stack", STACKS)
def test_every_name_is_declared_and_every_parameter_used(stack: str) -> None:
    # cfn-lint does not look into the environment of a serverless function.
    template = load(stack)
    used = {name for name in names(template) if not name.startswith("AWS::")}

    # What SAM makes of a function, and names after it.
    urls = {
        f"{name}Url"
        for name, resource in template["Resources"].items()
        if "FunctionUrlConfig" in resource.get("Properties", {})
    }
    assert used <= template["Parameters"].keys() | template["Resources"].keys() | urls
    assert used >= template["Parameters"].keys()


@pytest.mark.parametrize("stack", STACKS)
def test_the_serverless_transform_accepts_it(stack: str) -> None:
    document = template_of(stack)
    shared = document.get("Globals", {}).get("Function", {})
    for properties in (shared, *(each["Properties"] for each in document["Resources"].values())):
        for uri in {"CodeUri", "DefinitionUri"} & set(properties):
            properties[uri] = {"Bucket": "artifacts", "Key": "key"}

    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
    expanded = translator.translate(document, parameter_values={})

    assert not any(each["Type"].startswith("AWS::Serverless") for each in expanded["Resources"].values())


@pytest.mark.parametrize(("stack", "name"), all_functions())
def test_a_function_gets_the_variables_that_it_reads(stack: str, name: str) -> None:
    assert set(environment(stack, name)) >= set(variables_of(functions(stack)[name]["Properties"]["Handler"]))


@pytest.mark.parametrize("stack", STACKS)
def test_each_variable_is_read_by_a_function_of_its_stack(stack: str) -> None:
    handlers = [each["Properties"]["Handler"] for each in functions(stack).values()]
    read = set().union(*map(variables_of, handlers))
    for name in functions(stack):
        unread = set(environment(stack, name)) - read
        assert {each for each in unread if not each.startswith("POWERTOOLS_")} == set()


@pytest.mark.parametrize(("stack", "name"), all_functions())
def test_the_parameters_defaults_are_values_that_the_functions_take(stack: str, name: str) -> None:
    read = variables_of(functions(stack)[name]["Properties"]["Handler"])
    parameters = load(stack)["Parameters"]
    for variable, value in environment(stack, name).items():
        given: Any = value if isinstance(value, dict) else {}
        parameter = str(given.get("Ref", given.get("Fn::Sub", ""))).strip("${}")
        if variable in read and "Default" in parameters.get(parameter, {}):
            read[variable](str(parameters[parameter]["Default"]))


@pytest.mark.parametrize(("stack", "name"), all_functions())
def test_a_number_reaches_a_function_as_text(stack: str, name: str) -> None:
    # Environment variables are text; CloudFormation makes it of a number's !Ref, not everything else does.
    numbers = {key for key, each in load(stack)["Parameters"].items() if each["Type"] == "Number"}

    values = [value for value in environment(stack, name).values() if isinstance(value, dict)]
    assert not {value.get("Ref") for value in values} & numbers


@pytest.mark.parametrize("version", WORKFLOWS)
def test_a_version_has_neither_trigger_nor_bucket(version: str) -> None:
    kinds = {each["Type"] for each in resources(version).values()}

    # Of a workflow that others start there is a policy for them.
    assert kinds - {"AWS::KMS::Key", "AWS::IAM::ManagedPolicy"} == {
        "AWS::Serverless::Function",
        "AWS::Serverless::StateMachine",
        "AWS::Logs::LogGroup",
        "AWS::CloudWatch::Alarm",
    }
    assert not any("Events" in each["Properties"] for each in resources(version, "AWS::Serverless").values())


@pytest.mark.parametrize("version", WORKFLOWS)
def test_core_and_the_stacks_that_a_version_needs_export_all_that_it_imports(version: str) -> None:
    outputs = (each for stack in ("core", *needed_by(version)) for each in load(stack)["Outputs"].values())
    exported = [each["Export"]["Name"] for each in outputs if "Export" in each]

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
        assert task["TimeoutSeconds"] >= function(version, name)["Timeout"] + 10


WAITING = {
    "states:DescribeExecution",
    "states:StopExecution",
    "events:DescribeRule",
    "events:PutRule",
    "events:PutTargets",
}


@pytest.mark.parametrize("version", WORKFLOWS)
def test_a_state_machine_may_call_its_functions_and_what_its_tasks_ask_for_and_nothing_else(
    version: str,
) -> None:
    allowed: dict[str, list[Any]] = {}
    for name, statement in statements(version):
        for action in listed(statement["Action"]):
            if name == "Workflow" and not action.startswith("logs:"):
                allowed.setdefault(action, []).append(statement["Resource"])
    called = [{"Fn::GetAtt": [name, "Arn"]} for name in functions(version)]
    bus = {"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"}
    bucket = {"Bucket": {"Fn::ImportValue": {"Fn::Sub": "${Prefix}-UploadBucket"}}}
    uploads = {"Fn::Sub": ["arn:${AWS::Partition}:s3:::${Bucket}/*", bucket]}
    table = {"Fn::GetAtt": ["Table", "Arn"]}
    started = {
        each["Parameters"]["StateMachineArn"]
        for each in definitions.tasks(version).values()
        if definitions.waits_for_execution(each)
    }
    machines = {"${DocumentStateMachineArn}": "Workflow", "${ReviewStateMachineArn}": "Review"}
    asked = {each["Resource"].partition(":states:::")[2] for each in definitions.tasks(version).values()}
    expected = {
        "lambda:invoke": ("lambda:InvokeFunction", [called]),
        "dynamodb:getItem": ("dynamodb:GetItem", [table]),
        "dynamodb:updateItem": ("dynamodb:UpdateItem", [table]),
        "events:putEvents": ("events:PutEvents", [bus]),
        "aws-sdk:s3:deleteObject": ("s3:DeleteObjectVersion", [uploads]),
        "states:startExecution.sync:2": (
            "states:StartExecution",
            [{"Ref": machines[each]} for each in sorted(started, reverse=True)],
        ),
    }
    assert {action: each for action, each in allowed.items() if action not in WAITING} == dict(
        expected[each] for each in asked
    )
    # To wait for an execution takes rights of its own.
    assert (WAITING & allowed.keys() == WAITING) is ("states:startExecution.sync:2" in asked)


def test_who_only_keeps_records_may_touch_nothing_else_in_the_table() -> None:
    # Who writes by transactions is not limited: it is not documented whether the partitions of one are judged
    # together. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    limit = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": PARTITION}}
    limited = {
        (name, statement["Action"])
        for name, document in managed_policies().items()
        for statement in document["Statement"]
        if statement.get("Condition") == limit
    }
    assert limited == {
        ("IndexCataloguePolicy", "dynamodb:GetItem"),
        ("KeepRecordsPolicy", "dynamodb:UpdateItem"),
        ("PublishPolicy", "dynamodb:GetItem"),
        ("RemovePublishedPolicy", "dynamodb:GetItem"),
        ("SearchPolicy", "dynamodb:BatchGetItem"),
        ("WriteRenditionsPolicy", "dynamodb:GetItem"),
    }
    (_, policy) = functions("images")["Function"]["Properties"]["Policies"]
    (records,) = (each for each in policy["Statement"] if "dynamodb:UpdateItem" in each["Action"])
    assert records["Condition"] == limit
    for version in definitions.MACHINES:
        for task in definitions.tasks(version).values():
            if task["Resource"].endswith("dynamodb:updateItem"):
                own = {"review"} if version == "review" else set()
                assert task["Parameters"]["Key"]["PK"]["S"] in {PARTITION, *own}


@pytest.mark.parametrize("version", definitions.MACHINES)
def test_no_partition_of_aws_is_named(version: str) -> None:
    """So that it deploys in China and in GovCloud, too."""
    assert "arn:aws" not in path(version).read_text(encoding="utf-8")
    assert "arn:aws" not in definitions.text(version)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize(
    ("prefix", "works"),
    [
        ("happypath", True),
        ("team-b", True),
        ("abc", True),
        ("a2345678901234567890", True),
        ("a23456789012345678901", False),
        ("ab", False),  # a table's name has three characters
        ("a", False),
        ("Team", False),
        ("-team", False),
        ("team-", False),
        ("2team", False),
        # Parameters of SSM must not begin so, and buckets not with the others.
        ("aws-team", False),
        ("awsome", False),
        ("ssm", False),
        ("xn--team", False),
        ("sthree-team", False),
        ("amzn-s3-demo-team", False),
    ],
)
def test_a_prefix_that_aws_would_refuse_is_refused(stack: str, prefix: str, works: bool) -> None:
    assert (re.search(load(stack)["Parameters"]["Prefix"]["AllowedPattern"], prefix) is not None) is works


@pytest.mark.parametrize("stack", STACKS)
def test_a_text_that_goes_into_a_definition_cannot_end_its_string(stack: str) -> None:
    """CloudFormation puts it there as it is."""
    (*machines,) = resources(stack, "AWS::Serverless::StateMachine").values()
    parameters = load(stack)["Parameters"]
    for machine in machines:
        for value in machine["Properties"]["DefinitionSubstitutions"].values():
            parameter = parameters.get(value.get("Ref"), {"Type": "Number"})
            if parameter["Type"] != "Number" and "AllowedValues" not in parameter:
                for text in ('a", "b": "', "a\\", "a\nb", "\t"):
                    assert not re.search(parameter["AllowedPattern"], text), (value, text)


@pytest.mark.parametrize("stack", STACKS)
def test_policies_name_what_they_allow(stack: str) -> None:
    for _, statement in statements(stack):
        actions = listed(statement["Action"])
        assert not any("*" in action for action in actions)
        if statement["Resource"] == "*":
            # What knows no narrower resource.
            services = {action.split(":")[0] for action in actions}
            assert services <= {"rekognition", "logs"} or actions == ["states:SendTaskSuccess"]


@pytest.mark.parametrize("stack", STACKS)
def test_everything_is_traced(stack: str) -> None:
    for name in functions(stack):
        assert function(stack, name)["Tracing"] == "Active"
    for workflow in resources(stack, "AWS::Serverless::StateMachine").values():
        assert workflow["Properties"]["Tracing"] == {"Enabled": True}


@pytest.mark.parametrize(("stack", "name"), all_functions())
def test_a_functions_logs_are_kept_for_a_time(stack: str, name: str) -> None:
    logs = resources(stack)[function(stack, name)["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]

    assert logs["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("version", WORKFLOWS)
def test_a_workflow_has_one_log_group_of_a_name_that_step_functions_can_write_to(version: str) -> None:
    # https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
    ((name, logs),) = resources(version, "AWS::Logs::LogGroup").items()
    # The id under which installations have it. CloudFormation makes what is new before removing what is old:
    # under another id the group would be there already, and the update refused.
    assert name == "WorkflowLogs"
    assert logs["Properties"]["LogGroupName"] == {"Fn::Sub": f"/aws/vendedlogs/states/${{Prefix}}-{version}"}
    (machine,) = resources(version, "AWS::Serverless::StateMachine").values()
    (destination,) = machine["Properties"]["Logging"]["Destinations"]
    assert destination == {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": [name, "Arn"]}}}


NAMES = {
    "AlarmName",
    "BucketName",
    "FilterName",
    "FunctionName",
    "GroupName",
    "LogGroupName",
    "Name",
    "PipelineName",
    "QueueName",
    "TableName",
    "TopicName",
}
# These have none that could collide.
NAMELESS = ("Policy", "::Role", "::Key", "::Subscription", "::Distribution", "::HttpApi")


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
            # Or it is the name of another resource, which has one of its own.
            assert value.get("Ref") in {"Prefix", *resources(stack)} or "${Prefix}" in value["Fn::Sub"]
    for output in load(stack)["Outputs"].values():
        assert output.get("Export", {"Name": {"Fn::Sub": "${Prefix}"}})["Name"]["Fn::Sub"].startswith(
            "${Prefix}"
        )


def test_what_workflows_have_in_common_is_the_same_in_each() -> None:
    seen: dict[str, tuple[str, str]] = {}
    for version in WORKFLOWS:
        template = load(version)
        shared = template["Globals"]["Function"] | {"Environment": None}
        parts = {**functions(version), **shared, **template["Outputs"]}
        for name, part in parts.items():
            if name == "Uploads":
                # Where they lie differs.
                part = part["Description"]  # noqa: PLW2901
            first, other = seen.setdefault(name, (version, repr(part)))
            same = re.sub(rf"\b{version}\b", first, repr(part))
            assert same == other, f"{name} differs between {first} and {version}"
