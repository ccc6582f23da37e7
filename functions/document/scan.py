"""The text of a page that is a picture, line by line, as Rekognition reads it.

Rekognition gives 100 words of a picture at most. So a page with more is looked at in bands of its whole
width, in which no line is cut off at its ends. Bands overlap; a line counts where its middle is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from PIL import Image

from functions.analysis.photo_analysis import PhotoAnalysis
from functions.analysis.region import Region
from functions.analysis.rekognition import MIN_SIDE_PX
from functions.decision import Reason, Rejection
from functions.redact.finding import jpeg

# https://docs.aws.amazon.com/rekognition/latest/dg/limits.html
MOST_WORDS = 100
# What one page may cost, in calls.
_MOST_LOOKS = 64
# How far a band is shown beyond its edges: half of the highest line.
_OVERLAP_PX = 50
_LOWEST_PX = 40
# Words are not spread evenly.
_MORE = 1.5
_MOST_BANDS = 8


def lines(page: Image.Image, min_confidence: float) -> list[Region]:
    """All lines of a page of which Rekognition is sure enough, from top to bottom, in ratios of its sides.

    Raises:
        Rejection: TOO_MUCH_TEXT: the page has more words than bands can show.
        botocore.exceptions.ClientError, BotoCoreError: a call to Rekognition failed.
    """
    found: list[Region] = []
    waiting = [(0, page.height)]
    looks = 0
    while waiting:
        top, bottom = waiting.pop(0)
        looks += 1
        seen, may_be_more, reach = _look(page, top, bottom, min_confidence)
        if not may_be_more:
            found += seen
            continue
        # As many as that it showed up to here fill a band.
        number = min(max(2, math.ceil(_MORE / reach)), _MOST_BANDS)
        if bottom - top < number * _LOWEST_PX or looks + len(waiting) + number > _MOST_LOOKS:
            raise Rejection.because(Reason.TOO_MUCH_TEXT, most_words=MOST_WORDS, looks=looks)
        waiting[:0] = _bands(top, bottom, number)
    return found


def _bands(top: int, bottom: int, number: int) -> Iterator[tuple[int, int]]:
    edges = [top + (bottom - top) * each // number for each in range(number + 1)]
    yield from pairwise(edges)


def _look(
    page: Image.Image, top: int, bottom: int, min_confidence: float
) -> tuple[list[Region], bool, float]:
    """The lines whose middles are within a band, whether there may be more, and how far down they go."""
    first, last = max(0, top - _OVERLAP_PX), min(page.height, bottom + _OVERLAP_PX)
    # Rekognition looks at nothing that is smaller.
    shown = Image.new("RGB", (max(page.width, MIN_SIDE_PX), max(last - first, MIN_SIDE_PX)), "white")
    shown.paste(page.crop((0, first, page.width, last)), (0, 0))
    analysis = PhotoAnalysis.of_bytes(jpeg(shown))
    # What is asked for all words is one call with what is asked for the lines.
    answer = analysis.lines(0)
    found = [
        replace(
            each,
            left=each.left * shown.width / page.width,
            top=(first + each.top * shown.height) / page.height,
            width=each.width * shown.width / page.width,
            height=each.height * shown.height / page.height,
        )
        for each in answer
    ]
    lowest = max((each.top + each.height for each in answer), default=1.0)
    within = [
        each
        for each in found
        if each.confidence >= min_confidence and top <= page.height * (each.top + each.height / 2) < bottom
    ]
    return within, len(analysis.words(0)) >= MOST_WORDS, max(lowest, 1 / _MOST_BANDS)
