"""What a definition must be, for CreateStateMachine and its like to take it.

The rules are those of the specification, https://states-language.net/spec.html, and the codes and words are
those of AWS, as far as they are known:
https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from happypath.sandbox.stepfunctions.language.diagnostics import Diagnostic, schema
from happypath.sandbox.stepfunctions.language.state_fields import check_state

_LONGEST_NAME = 80
_TOP = frozenset({"Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version"})
_NESTED = frozenset({"Comment", "ProcessorConfig", "StartAt", "States"})


class Scope(NamedTuple):
    """A state machine: the whole definition, a branch of a Parallel state, or what a Map state runs."""

    at: str
    definition: Mapping[str, Any]
    is_nested: bool


def refusal(diagnostics: list[Diagnostic]) -> str:
    """What AWS answers to a definition that it does not take."""
    return f"Invalid State Machine Definition: '{', '.join(map(str, diagnostics))}'"


def diagnose(definition: str, kind: str = "STANDARD") -> list[Diagnostic]:
    """What is wrong with a definition; nothing, if AWS takes it.

    How states hang together is looked at once each of them is in order.
    """
    try:
        read = json.loads(definition, object_pairs_hook=_unique) if definition else None
    except ValueError as error:
        return [Diagnostic("INVALID_JSON_DESCRIPTION", str(error), None)]
    if not isinstance(read, dict):
        return [Diagnostic("SCHEMA_VALIDATION_FAILED", "Definition must be a valid JSON object", None)]
    language = read.get("QueryLanguage", "JSONPath")
    found = list(_fields(Scope("", read, is_nested=False), language, kind))
    if not found:
        found = [*_names(read), *_transitions(read)]
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError(f"Duplicate field '{name}'")
        made[name] = value
    return made


def _fields(scope: Scope, language: Any, kind: str) -> Iterator[Diagnostic]:
    at, definition, nested = scope
    here = at or "/"
    missing = [name for name in ("States", "StartAt") if name not in definition]
    if missing:
        yield schema(f"These fields are required: [{', '.join(missing)}]", here)
        return
    for name in sorted(set(definition) - (_NESTED if nested else _TOP)):
        yield schema(f"Field '{name}' is not supported", here)
    if language not in {"JSONPath", "JSONata"}:
        yield schema(
            "The field 'QueryLanguage' should have one of these values: [JSONPath, JSONata]",
            f"{at}/QueryLanguage",
        )
        return
    states = definition["States"]
    if not isinstance(definition["StartAt"], str):
        yield schema("Expected value of type String", f"{at}/StartAt")
    if not isinstance(states, dict):
        yield schema("Expected value of type Object", f"{at}/States")
        return
    if not states:
        yield schema("Value cannot be empty", f"{at}/States")
    for name, state in states.items():
        yield from check_state(f"{at}/States/{name}", state, language, kind)
        for inner in _inside(f"{at}/States/{name}", state):
            yield from _fields(inner, language, kind)


def _inside(at: str, state: Any) -> Iterator[Scope]:
    """The state machines within a state."""
    if not isinstance(state, dict):
        return
    branches = state.get("Branches")
    for index, branch in enumerate(branches if isinstance(branches, list) else ()):
        if isinstance(branch, dict):
            yield Scope(f"{at}/Branches[{index}]", branch, is_nested=True)
    for field in ("ItemProcessor", "Iterator"):
        if isinstance(state.get(field), dict):
            yield Scope(f"{at}/{field}", state[field], is_nested=True)


def _scopes(scope: Scope) -> Iterator[Scope]:
    yield scope
    for name, state in scope.definition["States"].items():
        for inner in _inside(f"{scope.at}/States/{name}", state):
            yield from _scopes(inner)


def _names(definition: Mapping[str, Any]) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for scope in _scopes(Scope("", definition, is_nested=False)):
        for name in scope.definition["States"]:
            if not 0 < len(name) <= _LONGEST_NAME:
                message = f"State name must have 1 to {_LONGEST_NAME} characters: {name}"
                yield Diagnostic("INVALID_STATE_NAME", message, f"{scope.at}/States/{name}")
            if name in seen:
                yield Diagnostic(
                    "DUPLICATE_STATE_NAME", f"Duplicate State name: {name}", f"{scope.at}/States"
                )
            seen.add(name)


def _transitions(definition: Mapping[str, Any]) -> Iterator[Diagnostic]:
    for at, inner, _ in _scopes(Scope("", definition, is_nested=False)):
        states = inner["States"]
        targets = [("/StartAt", inner["StartAt"])]
        for name, state in states.items():
            targets += [(f"/States/{name}{where}", target) for where, target in _targets(state)]
        for where, target in targets:
            if target not in states:
                message = f"Missing 'Next' target: {target}"
                yield Diagnostic("MISSING_TRANSITION_TARGET", message, f"{at}{where}")
        for name in states:
            if name not in _reachable(states, inner["StartAt"]):
                message = f'State "{name}" is not reachable.'
                yield Diagnostic("MISSING_TRANSITION_TARGET", message, f"{at}/States/{name}")
        if not any(state.get("End") or state["Type"] in {"Succeed", "Fail"} for state in states.values()):
            yield Diagnostic("MISSING_END_STATE", "Workflow has no terminal state", None)


def _targets(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for field in ("Next", "Default"):
        if field in state:
            yield f"/{field}", state[field]
    for field in ("Choices", "Catch"):
        for index, each in enumerate(state.get(field, ())):
            yield f"/{field}[{index}]/Next", each["Next"]


def _reachable(states: Mapping[str, Any], start: str) -> set[str]:
    reached: set[str] = set()
    ahead = [start]
    while ahead:
        name = ahead.pop()
        if name in states and name not in reached:
            reached.add(name)
            ahead += [target for _, target in _targets(states[name])]
    return reached
