"""Ordinary slips in a template or a definition: one sentence says where they are, and the sandbox goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from moto.cloudformation.parsing import get_model_map

from happypath.operations.deploy import DeployRefusedError, deploy
from happypath.operations.installation import Installation
from happypath.project import ADD_ONS, SANDBOX_STACKS, STACKS, only_on_aws, template_of
from happypath.sandbox import DeployError
from happypath.sandbox.deployment.making import KINDS
from happypath.sandbox.sandbox import Sandbox

STACK = "slips"
TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Prefix: {Type: String}
Resources:
  Queue:
    Type: AWS::SQS::Queue
  Workflow:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: slips
      Role: arn:aws:iam::123456789012:role/slips
      DefinitionUri: slips.asl.json
      DefinitionSubstitutions:
        Why: !GetAtt Queue.QueueName
Outputs:
  StateMachine: {Value: !Ref Workflow}
"""
DEFINITION = """\
{
  "StartAt": "End",
  "States": {"End": {"Type": "Pass", "Result": "${Why}", "End": true}}
}
"""


@pytest.fixture
def folder(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a stack's template, which the sandbox deploys from."""
    monkeypatch.setattr("happypath.sandbox.sandbox.TEMPLATES", tmp_path)
    folder = tmp_path / STACK
    folder.mkdir()
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "slips.asl.json").write_text(DEFINITION)
    yield folder
    cloudformation = sandbox.client("cloudformation")
    cloudformation.delete_stack(StackName=f"{sandbox.prefix}-{STACK}")


@pytest.mark.parametrize(
    ("file", "right", "wrong", "complaint"),
    [
        ("template.yaml", "Type: AWS::Ser", "Type AWS::Ser", r"YAML not .*\(line 9, column 15:"),
        ("template.yaml", "Resources:", "Resource:", "At least one Resources member must be defined"),
        ("template.yaml", "Type: AWS::SQS", "Kind: AWS::SQS", r"\[/Resources/Queue\] .* a Type"),
        (
            "template.yaml",
            "DefinitionUri",
            "DefinitionUrl",
            r"Resource with id \[Workflow\] is invalid.*DefinitionUrl",
        ),
        ("template.yaml", "Why:", "Who:", r"The definition of Workflow has \$\{Why\}, which"),
        ("template.yaml", "GetAtt Queue", "GetAtt Queues", "undefined resource Queues"),
        ("template.yaml", "Prefix:", "Prefixes:", r"Parameters: \[Prefix\] do not exist in the template"),
        ("slips.asl.json", '"End",', '"End"', "INVALID_JSON_DESCRIPTION: .* line 3 column 3"),
    ],
)
def test_a_slip_is_named(
    sandbox: Sandbox, folder: Path, file: str, right: str, wrong: str, complaint: str
) -> None:
    path = folder / file
    text = path.read_text()
    path.write_text(text.replace(right, wrong, 1))
    with pytest.raises(DeployError, match=complaint) as raised:
        sandbox.deploy(STACK)
    assert f"{sandbox.prefix}-{STACK}" in str(raised.value)
    assert "\n" not in str(raised.value)

    # Mended, and deployed again into the same sandbox.
    sandbox.client("cloudformation").delete_stack(StackName=f"{sandbox.prefix}-{STACK}")
    path.write_text(text)
    sandbox.deploy(STACK)
    machines = sandbox.client("stepfunctions").list_state_machines()["stateMachines"]
    assert STACK in {each["name"] for each in machines}


def test_templates_are_not_validated_without_being_deployed(sandbox: Sandbox) -> None:
    with pytest.raises(ClientError, match=r"\(ValidationError\).*run cfn-lint"):
        sandbox.client("cloudformation").validate_template(TemplateBody='{"Resources": {}}')


def test_a_stack_of_services_that_the_sandbox_lacks_is_refused_before_it_is_built(
    installation: Installation,
) -> None:
    lacking = {stack: services for stack in STACKS if (services := only_on_aws(stack))}
    assert lacking.keys() == set(STACKS) - set(SANDBOX_STACKS) <= set(ADD_ONS)
    for stack, services in lacking.items():
        with pytest.raises(DeployRefusedError, match=r"to AWS alone: http://127\.0\.0\.1:") as refused:
            deploy(installation, stack, ask=False)
        assert all(service in str(refused.value) for service in services)
        assert installation.stack(stack) is None
        # Should the sandbox come to have them, they are deployed there.
        types = {each["Type"] for each in template_of(stack)["Resources"].values()}
        made = {*KINDS, *get_model_map()}
        assert not {each for each in types & made if each.split("::")[1] in services}
