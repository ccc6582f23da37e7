"""How a frame looks to people: as pictures of 8 bits, several of one frame where a single one could hide
words.

A grey sample of up to 16 bits is more than a screen shows, so that a window is chosen. Words that are
burned in are as a rule the brightest of all, and yet there are frames in which one window shows them and
another does not. https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.11.2.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_color_lut

from functions.dicom.pixels import as_rgb
from functions.dicom.reading import reading

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from functions.dicom.pixels import Frame

# Makes 8 bits of a frame: rows, columns and, of colours, three samples.
View: TypeAlias = "Callable[[Frame], NDArray[np.uint8]]"
Window: TypeAlias = tuple[float, float]

# Windows that are said, of which the first are the ones that people see.
_MOST_STATED = 2
# What is cut off at both ends: a few pixels of metal, or none at all around the picture, make all else one
# grey.
_PERCENT = (1, 99)
_SAMPLES = 1_000_000


def views(dataset: Dataset, film: NDArray[Any], interpretation: str) -> list[View]:
    """The views of a film, whose first axis are its frames.

    Raises:
        Rejection: CORRUPT_IMAGE: the palette cannot be read.
    """
    if film.ndim == 4:
        return [lambda frame: as_rgb(frame, interpretation)]
    if interpretation == "PALETTE COLOR":
        return [partial(_coloured, palette(dataset))]
    found: list[Window] = []
    for low, high in _windows(dataset, film):
        width = high - low
        if width > 0 and not any(
            abs(low - other[0]) + abs(high - other[1]) < (other[1] - other[0]) / 8 for other in found
        ):
            found.append((low, high))
    if not found:
        found = [(float(film.min()), float(film.min()) + 1)]
    if interpretation == "MONOCHROME1":
        found = [(high, low) for low, high in found]
    return [partial(_windowed, window) for window in found]


def palette(dataset: Dataset) -> NDArray[np.uint8]:
    """The colours of a palette, by the samples that stand for them; later samples have the last colour.

    Raises:
        Rejection: CORRUPT_IMAGE: it cannot be read.
    """
    with reading("The palette"):
        bits = int(dataset.BitsAllocated)
        every = np.arange(2**bits).astype(np.uint8 if bits == 8 else np.uint16)
        colours = apply_color_lut(every, dataset)
        shown: NDArray[np.uint8] = (colours >> 8 if colours.dtype == np.uint16 else colours).astype(np.uint8)
        return shown[:, :3]


def black(dataset: Dataset, frame: Frame, interpretation: str) -> Any:
    """The darkest that a frame has, as its samples."""
    if frame.ndim == 3:
        return (0, 128, 128) if interpretation == "YBR_FULL" else (0, 0, 0)
    if interpretation == "PALETTE COLOR":
        return int(palette(dataset).sum(axis=1, dtype=int).argmin())
    return frame.max() if interpretation == "MONOCHROME1" else frame.min()


def _windows(dataset: Dataset, film: NDArray[Any]) -> Iterator[Window]:
    """What is said, all that there is, and most of it, from the lowest sample to the highest."""
    with reading("The window"):
        slope, intercept = (
            float(dataset.get("RescaleSlope") or 1),
            float(dataset.get("RescaleIntercept") or 0),
        )
        stated = zip(_numbers(dataset, "WindowCenter"), _numbers(dataset, "WindowWidth"), strict=False)
        for center, width in list(stated)[:_MOST_STATED]:
            ends = sorted((center + side * width / 2 - intercept) / slope for side in (-1, 1))
            if np.isfinite(ends).all():
                yield ends[0], ends[1]
    yield float(film.min()), float(film.max())
    step = max(1, film.size // _SAMPLES)
    low, high = np.percentile(film.reshape(-1)[::step], _PERCENT)
    yield float(low), float(high)


def _numbers(dataset: Dataset, keyword: str) -> list[float]:
    value = dataset.get(keyword)
    given = value if isinstance(value, MultiValue) else [value]
    return [float(each) for each in given if each not in {None, ""}]


def _windowed(window: Window, frame: Frame) -> NDArray[np.uint8]:
    """From the sample that is black to the one that is white, which is the lower one in MONOCHROME1."""
    low, high = window
    grey: NDArray[np.float32] = (frame.astype(np.float32) - low) * (255 / (high - low))
    return grey.clip(0, 255).astype(np.uint8)


def _coloured(colours: NDArray[np.uint8], frame: Frame) -> NDArray[np.uint8]:
    shown: NDArray[np.uint8] = colours[frame.astype(np.uint16)]
    return shown
