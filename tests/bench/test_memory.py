"""The benchmark of memory: what it measures by is what the templates say."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from bench import memory
from bench.photos import Photo
from bench.processes import Ran
from happypath.project import template_of


def test_the_bar_is_the_fullest_memory_of_the_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(stack: str) -> dict[str, Any]:
        template = deepcopy(template_of(stack))
        if stack == "v2":
            template["Parameters"]["MaxPixels"]["Default"] = 150_000_000
        if stack == "v4":
            for resource in template["Resources"].values():
                if str(resource.get("Properties", {}).get("Handler")).startswith("functions.decide."):
                    resource["Properties"]["MemorySize"] = 1500
        return template

    sizes: list[tuple[int, int]] = []
    arguments: list[str] = []

    def made(width: int, height: int, **_: Any) -> Photo:
        sizes.append((width, height))
        return Photo("photo", width, height, b"photo", progressive=False)

    def ran(code: str, root: Path, *given: str) -> Ran:
        arguments.extend(given[1:])
        return Ran(0.0, 0.0, 1200.0 if "reduced_jpeg" in code else 1600.0, "")

    monkeypatch.setattr(memory, "template_of", changed)
    monkeypatch.setattr(memory, "made", made)
    monkeypatch.setattr(memory, "ran", ran)
    result = memory.run(1)
    (bar,) = result.bars
    assert (bar.what, bar.reached) == ("the largest allowed photo, of MemorySize (1500 MB)", 1200 / 1500)
    assert set(sizes) == {(4032, 3024), (14_976, 9_984)}
    assert set(arguments) == {"150000000"}
    assert result.data["most_mb"] == 1600


def test_the_largest_photo_is_just_below_what_is_allowed() -> None:
    width, height = memory.largest(100_000_000)
    assert 0.995 < width * height / 100_000_000 <= 1
    assert (width % 16, height % 16, width * 2) == (0, 0, height * 3)
