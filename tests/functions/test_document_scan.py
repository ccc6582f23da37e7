"""Pages that are pictures of text: read line by line, in bands where there are too many words at once."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from functions.decision import Rejection
from functions.document import scan
from tests.functions.looks import BAR, looking

SIZE = (900, 1200)


def page(rows: int, columns: int = 3, size: tuple[int, int] = SIZE, high: int = 6) -> Image.Image:
    """A page with so many lines: bars that a Rekognition of tests reads."""
    paper = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(paper)
    for row in range(rows):
        for column in range(columns):
            left, top = size[0] * column // columns + 9, size[1] * row // rows + 1
            draw.rectangle((left, top, left + size[0] // columns - 30, top + high), fill=BAR)
    return paper


@pytest.mark.parametrize(("rows", "looks"), [(0, 1), (1, 1), (33, 1), (34, 3), (100, 6)])
def test_each_line_is_found_once_where_it_is(monkeypatch: pytest.MonkeyPatch, rows: int, looks: int) -> None:
    with looking(monkeypatch) as eyes:
        found = scan.lines(page(rows), 50)
    assert len(eyes.shown) == looks
    assert len(found) == 3 * rows
    tops = [round(line.top * SIZE[1]) for line in found]
    assert tops == sorted(tops)
    assert tops == pytest.approx([SIZE[1] * row // rows + 1 for row in range(rows) for _ in range(3)], abs=2)
    assert sorted({round(line.left * SIZE[0] / 10) for line in found}) == ([1, 31, 61] if rows else [])


def test_a_small_page_is_shown_as_large_as_rekognition_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with looking(monkeypatch) as eyes:
        (line,) = scan.lines(page(1, 1, (60, 40), 9), 50)
    assert eyes.shown == [("DetectText", (80, 80))]
    assert line.left == pytest.approx(9 / 60, abs=0.05)
    assert line.top == pytest.approx(1 / 40, abs=0.05)


def test_lines_that_are_not_sure_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    with looking(monkeypatch) as eyes:
        eyes.confidence = 40
        assert scan.lines(page(3), 50) == []


def test_a_page_with_more_than_can_be_shown_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with looking(monkeypatch) as eyes, pytest.raises(Rejection) as refused:
        scan.lines(page(60, 60, (3000, 900), 4), 50)
    assert refused.value.decision.reason == "TOO_MUCH_TEXT"
    assert refused.value.decision.detail["most_words"] == 100
    assert len(eyes.shown) < 64
