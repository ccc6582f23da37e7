"""All regions of a picture that rules name: whatever of it must not be seen.

Rekognition gives 100 faces and 100 words of a picture at most, and sees small ones less well the larger the
picture is. So a picture that is large, or of which there may be more, is also looked at in tiles.

An answer without a region says either that there is none, or that something is wrong with the answer. To tell
these apart, each picture that is looked at carries a control below it: a face and a word. Where these are not
found, the look was blind, and proves nothing.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeAlias

from PIL import Image

from functions.analysis.detected_text import plain
from functions.analysis.photo_analysis import PhotoAnalysis
from functions.analysis.region import Kind, Region
from functions.analysis.rekognition import MAX_BYTES_SENT
from functions.decision import Reason, Rejection
from functions.imaging.decoded import Picture
from functions.imaging.transparency import on_white
from functions.platform.aws import ServiceUnavailableError

# The largest side, in pixels, of what Rekognition is shown at once.
SIDE_PX = 4096
# Rekognition gives no more of them. https://docs.aws.amazon.com/rekognition/latest/dg/limits.html
_MOST = {"face": 100, "text": 100}
_REASONS = {"face": Reason.TOO_MANY_FACES, "text": Reason.TOO_MUCH_TEXT}
# What one picture may cost, in calls for each kind of region.
_MOST_LOOKS = 64
# Where there may be more, tiles have so much of the sides of what was looked at, and overlap by so much of
# their own. Of 100 equal faces that fill a picture each is a tenth as high: what lies across the edge of one
# tile is whole in the next.
_TILE, _OVERLAP = 0.6, 0.2
# Tiles of less would show no more.
_SMALLEST_PX = 160
# A region of which so much lies in another one is the same, seen once more.
_SAME = 0.95
_QUALITIES = (90, 75, 50, 30)
# The control is as high as this part of the picture's longer side, and not smaller.
_CONTROL_PART, _CONTROL_PX = 1 / 12, 96
# There is a gap above it, so that no more than this part of its region can lie in the picture.
_ABOVE = 1 / 8

# Left, top, width and height in pixels.
_Tile: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True)
class Sought:
    """What is to be found: regions of these kinds, of which Rekognition is sure enough, in percent.

    Text that is made of nothing but `keep` is none: each entry is one or more words.
    """

    kinds: frozenset[Kind]
    min_confidence: float
    keep: tuple[str, ...] = ()


def find(picture: Picture, sought: Sought, *, side_px: int = SIDE_PX) -> list[Region]:
    """All regions of a picture, in ratios of its sides: faces first, then text.

    Each tile of `side_px` and each kind of region is a call, and costs.

    Raises:
        Rejection: TOO_MANY_FACES or TOO_MUCH_TEXT, where there may be more than tiles can show.
        ServiceUnavailableError: an answer lacked the control.
        botocore.exceptions.ClientError, BotoCoreError: a call to Rekognition failed.
    """
    found: list[Region] = []
    for kind in sorted(sought.kinds):
        found += _distinct(list(_all_of(picture, kind, sought, side_px)))
    return found


def _all_of(picture: Picture, kind: Kind, sought: Sought, side_px: int) -> Iterator[Region]:
    width, height = picture.raster.size
    waiting: list[_Tile] = [(0, 0, width, height)]
    looks = 0
    while waiting:
        tile = waiting.pop()
        looks += 1
        longer = max(tile[2:])
        seen, may_be_more = _look(picture, tile, kind, side_px)
        for region in seen:
            if region.confidence >= sought.min_confidence and not stays(region.text, sought.keep):
                yield region
        if may_be_more or longer > side_px:
            smaller = list(_tiles(tile, side_px if longer > side_px else math.ceil(longer * _TILE)))
            if longer < _SMALLEST_PX or looks + len(waiting) + len(smaller) > _MOST_LOOKS:
                raise Rejection.because(_REASONS[kind], most=_MOST[kind], looks=looks)
            waiting += smaller


def stays(text: str | None, keep: Sequence[str]) -> bool:
    """Whether a line of text is made of nothing but what may stay.

    >>> stays("R  Left", ["L", "R", "left"]), stays("L. Smith", ["L"]), stays(None, ["L"])
    (True, False, False)
    """
    words = [word for each in (text or "").split() if (word := plain(each))]
    phrases = [phrase for each in keep if (phrase := [plain(word) for word in each.split()])]
    at = 0
    while at < len(words):
        there = [len(phrase) for phrase in phrases if words[at : at + len(phrase)] == phrase]
        if not there:
            return False
        at += max(there)
    return bool(words)


def _look(picture: Picture, tile: _Tile, kind: Kind, side_px: int) -> tuple[list[Region], bool]:
    """The regions in a tile, in ratios of the whole picture, and whether there may be more of them."""
    left, top, width, height = tile
    fraction = min(1.0, side_px / max(width, height))
    size = max(1, round(width * fraction)), max(1, round(height * fraction))
    view = on_white(picture.part((left, top, left + width, top + height), *size).srgb())
    shown, across, down = _with_control(view)
    analysis = PhotoAnalysis.of_bytes(jpeg(shown))
    if kind == "face":
        answer = analysis.faces(0)
        number = len(answer)
    else:
        answer = analysis.lines(0)
        number = len(analysis.words(0))
    may_be_more = number >= _MOST[kind]
    # From the sides of what was shown to those of the tile.
    scaled = [
        replace(
            each,
            left=each.left * across,
            top=each.top * down,
            width=each.width * across,
            height=each.height * down,
        )
        for each in answer
    ]
    if not may_be_more and not any(_is_control(each) for each in scaled):
        raise ServiceUnavailableError(
            f"Rekognition did not find the {'face' if kind == 'face' else 'word'} that was added below the "
            "picture to be found: so what else it did not find proves nothing."
        )
    whole_width, whole_height = picture.raster.size
    return [
        replace(
            each,
            left=(left + each.left * width) / whole_width,
            top=(top + each.top * height) / whole_height,
            width=each.width * width / whole_width,
            height=each.height * height / whole_height,
        )
        for each in scaled
        if not _is_control(each)
    ], may_be_more


def _is_control(region: Region) -> bool:
    """Whether a region lies below the picture; that of a face that its lower edge cuts off begins in it."""
    return region.top + region.height * _ABOVE > 1


def _with_control(view: Image.Image) -> tuple[Image.Image, float, float]:
    """The picture above the control, and how many times its width and height that is."""
    control = _control()
    high = max(_CONTROL_PX, round(_CONTROL_PART * max(view.size)))
    wide = round(control.width * high / control.height)
    gap = high // 4
    size = (max(view.width, wide + 2 * gap), view.height + high + 2 * gap)
    shown = Image.new("RGB", size, (236, 236, 236))
    shown.paste(view.convert("RGB"), (0, 0))
    shown.paste(control.resize((wide, high), Image.Resampling.BICUBIC), (gap, view.height + gap))
    return shown, size[0] / view.width, size[1] / view.height


@cache
def _control() -> Image.Image:
    with Image.open(Path(__file__).with_name("control.jpg"), formats=("JPEG",)) as opened:
        return opened.convert("RGB")


def jpeg(pixels: Image.Image) -> bytes:
    """A picture as a JPEG of no more bytes than Rekognition is sent."""
    for quality in _QUALITIES:
        written = io.BytesIO()
        pixels.save(written, "JPEG", quality=quality)
        if written.tell() <= MAX_BYTES_SENT:
            break
    return written.getvalue()


def _tiles(tile: _Tile, side_px: int) -> Iterator[_Tile]:
    """Parts of a tile that cover it, with sides of at most `side_px`, each reaching into the next."""
    left, top, width, height = tile
    for y, high in _pieces(height, side_px):
        for x, wide in _pieces(width, side_px):
            yield left + x, top + y, wide, high


def _pieces(length: int, piece: int) -> Iterator[tuple[int, int]]:
    """Start and length of pieces that are spread evenly."""
    if length <= piece:
        yield 0, length
        return
    overlap = round(_OVERLAP * piece)
    number = math.ceil((length - overlap) / (piece - overlap))
    for index in range(number):
        yield index * (length - piece) // (number - 1), piece


def _distinct(regions: list[Region]) -> list[Region]:
    """Without those that lie in a larger one of the same kind."""
    kept: list[Region] = []
    for each in sorted(regions, key=_area, reverse=True):
        if all(_shared(each, other) < _SAME * _area(each) for other in kept):
            kept.append(each)
    return kept


def _area(region: Region) -> float:
    return region.width * region.height


def _shared(one: Region, other: Region) -> float:
    """The area that two regions have in common."""
    across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    return max(0.0, across) * max(0.0, down)
