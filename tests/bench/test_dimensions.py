"""The benchmark of dimensions, on one of its photos."""

from __future__ import annotations

import pytest

from bench import dimensions, report
from bench.photos import photos_in
from functions.platform.source_object import FIRST_BYTES
from happypath.project import SAMPLES


def test_every_photo_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    (photo,) = (each for each in photos_in(SAMPLES / "photos") if each.name == "coffee")
    monkeypatch.setattr(dimensions, "all_photos", lambda: iter([photo]))
    monkeypatch.setattr(dimensions, "SIZES", [(80, 60)] * 4)

    result = dimensions.run(2)

    (table,) = result.tables
    names = [str(row[0]) for row in table.rows]
    assert [name.partition(", ")[0] for name in names] == ["coffee"] * 3 + ["0.0 MP PNG", "0.0 MP WEBP"]
    # The header lies within the first bytes, but for the preview as large as EXIF can hold.
    fetched = {str(row[0]): float(row[2]) * 1024 for row in table.rows}
    assert fetched["coffee"] == FIRST_BYTES
    within, faster = result.bars
    assert within.reached == 100 * sum(size <= FIRST_BYTES for size in fetched.values()) / len(fetched)
    assert faster.reached > 0
    assert "| coffee | " in report.tables(result)
