"""The Condition of a statement: operators over the keys of a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from happypath.sandbox.iam.patterns import Lookup, Pattern

# The keys of a request, in lower case, each with its values.
Context: TypeAlias = Mapping[str, tuple[str, ...]]
# A value of the request, a value of the policy → whether they match.
_Match: TypeAlias = Callable[[str, Pattern, Lookup], bool]


class ConditionError(ValueError):
    """A condition is none; the message says why."""


@dataclass(frozen=True)
class Condition:
    """One operator over one key."""

    operator: str
    key: str
    values: tuple[Pattern, ...]
    matches: _Match
    # `StringNotEquals` and its like are true where no value matches.
    negated: bool
    if_exists: bool
    # `forallvalues`, `foranyvalue`, or nothing.
    quantifier: str

    def holds(self, context: Context, lookup: Lookup) -> bool:
        """Whether it is true of a request."""
        found = context.get(self.key)
        if self.operator == "null":
            return any(each.text.lower() == ("false" if found else "true") for each in self.values)
        if not found:
            if self.if_exists or self.quantifier == "forallvalues":
                return True
            return self.negated and not self.quantifier
        each_holds = (self._holds_for(value, lookup) for value in found)
        if self.quantifier == "forallvalues":
            return all(each_holds)
        if self.quantifier == "foranyvalue":
            return any(each_holds)
        # A key of several values should have a quantifier; AWS says not to rely on what comes without one.
        return all(each_holds) if self.negated else any(each_holds)

    def _holds_for(self, value: str, lookup: Lookup) -> bool:
        return any(self.matches(value, each, lookup) for each in self.values) != self.negated


def parse(block: Any, *, variables: bool) -> tuple[Condition, ...]:
    """A statement's Condition; all that it holds must be true.

    Raises:
        ConditionError: it is none.
    """
    if not isinstance(block, Mapping):
        raise ConditionError("Condition must be an object")
    found = []
    for operator, keys in block.items():
        if not isinstance(keys, Mapping):
            raise ConditionError(f"{operator} must be an object")
        found += [_condition(operator, key, values, variables) for key, values in keys.items()]
    return tuple(found)


def _condition(operator: str, key: str, values: Any, variables: bool) -> Condition:
    name = operator.lower()
    quantifier, colon, rest = name.partition(":")
    if not colon:
        quantifier, rest = "", name
    if quantifier not in {"", "forallvalues", "foranyvalue"}:
        raise ConditionError(f"{operator} is no operator")
    # `Null` knows no IfExists, of which it is the question itself.
    base = rest.removesuffix("ifexists")
    if base not in _OPERATORS or (base == "null" and (base != rest or quantifier)):
        raise ConditionError(f"{operator} is no operator")
    matches, negated = _OPERATORS[base]
    listed = values if isinstance(values, list) else [values]
    return Condition(
        base,
        key.lower(),
        tuple(Pattern.parse(_text(each), variables=variables) for each in listed),
        matches,
        negated,
        base != rest,
        quantifier,
    )


def _text(value: Any) -> str:
    """A value as text: JSON's numbers and truth values are allowed."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise ConditionError("a condition's value must be text, a number, or true or false")


def _string(value: str, wanted: Pattern, lookup: Lookup) -> bool:
    return wanted.plain(lookup) == value


def _string_ignoring_case(value: str, wanted: Pattern, lookup: Lookup) -> bool:
    plain = wanted.plain(lookup)
    return plain is not None and plain.lower() == value.lower()


def _like(value: str, wanted: Pattern, lookup: Lookup) -> bool:
    return wanted.matches(value, lookup)


def _arn(value: str, wanted: Pattern, lookup: Lookup) -> bool:
    return wanted.matches_arn(value, lookup)


def _boolean(value: str, wanted: Pattern, _: Lookup) -> bool:
    return value.lower() == wanted.text.lower()


def _binary(value: str, wanted: Pattern, _: Lookup) -> bool:
    try:
        return base64.b64decode(value, validate=True) == base64.b64decode(wanted.text, validate=True)
    except binascii.Error:
        return False


def _address(value: str, wanted: Pattern, _: Lookup) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted.text, strict=False)
    except ValueError:
        return False


def _compared(read: Callable[[str], float | None], compare: Callable[[float, float], bool]) -> _Match:
    def matches(value: str, wanted: Pattern, _: Lookup) -> bool:
        left, right = read(value), read(wanted.text)
        return left is not None and right is not None and compare(left, right)

    return matches


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _date(text: str) -> float | None:
    """A date of ISO 8601, or seconds since 1970 → seconds since 1970."""
    seconds = _number(text)
    if seconds is not None:
        return seconds
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _ordered(kind: str, read: Callable[[str], float | None]) -> dict[str, tuple[_Match, bool]]:
    equal = _compared(read, lambda left, right: left == right)
    return {
        f"{kind}equals": (equal, False),
        f"{kind}notequals": (equal, True),
        f"{kind}lessthan": (_compared(read, lambda left, right: left < right), False),
        f"{kind}lessthanequals": (_compared(read, lambda left, right: left <= right), False),
        f"{kind}greaterthan": (_compared(read, lambda left, right: left > right), False),
        f"{kind}greaterthanequals": (_compared(read, lambda left, right: left >= right), False),
    }


_OPERATORS: dict[str, tuple[_Match, bool]] = {
    "stringequals": (_string, False),
    "stringnotequals": (_string, True),
    "stringequalsignorecase": (_string_ignoring_case, False),
    "stringnotequalsignorecase": (_string_ignoring_case, True),
    "stringlike": (_like, False),
    "stringnotlike": (_like, True),
    "arnequals": (_arn, False),
    "arnlike": (_arn, False),
    "arnnotequals": (_arn, True),
    "arnnotlike": (_arn, True),
    "bool": (_boolean, False),
    "binaryequals": (_binary, False),
    "ipaddress": (_address, False),
    "notipaddress": (_address, True),
    "null": (_boolean, False),
    **_ordered("numeric", _number),
    **_ordered("date", _date),
}
