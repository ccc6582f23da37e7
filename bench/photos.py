"""The photos that benchmarks work on: the samples, and others made of them in the sizes that cameras have."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from happypath.project import SAMPLES

# Width and height, from 0.5 to 24 megapixels, in the shapes of common cameras.
SIZES = [
    (866, 578),
    (1224, 816),
    (1632, 1224),
    (2592, 1944),
    (3264, 2448),
    (4032, 3024),
    (4896, 3264),
    (6000, 4000),
]
# As a camera writes it: the sample itself is a good photo of 8 megapixels.
_SOURCE = SAMPLES / "photos" / "mountains.jpg"
_QUALITY = 90
# Files of other types are made for what decoding them takes, and are not made small.
_FAST = {"PNG": {"compress_level": 1}, "WEBP": {"quality": 80, "method": 1}, "AVIF": {"speed": 10}}


@dataclass(frozen=True)
class Photo:
    """One photo as a file."""

    name: str
    width: int
    height: int
    data: bytes
    progressive: bool

    @property
    def megapixels(self) -> float:
        """Its area."""
        return self.width * self.height / 1e6


def all_photos() -> Iterator[Photo]:
    """The samples by size, then the made ones: of each size a baseline and a progressive JPEG."""
    yield from photos_in(SAMPLES / "photos")
    for width, height in SIZES:
        for progressive in (False, True):
            yield made(width, height, progressive=progressive)


def photos_in(folder: Path) -> list[Photo]:
    """The JPEG photos of a folder and those below it, by size.

    Raises:
        SystemExit: there are none.
    """
    found = [
        _opened(path.stem, path.read_bytes())
        for path in folder.rglob("*")
        if path.suffix.lower() in {".jpg", ".jpeg"}
    ]
    if not found:
        raise SystemExit(f"{folder} has no JPEG photos (*.jpg, *.jpeg).")
    return sorted(found, key=lambda photo: photo.megapixels)


def made(width: int, height: int, *, progressive: bool = False, kind: str = "JPEG") -> Photo:
    """A photo of a size: the source reduced, or repeated in mirrored copies, so that detail is as dense."""
    file = io.BytesIO()
    options: dict[str, Any] = _FAST.get(
        kind, {"quality": _QUALITY, "progressive": progressive, "subsampling": "4:2:0"}
    )
    _pixels(width, height).save(file, kind, **options)
    how = ("progressive" if progressive else "baseline") if kind == "JPEG" else kind
    return Photo(f"{width * height / 1e6:.1f} MP {how}", width, height, file.getvalue(), progressive)


@cache
def _pixels(width: int, height: int) -> Image.Image:
    with Image.open(_SOURCE) as opened:
        source = opened.convert("RGB")
    if width <= source.width and height <= source.height:
        return ImageOps.fit(source, (width, height), Image.Resampling.LANCZOS)
    whole = Image.new("RGB", (width, height))
    for row, top in enumerate(range(0, height, source.height)):
        for column, left in enumerate(range(0, width, source.width)):
            copy = ImageOps.mirror(source) if column % 2 else source
            whole.paste(ImageOps.flip(copy) if row % 2 else copy, (left, top))
    return whole


def _opened(name: str, data: bytes) -> Photo:
    with Image.open(io.BytesIO(data)) as opened:
        return Photo(name, opened.width, opened.height, data, "progressive" in opened.info)
