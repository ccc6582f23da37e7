"""What the sandbox reads in pictures: lines and words, with RapidOCR, whose models come in its wheel.

https://github.com/RapidAI/RapidOCR
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from happypath.errors import MissingExtraError
from happypath.sandbox.rekognition.opencv import opencv

if TYPE_CHECKING:
    from PIL import Image

# The longest side of the picture that `read` works on: enough for the small print of a page.
SIDE_PX = 2000
# The service reads no more.
# https://docs.aws.amazon.com/rekognition/latest/dg/limits.html
MAX_WORDS = 100

# Parts of the picture's width and height.
Point: TypeAlias = tuple[float, float]


class NoReaderError(MissingExtraError):
    """The reader is not installed; the message says how to."""

    def __init__(self, why: str = "") -> None:
        how = "which is not installed: run scripts/install ocr (35 MB to download)"
        if not can_be_installed():
            how = "of which there is none for Macs with Intel's processors"
        super().__init__("ocr", f"{why}The sandbox reads words with RapidOCR, {how}.")


@dataclass(frozen=True)
class Text:
    """A line or a word: its corners clockwise from the upper left, and a confidence from 0 to 100."""

    text: str
    corners: tuple[Point, ...]
    confidence: float


@dataclass(frozen=True)
class Line:
    """A line, and the words in it."""

    whole: Text
    words: tuple[Text, ...]


def can_be_installed() -> bool:
    """Whether there is a reader for this machine."""
    return sys.platform != "darwin" or platform.machine() == "arm64"


def is_installed() -> bool:
    """Whether there is a reader; it is an optional dependency."""
    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None


def read(picture: Image.Image) -> list[Line]:
    """The lines of an upright RGB picture of at most `SIDE_PX`, from top to bottom, with 100 words at most.

    It keeps a core busy for a second or two; only one thread may read at a time.

    Raises:
        NoReaderError: the reader is not installed.
    """
    if not is_installed():
        raise NoReaderError
    import numpy as np  # noqa: PLC0415  # what most runs never need

    # OpenCV's order of colours.
    pixels = np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])
    found = _engine()(pixels, return_word_box=True)
    # Where there is nothing to read, the others are None and this is not empty.
    word_results = found.word_results if found.txts else ()
    lines: list[Line] = []
    left = MAX_WORDS
    for text, score, box, words in zip(
        found.txts or (), found.scores or (), _rows(found.boxes), word_results, strict=True
    ):
        read_words = tuple(
            _text(word, certainty, corners, picture.size) for word, certainty, corners in words
        )
        if left and text.strip():
            lines.append(Line(_text(text, score, box, picture.size), read_words[:left]))
            left -= len(lines[-1].words)
    return lines


def _rows(boxes: Any) -> Sequence[Any]:
    return () if boxes is None else list(boxes)


def _text(text: str, score: float, corners: Any, size: tuple[int, int]) -> Text:
    parts = tuple((_part(x, size[0]), _part(y, size[1])) for x, y in corners)
    return Text(text.strip(), parts, 100 * float(score))


def _part(position: Any, length: int) -> float:
    return min(1.0, max(0.0, float(position) / length))


@cache
def _engine() -> Any:
    # Which it imports.
    opencv()
    import rapidocr  # noqa: PLC0415

    models = Path(rapidocr.__file__).parent / "models"
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            # On two cores, two threads take twice the work of one; and the answer is always the same.
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            # Where lines are looked for; they are read in the picture itself.
            "Det.limit_type": "max",
            "Det.limit_side_len": 1280,
            "Rec.rec_batch_num": 1,
            # By their names, or RapidOCR would look for those that it misses on the network.
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
            "Cls.model_path": str(models / "ch_ppocr_mobile_v2.0_cls_mobile.onnx"),
            "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
        }
    )
