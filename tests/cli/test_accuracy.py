"""`happypath accuracy`: what it refuses before anything is started, and what it says that it costs."""

from __future__ import annotations

from pathlib import Path

import pytest

from happypath.operations.accuracy import price
from happypath.project import WORKFLOWS
from tests.cli.test_mistakes import Command, command, nobody

__all__ = ["command", "nobody"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.jpg").touch()
    (tmp_path / "t.csv").write_text("photo,accepted\na.jpg,yes\n", encoding="utf-8")
    (tmp_path / "places.csv").write_text("photo,accepted,placeType\na.jpg,yes,park\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("set",), "with --truth a file"),
        ((), "Name a folder of pictures"),
        (("set", "--truth", "t.csv", "--since", "1d"), "or --recorded, with --since"),
        (("set", "--truth", "t.csv", "--recorded"), "--recorded is about what is recorded"),
        (("--recorded", "--workflow", "v99"), "There is no workflow v99"),
        (("--recorded", "--since", "soon"), "--since soon is not a time"),
        (("set", "--truth", "none.csv"), "none.csv cannot be read"),
        (("none", "--truth", "t.csv"), "none is no folder"),
        (("set", "--truth", "t.csv", "--workflow", "v99"), "There is no workflow v99"),
        (
            ("set", "--truth", "t.csv", "--false-acceptances", "0.01"),
            "--false-acceptances 0.01 is no rate: 1%",
        ),
        (("set", "--truth", "t.csv", "--false-refusals", "101%"), "--false-refusals 101% is no rate"),
        (("set", "--truth", "t.csv", "--review", "90,60"), "--review 90,60 are no two thresholds"),
        (("set", "--truth", "t.csv", "--review", "60"), "the lower first: 60,90"),
        (("set", "--truth", "t.csv", "--plot", "no/where.svg"), "there is no folder no"),
        (("set", "--truth", "t.csv", "--place", "a/b"), "--place 'a/b' is not a place id"),
        (("set", "--truth", "t.csv", "--place", "a", "--place-type", "b"), "--place is for what is deployed"),
        (
            ("set", "--truth", "places.csv", "--place", "a"),
            "line 2: all pictures are of the one place",
        ),
        (
            ("set", "--truth", "t.csv", "--parameter", "MinConfidence=no"),
            "MinConfidence of v4 cannot be 'no'",
        ),
    ],
)
def test_what_makes_no_sense_is_one_line(
    command: Command, folder: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    status, line = command("accuracy", *arguments)
    assert status == 2
    assert complaint in line


def test_where_it_is_paid_a_person_is_asked_what_it_costs() -> None:
    # v4 asks one question of Rekognition, the matcher two, v1 none.
    asked = {workflow: price.of(workflow, 1000) for workflow in WORKFLOWS}
    assert asked["v4"] == price.Price(1000, 1.0)
    assert asked["matcher"].asked == 2000
    assert asked["v1"] == price.Price(0, 0.0)
