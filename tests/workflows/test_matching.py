"""Some pictures among many: what is required picks exactly those, from the upload to record and event."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from happypath.project import SAMPLES
from happypath.sandbox.sandbox import Sandbox
from tests.workflows.driver import Driver, Outcome
from tests.workflows.test_matcher import Told, told

__all__ = ["told"]

PHOTOS = sorted(path.stem for path in (SAMPLES / "photos").glob("*.jpg"))
DOCUMENTS = sorted(path.stem for path in (SAMPLES / "documents").glob("*.png"))
INVOICES = [name for name in DOCUMENTS if name.startswith("invoice")]
LICENCES = [name for name in DOCUMENTS if name.startswith("licence")]


@dataclass(frozen=True)
class Search:
    """What is required, the pictures that are uploaded, and those that have it."""

    labels: str
    words: str
    among: tuple[str, ...]
    found: tuple[str, ...]


SEARCHES = {
    # Not the cat, which is an animal, too.
    "one animal": Search("Dog", "", tuple(PHOTOS), ("dogs",)),
    # One more is of this vendor, but of another account; one is to this vendor; one has the numbers swapped.
    "one vendor": Search(
        "",
        "Larkspur Paper Co, 4711-0815",
        (*INVOICES, "licence-california-1", "coffee"),
        ("invoice-larkspur-1", "invoice-larkspur-2"),
    ),
    # A New Yorkshire Road is in another state; an invoice from New York is no licence, and has no portrait.
    "one state": Search(
        "Driving License, Person",
        "NEW YORK",
        (*LICENCES, "invoice-tidewater-1", "astronaut"),
        ("licence-new-york-1", "licence-new-york-2"),
    ),
}


def picture(name: str) -> Path:
    found: Path = next(SAMPLES.glob(f"*/{name}.*"))
    return found


Searched = Callable[[str], Mapping[str, Outcome]]


@pytest.fixture(scope="module")
def searched(driver: Driver, sandbox: Sandbox) -> Iterator[Searched]:
    """Deploys the matcher for a search, uploads its pictures, and gives how each of them ended."""
    driver.go_live("v4 documents/=matcher")

    @cache
    def search(name: str) -> Mapping[str, Outcome]:
        wanted = SEARCHES[name]
        sandbox.deploy("matcher", {"RequiredLabels": wanted.labels, "RequiredWords": wanted.words})
        keys = {}
        for each in wanted.among:
            keys[each] = driver.new_key("documents", picture(each).name)
            driver.upload(picture(each).read_bytes(), keys[each])
        return {each: driver.ended(key) for each, key in keys.items()}

    yield search
    sandbox.deploy("matcher")


@pytest.mark.parametrize("name", SEARCHES)
def test_exactly_the_right_pictures_are_found_and_told_of(
    name: str, searched: Searched, told: Told, driver: Driver
) -> None:
    wanted, outcomes = SEARCHES[name], searched(name)

    assert {each for each, outcome in outcomes.items() if outcome.status == "PROCESSED"} == set(wanted.found)
    for each, outcome in outcomes.items():
        found = each in wanted.found
        assert (outcome.status, outcome.reason) == (
            ("PROCESSED", None) if found else ("REJECTED", "NO_MATCH")
        )
        assert outcome.record["workflow"] == "matcher"
        assert _missing(outcome) is not found
        events = told(outcome.record["executionArn"])
        assert [event["detail"]["upload"]["key"] for event in events] == [outcome.record["key"]] * found
        assert [event["detail"]["decision"]["detail"] for event in events] == [
            outcome.record["detail"]
        ] * found
    elsewhere = driver.new_key("the-cafe", "elsewhere.jpg")
    driver.upload(picture("coffee").read_bytes(), elsewhere)
    assert driver.ended(elsewhere).record["workflow"] == "v4"


def _missing(outcome: Outcome) -> bool:
    # Words are read where no label is missing.
    detail: dict[str, Any] = outcome.record["detail"]
    return any(part["missing"] for part in detail.values())


def test_what_only_looks_right_says_what_it_lacks(searched: Searched) -> None:
    invoices = searched("one vendor")

    def told_of(name: str) -> str:
        words = invoices[name].record["detail"]["words"]
        return json.dumps([[each["name"] for each in words["found"]], words["missing"]])

    assert told_of("invoice-larkspur-3") == '[["Larkspur Paper Co"], ["4711-0815"]]'
    assert told_of("invoice-tidewater-1") == '[["Larkspur Paper Co"], ["4711-0815"]]'
    assert told_of("invoice-quillon-1") == '[[], ["Larkspur Paper Co", "4711-0815"]]'
