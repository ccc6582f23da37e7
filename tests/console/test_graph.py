"""The picture of a state machine: what is in it, that nothing overlaps, and that texts stay texts."""

from __future__ import annotations

import json
import random
import re
import time
from itertools import combinations, pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from happypath.console.graph import difference, drawing, svg, text, words
from happypath.console.graph.definition import END, START, EdgeKind, Graph, read
from happypath.console.graph.drawing import Drawing, draw
from happypath.console.graph.layered import Box
from happypath.console.templating import visible
from happypath.project import ROOT, WORKFLOWS
from tests.console.definitions import NESTED, definitions


def of(workflow: str) -> dict[str, Any]:
    definition: dict[str, Any] = json.loads(
        (ROOT / "statemachines" / f"{workflow}.asl.json").read_text(encoding="utf-8")
    )
    return definition


def follows(graph: Graph, kind: EdgeKind) -> set[tuple[str, str]]:
    return {
        (edge.source.removeprefix("state:"), edge.target.removeprefix("state:"))
        for edge in graph.edges
        if edge.kind is kind
    }


def test_v4_says_what_follows_what_and_why() -> None:
    graph = read(of("v4"))
    rules = {edge.target: edge.label for edge in graph.edges if edge.source == "state:Place type?"}
    assert rules == {
        "state:Unknown place": "$.place.Item is not there",
        "state:Place without type": "$.place.Item.type.S is not there",
        "state:Moderator": '$.place.Item.type.S is "park"',
        "state:Get labels": '$.place.Item.type.S is "restaurant", "cafe" or "bar"',
        "state:Unsupported place type": "otherwise",
    }
    assert follows(graph, EdgeKind.START) == {(START, "Check Dimensions")}
    assert ("Publish", END) in follows(graph, EdgeKind.END)
    caught = follows(graph, EdgeKind.CATCH)
    assert {("Resizer", "Read refusal"), ("Resizer", "RecordErrorState")} <= caught
    (refused,) = (edge for edge in graph.edges if edge.target == "state:Read refusal")
    assert refused.label.startswith("CORRUPT_IMAGE, UNSUPPORTED_TYPE, ")


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_each_workflow_is_drawn_whole(workflow: str) -> None:
    definition = of(workflow)
    graph = read(definition)
    assert not graph.missing
    assert list(graph.states) == list(definition["States"])
    drawn = draw(graph)
    assert {node.state.name for node in drawn.nodes if node.state} == set(definition["States"])
    check(drawn)
    picture = str(svg.render(drawn, workflow))
    assert all(f"<title>{name}," in picture for name in definition["States"])


def test_parts_are_boxes_within_their_states_and_are_folded_away() -> None:
    graph = read(NESTED)
    assert [state.name for state in graph.all_states()] == [
        "Both", "Left", "Right", "Broken", "Each", "Kind?", "Plain", "Ask",
    ]  # fmt: skip
    opened, folded = draw(graph), draw(graph, folded={"Both"})
    check(opened)
    assert {node.state.name for node in folded.all_nodes() if node.state} == {
        "Both", "Each", "Kind?", "Plain", "Ask",
    }  # fmt: skip
    assert folded.height < opened.height
    links = svg.Links(fold=lambda name, fold: f"?{'fold' if fold else 'unfold'}={name}")
    assert 'href="?unfold=Both"' in svg.render(folded, "", links=links)
    assert 'href="?fold=Both"' in svg.render(opened, "", links=links)


def test_only_large_parts_are_folded_at_first() -> None:
    large = {f"S{number}": {"Type": "Pass", "Next": f"S{number + 1}"} for number in range(20)}
    branch = {"StartAt": "S0", "States": large | {"S20": {"Type": "Succeed"}}}
    graph = read({"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [branch], "End": True}}})
    assert drawing.folded_at_first(graph) == {"P"}
    assert drawing.folded_at_first(read(NESTED)) == set()


@pytest.mark.slow
@settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60, report_multiple_bugs=False
)
@given(definitions(), st.booleans())
def test_nothing_overlaps_in_any_drawing(definition: dict[str, Any], with_notes: bool) -> None:
    drawn = draw(read(definition), with_notes=with_notes)
    check(drawn)
    picture = svg.render(drawn, "any", links=svg.Links(lambda name: "?state"), alone=True)
    # An XML parser takes it, so does a browser.
    root = ET.fromstring(str(picture).partition("?>")[2])
    assert not root.findall(".//*[@style]")
    for element in root.iter():
        assert not any(name.startswith("on") for name in element.attrib)


@pytest.mark.slow
def test_a_long_chain_is_laid_out_quickly() -> None:
    chance = random.Random(1)
    names = [f"State {number}" for number in range(300)]
    states = {
        name: {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.x", "NumericEquals": 1, "Next": names[min(299, place + chance.randint(1, 9))]}
            ],
            "Default": names[min(299, place + 1)],
        }
        for place, name in enumerate(names[:-1])
    }
    began = time.process_time()
    drawn = draw(read({"StartAt": names[0], "States": states | {names[-1]: {"Type": "Succeed"}}}))
    assert time.process_time() - began < 10
    check(drawn)


def check(drawn: Drawing) -> None:
    """Nodes, labels and parts have their own room; edges end at their nodes and touch no other."""
    nodes = {node.node: node.box for node in drawn.nodes}
    labels = [edge.label_box for edge in drawn.edges if edge.label_box]
    for one, other in combinations([*nodes.values(), *labels], 2):
        assert apart(one, other), (one, other)
    whole = Box(-0.01, -0.01, drawn.width + 0.02, drawn.height + 0.02)
    for box in [*nodes.values(), *labels]:
        assert holds(whole, box)
    for edge in drawn.edges:
        check_edge(edge, nodes)
    for node in drawn.nodes:
        check_texts(node)
        inner = [part.box for part in node.parts]
        assert all(apart(one, other) for one, other in combinations(inner, 2))
        for part in node.parts:
            assert holds(node.box, part.box)
            x, y = part.origin
            assert holds(part.box, Box(x, y, part.drawing.width, part.drawing.height))
            check(part.drawing)


def check_edge(edge: drawing.DrawnEdge, nodes: dict[str, Box]) -> None:
    upper, lower = edge.edge.source, edge.edge.target
    if edge.loop:
        assert edge.loop == nodes[upper]
        return
    if edge.leads_up:
        upper, lower = lower, upper
    first, last = edge.stops[0], edge.stops[-1]
    assert first.top == pytest.approx(nodes[upper].bottom)
    assert last.bottom == pytest.approx(nodes[lower].y)
    assert nodes[upper].x <= first.x <= nodes[upper].right
    assert nodes[lower].x <= last.x <= nodes[lower].right
    for name, box in nodes.items():
        if name not in (upper, lower):
            assert not any(goes_through(stop.x, stop.top, stop.bottom, box) for stop in edge.stops)
    # Between the layers, where a line curves, there are no nodes.
    for stop, after in pairwise(edge.stops):
        assert stop.top <= stop.bottom + 0.01 <= after.top + 0.02
        for box in nodes.values():
            assert box.y > after.top - 0.01 or box.bottom < stop.bottom + 0.01


def check_texts(node: drawing.DrawnNode) -> None:
    if node.state is None:
        return
    room = node.box.right - node.text_x
    assert all(text.width(line, drawing.NAME_SIZE, bold=True) <= room for line in node.name)
    assert all(text.width(line, drawing.SMALL_SIZE) <= room for line in node.small)
    assert "".join("".join(node.name).split()) == "".join(node.state.name.split())


def apart(one: Box, other: Box) -> bool:
    return (
        one.right <= other.x + 0.01
        or other.right <= one.x + 0.01
        or one.bottom <= other.y + 0.01
        or other.bottom <= one.y + 0.01
    )


def holds(outer: Box, inner: Box) -> bool:
    return (
        outer.x - 0.01 <= inner.x
        and outer.y - 0.01 <= inner.y
        and inner.right <= outer.right + 0.01
        and inner.bottom <= outer.bottom + 0.01
    )


def goes_through(x: float, top: float, bottom: float, box: Box) -> bool:
    return box.x < x < box.right and top < box.bottom - 0.01 and bottom > box.y + 0.01


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202etxt.exe",
    "a\x00b\ud800",
    "&amp;",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_texts(name: str) -> None:
    definition = {"StartAt": name, "States": {name: {"Type": "Pass", "Comment": name, "End": True}}}
    picture = str(svg.render(draw(read(definition)), name, links=svg.Links(lambda _: "?" + "x"), alone=True))
    assert not re.search("<(script|img)", picture)
    root = ET.fromstring(picture.partition("?>")[2].encode("utf-8"))
    shown = "".join(element.text or "" for element in root.iter() if element.tag.endswith("text"))
    assert visible(name).replace(" ", "") in shown.replace(" ", "")
    assert not re.search("[\x00\u202e]", picture)


def test_text_is_broken_and_never_cut() -> None:
    for given_text in ("Get place type from DynamoDB", "x" * 300, "名前" * 40, "a-b_c/d.e:f" * 9):
        broken = text.lines(given_text, 12, 120)
        assert all(text.width(line, 12) <= 120 for line in broken)
        assert "".join(broken).replace(" ", "") == given_text.replace(" ", "")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"Variable": "$.n", "NumericGreaterThanEqualsPath": "$.least"}, "$.n is at least $.least"),
        (
            {"Variable": "$.t", "TimestampLessThan": "2026-01-01T00:00:00Z"},
            '$.t is before "2026-01-01T00:00:00Z"',
        ),
        ({"Variable": "$.s", "StringMatches": "a*"}, '$.s matches "a*"'),
        ({"Variable": "$.s", "IsNull": False}, "$.s is not null"),
        (
            {
                "And": [
                    {"Variable": "$.a", "IsPresent": True},
                    {"Or": [{"Variable": "$.b", "IsString": True}]},
                ]
            },
            "$.a is there and ($.b is a string)",
        ),
        ({"Condition": "{%  $states.input.n > 3 %}"}, "$states.input.n > 3"),
        ({"Variable": "$.a", "Strange": 1}, '{"Variable": "$.a", "Strange": 1}'),
    ],
)
def test_rules_in_words(rule: dict[str, Any], said: str) -> None:
    assert words.rule(rule | {"Next": "Somewhere"}) == said


def test_two_versions_differ_in_what_differs() -> None:
    found = difference.difference(read(of("v3")), read(of("v4")), ("v3", "v4"))
    kinds = {each.name: each.css for each in found.states}
    assert kinds["Get labels"] == "added"
    assert "Moderator" not in kinds
    assert any(edge.target == "state:Moderator" for edge in found.old.css)
    same = difference.difference(read(of("v4")), read(of("v4")))
    assert same.is_empty
    changed = of("v4")
    changed["States"]["Moderator"]["TimeoutSeconds"] = 46
    (only,) = difference.difference(read(of("v4")), read(changed)).states
    assert (only.name, only.css, only.notes) == ("Moderator", "changed", ("TimeoutSeconds",))


def test_functions_of_two_versions_are_the_same_but_for_the_workflow() -> None:
    def machine(function: str) -> Graph:
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function}"
        return read({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": arn, "End": True}}})

    one, other = machine("happypath-v3-Resize"), machine("happypath-v4-Resize")
    assert difference.difference(one, other, ("v3", "v4")).is_empty
    assert not difference.difference(one, machine("happypath-v4-Crop"), ("v3", "v4")).is_empty
