"""What benchmarks found is written down: kept as JSON, and shown on the page of performance."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench import report
from bench.__main__ import BENCHMARKS
from bench.frame import Bar, Result, Table

COMMITTED = report.PAGE, report.CHARTS, report.OWN_PAGES


@pytest.fixture(autouse=True)
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RESULTS", "PAGE"):
        copy = shutil.copy(getattr(report, name), tmp_path)
        monkeypatch.setattr(report, name, Path(copy))
    monkeypatch.setattr(report, "CHARTS", tmp_path / "charts")
    pages = {name: Path(shutil.copy(page, tmp_path)) for name, page in report.OWN_PAGES.items()}
    monkeypatch.setattr(report, "OWN_PAGES", pages)


def test_the_page_and_its_charts_show_what_was_kept() -> None:
    report.write(list(BENCHMARKS))
    page, charts, own_pages = COMMITTED
    for name, own in own_pages.items():
        assert report.OWN_PAGES[name].read_text(encoding="utf-8") == own.read_text(encoding="utf-8")
        assert report.kept()[name]["about"] in own.read_text(encoding="utf-8")
    assert report.PAGE.read_text(encoding="utf-8") == page.read_text(encoding="utf-8")
    assert {each.name: each.read_bytes() for each in report.CHARTS.iterdir()} == {
        each.name: each.read_bytes() for each in charts.iterdir()
    }


def test_a_result_takes_the_place_of_an_earlier_one_and_of_no_other() -> None:
    before = report.kept()
    found = Result("How.", [Bar("a bar that is missed", 1.0, 2.0)], [Table("T", ["a", "b"], [["c", 0.5]])])
    report.keep({"memory": found})
    report.write(list(BENCHMARKS))
    page = report.PAGE.read_text(encoding="utf-8")
    assert "| Memory | a bar that is missed | at most 1.00 | 2.00 | **missed** |" in page
    assert "| c | 0.50 |" in page
    assert before["memory"]["bars"][0]["what"] not in page
    after = report.kept()
    assert {**after, "memory": before["memory"]} == before
    assert Result.of({name: value for name, value in after["memory"].items() if name != "machine"}) == found
    # Others read it, too.
    assert json.loads(report.RESULTS.read_text(encoding="utf-8"))["memory"]["bars"][0]["met"] is False
