"""A state machine's definition as nodes and edges.

https://states-language.net/spec.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from happypath.console.graph import words

# Nodes that are no states.
START = "start"
END = "end"
_STATE = "state:"
_ENDS = frozenset({"Succeed", "Fail"})


class EdgeKind(StrEnum):
    """Why one state follows another."""

    START = "start"
    NEXT = "next"
    RULE = "rule"
    DEFAULT = "default"
    CATCH = "catch"
    END = "end"


@dataclass(frozen=True)
class Edge:
    """What follows what. `label` is drawn; `words` says all of it."""

    source: str
    target: str
    kind: EdgeKind
    label: str = ""
    words: str = ""
    # The places of its rules in the Choice's list, or of its catchers in the list of Catch.
    indices: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """Names the edge in its graph."""
        return f"{self.source}|{self.kind}|{self.target}"


@dataclass(frozen=True)
class Part:
    """A branch of a Parallel state, or what a Map state does for each item."""

    name: str
    graph: Graph


@dataclass(frozen=True)
class State:
    """One state. `does` says in a word or two what it is for: a task's service and action."""

    name: str
    type: str
    does: str
    definition: Mapping[str, Any]
    parts: tuple[Part, ...] = ()

    @property
    def comment(self) -> str:
        """What its author says of it."""
        comment = self.definition.get("Comment")
        return comment if isinstance(comment, str) else ""

    @property
    def is_end(self) -> bool:
        """Whether what contains it may end with it."""
        return self.type in _ENDS or self.definition.get("End") is True


@dataclass(frozen=True)
class Graph:
    """A state machine, or a part of one: its states in the order of the definition, and what follows what."""

    states: dict[str, State]
    edges: tuple[Edge, ...]
    comment: str = ""
    # Targets that are no states; Step Functions accepts no such definition.
    missing: tuple[str, ...] = field(default=())

    def all_states(self) -> Iterator[State]:
        """The states, and those within them."""
        for state in self.states.values():
            yield state
            for part in state.parts:
                yield from part.graph.all_states()

    def graphs(self) -> Iterator[Graph]:
        """This graph and those within its states."""
        yield self
        for state in self.states.values():
            for part in state.parts:
                yield from part.graph.graphs()

    def find(self, name: str) -> State | None:
        """The state of that name, at any depth."""
        return next((state for state in self.all_states() if state.name == name), None)


def node_of(name: str) -> str:
    """The node of a state.

    >>> node_of("Resizer")
    'state:Resizer'
    """
    return _STATE + name


def state_of(node: str) -> str | None:
    """The state's name of a node; None of START and END."""
    return node.removeprefix(_STATE) if node.startswith(_STATE) else None


def read(definition: Mapping[str, Any]) -> Graph:
    """The graph of a definition, as far as it makes sense: what cannot be understood is left out."""
    given = definition.get("States")
    raw: dict[str, Mapping[str, Any]] = {
        name: state
        for name, state in (given if isinstance(given, Mapping) else {}).items()
        if isinstance(state, Mapping)
    }
    states = {name: _state(name, state) for name, state in raw.items()}
    edges = [Edge(START, node_of(str(definition.get("StartAt"))), EdgeKind.START)]
    for name, state in states.items():
        edges += _edges(name, state)
    nodes = {END, *(node_of(name) for name in states)}
    missing = [state_of(edge.target) or "" for edge in edges if edge.target not in nodes]
    return Graph(
        states,
        tuple(edge for edge in edges if edge.target in nodes),
        comment if isinstance(comment := definition.get("Comment"), str) else "",
        tuple(dict.fromkeys(missing)),
    )


def _state(name: str, definition: Mapping[str, Any]) -> State:
    kind = str(definition.get("Type"))
    parts: list[Part] = []
    if kind == "Parallel":
        branches = enumerate(_list(definition, "Branches"), 1)
        parts = [Part(f"Branch {number}", read(branch)) for number, branch in branches]
    elif kind == "Map":
        inner = definition.get("ItemProcessor") or definition.get("Iterator")
        if isinstance(inner, Mapping):
            parts = [Part("Each item", read(inner))]
    return State(name, kind, does(definition), definition, tuple(parts))


def does(definition: Mapping[str, Any]) -> str:
    """What a state is for, in a word or two.

    >>> does({"Type": "Task", "Resource": "arn:aws:states:::dynamodb:updateItem"})
    'dynamodb updateItem'
    >>> does({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
    ...       "Parameters": {"FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:v1-Resize:3"}})
    'v1-Resize'
    >>> does({"Type": "Wait", "Seconds": 5})
    'Wait 5 s'
    """
    kind = str(definition.get("Type"))
    if kind == "Task":
        return function_of(definition) or _integration(str(definition.get("Resource")))
    if kind == "Wait":
        for name, unit in (("Seconds", " s"), ("SecondsPath", ""), ("Timestamp", ""), ("TimestampPath", "")):
            if name in definition:
                return f"Wait {'until ' if name.startswith('Time') else ''}{definition[name]}{unit}"
    if kind == "Fail" and isinstance(definition.get("Error"), str):
        return f"Fail {definition['Error']}"
    if kind == "Map" and _mode(definition) == "DISTRIBUTED":
        return "Map, distributed"
    return kind


def function_of(definition: Mapping[str, Any]) -> str | None:
    """The name of the Lambda function that a Task invokes; None if it invokes none, or one found at run time.

    >>> function_of({"Resource": "arn:aws:lambda:us-east-1:123456789012:function:v1-Resize"})
    'v1-Resize'
    """
    resource = str(definition.get("Resource"))
    if ":states:::lambda:invoke" in resource:
        arguments = definition.get("Parameters") or definition.get("Arguments")
        named = arguments.get("FunctionName") if isinstance(arguments, Mapping) else None
    else:
        named = resource if ":function:" in resource else None
    if not isinstance(named, str) or named.startswith("{%"):
        return None
    return named.partition(":function:")[2].partition(":")[0] or named.partition(":")[0]


def _integration(resource: str) -> str:
    service = resource.partition(":::")[2] or resource.rpartition(":")[2]
    return service.removeprefix("aws-sdk:").replace(":", " ", 1)


def _mode(definition: Mapping[str, Any]) -> str:
    processor = definition.get("ItemProcessor")
    config = processor.get("ProcessorConfig") if isinstance(processor, Mapping) else None
    return str(config.get("Mode")) if isinstance(config, Mapping) else "INLINE"


def _list(definition: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    given = definition.get(name)
    return [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []


def _edges(name: str, state: State) -> Iterator[Edge]:
    source, definition = node_of(name), state.definition
    if state.type == "Choice":
        yield from _choices(source, definition)
    elif "Next" in definition:
        yield Edge(source, node_of(str(definition["Next"])), EdgeKind.NEXT)
    yield from _catches(source, definition)
    if state.is_end:
        yield Edge(source, END, EdgeKind.END)


def _choices(source: str, definition: Mapping[str, Any]) -> Iterator[Edge]:
    choices = _list(definition, "Choices")
    by_target: dict[str, list[int]] = {}
    for index, choice in enumerate(choices):
        by_target.setdefault(str(choice.get("Next")), []).append(index)
    for target, indices in by_target.items():
        said = words.rules([choices[index] for index in indices])
        yield Edge(source, node_of(target), EdgeKind.RULE, said, said, tuple(indices))
    if "Default" in definition:
        target = node_of(str(definition["Default"]))
        yield Edge(source, target, EdgeKind.DEFAULT, "otherwise", "No rule matches")


def _catches(source: str, definition: Mapping[str, Any]) -> Iterator[Edge]:
    by_target: dict[str, dict[int, list[str]]] = {}
    for index, catcher in enumerate(_list(definition, "Catch")):
        given = catcher.get("ErrorEquals")
        errors = [str(error) for error in given] if isinstance(given, list) else []
        by_target.setdefault(str(catcher.get("Next")), {})[index] = errors
    for target, catchers in by_target.items():
        errors = [error for each in catchers.values() for error in each]
        said = words.caught(errors)
        # What catches everything says so by being dashed: a label on each such edge would hide the others.
        label = "" if said == "any error" else said
        yield Edge(source, node_of(target), EdgeKind.CATCH, label, f"On {said}", tuple(catchers))
