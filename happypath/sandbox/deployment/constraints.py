"""What a template's declaration of a parameter allows for its value."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any


def problem(declared: Mapping[str, Any], value: str) -> str | None:
    """Why a parameter cannot have a value; None if it can.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    kind = declared["Type"]
    if kind in {"CommaDelimitedList", "List<Number>"}:
        single = {**declared, "Type": "Number" if "Number" in kind else "String"}
        problems = (problem(single, each.strip()) for each in value.split(","))
        return next(filter(None, problems), None)
    found = None
    if "AllowedValues" in declared and value not in (
        allowed := [str(each) for each in declared["AllowedValues"]]
    ):
        found = f"it must be one of {', '.join(allowed)}"
    elif kind == "Number":
        found = _number_problem(declared, value)
    elif not int(declared.get("MinLength", 0)) <= len(value) <= float(declared.get("MaxLength", math.inf)):
        least, most = declared.get("MinLength", 0), declared.get("MaxLength", "any number of")
        found = f"it must have {least} to {most} characters"
    elif "AllowedPattern" in declared and not re.fullmatch(declared["AllowedPattern"], value):
        found = f"it must match {declared['AllowedPattern']}"
    return found and declared.get("ConstraintDescription", found)


def _number_problem(declared: Mapping[str, Any], value: str) -> str | None:
    # Python would also read 1_000, spaces around and the digits of other alphabets.
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", value, re.ASCII):
        return "it must be a number"
    number = float(value)
    if number < float(declared.get("MinValue", -math.inf)):
        return f"it must be at least {declared['MinValue']}"
    if number > float(declared.get("MaxValue", math.inf)):
        return f"it must be at most {declared['MaxValue']}"
    return None
