"""What workflows catalogue is found by `happypath search`, as long as it is current."""

from __future__ import annotations

import json

import pytest

from happypath.cli import main as cli
from happypath.project import SAMPLES
from tests.workflows.driver import Driver, wait_until

PLACE = "search-samples"
PICTURES = (
    "licence-new-york-1",
    "licence-new-york-2",
    "licence-new-jersey-1",
    "invoice-larkspur-1",
)


def test_the_licences_of_new_york_are_found_until_they_are_deleted(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("happypath.cli.options.Installation", lambda *_: driver.installation)

    def found(query: str) -> list[str]:
        monkeypatch.setattr("sys.argv", ["happypath", "search", f"{query} place:{PLACE}", "--json"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 0
        names = [each["key"].removeprefix(f"{PLACE}/") for each in json.loads(capsys.readouterr().out)]
        return sorted(names)

    def have_ended(status: str, *names: str) -> None:
        for name in names:
            key = f"{PLACE}/{name}"
            wait_until(
                lambda: (driver.installation.record(key) or {}).get("objStatus") == status,  # noqa: B023
                f"{key} is {status}",
            )

    driver.go_live("catalogue")
    for name in PICTURES:
        driver.upload((SAMPLES / "documents" / f"{name}.png").read_bytes(), f"{PLACE}/{name}")
    have_ended("PROCESSED", *PICTURES)
    both = ["licence-new-york-1", "licence-new-york-2"]
    assert found('words:"new york" label:"Driving License"') == both
    assert found('"york new" label:"Driving License"') == []
    assert found("faces>=0 type:png") == sorted(PICTURES)
    driver.delete(f"{PLACE}/licence-new-york-1")
    have_ended("DELETED", "licence-new-york-1")
    assert found('words:"new york" label:"Driving License"') == both[1:]
