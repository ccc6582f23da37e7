from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.analysis.detected_text import DetectedText, find, plain


def words(*texts: str) -> list[DetectedText]:
    return [DetectedText(text, 90.0 + number) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("phrase", "picture"),
    [
        ("NEW YORK", ("State", "of", "New", "York")),
        ("new york", ("NEW", "YORK")),
        ("New York", ("NEWYORK",)),
        ("New York", ("N", "E", "W", "Y", "O", "R", "K")),
        ("New York", ("NEW-YORK,",)),
        ("New York", ("(New", "York)")),
        ("Newyork", ("New", "York")),
        ("Acme, Inc", ("ACME", "INC.")),
        ("A.C.M.E.", ("ACME",)),
        ("Müller & Söhne", ("MULLER", "SOHNE")),
        ("Müller", ("Mu\u0308ller",)),
        ("Straße", ("STRASSE",)),
        ("office", ("o\ufb03ce",)),
        ("4711", ("\uff14\uff17\uff11\uff11",)),
        ("İstanbul", ("istanbul",)),
        ("ΣΊΣΥΦΟΣ", ("σίσυφος",)),
        ("東京", ("東京",)),
        ("4711-0815", ("4711-0815",)),
        ("4711-0815", ("47110815",)),
        ("4711 0815", ("4711-0815",)),
        ("4711-0815", ("Account:4711", "0815")),
        ("4711", ("No:4711.",)),
        ("1,500", ("1500",)),
    ],
)
def test_a_phrase_is_found(phrase: str, picture: tuple[str, ...]) -> None:
    assert find(phrase, words(*picture)) is not None


@pytest.mark.parametrize(
    ("phrase", "picture"),
    [
        ("New York", ("NEW", "YORKSHIRE")),
        ("New York", ("NEWYORKSHIRE",)),
        ("New York", ("RENEW", "YORK")),
        ("New York", ("NEW", "HAVEN", "YORK")),
        ("New York", ("YORK", "NEW")),
        ("New York", ("NEW",)),
        ("York", ("Yorkshire",)),
        ("4711", ("4711-0815",)),
        ("0815", ("4711-0815",)),
        ("500", ("1,500",)),
        ("500", ("1500",)),
        ("4711", ()),
        ("4711", ("--", "|")),
    ],
)
def test_what_only_looks_like_it_is_not(phrase: str, picture: tuple[str, ...]) -> None:
    assert find(phrase, words(*picture)) is None


def test_the_surest_place_counts_and_is_as_sure_as_its_weakest_word() -> None:
    picture = [
        DetectedText("NEW", 99.0),
        DetectedText("YORK", 71.0),
        DetectedText("City", 99.9),
        DetectedText("New", 90.0),
        DetectedText("York.", 95.0),
    ]
    assert find("new york", picture) == DetectedText("New York.", 90.0)


WORD = st.text(string.ascii_letters + string.digits + "äßéŁ", min_size=1, max_size=8)


@given(st.lists(WORD, min_size=1, max_size=6), st.data())
def test_a_phrase_is_found_however_it_is_written(phrase: list[str], data: st.DataObject) -> None:
    between = st.sampled_from(["", " ", "  ", " & ", " - "])
    written = "".join(word + data.draw(between) for word in phrase)
    written = data.draw(st.sampled_from([written, written.upper(), written.lower(), written.swapcase()]))
    place = find(written, [DetectedText("before", 50.0), *words(*phrase), DetectedText("after", 50.0)])
    assert place is not None
    assert place.confidence <= 90.0 + len(phrase) - 1


@given(st.text(max_size=20), st.lists(st.text(max_size=10), max_size=5))
def test_what_is_found_is_what_was_asked_for(phrase: str, picture: list[str]) -> None:
    place = find(phrase, words(*picture))
    if place is not None:
        assert plain(phrase) in plain(place.text)


@given(st.text())
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert plain(plain(text)) == plain(text)
