"""What it takes to learn a photo's size: its first bytes, or the whole object, as the forerunner did."""

from __future__ import annotations

import io
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock, patch

import boto3
from botocore.config import Config
from PIL import Image

from bench.account import served
from bench.frame import Bar, Result, Table, cpu, interleaved, number, progress, ratio, spread
from bench.photos import SIZES, Photo, all_photos, made
from functions.imaging.header import header
from functions.platform import source_object as photos
from functions.platform.source_object import FIRST_BYTES, S3File
from functions.upload import Upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_UPLOAD = Upload("uploads", "place/photo.jpg", "place", "photo.jpg", "version")
# What cameras write before the picture: a thumbnail in EXIF, and a preview about as large as EXIF can hold.
_THUMBNAIL_BYTES = (12_000, 60_000)


def run(rounds: int) -> Result:
    """Reads every photo's size both ways."""
    progress("  dimensions: all photos, as they are and with EXIF previews")
    rows = []
    fetched: list[int] = []
    ratios = []
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as endpoint:
        s3 = _client(endpoint)
        for photo in _photos():
            (Path(folder) / "photo.jpg").write_bytes(photo.data)
            with patch.object(photos, "client", Mock(return_value=s3)):
                taken = interleaved({"ours": cpu(_ours), "whole": cpu(partial(_whole, s3))}, rounds)
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
            "A small server in a process of its own answers on loopback as S3 does. Times are CPU time of "
            "the client's process, in milliseconds: the request by boto3, the transfer, and finding the "
            "size. The whole object is fetched and opened by Pillow, which reads its header."
        ),
        bars=[
            Bar("photos with at most 64 KiB fetched, %", 95, 100 * share, at_least=True),
            Bar(
                "CPU time of fetching the whole object's, geometric mean",
                1.0,
                statistics.geometric_mean(ratios),
            ),
        ],
        tables=[
            Table(
                "Dimensions",
                ["photo", "size, KiB", "fetched, KiB", "ours, CPU ms", "whole, CPU ms", "÷ whole"],
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


def _client(endpoint: str) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",  # noqa: S106  # nobody checks it
        config=Config(s3={"addressing_style": "path"}),
    )


def _ours() -> None:
    header(S3File(_UPLOAD))


def _whole(s3: S3Client) -> tuple[int, int]:
    body = s3.get_object(Bucket=_UPLOAD.bucket, Key=_UPLOAD.key)["Body"].read()
    with Image.open(io.BytesIO(body)) as opened:
        return opened.size
