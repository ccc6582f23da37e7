"""The parameters of a stack's template: which there are, and what CloudFormation would say to their values.

Asked before anything is built or started. `Prefix` is not among them: it names the stack, too, and is an
option of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from happypath.errors import UsageError
from happypath.project import template_of
from happypath.sandbox.deployment.constraints import problem

_PREFIX = "Prefix"


class ParameterError(UsageError):
    """A parameter cannot have a value, or has none; the message names it, and says which there are."""


def parse(given: Iterable[str]) -> dict[str, str]:
    """What is written as NAME=VALUE; of one that is given twice the last counts.

    >>> parse(["MinPixels=100", "RequiredWords=a=b"])
    {'MinPixels': '100', 'RequiredWords': 'a=b'}

    Raises:
        ParameterError: it is written in another way.
    """
    found = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not name or not equals:
            raise ParameterError(f"--parameter wants NAME=VALUE, not {each!r}.")
        found[name] = value
    return found


def check(stack: str, values: Mapping[str, str]) -> None:
    """Looks at values as CloudFormation does.

    Raises:
        ParameterError: the template has no such parameter, or does not allow the value.
    """
    declared = template_of(stack).get("Parameters", {})
    there = (
        "its parameters: " + ", ".join(_described(declared)) if declared.keys() - {_PREFIX} else "it has none"
    )
    for name, value in values.items():
        if name == _PREFIX or name not in declared:
            raise ParameterError(f"{stack} has no parameter {name}; {there}.")
        if wrong := problem(declared[name], value):
            raise ParameterError(f"{name} of {stack} cannot be {value!r}: {wrong}; {there}.")


def missing(stack: str, values: Mapping[str, str]) -> list[str]:
    """The parameters that a new stack would have no value for."""
    declared = template_of(stack).get("Parameters", {}).items()
    return [name for name, each in declared if "Default" not in each and name not in values]


def check_all(stack: str, values: Mapping[str, str]) -> None:
    """Looks at all values that a new stack would have: the template's defaults, and these.

    Raises:
        ParameterError: one has none, or the template does not allow them, each or together.
    """
    check(stack, values)
    if lacking := missing(stack, values):
        wanted = " ".join(f"--parameter {name}=…" for name in lacking)
        raise ParameterError(f"{stack} wants {wanted}: the template has no default.")
    template = template_of(stack)
    defaults = {
        name: str(each["Default"])
        for name, each in template.get("Parameters", {}).items()
        if "Default" in each
    }
    for said in _broken(template.get("Rules", {}), {**defaults, **values}):
        raise ParameterError(f"{stack}: {said}")


def _described(declared: Mapping[str, Any]) -> Iterator[str]:
    """The parameters, each with its default if it has one."""
    for name, each in sorted(declared.items()):
        if name != _PREFIX:
            yield f"{name}={each['Default']}" if "Default" in each else name


def _broken(rules: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[str]:
    """What a template's rules have against the values of its parameters, in the template's words.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
    """
    for name, rule in rules.items():
        if _value(rule.get("RuleCondition", True), values):
            for assertion in rule["Assertions"]:
                if not _value(assertion["Assert"], values):
                    yield assertion.get("AssertDescription", f"its rule {name} does not allow these values.")


_FUNCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "Fn::And": all,
    "Fn::Or": any,
    "Fn::Not": lambda given: not given[0],
    "Fn::Equals": lambda given: given[0] == given[1],
    "Fn::Contains": lambda given: given[1] in given[0],
}


def _value(expression: Any, values: Mapping[str, str]) -> Any:
    """An expression of a rule, worked out. What only CloudFormation knows holds here: it is asked later."""
    match expression:
        case {"Ref": name} if name in values:
            return values[name]
        case dict() if len(expression) == 1 and next(iter(expression)) in _FUNCTIONS:
            ((function, arguments),) = expression.items()
            return _FUNCTIONS[function]([_value(each, values) for each in arguments])
        case dict():
            return True
        case list():
            return [_value(each, values) for each in expression]
    return expression
