"""Deploys an app as `sam deploy` does, without it: packages its code, and makes a stack by a change set."""

from __future__ import annotations

import importlib.metadata
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse

HERE = Path(__file__).parent
BUCKET = "apps-artifacts"
# What `sam build` would fetch for a requirement, from what is installed here: pure Python, all of it.
LIBRARIES = {"aws-lambda-powertools": ("aws-lambda-powertools", "jmespath", "typing_extensions")}


def _archive(folder: Path) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            if path.name == "requirements.txt":
                for line in path.read_text().splitlines():
                    _add_library(archive, line.partition(">")[0])
            archive.write(path, path.relative_to(folder))
    return body.getvalue()


def _add_library(archive: zipfile.ZipFile, requirement: str) -> None:
    for name in LIBRARIES[requirement]:
        for path in importlib.metadata.files(name) or ():
            if path.suffix == ".py" and ".." not in path.parts:
                archive.write(str(path.locate()), str(path))


def package(app: str, s3: Any) -> str:
    """The template of an app, with its local files in S3."""
    template = yaml_parse((HERE / app / "template.yaml").read_text())
    shared = template.get("Globals", {}).get("Function", {})
    packed: dict[str, dict[str, str]] = {}

    def stored(local: str) -> dict[str, str]:
        if local not in packed:
            path = HERE / app / local
            body = _archive(path) if path.is_dir() else path.read_bytes()
            packed[local] = {"Bucket": BUCKET, "Key": f"{app}/{local}"}
            s3.put_object(Bucket=BUCKET, Key=f"{app}/{local}", Body=body)
        return packed[local]

    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function" and "InlineCode" not in properties:
            properties["CodeUri"] = stored(properties.get("CodeUri") or shared["CodeUri"])
        elif "DefinitionUri" in properties:
            properties["DefinitionUri"] = stored(properties["DefinitionUri"])
    shared.pop("CodeUri", None)
    return json.dumps(template)


@contextmanager
def deployed(app: str, client: Callable[[str], Any]) -> Iterator[dict[str, str]]:
    """The outputs of an app's stack, which is removed at the end."""
    s3, cloudformation = client("s3"), client("cloudformation")
    s3.create_bucket(Bucket=BUCKET)
    name = f"app-{app.replace('_', '-')}"
    cloudformation.create_change_set(
        StackName=name,
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=package(app, s3),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    cloudformation.execute_change_set(StackName=name, ChangeSetName="first")
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", events
    try:
        yield {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    finally:
        resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        for each in resources:
            if each["ResourceType"] == "AWS::S3::Bucket":
                _empty(s3, each["PhysicalResourceId"])
        cloudformation.delete_stack(StackName=name)
    try:
        left = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError:
        left = []
    assert left == []
    machines = client("stepfunctions").list_state_machines()["stateMachines"]
    assert not [each for each in machines if each["name"].startswith(name)]


def _empty(s3: Any, bucket: str) -> None:
    for each in s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
        s3.delete_object(Bucket=bucket, Key=each["Key"])
