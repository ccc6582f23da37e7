"""Graphs and their drawings, each made once for all pages that show the same definition."""

from __future__ import annotations

import json
from functools import lru_cache

from happypath.console.graph import definition, drawing
from happypath.console.graph.definition import Graph
from happypath.console.graph.drawing import Drawing

# Definitions are at most 1 MiB; a handful of versions is looked at by turns.
_KEPT = 32


@lru_cache(_KEPT)
def graph_of(text: str) -> Graph:
    """The graph of a definition as Step Functions gives it, in JSON."""
    return definition.read(json.loads(text))


@lru_cache(_KEPT * 4)
def drawing_of(text: str, folded: frozenset[str] | None = None, *, with_notes: bool = False) -> Drawing:
    """The drawing of a definition. What is `folded` hides what is in it; None folds what is large."""
    graph = graph_of(text)
    return drawing.draw(
        graph, drawing.folded_at_first(graph) if folded is None else folded, with_notes=with_notes
    )
