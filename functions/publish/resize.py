"""Publishes the renditions of a photo."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.imaging.decoded import Picture
from functions.imaging.renditions import USUAL, Covering, Inside, Rendition, renditions
from functions.platform import rules
from functions.platform.aws import prepare
from functions.platform.observability import measure
from functions.platform.settings import ResizeSettings, read
from functions.platform.source_object import open_photo
from functions.platform.task import Event, Result, task
from functions.platform.values import value, whole
from functions.publish import distribution
from functions.upload import RENDITION_NAME_BYTES, Upload

SETTINGS = read(ResizeSettings)
prepare("s3", "dynamodb")

_NAME = re.compile(rf"[a-z][a-z0-9]{{0,{RENDITION_NAME_BYTES - 1}}}")
# What the result says of the photo itself.
_TAKEN = {"width", "height"}
_SIDE_PX = whole(1, 4096)


@dataclass(frozen=True)
class _Inside:
    width_px: int = value(_SIDE_PX)


@dataclass(frozen=True)
class _Cover(_Inside):
    height_px: int = value(_SIDE_PX)


def _rendition(name: str, given: object) -> Rendition:
    where = f"renditions.{name}"
    sides = (
        {key: each for key, each in given.items() if key != "fit"} if isinstance(given, Mapping) else given
    )
    match given:
        case {"fit": "cover"}:
            cover = rules.read(_Cover, sides, where)
            return Covering(cover.width_px, cover.height_px)
        case {"fit": "inside"}:
            return Inside(rules.read(_Inside, sides, where).width_px)
    raise ValueError(f'must have a fit of "cover" or "inside" for {name}')


def _renditions(given: Any) -> Mapping[str, Rendition]:
    if not isinstance(given, Mapping) or not given:
        raise ValueError("must be an object with a rendition by each name")
    for name in given:
        if not _NAME.fullmatch(name) or name in _TAKEN:
            raise ValueError(
                f"must have names of at most {RENDITION_NAME_BYTES} lower-case letters and digits, and none "
                f"of {', '.join(sorted(_TAKEN))}"
            )
    return {name: _rendition(name, each) for name, each in given.items()}


@dataclass(frozen=True)
class Rules:
    """`renditions`: by name, what is made of the photo; a tile and a scaled photo unless given.

    `{"fit": "cover", "width_px": 128, "height_px": 128}` is the middle of the photo, cut and, where it has
    less, enlarged to this size; `{"fit": "inside", "width_px": 600}` is the whole photo, never enlarged.
    """

    renditions: Mapping[str, Rendition] | None = value(_renditions, None)


@task
def handler(upload: Upload, event: Event) -> Result:
    """Resizes one upload by its `rules`, if there are any; in a dry run nothing of it is kept."""
    by = rules.read(Rules, event.get("rules", {}))
    result, jpegs = resize(upload, max_pixels=SETTINGS.max_pixels, wanted=by.renditions or USUAL)
    if not upload.dry_run:
        distribution.publish(
            upload,
            event["executionArn"],
            jpegs,
            bucket=SETTINGS.distribution_bucket,
            table_name=SETTINGS.table_name,
        )
    return result


def resize(
    upload: Upload, *, max_pixels: int, wanted: Mapping[str, Rendition] = USUAL
) -> tuple[Result, dict[str, bytes]]:
    """Makes `<key>/<name>.jpg` of each rendition: what they are, and the files by their keys.

    All are upright, sRGB, and without metadata; `functions.imaging.renditions` says what of the photo they
    show.

    The first has `width` and `height` of the upright photo, and for each rendition by its name the `key`,
    `width` and `height` in pixels, and `bytes`.

    Raises:
        Rejection: the photo cannot be read, or has more than `max_pixels`.
        botocore.exceptions.ClientError, BotoCoreError: a call to S3 failed.
    """
    photo = open_photo(upload)
    made = renditions(photo.fetch(), max_pixels=max_pixels, wanted=wanted)
    measure(PhotoBytes=photo.size_bytes, PhotoPixels=made.width * made.height)
    jpegs: dict[str, bytes] = {}
    result: Result = {"width": made.width, "height": made.height}
    for name, picture in made.pictures.items():
        key = upload.rendition_key(name)
        jpegs[key] = picture.jpeg()
        result[name] = _described(picture, key, len(jpegs[key]))
    return result, jpegs


def _described(picture: Picture, key: str, size_bytes: int) -> dict[str, str | int]:
    width, height = picture.raster.size
    return {"key": key, "width": width, "height": height, "bytes": size_bytes}
