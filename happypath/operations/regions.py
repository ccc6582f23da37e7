"""Where Rekognition is missing, by what boto3 knows of AWS, and which stacks need it.

https://docs.aws.amazon.com/general/latest/gr/rekognition.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3

from happypath.project import template_of

_SERVICE = "rekognition"
# Whatever is deployed here needs it, so that where it is, all else is.
_ELSEWHERE = "stepfunctions"


def without_rekognition() -> list[str]:
    """The regions, of all partitions, that have Step Functions and not Rekognition."""
    session = boto3.Session()
    found = []
    for partition in session.get_available_partitions():
        there = set(session.get_available_regions(_SERVICE, partition))
        found += [each for each in session.get_available_regions(_ELSEWHERE, partition) if each not in there]
    return sorted(found)


def is_aws(endpoint: str) -> bool:
    """Whether an endpoint is AWS's own, not a sandbox's.

    >>> is_aws("https://cloudformation.eu-west-3.amazonaws.com"), is_aws("http://127.0.0.1:4566")
    (True, False)
    """
    # boto3's sessions do not show the ends of names; botocore's, below them, do.
    partitions = boto3.Session()._session.get_data("endpoints")["partitions"]
    host = urlsplit(endpoint).hostname or ""
    return any(host.endswith(f".{each['dnsSuffix']}") for each in partitions)


def needs_rekognition(stack: str) -> bool:
    """Whether a workflow's template grants actions of Rekognition, itself or by a policy of core's."""
    template, core = template_of(stack), template_of("core")
    exported = {
        _text(each["Export"]["Name"]): _resource(each["Value"])
        for each in core.get("Outputs", {}).values()
        if "Export" in each
    }
    granted: list[Any] = [template["Resources"]]
    for value in _values(template["Resources"]):
        if isinstance(value, dict) and "Fn::ImportValue" in value:
            granted.append(core["Resources"].get(exported.get(_text(value["Fn::ImportValue"]))))
    return any(
        isinstance(action, str) and action.startswith(f"{_SERVICE}:")
        for each in granted
        for action in _actions(each)
    )


def _resource(value: Any) -> str | None:
    """The logical id of the resource that a value is of."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return name
    return None


def _text(name: Any) -> str:
    return str(name["Fn::Sub"] if isinstance(name, Mapping) and "Fn::Sub" in name else name)


def _actions(value: Any) -> Iterator[Any]:
    for each in _values(value):
        if isinstance(each, dict) and "Action" in each:
            yield from _values(each["Action"])


def _values(value: Any) -> Iterator[Any]:
    """A value, and every one within it."""
    yield value
    if isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _values(each)
