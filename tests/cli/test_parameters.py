"""What CloudFormation would refuse of a template's parameters, said before anything starts."""

from __future__ import annotations

from typing import Any

import pytest

from happypath.operations import parameters
from happypath.operations.parameters import ParameterError, check, check_all, missing, parse

TEMPLATE = {
    "Parameters": {
        "Prefix": {"Type": "String", "Default": "happypath"},
        "Level": {"Type": "Number", "MinValue": 1, "MaxValue": 9.5},
        "Days": {"Type": "Number", "Default": 30, "AllowedValues": [7, 30]},
        "Colours": {"Type": "CommaDelimitedList", "Default": "red", "AllowedPattern": "[a-z]+"},
        "Sizes": {"Type": "List<Number>", "Default": "1,2", "MaxValue": 5},
        "Name": {"Type": "String", "Default": "", "MaxLength": 5, "AllowedPattern": "[a-z]*"},
        "Told": {
            "Type": "String",
            "Default": "x",
            "AllowedPattern": "x+",
            "ConstraintDescription": "nothing but x",
        },
    },
    "Rules": {
        "NotBoth": {
            "RuleCondition": {"Fn::Equals": [{"Ref": "Level"}, "2"]},
            "Assertions": [
                {
                    "Assert": {
                        "Fn::Or": [
                            {"Fn::Not": [{"Fn::Equals": [{"Ref": "Name"}, ""]}]},
                            {
                                "Fn::And": [
                                    {"Fn::Contains": [["7"], {"Ref": "Days"}]},
                                    {"Fn::Equals": ["a", "a"]},
                                ]
                            },
                        ]
                    },
                    "AssertDescription": "Level 2 wants a name or seven days.",
                }
            ],
        },
        # What is asked of other resources is CloudFormation's to say.
        "Elsewhere": {"Assertions": [{"Assert": {"Fn::EachMemberIn": [{"Ref": "Name"}, ["a"]]}}]},
    },
}


@pytest.fixture(autouse=True)
def template(monkeypatch: pytest.MonkeyPatch) -> None:
    def template_of(_: str) -> dict[str, Any]:
        return TEMPLATE

    monkeypatch.setattr(parameters, "template_of", template_of)


def test_all_after_the_first_sign_is_the_value_and_the_last_counts() -> None:
    assert parse(["A=1", "B=x=y", "A=", "C= d "]) == {"A": "", "B": "x=y", "C": " d "}


@pytest.mark.parametrize("given", ["A", "=1", ""])
def test_what_is_no_parameter_is_refused(given: str) -> None:
    with pytest.raises(ParameterError, match="wants NAME=VALUE"):
        parse([given])


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("Level", "0.9", "at least 1"),
        ("Level", "10", "at most 9.5"),
        ("Level", "many", "a number"),
        ("Level", "nan", "a number"),
        ("Level", "1_0", "a number"),
        ("Level", " 5", "a number"),
        ("Level", "\u0665", "a number"),
        ("Days", "8", "one of 7, 30"),
        ("Colours", "red,BLUE", r"match \[a-z\]\+"),
        ("Sizes", "1, 6", "at most 5"),
        ("Sizes", "1,", "a number"),
        ("Name", "abcdef", "0 to 5 characters"),
        ("Name", "ab1", r"match \[a-z\]\*"),
        ("Told", "y", "nothing but x"),
    ],
)
def test_a_value_that_the_template_does_not_allow_is_refused_with_the_parameters_there_are(
    name: str, value: str, problem: str
) -> None:
    with pytest.raises(
        ParameterError, match=f"{name} of stack cannot be .*{problem}; its parameters: "
    ) as error:
        check("stack", {name: value})
    assert "Colours=red, Days=30, Level, Name=, Sizes=1,2, Told=x" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["Bogus", "level", "Prefix"])
def test_a_parameter_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match=f"stack has no parameter {name}; its parameters: Colours=red"):
        check("stack", {name: "1"})


def test_any_other_value_is_allowed() -> None:
    check(
        "stack",
        {"Level": "9.5", "Days": "7", "Colours": "red,blue", "Sizes": "1,-2", "Name": "", "Told": "xx"},
    )


def test_what_has_no_default_must_be_given() -> None:
    assert missing("stack", {"Days": "7"}) == ["Level"]
    with pytest.raises(ParameterError, match="stack wants --parameter Level=…: the template has no default"):
        check_all("stack", {"Days": "7"})


@pytest.mark.parametrize(
    ("values", "allowed"),
    [
        ({"Level": "1"}, True),
        ({"Level": "2"}, False),
        ({"Level": "2", "Days": "7"}, True),
        ({"Level": "2", "Name": "abc"}, True),
    ],
)
def test_a_rule_of_the_template_is_kept(values: dict[str, str], allowed: bool) -> None:
    if allowed:
        check_all("stack", values)
        return
    with pytest.raises(ParameterError, match=r"stack: Level 2 wants a name or seven days\."):
        check_all("stack", values)
