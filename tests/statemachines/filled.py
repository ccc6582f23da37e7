"""The state machines as they are deployed: filled in by their templates, with the templates' defaults."""

from __future__ import annotations

import importlib
import os
import re
from functools import cache
from typing import Any
from unittest.mock import patch

from happypath.project import PREFIX, functions_of, template_of
from tests.statemachines.definitions import State, tasks, text

REGION, ACCOUNT = "us-east-1", "123456789012"
TABLE = f"{PREFIX}-Table"
_PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}
# For a parameter that has no default.
SAMPLE = "Sample"


@cache
def definition(workflow: str) -> str:
    """A workflow's definition, its functions named by their logical ids and its table `TABLE`."""
    given = {name: _value(workflow, value) for name, value in _substitutions(workflow).items()}
    return re.sub(r"\$\{(\w+)\}", lambda name: given[name[1]], text(workflow))


def handler(workflow: str, task: str) -> str:
    """The handler of the function behind a task, such as `functions.publish.resize.handler`."""
    found: str = _function(workflow, task)["Handler"]
    return found


def _function(workflow: str, task: str) -> dict[str, Any]:
    """The properties of the function behind a task, with what it shares with others."""
    name = tasks(workflow)[task]["Parameters"]["FunctionName"].removeprefix("${").removesuffix("}")
    function, _ = _substitutions(workflow)[name]["Fn::GetAtt"]
    return _functions(workflow)[function]


def shape_of_rules(workflow: str, task: str) -> type[Any]:
    """The dataclass of the rules that a deciding task's function knows."""
    variables = _function(workflow, task)["Environment"]["Variables"]
    environment = {name: _value(workflow, value) for name, value in variables.items()}
    # A function reads its environment when it is imported, as on Lambda.
    with patch.dict(os.environ, {**environment, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}):
        module: Any = importlib.import_module(handler(workflow, task).rpartition(".")[0])
    shape: type[Any] = module.Rules
    return shape


@cache
def _template(workflow: str) -> dict[str, Any]:
    return template_of(workflow)


@cache
def _functions(workflow: str) -> dict[str, dict[str, Any]]:
    return functions_of(_template(workflow))


def _substitutions(workflow: str) -> dict[str, Any]:
    (machine,) = (
        each["Properties"]
        for each in _template(workflow)["Resources"].values()
        if each["Type"] == "AWS::Serverless::StateMachine"
    )
    found: dict[str, Any] = machine["DefinitionSubstitutions"]
    return found


def _value(workflow: str, value: Any) -> str:
    """What CloudFormation makes of a value, as text."""
    match value:
        case {"Ref": str(name)} if name in _PSEUDO:
            return _PSEUDO[name]
        case {"Ref": name}:
            return _parameter(_template(workflow)["Parameters"][name])
        case {"Fn::GetAtt": [name, "Arn"]}:
            return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        case {"Fn::ImportValue": name}:
            return _value(workflow, name)
        case {"Fn::Sub": str(parts)}:
            return re.sub(r"\$\{([\w:]+)\}", lambda name: _value(workflow, {"Ref": name[1]}), parts)
        case str() | int():
            return str(value)
    raise ValueError(f"What {value!r} in the template of {workflow} comes to is not known here: teach it.")


def _parameter(parameter: State) -> str:
    if "AllowedValues" in parameter:
        return str(parameter.get("Default", parameter["AllowedValues"][0]))
    sample = parameter.get("MinValue", 1) if parameter["Type"] == "Number" else SAMPLE
    return str(parameter.get("Default", sample))
