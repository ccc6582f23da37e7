"""Event patterns: which of them EventBridge accepts, and which events they match.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html

The reasons of refusals are those that AWS gives (its matching is public: https://github.com/aws/event-ruler),
without the place in the text that follows them there.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn, TypeAlias

from happypath.sandbox.eventbridge import wildcards

# One condition of a pattern: a value of an event fits, or not.
Test: TypeAlias = Callable[[Any], bool]
# In which element of which array a value lies: the array's path with indices → the index.
Membership: TypeAlias = dict[tuple[str | int, ...], int]

MOST_BYTES = 2_048
# `$or` multiplies: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns-best-practices.html
MOST_COMBINATIONS = 1_000

_RESERVED_IN_OR = frozenset(
    {
        *("exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard"),
        *("numeric", "cidr", "=", "<", "<=", ">", ">=", "regex", "not-wildcard"),
        *("not-equals-ignore-case", "date-after", "date-on-or-after", "date-before", "date-on-or-before"),
        *("in-date-range", "ip-address-in-range", "ip-address-not-in-range"),
    }
)


class PatternError(ValueError):
    """EventBridge accepts no such pattern; the message is its reason."""


@dataclass(frozen=True)
class Condition:
    """What one field must be: any of the tests holds for a value of it, or it is absent."""

    tests: tuple[Test, ...]
    may_be_absent: bool


@dataclass(frozen=True)
class Pattern:
    """A pattern that EventBridge accepts.

    `alternatives` are what `$or` makes of it: the conditions of each, by the field's path joined with dots.
    """

    alternatives: tuple[Mapping[str, Condition], ...]

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the event fits.

        Values that lie in elements of one array must lie in the same element.
        """
        found: dict[str, list[tuple[Any, Membership]]] = {}
        for path, value, membership in _values(event, (), (), {}):
            found.setdefault(".".join(path), []).append((value, membership))
        return any(_fits(list(each.items()), found, {}) for each in self.alternatives)


@lru_cache(maxsize=1024)
def read(text: str) -> Pattern:
    """Reads a pattern from JSON.

    Raises:
        PatternError: it breaks a rule of AWS's grammar.
    """
    try:
        # As AWS's parser does it: of a key that is there twice the last one counts.
        pattern = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise PatternError(f"Not valid JSON: {error}") from error
    if not isinstance(pattern, dict):
        raise PatternError("Filter is not an object")
    alternatives: list[dict[str, Condition]] = []
    _read_object(pattern, (), alternatives, inside_or=False)
    return Pattern(tuple(alternatives))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _read_object(
    node: Mapping[str, Any], path: tuple[str, ...], rules: list[dict[str, Condition]], *, inside_or: bool
) -> None:
    if not node:
        raise PatternError("Empty objects are not allowed")
    for name, value in node.items():
        if name == "$or":
            _read_or(value, path, rules)
        elif inside_or and name in _RESERVED_IN_OR:
            raise PatternError(f"{name} is Ruler reserved fieldName which cannot be used inside $or.")
        elif isinstance(value, dict):
            _read_object(value, (*path, name), rules, inside_or=inside_or)
        elif isinstance(value, list):
            condition = _read_condition(value)
            if not rules:
                rules.append({})
            for rule in rules:
                rule[".".join((*path, name))] = condition
        else:
            raise PatternError(f'"{name}" must be an object or an array')


def _read_or(node: Any, path: tuple[str, ...], rules: list[dict[str, Condition]]) -> None:
    if not isinstance(node, list):
        raise PatternError("It must be an Array followed with $or.")
    before = list(rules) or [{}]
    rules.clear()
    for each in node:
        if not isinstance(each, dict):
            raise PatternError("Only JSON object is allowed in array of $or relationship.")
        branch = [dict(rule) for rule in before]
        _read_object(each, path, branch, inside_or=True)
        rules += branch
        if len(rules) > MOST_COMBINATIONS:
            raise PatternError(
                "Rule is too complex - the number of rule combinations from $or is over the limit"
            )
    if len(node) < 2:  # one alternative is none
        raise PatternError("There must have at least 2 Objects in $or relationship.")


def _read_condition(values: Sequence[Any]) -> Condition:
    if not values:
        raise PatternError("Empty arrays are not allowed")
    tests: list[Test] = []
    may_be_absent = False
    for each in values:
        if isinstance(each, list):
            raise PatternError("Match value must be String, number, true, false, or null")
        if not isinstance(each, dict):
            tests.append(_is(each))
            continue
        operator, operand = _only_member(each)
        if operator == "exists":
            if not isinstance(operand, bool):
                raise PatternError("exists match pattern must be either true or false.")
            may_be_absent |= not operand
            tests += [_any] if operand else []
        else:
            tests.append(_test(operator, operand))
    return Condition(tuple(tests), may_be_absent)


def _only_member(expression: Mapping[str, Any]) -> tuple[str, Any]:
    if not expression:
        raise PatternError("Match expression name not found")
    operator, operand = next(iter(expression.items()))
    if operator not in _OPERATORS and operator != "exists":
        raise PatternError(f"Unrecognized match type {operator}")
    if len(expression) > 1:
        many = operator in {"numeric", "anything-but"}
        raise PatternError(
            "Too many elements in numeric expression" if many else "Only one key allowed in match expression"
        )
    return operator, operand


def _test(operator: str, operand: Any) -> Test:
    return _OPERATORS[operator](operand)


def _text(operand: Any, what: str) -> str:
    if not isinstance(operand, str):
        raise PatternError(f"{what} match pattern must be a string")
    return operand


def _any(_value: Any) -> bool:
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is(wanted: Any) -> Test:
    if isinstance(wanted, str):
        address = _address(wanted)
        if address is not None:
            return lambda value: value == wanted or (isinstance(value, str) and _address(value) == address)
        return lambda value: isinstance(value, str) and value == wanted
    if _is_number(wanted):
        return lambda value: _is_number(value) and value == wanted
    # true, false or null.
    return lambda value: value is wanted


_V4 = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_V6 = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if not (_V4.fullmatch(text) or _V6.fullmatch(text)):
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _exactly(operand: Any) -> Test:
    return _is(_text(operand, "exact"))


def _affix(kind: str, name: str) -> Callable[[Any], Test]:
    """`prefix` or `suffix`; `name` is the method of str that tests it."""

    def make(operand: Any) -> Test:
        if isinstance(operand, dict):
            if not operand:
                raise PatternError(f"{kind.capitalize()} expression name not found")
            inner, text = next(iter(operand.items()))
            if inner != "equals-ignore-case":
                raise PatternError(f"Unsupported {kind} pattern: {inner}")
            folded = _text(text, "equals-ignore-case").lower()
            if len(operand) > 1:
                raise PatternError("Only one key allowed in match expression")
            return lambda value: isinstance(value, str) and getattr(value.lower(), name)(folded)
        affix = _text(operand, kind)
        return lambda value: isinstance(value, str) and getattr(value, name)(affix)

    return make


def _ignore_case(operand: Any) -> Test:
    folded = _text(operand, "equals-ignore-case").lower()
    return lambda value: isinstance(value, str) and value.lower() == folded


def _wildcard(operand: Any) -> Test:
    try:
        pattern = wildcards.read(_text(operand, "wildcard"))
    except wildcards.WildcardError as error:
        raise PatternError(str(error)) from error
    return lambda value: isinstance(value, str) and pattern.matches(value)


def _cidr(operand: Any) -> Test:
    # AWS speaks of a prefix here, too.
    text = _text(operand, "prefix")
    # As Java splits: empty parts at the end do not count.
    parts = text.rstrip("/").split("/")
    if len(parts) != 2:  # an address and a mask
        raise PatternError("Malformed CIDR, one '/' required")
    address, mask = parts
    if not re.fullmatch(r"[+-]?[0-9]+", mask):
        raise PatternError("Malformed CIDR, mask bits must be an integer")
    bits = int(mask)
    if bits < 0:
        raise PatternError("Malformed CIDR, mask bits must not be negative")
    ip = _address(address)
    if ip is None:
        looks_like_one = _V4.fullmatch(address) or _V6.fullmatch(address)
        raise PatternError(f"{'Invalid' if looks_like_one else 'Nonstandard'} IP address: {address}")
    if bits >= ip.max_prefixlen:
        raise PatternError(f"IPv{ip.version} mask bits must be < {ip.max_prefixlen}")
    network = ipaddress.ip_network((ip, bits), strict=False)

    def test(value: Any) -> bool:
        found = _address(value) if isinstance(value, str) else None
        return found is not None and found in network

    return test


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}


def _numeric(operand: Any) -> Test:
    if not isinstance(operand, list):
        raise PatternError("Value of numeric must be an array.")
    operator, *rest = operand or [None]
    if not isinstance(operator, str):
        raise PatternError(f"Invalid member in numeric match: {_shown(operator)}")
    if operator not in _COMPARISONS:
        raise PatternError(f"Unrecognized numeric range operator: {operator}")
    if not rest or not _is_number(rest[0]):
        raise PatternError(f"Value of {'equals' if operator == '=' else operator} must be numeric")
    bounds = [(_COMPARISONS[operator], _comparable(rest[0]))]
    upper = rest[1:]
    if upper and operator in {"=", "<", "<="}:
        raise PatternError("Too many elements in numeric expression")
    if upper:
        bounds.append(_upper_bound(upper))
        if bounds[0][1] >= bounds[1][1]:
            raise PatternError("Bottom must be less than top")
    return lambda value: _is_number(value) and all(holds(value, bound) for holds, bound in bounds)


def _upper_bound(upper: Sequence[Any]) -> tuple[Callable[[Any, Any], bool], float]:
    operator = upper[0]
    if not isinstance(operator, str):
        raise PatternError(f"Bad value in numeric range: {_shown(operator)}")
    if operator not in {"<", "<="}:
        raise PatternError(f"Bad numeric range operator: {operator}")
    if len(upper) == 1 or not _is_number(upper[1]):
        raise PatternError(f"Value of {operator} must be numeric")
    if len(upper) > 2:  # an operator and a bound
        raise PatternError("Too many terms in numeric range expression")
    return _COMPARISONS[operator], _comparable(upper[1])


def _comparable(number: float) -> float:
    """A bound, which must be a number that a double holds exactly as it is written."""
    try:
        exact = float(number) == number
    except OverflowError:
        exact = False
    if not exact or number in {float("inf"), float("-inf")}:
        raise PatternError(f"Cannot compare number : {number}")
    return number


def _shown(value: Any) -> str:
    if value is None:
        return "]"
    return json.dumps(value)[:1] if isinstance(value, (list, dict)) else json.dumps(value)


_INSIDE_ANYTHING_BUT = {
    "equals-ignore-case": "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not "
    "supported.",
    "prefix": "prefix/suffix match pattern must be a string",
    "suffix": "prefix/suffix match pattern must be a string",
    "wildcard": "wildcard match pattern must be a string",
}
_ONE_OR_MANY = "Value of anything-but must be an array or single string/number value."


def _anything_but(operand: Any) -> Test:
    if isinstance(operand, dict):
        if not operand:
            raise PatternError("Anything-But expression name not found")
        operator, values = next(iter(operand.items()))
        if operator not in _INSIDE_ANYTHING_BUT:
            raise PatternError(f"Unsupported anything-but pattern: {operator}")
        refused = _refused_texts(operator, values)
        if len(operand) > 1:
            raise PatternError("Too many elements in numeric expression")
        return lambda value: not any(test(value) for test in refused)
    if not isinstance(operand, (list, str)) and not _is_number(operand):
        raise PatternError(_ONE_OR_MANY)
    values = operand if isinstance(operand, list) else [operand]
    if any(not isinstance(each, str) and not _is_number(each) for each in values):
        raise PatternError("Inside anything but list, start|null|boolean is not supported.")
    if len({isinstance(each, str) for each in values}) != 1:
        raise PatternError(
            "Inside anything but list, either all values are number or string, mixed type is not supported"
        )
    return _is_none_of(values)


def _is_none_of(values: Sequence[Any]) -> Test:
    if isinstance(values[0], str):
        return lambda value: value not in values if isinstance(value, str) else True
    # Numbers: AWS compares them only with numbers, so that no other value fits.
    return lambda value: _is_number(value) and value not in values


def _refused_texts(operator: str, values: Any) -> list[Test]:
    if not isinstance(values, (list, str)) and not _is_number(values):
        raise PatternError(_ONE_OR_MANY)
    texts = values if isinstance(values, list) else [values]
    for each in texts:
        if not isinstance(each, str):
            raise PatternError(_INSIDE_ANYTHING_BUT[operator])
        if not each and operator in {"prefix", "suffix"}:
            raise PatternError("Null prefix/suffix not allowed")
    return [_test(operator, each) for each in texts]


_OPERATORS: Mapping[str, Callable[[Any], Test]] = {
    "exactly": _exactly,
    "prefix": _affix("prefix", "startswith"),
    "suffix": _affix("suffix", "endswith"),
    "equals-ignore-case": _ignore_case,
    "wildcard": _wildcard,
    "cidr": _cidr,
    "numeric": _numeric,
    "anything-but": _anything_but,
}


def _values(
    node: Any, path: tuple[str, ...], place: tuple[str | int, ...], membership: Membership
) -> Iterator[tuple[tuple[str, ...], Any, Membership]]:
    """Every value of an event that is no object or array, with its path and the array elements around it."""
    if isinstance(node, Mapping):
        for name, each in node.items():
            yield from _values(each, (*path, name), (*place, name), membership)
    elif isinstance(node, list):
        for number, each in enumerate(node):
            inner = {**membership, place: number} if isinstance(each, (Mapping, list)) else membership
            yield from _values(each, path, (*place, number), inner)
    else:
        yield path, node, membership


def _fits(
    conditions: Sequence[tuple[str, Condition]],
    found: Mapping[str, Sequence[tuple[Any, Membership]]],
    within: Membership,
) -> bool:
    """Whether values can be chosen for all conditions, none of which lies in another element of an array."""
    if not conditions:
        return True
    (path, condition), *rest = conditions
    values = found.get(path, ())
    if not values:
        return condition.may_be_absent and _fits(rest, found, within)
    tried: list[Membership] = []
    for value, membership in values:
        if any(within.get(array, index) != index for array, index in membership.items()):
            continue
        joined = {**within, **membership}
        if joined in tried or not any(test(value) for test in condition.tests):
            continue
        tried.append(joined)
        if _fits(rest, found, joined):
            return True
    return False
