"""What a template's `Rules` ask of the values of its parameters together.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from moto.cloudformation.exceptions import ValidationError


def check(rules: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Checks values by the names of parameters; that of a list is a list.

    Raises:
        ValidationError: an assertion does not hold, in its own words; or the sandbox cannot tell.
    """
    for name, rule in rules.items():
        if "RuleCondition" in rule and not _value(rule["RuleCondition"], values):
            continue
        for assertion in rule["Assertions"]:
            if not _value(assertion["Assert"], values):
                raise ValidationError(
                    message=assertion.get("AssertDescription", f"Rule {name} does not hold.")
                )


_FUNCTIONS: Mapping[str, Callable[[list[Any]], bool]] = {
    "Fn::And": all,
    "Fn::Contains": lambda given: given[1] in given[0],
    "Fn::EachMemberEquals": lambda given: all(each == given[1] for each in given[0]),
    "Fn::EachMemberIn": lambda given: all(each in given[1] for each in given[0]),
    "Fn::Equals": lambda given: bool(given[0] == given[1]),
    "Fn::Not": lambda given: not given[0],
    "Fn::Or": any,
}


def _value(expression: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(expression, list):
        return [_value(each, values) for each in expression]
    if not isinstance(expression, Mapping):
        return expression
    [(name, argument)] = expression.items()
    if name == "Ref" and argument in values:
        return values[argument]
    if name not in _FUNCTIONS:
        raise ValidationError(message=f"The sandbox does not do {name} {argument!r} in Rules.")
    return _FUNCTIONS[name](_value(argument, values))
