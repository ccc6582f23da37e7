"""All regions of a picture, and nothing else: tiles where there may be more, and looks that were blind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PIL import Image

from functions.analysis.region import Region
from functions.decision import Rejection
from functions.imaging.decoded import Picture
from functions.platform.aws import ServiceUnavailableError, client
from functions.redact.finding import Sought, _distinct, find, stays
from tests.functions.looks import BAR, FACE, Eyes, looking

FACES = Sought(frozenset({"face"}), 80)
TEXT = Sought(frozenset({"text"}), 80)
BOTH = Sought(frozenset({"face", "text"}), 80)


@pytest.fixture
def eyes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Eyes]:
    with looking(monkeypatch) as found:
        yield found


def drawn(
    size: tuple[int, int], faces: int = 0, bars: int = 0, *, side_px: int = 20, mode: str = "RGB"
) -> Picture:
    """Faces in rows from the upper left, and lines below them from the left."""
    pixels = Image.new("RGB", size, "white")
    a_row = size[0] // (2 * side_px)
    for number in range(faces + bars):
        x, y = 2 * side_px * (number % a_row), 2 * side_px * (number // a_row)
        colour, high = (FACE, side_px) if number < faces else (BAR, side_px // 2)
        pixels.paste(colour, (x + 4, y + 4, x + 4 + side_px, y + 4 + high))
    return Picture.of(pixels.convert(mode))


def test_regions_are_in_parts_of_the_pictures_sides(eyes: Eyes) -> None:
    faces, text = find(drawn((400, 200), 1, 1, side_px=40), BOTH)
    assert (faces.kind, text.kind, text.text) == ("face", "text", "word")
    for one, wanted in (
        (faces, (4 / 400, 4 / 200, 40 / 400, 40 / 200)),
        (text, (84 / 400, 4 / 200, 0.1, 0.1)),
    ):
        assert (one.left, one.top, one.width, one.height) == pytest.approx(wanted, abs=0.02)
    assert [name for name, _ in eyes.shown] == ["DetectFaces", "DetectText"]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "YCbCr", "CMYK"])
def test_pictures_of_any_mode_and_size_can_be_looked_at(eyes: Eyes, mode: str) -> None:
    assert find(drawn((3, 7), mode=mode), BOTH) == []
    assert len(find(drawn((64, 64), 1, mode=mode), FACES)) == (mode != "L")


@pytest.mark.parametrize(("sought", "faces", "bars"), [(FACES, 180, 0), (TEXT, 0, 180)])
def test_where_there_may_be_more_than_a_hundred_tiles_find_them_all(
    eyes: Eyes, sought: Sought, faces: int, bars: int
) -> None:
    found = find(drawn((800, 400), faces, bars), sought)
    assert len(found) == 180
    assert len({(round(each.left * 400), round(each.top * 200)) for each in found}) == 180
    assert 5 <= len(eyes.shown) <= 21


def test_a_large_picture_is_looked_at_whole_and_in_tiles(eyes: Eyes) -> None:
    found = find(drawn((900, 300), 7), FACES, side_px=400)
    assert len(found) == 7
    assert [max(size) <= 500 for _, size in eyes.shown] == [True] * 4


@pytest.mark.parametrize(("sought", "reason"), [(FACES, "TOO_MANY_FACES"), (TEXT, "TOO_MUCH_TEXT")])
def test_what_tiles_cannot_show_is_refused(eyes: Eyes, sought: Sought, reason: str) -> None:
    picture = drawn((800, 800), *((2000, 0) if sought is FACES else (0, 2000)), side_px=8)
    with pytest.raises(Rejection) as refused:
        find(picture, sought)
    assert refused.value.decision.reason == reason
    assert len(eyes.shown) <= 64


@pytest.mark.parametrize("sought", [FACES, TEXT])
def test_an_empty_answer_without_the_control_proves_nothing(eyes: Eyes, sought: Sought) -> None:
    assert find(drawn((400, 200)), sought) == []
    eyes.blind = {2}
    with pytest.raises(ServiceUnavailableError, match="proves nothing"):
        find(drawn((400, 200)), sought)


def test_a_face_that_the_lower_edge_cuts_off_is_none_below_the_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def seen(*tops_px: int) -> list[Region]:
        # 100 pixels of picture, and the control from 124 to 220 of 244; each face is 80 high.
        boxes = [{"Left": 0.1, "Top": top / 244, "Width": 0.2, "Height": 80 / 244} for top in tops_px]
        answer = {"FaceDetails": [{"BoundingBox": box, "Confidence": 99.0} for box in boxes]}
        monkeypatch.setattr(client("rekognition"), "detect_faces", lambda **_: answer, raising=False)
        return find(drawn((400, 100)), FACES)

    assert [round(each.top, 2) for each in seen(70, 130)] == [0.7]
    assert seen(130) == []
    with pytest.raises(ServiceUnavailableError, match="proves nothing"):
        seen(70)


def test_what_is_seen_less_surely_does_not_count_and_what_may_stay_neither(eyes: Eyes) -> None:
    eyes.texts = ["L", "John L"]
    kept = Sought(frozenset({"text"}), 80, keep=("l", "R"))
    assert [each.text for each in find(drawn((400, 400), 0, 2), kept)] == ["John L"]
    eyes.confidence = 79
    assert find(drawn((400, 400), 2, 2), BOTH) == []


@pytest.mark.parametrize(
    ("text", "keep", "wanted"),
    [
        ("New York", ["new york"], True),
        ("York New", ["new york"], False),
        ("NEW YORK, New-York", ["New York", "new-york"], True),
        ("L", [], False),
        ("—", ["L"], False),
        ("LR", ["L", "R"], False),
    ],
)
def test_text_stays_only_if_all_of_it_may(text: str, keep: list[str], wanted: bool) -> None:
    assert stays(text, keep) is wanted


def test_a_region_in_another_one_is_told_once() -> None:
    large, inner, beside = (
        Region(left, 0.1, width, 0.4, "face", 99) for left, width in ((0.1, 0.4), (0.12, 0.3), (0.4, 0.4))
    )
    assert set(_distinct([inner, large, beside])) == {large, beside}
