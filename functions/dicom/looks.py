"""Looking for words on all frames of a film, with few looks.

Frames are put side by side on sheets, each a picture that is looked at once. What looks the same is not
looked at twice: frames that are equal to an earlier one, and of all frames but the first what is outside
the box in which any of them differs from it. Nothing else is left out, and nothing is made smaller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image

from functions.analysis.region import Region
from functions.imaging import obscuring
from functions.imaging.decoded import Picture
from functions.imaging.obscuring import Part
from functions.redact.finding import Sought, find

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from functions.dicom.pixels import Film
    from functions.dicom.views import View

# As large as small print needs, with the control that `find` adds below it: services scale a larger picture
# down before they look.
SHEET_PX = 1120
# Between frames, so that no line of text goes on from one to the next.
_GAP_PX = 48
# Letters of a small frame are hardly more than dots.
_MOST_ENLARGED = 2.0
_LARGER = 1.25
_OVERLAP_PX = 160
# Of 255 levels: letters that differ by no more from what is around them cannot be read, and lossy compression
# makes as much.
_SAME = 20
# A word that begins before what changes is seen whole.
_AROUND_PX = 32


@dataclass(frozen=True)
class Cell:
    """A part of a frame, as one view shows it, and where it is put on a sheet, in pixels."""

    view: int
    frame: int
    source: Part
    # Sizes on the sheet are those in the frame times this.
    scale: float
    left: int = 0
    top: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height on the sheet."""
        left, top, right, bottom = self.source
        return max(1, round((right - left) * self.scale)), max(1, round((bottom - top) * self.scale))


Sheet: TypeAlias = tuple[Cell, ...]


@dataclass(frozen=True)
class Found:
    """Words that were found: where, on every frame that may have them."""

    frame: int
    box: Part


def sheets(film: Film, views: Sequence[View]) -> list[Sheet]:
    """What must be looked at to have seen every frame of a film in every view."""
    return [sheet for number, view in enumerate(views) for sheet in _packed(_cells(film, number, view))]


def words(film: Film, views: Sequence[View], sheet: Sheet, sought: Sought) -> list[Found]:
    """Where words are on the frames of a sheet: by a call to Rekognition, or more if it cannot tell all at
    once.

    Raises:
        Rejection: TOO_MUCH_TEXT: more on a small part of a sheet than Rekognition answers.
        ServiceUnavailableError: an answer lacked what was added to be found.
        botocore.exceptions.ClientError, BotoCoreError: Rekognition throttles, fails or refuses.
    """
    picture = _drawn(film, views, sheet)
    regions = find(Picture.of(picture), sought, side_px=SHEET_PX)
    return [found for region in regions for found in _on_frames(region, picture.size, sheet)]


def _on_frames(line: Region, size: tuple[int, int], sheet: Sheet) -> Iterator[Found]:
    box = obscuring.part(line.left, line.top, line.width, line.height, margin=0, size=size)
    if box is None:
        return
    for cell in sheet:
        width, height = cell.size
        left, top = max(box[0], cell.left) - cell.left, max(box[1], cell.top) - cell.top
        right, bottom = min(box[2], cell.left + width) - cell.left, min(box[3], cell.top + height) - cell.top
        if left < right and top < bottom:
            x, y = cell.source[:2]
            yield Found(
                cell.frame,
                (
                    x + int(left / cell.scale),
                    y + int(top / cell.scale),
                    min(cell.source[2], x + int(-(-right // cell.scale))),
                    min(cell.source[3], y + int(-(-bottom // cell.scale))),
                ),
            )


def _cells(film: Film, number: int, view: View) -> Iterator[Cell]:
    rows, columns = film.shape[1:3]
    scale = max(1.0, min(_MOST_ENLARGED, SHEET_PX / max(rows, columns)))
    whole = (0, 0, columns, rows)
    distinct, differs = _compared(film, view) if len(film) > 1 else ([0], None)
    for frame in distinct:
        box = whole if frame == 0 or differs is None else _around(differs)
        if box is None:
            continue
        longer = max(box[2] - box[0], box[3] - box[1])
        if longer * scale > SHEET_PX:
            # What is written large is seen on the whole of it.
            yield Cell(number, frame, box, SHEET_PX / longer)
        for tile in _tiles(box, int(SHEET_PX / scale), int(_OVERLAP_PX / scale)):
            yield Cell(number, frame, tile, scale)
        if frame == 0 and SHEET_PX / longer > _LARGER * scale:
            # All that does not change is seen on this one alone: in another size, too.
            yield Cell(number, frame, box, min(_MOST_ENLARGED**2, SHEET_PX / longer))


def _compared(film: Film, view: View) -> tuple[list[int], NDArray[np.bool_]]:
    """The numbers of frames that look like no earlier one, and where any of them differs from the first."""
    first = view(film[0])
    distinct = {sha256(first.tobytes()).digest(): 0}
    differs = np.zeros(first.shape[:2], dtype=bool)
    for number in range(1, len(film)):
        shown = view(film[number])
        if distinct.setdefault(sha256(shown.tobytes()).digest(), number) == number:
            difference = np.maximum(shown, first) - np.minimum(shown, first) > _SAME
            differs |= difference.any(axis=2) if difference.ndim == 3 else difference
    return list(distinct.values()), differs


def _around(differs: NDArray[np.bool_]) -> Part | None:
    """The box of what differs, and some pixels around it; None if nothing does."""
    down, across = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not len(down):
        return None
    rows, columns = differs.shape
    return (
        max(0, int(across[0]) - _AROUND_PX),
        max(0, int(down[0]) - _AROUND_PX),
        min(columns, int(across[-1]) + 1 + _AROUND_PX),
        min(rows, int(down[-1]) + 1 + _AROUND_PX),
    )


def _tiles(box: Part, side: int, overlap: int) -> Iterator[Part]:
    """Parts of at most this side that cover a box, each reaching into the next."""
    left, top, right, bottom = box
    for y in _starts(top, bottom, side, overlap):
        for x in _starts(left, right, side, overlap):
            yield x, y, min(right, x + side), min(bottom, y + side)


def _starts(start: int, end: int, side: int, overlap: int) -> Iterable[int]:
    return range(start, max(start + 1, end - overlap), side - overlap)


def _packed(cells: Iterable[Cell]) -> Iterator[Sheet]:
    """Cells in rows, on as many sheets as they need."""
    sheet: list[Cell] = []
    left = top = row_px = 0
    for cell in cells:
        width, height = cell.size
        if left and left + width > SHEET_PX:
            left, top, row_px = 0, top + row_px + _GAP_PX, 0
        if sheet and top + height > SHEET_PX:
            yield tuple(sheet)
            sheet, left, top, row_px = [], 0, 0, 0
        sheet.append(replace(cell, left=left, top=top))
        left, row_px = left + width + _GAP_PX, max(row_px, height)
    if sheet:
        yield tuple(sheet)


def _drawn(film: Film, views: Sequence[View], sheet: Sheet) -> Image.Image:
    size = max(cell.left + cell.size[0] for cell in sheet), max(cell.top + cell.size[1] for cell in sheet)
    picture = Image.new("RGB", size)
    for cell in sheet:
        left, top, right, bottom = cell.source
        # A view makes a pixel of a pixel, and takes several times their memory.
        step = max(1, int(1 / (2 * cell.scale)))
        part = film[cell.frame, top:bottom:step, left:right:step]
        shown = Image.fromarray(np.ascontiguousarray(views[cell.view](part)))
        picture.paste(shown.resize(cell.size, Image.Resampling.LANCZOS), (cell.left, cell.top))
    return picture
