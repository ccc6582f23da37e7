"""Publishes the two renditions of a photo."""

from __future__ import annotations

from functions.imaging.decoded import Picture
from functions.imaging.renditions import renditions
from functions.platform.aws import prepare
from functions.platform.observability import measure
from functions.platform.settings import ResizeSettings, read
from functions.platform.source_object import open_photo
from functions.platform.task import Event, Result, task
from functions.publish import distribution
from functions.upload import Upload

SETTINGS = read(ResizeSettings)
prepare("s3", "dynamodb")


@task
def handler(upload: Upload, event: Event) -> Result:
    """Resizes one upload; in a dry run nothing of it is kept."""
    result, jpegs = resize(upload, max_pixels=SETTINGS.max_pixels)
    if not upload.dry_run:
        distribution.publish(
            upload,
            event["executionArn"],
            jpegs,
            bucket=SETTINGS.distribution_bucket,
            table_name=SETTINGS.table_name,
        )
    return result


def resize(upload: Upload, *, max_pixels: int) -> tuple[Result, dict[str, bytes]]:
    """Makes `<key>/tile.jpg` and `<key>/scaled.jpg`: what they are, and the files by their keys.

    Both are upright, sRGB, and without metadata; `functions.imaging.renditions` says what of the photo they
    show.

    The first has `width` and `height` of the upright photo, and for `tile` and `scaled` each `key`, `width`
    and `height` in pixels, and `bytes`.

    Raises:
        Rejection: the photo cannot be read, or has more than `max_pixels`.
        botocore.exceptions.ClientError, BotoCoreError: a call to S3 failed.
    """
    photo = open_photo(upload)
    made = renditions(photo.fetch(), max_pixels=max_pixels)
    measure(PhotoBytes=photo.size_bytes, PhotoPixels=made.width * made.height)
    jpegs: dict[str, bytes] = {}
    result: Result = {"width": made.width, "height": made.height}
    for name, rendition in (("tile", made.tile), ("scaled", made.scaled)):
        key = upload.rendition_key(name)
        jpegs[key] = rendition.jpeg()
        result[name] = _described(rendition, key, len(jpegs[key]))
    return result, jpegs


def _described(rendition: Picture, key: str, size_bytes: int) -> dict[str, str | int]:
    width, height = rendition.raster.size
    return {"key": key, "width": width, "height": height, "bytes": size_bytes}
