from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.platform.values import entries, percent, text, whole

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.parametrize("parse", [entries, percent, text, whole(1, 9)])
@given(value=JSON)
def test_whatever_json_holds_is_read_or_refused_in_words(parse: Any, value: Any) -> None:
    complaint = ""
    try:
        parse(value)
    except ValueError as error:
        complaint = str(error)
    assert not complaint or complaint.startswith("must ")


def test_a_number_of_many_digits_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="must be a whole number"):
        whole(1, 9)("9" * 10_000)


@pytest.mark.parametrize("value", [80, 80.0, "80", "80.0", "8e1"])
def test_a_number_may_be_text(value: object) -> None:
    assert percent(value) == 80.0


@pytest.mark.parametrize(
    "value", [-0.1, "100.1", "nan", float("nan"), "inf", True, False, 10**400, None, "sure", [80]]
)
def test_what_is_no_confidence_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="from 0 to 100"):
        percent(value)


@pytest.mark.parametrize("value", [" Driving License ,Person,,Person", ["Driving License", "Person"]])
def test_entries_may_be_phrases_and_count_once(value: object) -> None:
    assert entries(value) == ("Driving License", "Person")


def test_an_entry_that_any_picture_would_have_is_refused() -> None:
    with pytest.raises(ValueError, match="letter or a digit"):
        entries("New York, --")
