"""What a task decides by: the `rules` that its state machine sends with each call."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TypeVar

from functions.decision import REASON
from functions.platform.values import fill

T = TypeVar("T")


class RuleError(Exception):
    """A rule is missing, unknown or senseless; the message names it. The state machine must be edited."""


def reason(value: object) -> str:
    """Why a photo is rejected, as the workflow record has it: `NO_PEOPLE_ALLOWED`."""
    if not isinstance(value, str) or not REASON.fullmatch(value):
        raise ValueError("must be capital letters, digits and underscores, such as NO_PEOPLE_ALLOWED")
    return value


def read(shape: type[T], rules: object, within: str = "") -> T:
    """Reads the rules that a decider knows: the fields of a dataclass. Numbers may be text.

    `within` is the rule that these are a part of.

    >>> from functions.decide.dimensions import Rules
    >>> read(Rules, {"min_pixels": "800"}).min_pixels
    800

    Raises:
        RuleError: a rule is missing, unknown or senseless.
    """
    known = [each.name for each in dataclasses.fields(shape)]  # type: ignore[arg-type]  # a dataclass
    where = f"{within}." if within else ""
    if not isinstance(rules, Mapping):
        raise RuleError(
            f"{within or 'rules'} must be an object, not {rules!r}: give it to the state's Payload."
        )
    unknown = [str(name) for name in rules if name not in known]
    if unknown:
        raise RuleError(f"There is no rule {where}{unknown[0]}: choose among {', '.join(known)}.")
    try:
        return fill(shape, rules, lambda name: f"The rule {where}{name}")
    except ValueError as error:
        raise RuleError(f"{error}: set it in the state machine.") from None
