"""Functions log to the group that their `LoggingConfig` names, and say so, as on Lambda."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from happypath.operations.installation import Installation
from happypath.operations.logs import REPORTS, events, groups, report
from happypath.sandbox.sandbox import Sandbox
from tests.roles import make_role

GROUP = "/aws/lambda/shared-by-functions"
CODE = """
import os
def handler(event, context):
    print(event["say"])
    return [os.environ["AWS_LAMBDA_LOG_GROUP_NAME"], os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]]
"""


def archive() -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as contents:
        contents.writestr("shared.py", CODE)
    return body.getvalue()


@pytest.fixture
def functions(sandbox: Sandbox) -> Iterator[list[str]]:
    """Two functions that share a group, and one that has its own."""
    client = sandbox.client("lambda")
    role = make_role(sandbox.client("iam"), "logging")
    names = ["sharing-One", "sharing-Two", "sharing-Not"]
    for name in names:
        more: dict[str, Any] = {} if name.endswith("Not") else {"LoggingConfig": {"LogGroup": GROUP}}
        client.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="shared.handler",
            Role=role,
            Code={"ZipFile": archive()},
            **more,
        )
    yield names
    for name in names:
        client.delete_function(FunctionName=name)


def invoke(sandbox: Sandbox, function: str, say: str) -> Any:
    client = sandbox.client("lambda")
    answer = client.invoke(FunctionName=function, Payload=json.dumps({"say": say}))["Payload"].read()
    return json.loads(answer)


def said(sandbox: Sandbox, group: str, functions: list[str]) -> set[tuple[str, str]]:
    installation = Installation(sandbox.client, "sharing")
    lines = [(name, event["message"].strip()) for name, event in events(installation, group, functions)]
    return {(name, line) for name, line in lines if line.startswith("it is ")}


def test_lines_of_a_shared_group_are_told_apart_by_their_streams(
    sandbox: Sandbox, functions: list[str]
) -> None:
    one, two, alone = functions
    for name in functions:
        group, stream = invoke(sandbox, name, f"it is {name}")
        assert group == (GROUP if name != alone else f"/aws/lambda/{alone}")
        # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
        assert stream[10:].startswith(f"/{name}[$LATEST]" if name != alone else "/[$LATEST]")

    installation = Installation(sandbox.client, "sharing")
    assert groups(installation, [*functions, "sharing-Nobody"]) == {
        GROUP: [one, two],
        f"/aws/lambda/{alone}": [alone],
    }
    assert said(sandbox, GROUP, [one, two]) == {(one, f"it is {one}"), (two, f"it is {two}")}
    assert said(sandbox, GROUP, [two]) == {(two, f"it is {two}")}
    assert said(sandbox, f"/aws/lambda/{alone}", [alone]) == {(alone, f"it is {alone}")}
    assert said(sandbox, "/aws/lambda/never-written", [one]) == set()


def test_another_group_is_used_from_the_next_invocation_on(sandbox: Sandbox, functions: list[str]) -> None:
    client, alone = sandbox.client("lambda"), functions[-1]
    invoke(sandbox, alone, "before")
    client.update_function_configuration(FunctionName=alone, LoggingConfig={"LogGroup": GROUP})
    assert client.get_function_configuration(FunctionName=alone)["LoggingConfig"] == {
        "LogFormat": "Text",
        "LogGroup": GROUP,
    }
    assert invoke(sandbox, alone, "after")[0] == GROUP
    # What says nothing of it leaves it as it is.
    client.update_function_configuration(FunctionName=alone, Description="changed")
    assert client.get_function_configuration(FunctionName=alone)["LoggingConfig"]["LogGroup"] == GROUP


def test_reports_are_read_in_either_format(sandbox: Sandbox, functions: list[str]) -> None:
    client, alone = sandbox.client("lambda"), functions[-1]
    for log_format in ("Text", "JSON"):
        group = f"/aws/lambda/reports-in-{log_format}"
        client.update_function_configuration(
            FunctionName=alone, LoggingConfig={"LogGroup": group, "LogFormat": log_format}
        )
        invoke(sandbox, alone, "it is here")
        written = [
            event["message"]
            for _, event in events(Installation(sandbox.client, "x"), group, [alone], filterPattern=REPORTS)
        ]
        reports = [found for message in written if (found := report(message))]
        (found,) = reports
        assert 0 < found.duration_ms <= found.billed_ms < found.duration_ms + 1
        assert found.peak_memory_mb > 1
        own = [message for message in written if message.startswith("{")]
        assert bool(own) is (log_format == "JSON")


def test_a_stacks_functions_log_where_its_template_says(sandbox: Sandbox, installation: Installation) -> None:
    functions = installation.functions("v1")
    assert set(functions) == {"happypath-v1-Resize", "happypath-v1-Publish"}
    resources = sandbox.client("cloudformation").describe_stack_resources(StackName="happypath-v1")
    made = {
        each["PhysicalResourceId"]
        for each in resources["StackResources"]
        if each.get("ResourceType") == "AWS::Logs::LogGroup"
    }
    assert groups(installation, functions).keys() <= made
    assert installation.functions("v0") == []
