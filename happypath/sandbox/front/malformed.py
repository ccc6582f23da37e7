"""Requests that make no sense: what AWS refuses before the service looks.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError

from botocore.model import Shape

from happypath.sandbox.front.answers import ErrorAnswer
from happypath.sandbox.front.called import Called

_JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float, str),
    "double": (int, float, str),
    "timestamp": (int, float, str),
}


def not_json(body: bytes) -> ErrorAnswer | None:
    """The answer to a body that is no JSON object, or None."""
    if not body:
        return None
    try:
        is_object = isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return ErrorAnswer(400, "SerializationException", "The request body is not JSON.")
    if is_object:
        return None
    return ErrorAnswer(400, "SerializationException", "Start of structure or map found where not expected.")


def not_xml(raised: Exception) -> ErrorAnswer | None:
    """The answer to a body that is no XML, by what parsing it raised; or None.

    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    """
    if not isinstance(raised, (ExpatError, ParseError)):
        return None
    return ErrorAnswer(
        400,
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def against_model(called: Called, body: bytes) -> ErrorAnswer | None:
    """The answer to a request with a member of the wrong type, or without one that it needs; or None."""
    if not called.is_known or called.model is None or called.protocol != "json":
        return None
    shape = called.model.operation_model(str(called.operation)).input_shape
    if shape is None:
        return None
    request = json.loads(body or b"{}")
    wrong = _wrong_type(request, shape, "")
    if wrong:
        return ErrorAnswer(400, "SerializationException", wrong)
    missing = _missing(request, shape, "")
    if missing:
        return ErrorAnswer(
            400,
            "ValidationException",
            f"1 validation error detected: Value null at '{missing}' failed to satisfy constraint: "
            "Member must not be null",
        )
    return None


def _members(value: Any, shape: Any, path: str) -> list[tuple[Any, Shape, str]]:
    """What a value holds, each with its shape and its path."""
    if shape.type_name == "structure":
        return [
            (value[name], shape.members[name], f"{path}.{name}" if path else name)
            for name in value
            if name in shape.members
        ]
    if shape.type_name == "list":
        return [(each, shape.member, f"{path}[{number}]") for number, each in enumerate(value)]
    if shape.type_name == "map":
        return [(each, shape.value, f"{path}.{name}") for name, each in value.items()]
    return []


def _wrong_type(value: Any, shape: Any, path: str) -> str | None:
    expected = _JSON_TYPES.get(shape.type_name)
    if value is None or expected is None:
        return None
    if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
        return f"{path or 'The request'} must be a {shape.type_name}, not {type(value).__name__}."
    return next(filter(None, (_wrong_type(*each) for each in _members(value, shape, path))), None)


def _missing(value: Any, shape: Any, path: str) -> str | None:
    if value is None:
        return None
    for name in getattr(shape, "required_members", ()):
        if value.get(name) is None:
            return f"{path}.{name}" if path else name
    return next(filter(None, (_missing(*each) for each in _members(value, shape, path))), None)
