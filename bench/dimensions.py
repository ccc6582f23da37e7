"""What it takes to learn a photo's size: its first bytes, or the whole object, as the forerunner did."""

from __future__ import annotations

import io
import statistics
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any
from unittest.mock import Mock, patch

from PIL import Image

from bench.frame import Bar, Result, Table, interleaved, number, progress, ratio, spread, timed
from bench.photos import SIZES, Photo, all_photos, made
from functions import photo as photos
from functions.image import header
from functions.photo import FIRST_BYTES, S3File
from functions.upload import Upload

_UPLOAD = Upload("uploads", "place/photo.jpg", "place", "photo", "version", "photo")
# What cameras write before the picture: a thumbnail in EXIF, and a preview about as large as EXIF can hold.
_THUMBNAIL_BYTES = (12_000, 60_000)


class _Bucket:
    """Answers as S3 does for one object, from memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def get_object(self, Range: str = "", **_: Any) -> dict[str, Any]:  # noqa: N803  # S3's name
        """A range of the object, or all of it."""
        start, end = 0, len(self._data) - 1
        if Range:
            first, last = Range.removeprefix("bytes=").split("-")
            start, end = int(first), min(int(last), end)
        body = self._data[start : end + 1]
        return {
            "Body": io.BytesIO(body),
            "ContentLength": len(body),
            "ContentRange": f"bytes {start}-{end}/{len(self._data)}",
            "ETag": "etag",
        }


def run(rounds: int) -> Result:
    """Reads every photo's size both ways."""
    progress("  dimensions: all photos, as they are and with EXIF previews")
    rows = []
    fetched: list[int] = []
    ratios = []
    for photo in _photos():
        bucket = _Bucket(photo.data)
        with patch.object(photos, "client", Mock(return_value=bucket)):
            taken = interleaved({"ours": timed(_ours), "whole": timed(partial(_whole, bucket))}, rounds)
            file = S3File(_UPLOAD)
            found = header(file)
        if (found.width, found.height) != (photo.width, photo.height):
            raise SystemExit(f"{photo.name}: {found} is not its size")
        fetched.append(file.bytes_fetched)
        ratios.append(ratio(taken["ours"], taken["whole"]))
        rows.append(
            [
                photo.name,
                f"{len(photo.data) / 1024:.0f}",
                f"{file.bytes_fetched / 1024:.0f}",
                spread(taken["ours"]),
                spread(taken["whole"]),
                number(ratios[-1]),
            ]
        )
    share = statistics.mean(size <= FIRST_BYTES for size in fetched)
    return Result(
        about=(
            "S3 answers from memory: times are of finding the size alone, without a byte on the network. "
            "The whole object is fetched and opened by Pillow, which reads its header."
        ),
        bars=[
            Bar("photos with at most 64 KiB fetched, %", 95, 100 * share, at_least=True),
        ],
        tables=[
            Table(
                "Dimensions",
                ["photo", "size, KiB", "fetched, KiB", "ours, ms", "whole, ms", "÷ whole"],
                rows,
            )
        ],
    )


def _photos() -> Iterator[Photo]:
    for photo in all_photos():
        yield photo
        for size in _THUMBNAIL_BYTES:
            exif = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + bytes(size)
            segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
            data = photo.data[:2] + segment + photo.data[2:]
            yield replace(photo, name=f"{photo.name}, EXIF of {size // 1000} KB", data=data)
    for kind in ("PNG", "WEBP"):
        yield made(*SIZES[3], kind=kind)


def _ours() -> None:
    header(S3File(_UPLOAD))


def _whole(bucket: _Bucket) -> tuple[int, int]:
    with Image.open(io.BytesIO(bucket.get_object()["Body"].read())) as opened:
        return opened.size
