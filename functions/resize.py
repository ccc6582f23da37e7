"""Publishes the two renditions of a photo."""

from __future__ import annotations

from functions.aws import client, prepare
from functions.observability import measure
from functions.photo import open_photo
from functions.picture import Picture
from functions.renditions import renditions
from functions.settings import ResizeSettings, read
from functions.task import Event, Result, task
from functions.upload import Upload

SETTINGS = read(ResizeSettings)
prepare("s3")

# The keys stay the same when a photo is uploaded again, so caches must ask again before long.
_CACHE_CONTROL = "public, max-age=3600"


@task
def handler(upload: Upload, _event: Event) -> Result:
    """Resizes one upload; in shadow nothing of it is kept."""
    bucket = None if upload.shadow else SETTINGS.distribution_bucket
    return resize(upload, bucket=bucket, max_pixels=SETTINGS.max_pixels)


def resize(upload: Upload, *, bucket: str | None, max_pixels: int) -> Result:
    """Writes `<placeId>/<uploadId>-tile.jpg` and `-scaled.jpg` to a bucket, and says what they are.

    Without a bucket they are made all the same, and kept nowhere.

    Both are upright, sRGB, and without metadata; `functions.renditions` says what of the photo they show.

    Returns `width` and `height` of the upright photo, and for `tile` and `scaled` each `key`, `width` and
    `height` in pixels, and `bytes`.

    Raises:
        Refusal: the photo cannot be read, or has more than `max_pixels`.
        botocore.exceptions.ClientError, BotoCoreError: a call to S3 failed.
    """
    photo = open_photo(upload)
    made = renditions(photo.fetch(), max_pixels=max_pixels)
    measure(PhotoBytes=photo.size_bytes, PhotoPixels=made.width * made.height)
    return {
        "width": made.width,
        "height": made.height,
        "tile": _publish(made.tile, bucket, upload.rendition_key("tile")),
        "scaled": _publish(made.scaled, bucket, upload.rendition_key("scaled")),
    }


def _publish(rendition: Picture, bucket: str | None, key: str) -> dict[str, str | int]:
    jpeg = rendition.jpeg()
    if bucket is not None:
        client("s3").put_object(
            Bucket=bucket, Key=key, Body=jpeg, ContentType="image/jpeg", CacheControl=_CACHE_CONTROL
        )
    width, height = rendition.raster.size
    return {"key": key, "width": width, "height": height, "bytes": len(jpeg)}
