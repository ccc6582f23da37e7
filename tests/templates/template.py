"""The SAM templates as their files say, with short forms such as !Ref written out."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from happypath.project import STACKS, template_of

ROOT = Path(__file__).resolve().parents[2]
__all__ = ["STACKS"]

Resource: TypeAlias = dict[str, Any]


def path(stack: str) -> Path:
    return ROOT / "templates" / stack / "template.yaml"


@cache
def load(stack: str) -> dict[str, Any]:
    return template_of(stack)


def resources(stack: str, kind: str = "AWS") -> dict[str, Resource]:
    """The resources of a type, or of a service such as `AWS::Serverless`."""
    found: dict[str, Resource] = load(stack)["Resources"]
    return {name: each for name, each in found.items() if f"{each['Type']}::".startswith(f"{kind}::")}


def functions(stack: str) -> dict[str, Resource]:
    return resources(stack, "AWS::Serverless::Function")


def all_functions() -> list[tuple[str, str]]:
    """Every function as (stack, logical id): parameters for tests."""
    return [(stack, name) for stack in STACKS for name in functions(stack)]


def environment(stack: str, name: str) -> dict[str, Any]:
    """A function's variables, those that Globals gives to all of its stack first."""
    own = functions(stack)[name]["Properties"].get("Environment", {"Variables": {}})
    shared: dict[str, Any] = load(stack)["Globals"]["Function"]["Environment"]["Variables"]
    variables: dict[str, Any] = shared | own["Variables"]
    return variables


def function(stack: str, name: str) -> dict[str, Any]:
    """A function's properties, with what Globals gives to all of its stack."""
    shared: dict[str, Any] = load(stack)["Globals"]["Function"]
    whole: dict[str, Any] = shared | functions(stack)[name]["Properties"]
    return whole


def statements(stack: str) -> Iterator[tuple[str, Resource]]:
    """Every statement of every policy that a function or state machine of ours has, with its logical id.

    What a stack exports to others is taken as theirs; what core refers to itself is its own.
    """
    exported = {
        output["Export"]["Name"]["Fn::Sub"]: resources(other)[output["Value"]["Ref"]]["Properties"]
        for other in STACKS
        for output in load(other).get("Outputs", {}).values()
        if "Export" in output and "Ref" in output["Value"]
    }
    for name, resource in resources(stack, "AWS::Serverless").items():
        for given in resource["Properties"].get("Policies", []):
            # With every condition of the template met.
            policy = given["Fn::If"][1] if "Fn::If" in given else given
            if "Ref" in policy:
                document = managed_policies()[policy["Ref"]]
            elif "Fn::ImportValue" in policy:
                document = exported[policy["Fn::ImportValue"]["Fn::Sub"]]["PolicyDocument"]
            else:
                document = policy
            for statement in document["Statement"]:
                yield name, statement["Fn::If"][1] if "Fn::If" in statement else statement


def managed_policies() -> dict[str, dict[str, Any]]:
    """The documents of the policies that core has for others, by logical id."""
    found = resources("core", "AWS::IAM::ManagedPolicy")
    return {name: each["Properties"]["PolicyDocument"] for name, each in found.items()}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping within a value, at any depth."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _mappings(each)


def imports(value: Any) -> Iterator[Any]:
    """What is imported anywhere within a value."""
    return (each["Fn::ImportValue"] for each in _mappings(value) if "Fn::ImportValue" in each)


def names(value: Any) -> Iterator[str]:
    """The parameters and resources that are referred to anywhere within a value."""
    for each in _mappings(value):
        if "Ref" in each:
            yield each["Ref"]
        if "Fn::GetAtt" in each:
            yield each["Fn::GetAtt"][0]
        if "Fn::Sub" in each:
            text, own = each["Fn::Sub"] if isinstance(each["Fn::Sub"], list) else (each["Fn::Sub"], {})
            yield from (name for name in re.findall(r"\$\{([\w:]+)(?:\.\w+)?\}", text) if name not in own)


def variables_of(handler: str) -> dict[str, Any]:
    """The variables that a handler and all that it imports of ours read, each with what reads its value."""
    found: dict[str, Any] = {}
    waiting, seen = [handler.removesuffix(".handler")], set()
    while waiting:
        module = waiting.pop()
        source = ROOT / Path(*module.split(".")).with_suffix(".py")
        if module in seen or not source.exists():
            continue
        seen.add(module)
        # Without importing it, which would want the variables to be there.
        for node in ast.parse(source.read_text(encoding="utf-8")).body:
            match node:
                case ast.ImportFrom(module=str(package)) if package.startswith("functions"):
                    waiting += [package, *(f"{package}.{each.name}" for each in node.names)]
                case ast.Assign(
                    targets=[ast.Name("SETTINGS")], value=ast.Call(ast.Name("read"), [ast.Name(name)], [])
                ):
                    settings: Any = getattr(importlib.import_module("functions.platform.settings"), name)
                    found |= {each.name.upper(): each.metadata["parse"] for each in fields(settings)}
    return found
