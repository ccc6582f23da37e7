"""What keys say, by patterns that an operator writes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.catalogue.key_pattern import KeyPattern, Told, told

USUAL = tuple(map(KeyPattern, ("{film}/{second}.jpg", "{camera}/{time}*", "{camera}_{time}*")))
AT_TEN = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("catalogue/left/2026-11-01T10:00:00Z.jpg", Told("left", AT_TEN)),
        ("catalogue/car-7/left_20261101_100000.jpg", Told("left", AT_TEN)),
        ("catalogue/rear_left_2026-11-01 10-00-00.jpg", Told("rear_left", AT_TEN)),
        ("catalogue/left_2026-11-01T11:00:00+01:00.png", Told("left", AT_TEN)),
        ("catalogue/left_20261101T100000.250Z.jpg", Told("left", AT_TEN.replace(microsecond=250_000))),
        # A frame is as much later than its film as it says.
        (
            "catalogue/redact-video/left_20261101T095900Z.mp4/60.jpg",
            Told("left", AT_TEN, "redact-video/left_20261101T095900Z.mp4", 60.0),
        ),
        (
            "catalogue/redact-video/left/20261101T095900Z.mp4/60.jpg",
            Told("left", AT_TEN, "redact-video/left/20261101T095900Z.mp4", 60.0),
        ),
        ("catalogue/redact-video/home.mp4/7.jpg", Told(film="redact-video/home.mp4", second=7.0)),
        # No film, no day, no hour, digits of other alphabets, and what is no time at all.
        ("catalogue/holiday/12.jpg", Told()),
        ("catalogue/left_20261301_100000.jpg", Told()),
        ("catalogue/left_20261101_256000.jpg", Told()),
        ("catalogue/left_٢٠٢٦١١٠١_100000.jpg", Told()),
        ("catalogue/left_00010101T000000+2300.jpg", Told()),
        ("catalogue/f/l_99991231T235959Z.mp4/600.jpg", Told("l", None, "f/l_99991231T235959Z.mp4", 600.0)),
        ("catalogue/picture.jpg", Told()),
        ("left_20261101_100000.jpg", Told()),
    ],
)
def test_a_key_says_who_took_the_picture_and_when(key: str, said: Told) -> None:
    assert told(key, USUAL) == said


def test_the_first_pattern_that_fits_counts_and_may_name_folders() -> None:
    patterns = [KeyPattern("cams/{camera}/*{time}.jpg"), KeyPattern("{camera}_{time}.jpg")]

    assert told("catalogue/cams/left/a_20261101T100000Z.jpg", patterns) == Told("left", AT_TEN)
    assert told("catalogue/left/a_20261101T100000Z.jpg", patterns) == Told("a", AT_TEN)


@given(st.text(max_size=300), st.sampled_from(USUAL))
def test_no_key_is_too_much(key: str, pattern: KeyPattern) -> None:
    found = pattern.told(key)
    assert found is None or found != Told()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no empty part"),
        ("{camera}//{time}", "no empty part"),
        ("{film}", "more than {film}"),
        ("a/{film}/{second}", "{film} alone"),
        ("{name}_{time}", "and not {name}"),
        ("{camera}{camera}", "{camera} once"),
        ("a*b*{camera}", r"\* once"),
        ("holiday", "a placeholder that says something"),
    ],
)
def test_a_pattern_that_makes_no_sense_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        KeyPattern(text)
