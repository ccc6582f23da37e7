"""The tables of outcomes: each workflow has one, and a slip in one is told of by its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from happypath.project import WORKFLOWS
from tests import outcomes
from tests.outcomes import FOLDER, rows


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_workflow_has_a_table_of_photos_that_it_takes_and_that_it_refuses(workflow: str) -> None:
    assert {row.status for row in rows(workflow)} == {"PROCESSED", "REJECTED"}


def test_each_table_is_that_of_a_workflow() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(WORKFLOWS)


def test_what_a_row_leaves_out_is_a_photo_of_a_park_that_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(tmp_path, monkeypatch, [{"picture": "coffee", "path": ["Resizer", "Publish"]}])
    (row,) = rows("made")

    assert (row.status, row.suffix, row.listing) == ("PROCESSED", ".jpg", {"type": {"S": "park"}})
    assert (row.shows, row.reads, row.moderated) == (None, None, None)


@pytest.mark.parametrize(
    ("place", "listing"),
    [("nowhere", None), (None, {}), ({"N": "5"}, {"type": {"N": "5"}}), ("bar", {"type": {"S": "bar"}})],
)
def test_a_place_is_listed_as_the_row_says(
    place: Any, listing: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(tmp_path, monkeypatch, [{"picture": "text", "path": ["Resizer"], "place": place}])

    assert rows("made")[0].listing == listing


GOOD = {"picture": "coffee", "path": ["Resizer"]}


@pytest.mark.parametrize(
    ("rows_", "said"),
    [
        ({}, "must be a list of uploads"),
        ([GOOD, "coffee"], "row 2 must be an object"),
        ([{"path": ["Resizer"]}], "row 1: picture is missing"),
        ([GOOD | {"picture": "no-sample"}], "row 1: picture must be the stem of a sample"),
        ([GOOD | {"path": []}], "row 1: path must be a list of states"),
        ([GOOD | {"shows": "Weapon"}], "row 1: shows must be a list of texts, not 'Weapon'"),
        ([GOOD | {"place": 5}], "row 1: place must be a type of place"),
        ([GOOD | {"reason": "no people"}], "row 1: reason must be null, or capital letters"),
        ([GOOD | {"detail": "{}"}], "row 1: detail must be an object"),
        ([GOOD | {"outcome": "PROCESSED"}], "row 1: there is no key 'outcome', choose among picture, path"),
        ([GOOD, GOOD], "row 2: there is this row already"),
    ],
)
def test_a_slip_is_told_of_by_its_place(
    rows_: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(tmp_path, monkeypatch, rows_)
    with pytest.raises(ValueError, match=said):
        rows("made")


def test_a_workflow_without_a_table_is_told_where_to_write_one() -> None:
    with pytest.raises(ValueError, match=r"There is no .*nothing\.json: say there"):
        rows("nothing")


def table(folder: Path, monkeypatch: pytest.MonkeyPatch, content: Any) -> None:
    monkeypatch.setattr(outcomes, "FOLDER", folder)
    rows.cache_clear()
    (folder / "made.json").write_text(json.dumps(content), encoding="utf-8")
