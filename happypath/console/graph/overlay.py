"""What an execution did, as it is drawn over the graph of its state machine."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from happypath.console.graph import choice, words
from happypath.console.graph.definition import END, START, Edge, EdgeKind, Graph, State, node_of
from happypath.console.graph.history import Status, Visit, Walk
from happypath.console.graph.svg import Overlay
from happypath.console.templating import lasting

# Of several visits at once, as in a Map state's items: what a person has to see first.
_FIRST = (Status.RUNNING, Status.FAILED, Status.TIMED_OUT, Status.ABORTED, Status.CAUGHT, Status.SUCCEEDED)


@dataclass(frozen=True)
class StateShown:
    """What is shown of one state."""

    status: Status
    # Most important first.
    notes: tuple[str, ...]
    is_retried: bool

    @property
    def css(self) -> str:
        """Its class."""
        return f"{self.status} retried" if self.is_retried else str(self.status)

    @property
    def word(self) -> str:
        """Its status in words."""
        return self.status.word


@dataclass(frozen=True)
class Step:
    """Why a visit was followed by the next one, or by the end: the edge, and that in words."""

    visit: Visit
    edge: Edge
    words: str


def steps(graph: Graph, walk: Walk) -> list[Step]:
    """The edges that were gone, in the order of the history. Visits whose error was caught are marked."""
    edges, states = _index(graph)
    found: list[Step] = []
    for visit in walk.visits:
        if visit.before is None and (edge := edges.get((START, visit.state), [None])[0]):
            found.append(Step(visit, edge, edge.words))
        target = node_of(visit.after.state) if visit.after else END
        is_over = visit.after is not None or (visit.exited is not None and _came_to_an_end(visit))
        candidates = edges.get((node_of(visit.state), target), []) if is_over else []
        if step := _step(visit, states.get(visit.state), candidates):
            found.append(step)
    return found


def overlay(graph: Graph, walk: Walk) -> Overlay:
    """The overlay of a graph."""
    gone = steps(graph, walk)
    taken: Counter[Edge] = Counter(step.edge for step in gone)
    why = {step.edge: step.words for step in gone if step.words}
    return Overlay({name: shown(visits) for name, visits in walk.by_state().items()}, taken, why)


def shown(visits: Sequence[Visit]) -> StateShown:
    """What is shown of a state that was visited, at least once."""
    last_of_each: dict[str, Visit] = {visit.place: visit for visit in visits}
    statuses = {visit.status for visit in last_of_each.values()}
    status = next(each for each in _FIRST if each in statuses)
    return StateShown(status, tuple(_notes(visits)), any(len(each.attempts) > 1 for each in visits))


def _notes(visits: Sequence[Visit]) -> Iterable[str]:
    last = visits[-1]
    attempts = sum(max(1, len(visit.attempts)) for visit in visits)
    if len(visits) > 1:
        yield f"{len(visits)} times"
        if attempts > len(visits):
            yield f"{attempts} attempts"
    elif attempts > 1:
        yield f"{attempts} attempts"
    failed = [visit for visit in visits if visit.status in (Status.FAILED, Status.TIMED_OUT)]
    if len(visits) > 1 and failed:
        yield f"{len(failed)} failed"
    if last.iterations and len(visits) == 1:
        bad = sum(status in (Status.FAILED, Status.ABORTED) for status in last.iterations.values())
        number = len(last.iterations)
        yield f"{number} item{'s' if number > 1 else ''}" + (f", {bad} failed" if bad else "")
    if last.status is Status.RUNNING:
        waiting = (
            last.attempts and last.attempts[-1].ended and last.attempts[-1].status is not Status.SUCCEEDED
        )
        yield "waits to try again" if waiting else "running"
    else:
        yield lasting(sum(visit.seconds or 0.0 for visit in visits))


def _index(graph: Graph) -> tuple[dict[tuple[str, str], list[Edge]], dict[str, State]]:
    """The edges by source and target, those from START by the state's name, and the states by name."""
    edges: dict[tuple[str, str], list[Edge]] = defaultdict(list)
    for part in graph.graphs():
        for edge in part.edges:
            edges[edge.source, edge.target].append(edge)
            if edge.kind is EdgeKind.START:
                edges[START, edge.target.partition(":")[2]].append(edge)
    return edges, {state.name: state for state in graph.all_states()}


def _came_to_an_end(visit: Visit) -> bool:
    return visit.status is Status.SUCCEEDED or visit.type == "Fail"


def _step(visit: Visit, state: State | None, candidates: Sequence[Edge]) -> Step | None:
    if not candidates or state is None:
        return None
    catching = [edge for edge in candidates if edge.kind is EdgeKind.CATCH]
    others = [edge for edge in candidates if edge.kind is not EdgeKind.CATCH]
    if catching and (visit.status is Status.CAUGHT or not others):
        visit.status = Status.CAUGHT
        error = (visit.attempts[-1].error if visit.attempts else None) or visit.error
        said = f"{error} was caught" if error else catching[0].words
        return Step(visit, catching[0], said)
    if not others:
        return None
    if state.type != "Choice":
        return Step(visit, others[0], others[0].words)
    return _choice(visit, state, others)


def _choice(visit: Visit, state: State, candidates: Sequence[Edge]) -> Step:
    """Which rule led to the next state: what leads elsewhere is out of question."""
    by_rule = next((edge for edge in candidates if edge.kind is EdgeKind.RULE), None)
    default = next((edge for edge in candidates if edge.kind is EdgeKind.DEFAULT), None)
    choices = state.definition.get("Choices", [])
    if by_rule is None:
        return Step(visit, candidates[0], "No rule matched")
    if default is None and len(by_rule.indices) == 1:
        return Step(visit, by_rule, by_rule.words)
    try:
        index = choice.matched(choices, by_rule.indices, visit.input)
    except choice.Unknown:
        return Step(visit, by_rule, f"{by_rule.words}, or no rule matched" if default else by_rule.words)
    if index is None:
        return Step(visit, default or by_rule, "No rule matched" if default else by_rule.words)
    return Step(visit, by_rule, words.rule(choices[index]))
