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
from samtranslator.yaml_helper import yaml_parse

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
        document: Any = yaml_parse(template)
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
    if TRANSFORM not in _transforms(document):
        return template
    # Only names of managed policies would be looked up, and templates here name ARNs or write their own.
    translator = Translator(
        managed_policy_map={}, sam_parser=Parser(), boto_session=boto3.Session(region_name=region)
    )
    try:
        expanded = translator.translate(
            document, {"AWS::AccountId": account_id, "AWS::Region": region, "AWS::Partition": "aws"}
        )
    except InvalidDocumentException as error:
        raise TransformError(" ".join([error.message, *(cause.message for cause in error.causes)])) from error
    for name, resource in expanded["Resources"].items():
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            _inline_definition(name, resource["Properties"], account_id)
    return json.dumps(expanded)


def _transforms(document: dict[str, Any]) -> list[str]:
    transform: Any = document.get("Transform", [])
    return transform if isinstance(transform, list) else [transform]


def _inline_definition(name: str, properties: dict[str, Any], account_id: str) -> None:
    """Puts a state machine's definition where moto's CloudFormation looks for it.

    CloudFormation reads it from S3 and fills in `DefinitionSubstitutions`; moto does neither. (Its `Fn::Sub`
    would take a `$$` for a `$`, so the text is joined from its parts.) Where AWS leaves what has no
    substitution as it stands, to be refused as an ARN, it is named here.
    """
    location = properties.pop("DefinitionS3Location", None)
    if location is not None:
        stored = s3_backends[account_id]["aws"].get_object(location["Bucket"], location["Key"])
        if stored is None:
            raise FileNotFoundError("No state machine at s3://{Bucket}/{Key}".format_map(location))
        properties["DefinitionString"] = stored.value.decode()
    substitutions = properties.pop("DefinitionSubstitutions", {})
    # Text and names take turns.
    parts = re.split(r"\$\{(\w+)\}", properties["DefinitionString"])
    missing = sorted(set(parts[1::2]) - substitutions.keys())
    if missing:
        raise TransformError(
            f"The definition of {name} has ${{{missing[0]}}}, which its DefinitionSubstitutions do not name."
        )
    parts[1::2] = [substitutions[each] for each in parts[1::2]]
    properties["DefinitionString"] = {"Fn::Join": ["", parts]}
