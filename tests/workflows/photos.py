"""Photos for the workflows: the samples, and files that are made here."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from happypath.project import SAMPLES


@cache
def sample(name: str) -> bytes:
    """A sample photo by its name without `.jpg`."""
    return (SAMPLES / "photos" / f"{name}.jpg").read_bytes()


@cache
def drawn(kind: str = "PNG", width: int = 900, height: int = 800) -> bytes:
    """A picture of a slope, which shows nothing that anybody could object to."""
    slope = Image.linear_gradient("L").resize((width, height))
    return _written(Image.merge("RGB", (slope, slope.rotate(180), slope)), kind)


def heic() -> bytes:
    """The same slope as HEIC, which nothing here can write: by pillow-heif 1.4, with x265."""
    return (Path(__file__).parent / "slope.heic").read_bytes()


def strip() -> bytes:
    """A picture that would be published as a line."""
    return _written(Image.new("1", (16_800, 800), 1), "PNG")


def truncated() -> bytes:
    """A JPEG whose header is whole, and whose picture breaks off."""
    photo = sample("coffee")
    return photo[: len(photo) // 2]


def gif() -> bytes:
    return _written(Image.new("P", (900, 900)), "GIF")


def bomb() -> bytes:
    """A PNG of a few kilobytes that says it has 30,000 by 30,000 pixels, and has the header to prove it."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(3_751) * 1_000, 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _written(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
