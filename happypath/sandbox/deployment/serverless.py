"""The `AWS::Serverless-2016-10-31` transform, as CloudFormation runs it on a template it is given."""

from __future__ import annotations

import json
import re
from typing import Any

import boto3
import yaml
from moto.cloudformation.exceptions import ValidationError
from moto.s3.models import s3_backends
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from happypath import template_yaml
from happypath.sandbox.imports import import_for

TRANSFORM = "AWS::Serverless-2016-10-31"


class TransformError(ValidationError):
    """A template cannot be expanded; the message says why."""

    def __init__(self, why: str) -> None:
        super().__init__(message=f"Transform {TRANSFORM} failed with: {why}")


def parse(template: str) -> dict[str, Any]:
    """A template's document; each of its resources has a type.

    Raises:
        ValidationError: it is none, in CloudFormation's words.
    """
    try:
        document: Any = template_yaml.read(template)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = (
            f"line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', '')}"
            if mark
            else error
        )
        raise ValidationError(message=f"Template format error: YAML not well-formed. ({where})") from None
    resources = document.get("Resources") if isinstance(document, dict) else None
    if not isinstance(resources, dict) or not resources:
        raise ValidationError(message="Template format error: At least one Resources member must be defined.")
    for name, resource in resources.items():
        if not isinstance(resource, dict) or "Type" not in resource:
            why = "Every Resources object must contain a Type member."
            raise ValidationError(message=f"Template format error: [/Resources/{name}] {why}")
        import_for(resource["Type"])
    checked: dict[str, Any] = document
    return checked


def expand(template: str, account_id: str, region: str) -> str:
    """The template in plain CloudFormation; one without the transform is returned as it is.

    Raises:
        ValidationError: it is no template.
        TransformError: it is not valid SAM, or a state machine's definition lacks a substitution.
    """
    document = parse(template)
    if TRANSFORM in _transforms(document):
        document = _translated(document, account_id, region)
    elif "AWS::StepFunctions::StateMachine" not in {each["Type"] for each in document["Resources"].values()}:
        return template
    for name, resource in document["Resources"].items():
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            _inline_definition(name, resource["Properties"], account_id)
    return json.dumps(document)


def _translated(document: dict[str, Any], account_id: str, region: str) -> dict[str, Any]:
    # Only names of managed policies would be looked up, and templates here name ARNs or write their own.
    translator = Translator(
        managed_policy_map={}, sam_parser=Parser(), boto_session=boto3.Session(region_name=region)
    )
    try:
        expanded: dict[str, Any] = translator.translate(
            document, {"AWS::AccountId": account_id, "AWS::Region": region, "AWS::Partition": "aws"}
        )
    except InvalidDocumentException as error:
        raise TransformError(" ".join([error.message, *(cause.message for cause in error.causes)])) from error
    return expanded


def _transforms(document: dict[str, Any]) -> list[str]:
    transform: Any = document.get("Transform", [])
    return transform if isinstance(transform, list) else [transform]


def _inline_definition(name: str, properties: dict[str, Any], account_id: str) -> None:
    """Puts a state machine's definition where moto's CloudFormation looks for it: its `DefinitionString`.

    CloudFormation takes it as an object in the template, too, or from S3 as JSON or YAML, and fills in
    `DefinitionSubstitutions`; moto does none of it. (Its `Fn::Sub` would take a `$$` for a `$`, so the text
    is joined from its parts.) Where AWS leaves what has no substitution unchanged, to be refused as an
    ARN, it is named here.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-stepfunctions-statemachine.html
    """
    substitutions = properties.pop("DefinitionSubstitutions", {})
    if (location := properties.pop("DefinitionS3Location", None)) is not None:
        properties["DefinitionString"] = _as_json(_stored(location, account_id))
    elif (definition := properties.pop("Definition", None)) is not None:
        properties["DefinitionString"] = {"Fn::ToJsonString": definition}

    def fill(value: Any) -> Any:
        match value:
            case str():
                return _filled(name, value, substitutions)
            case list():
                return [fill(each) for each in value]
            # What CloudFormation itself fills in.
            case {"Fn::Sub": _} | {"Ref": _} | {"Fn::GetAtt": _}:
                return value
            case dict():
                return {key: fill(each) for key, each in value.items()}
        return value

    properties["DefinitionString"] = fill(_joined(properties["DefinitionString"]))


def _joined(text: Any) -> Any:
    """A text that is joined from texts alone, as the transform writes an inline definition."""
    match text:
        case {"Fn::Join": [str(between), list(parts)]} if all(isinstance(each, str) for each in parts):
            return between.join(parts)
    return text


def _filled(name: str, text: str, substitutions: dict[str, Any]) -> Any:
    # Text and names take turns.
    parts: list[Any] = re.split(r"\$\{(\w+)\}", text)
    missing = sorted(set(parts[1::2]) - substitutions.keys())
    if missing:
        raise TransformError(
            f"The definition of {name} has ${{{missing[0]}}}, which its DefinitionSubstitutions do not name."
        )
    parts[1::2] = [substitutions[each] for each in parts[1::2]]
    return text if len(parts) == 1 else {"Fn::Join": ["", parts]}


def _stored(location: dict[str, Any], account_id: str) -> str:
    found = s3_backends[account_id]["aws"].get_object(location["Bucket"], location["Key"])
    if found is None:
        raise FileNotFoundError("No state machine at s3://{Bucket}/{Key}".format_map(location))
    return str(found.value.decode())


def _as_json(text: str) -> str:
    """A definition as JSON, which may be YAML; what is neither is left for Step Functions to refuse."""
    if text.lstrip().startswith("{"):
        return text
    try:
        return json.dumps(yaml.safe_load(text))
    except (yaml.YAMLError, TypeError):
        return text
