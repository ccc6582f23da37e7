"""What the sandbox spares moto changes no answer: copies of states."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from happypath.sandbox.patches.speed import copied


def test_a_copy_of_a_state_is_equal_and_shares_nothing_that_changes() -> None:
    class Text(str):
        __slots__ = ()

    at = datetime.now(UTC)
    state = {
        "a": [1, 2.5, None, True, "text", {"b": []}],
        "at": at,
        "kind": Text("x"),
        "set": {1},
        "pair": ([],),
    }
    copy: Any = copied(state)
    assert copy == state
    assert type(copy["kind"]) is Text
    copy["a"][5]["b"].append(1)
    copy["a"].append(1)
    copy["set"].add(2)
    copy["pair"][0].append(1)
    assert state["a"] == [1, 2.5, None, True, "text", {"b": []}]
    assert (state["set"], state["pair"]) == ({1}, ([],))
