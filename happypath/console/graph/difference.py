"""What two versions of a state machine differ in, as it is drawn over both of their graphs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from happypath.console.graph.definition import Edge, Graph, State
from happypath.console.graph.json_difference import Change, changes
from happypath.console.graph.svg import Overlay

# What a state leads to is drawn; and what is said of it changes nothing.
_DRAWN = frozenset({"Next", "End", "Default", "Comment", "Branches", "ItemProcessor", "Iterator"})


@dataclass(frozen=True)
class StateDifference:
    """A state that only one version has, or that differs: `added`, `gone` or `changed`."""

    name: str
    css: str
    changes: tuple[Change, ...] = ()

    @property
    def word(self) -> str:
        """That, for a person."""
        return {"added": "only here", "gone": "not in the other version"}.get(self.css, self.css)

    @property
    def notes(self) -> tuple[str, ...]:
        """In which of its fields it differs."""
        fields = dict.fromkeys(each.path.split(".")[1].partition("[")[0] for each in self.changes)
        return (", ".join(fields),) if fields else (self.word,)


@dataclass(frozen=True)
class Difference:
    """The differences between an old and a new version, and what to draw over each."""

    states: tuple[StateDifference, ...]
    old: Overlay
    new: Overlay

    @property
    def is_empty(self) -> bool:
        """Whether the two do the same, for all that can be seen here."""
        return not (self.states or self.old.css or self.new.css)


def difference(old: Graph, new: Graph, names: tuple[str, str] = ("", "")) -> Difference:
    """Compares two versions. `names` are those of the two workflows: they are in the names of functions,
    and are no difference.
    """
    before, after = ({state.name: state for state in graph.all_states()} for graph in (old, new))
    found: list[StateDifference] = []
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            found.append(StateDifference(name, "gone"))
        elif name not in before:
            found.append(StateDifference(name, "added"))
        else:
            was, is_now = (_plain(states[name], names) for states in (before, after))
            if changed := tuple(changes(was, is_now)):
                found.append(StateDifference(name, "changed", changed))
    states = {each.name: each for each in found}
    edges_before, edges_after = (_edges(graph) for graph in (old, new))
    return Difference(
        tuple(found),
        Overlay(
            {name: each for name, each in states.items() if name in before},
            css={edge: "gone" for key, edge in edges_before.items() if key not in edges_after},
            others="the same",
        ),
        Overlay(
            {name: each for name, each in states.items() if name in after},
            css={edge: "added" for key, edge in edges_after.items() if key not in edges_before},
            others="the same",
        ),
    )


def _edges(graph: Graph) -> dict[tuple[str, str], Edge]:
    """By what they are, and what is said of them."""
    return {(edge.key, edge.words): edge for part in graph.graphs() for edge in part.edges}


def _plain(state: State, names: tuple[str, str]) -> Mapping[str, Any]:
    definition = {name: value for name, value in state.definition.items() if name not in _DRAWN}
    if not all(names):
        return definition
    text = json.dumps(definition)
    for name in names:
        text = text.replace(f"-{json.dumps(name)[1:-1]}-", "-WORKFLOW-")
    plain: dict[str, Any] = json.loads(text)
    return plain
