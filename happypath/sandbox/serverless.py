"""The `AWS::Serverless-2016-10-31` transform, as CloudFormation runs it on a template it is given."""

from __future__ import annotations

import json
import re
from typing import Any

import boto3
from moto.s3.models import s3_backends
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

TRANSFORM = "AWS::Serverless-2016-10-31"


def expand(template: str, account_id: str, region: str) -> str:
    """The template in plain CloudFormation; one without the transform is returned as it is.

    Raises:
        samtranslator.model.exceptions.InvalidDocumentException: the template is not valid SAM.
    """
    document = yaml_parse(template)
    if TRANSFORM not in _transforms(document):
        return template
    # Only names of managed policies would be looked up, and templates here name ARNs or write their own.
    translator = Translator(
        managed_policy_map={}, sam_parser=Parser(), boto_session=boto3.Session(region_name=region)
    )
    expanded = translator.translate(
        document, {"AWS::AccountId": account_id, "AWS::Region": region, "AWS::Partition": "aws"}
    )
    for resource in expanded["Resources"].values():
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            _inline_definition(resource["Properties"], account_id)
    return json.dumps(expanded)


def _transforms(document: Any) -> list[str]:
    transform = document.get("Transform", []) if isinstance(document, dict) else []
    return transform if isinstance(transform, list) else [transform]


def _inline_definition(properties: dict[str, Any], account_id: str) -> None:
    """Puts a state machine's definition where moto's CloudFormation looks for it.

    CloudFormation reads it from S3 and fills in `DefinitionSubstitutions`; moto does neither. (Its `Fn::Sub`
    would take a `$$` for a `$`, so the text is joined from its parts.)
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
    parts[1::2] = [substitutions[name] for name in parts[1::2]]
    properties["DefinitionString"] = {"Fn::Join": ["", parts]}
