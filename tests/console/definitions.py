"""State machines for tests: one with everything, and hypothesis' own."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NESTED: dict[str, Any] = {
    "StartAt": "Both",
    "States": {
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Left", "States": {"Left": {"Type": "Pass", "End": True}}},
                {
                    "StartAt": "Right",
                    "States": {
                        "Right": {"Type": "Wait", "Seconds": 1, "Next": "Broken"},
                        "Broken": {"Type": "Fail", "Error": "X"},
                    },
                },
            ],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Each"}],
            "Next": "Each",
        },
        "Each": {
            "Type": "Map",
            "ItemProcessor": {
                "StartAt": "Kind?",
                "States": {
                    "Kind?": {
                        "Type": "Choice",
                        "Choices": [
                            {"Variable": "$", "StringEquals": "a", "Next": "Plain"},
                            {"Variable": "$", "StringEquals": "b", "Next": "Plain"},
                        ],
                        "Default": "Ask",
                    },
                    "Plain": {"Type": "Pass", "End": True},
                    "Ask": {
                        "Type": "Task",
                        "Resource": "arn:aws:states:::dynamodb:getItem",
                        "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}],
                        "End": True,
                    },
                },
            },
            "End": True,
        },
    },
}

# Any text may be a state's name, as far as a picture is concerned.
_NAMES = st.text(min_size=1, max_size=80)
_ERRORS = st.lists(st.sampled_from(["States.ALL", "States.Timeout", "CORRUPT_IMAGE"]), min_size=1, max_size=3)


@st.composite
def definitions(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    """Definitions with cycles, unreachable states, every type of state, and parts within parts."""
    names = draw(st.lists(_NAMES, min_size=1, max_size=9, unique=True))
    some = st.sampled_from(names)
    states: dict[str, Any] = {}
    for name in names:
        kinds = ["Pass", "Task", "Wait", "Choice", "Succeed", "Fail", *(["Parallel", "Map"] if depth else [])]
        kind = draw(st.sampled_from(kinds))
        state: dict[str, Any] = {"Type": kind}
        if kind == "Choice":
            rule = st.fixed_dictionaries(
                {"Variable": st.just("$.some.path"), "StringEquals": st.text(max_size=60), "Next": some}
            )
            state["Choices"] = draw(st.lists(rule, min_size=1, max_size=4))
            if draw(st.booleans()):
                state["Default"] = draw(some)
        elif kind not in ("Succeed", "Fail"):
            state |= {"End": True} if draw(st.booleans()) else {"Next": draw(some)}
        if kind in ("Task", "Parallel", "Map"):
            catcher = st.fixed_dictionaries({"ErrorEquals": _ERRORS, "Next": some})
            state["Catch"] = draw(st.lists(catcher, max_size=2))
        if kind == "Parallel":
            state["Branches"] = draw(st.lists(definitions(depth - 1), min_size=1, max_size=3))
        elif kind == "Map":
            state["ItemProcessor"] = draw(definitions(depth - 1))
        states[name] = state
    return {"StartAt": draw(some), "States": states}
