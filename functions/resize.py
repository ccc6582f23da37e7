"""Makes the two renditions of a photo that are published: a square tile, and the whole photo for a page."""

from __future__ import annotations

from functions.aws import client, prepare
from functions.observability import measure
from functions.photo import open_photo
from functions.picture import Picture, decode
from functions.settings import ResizeSettings, read
from functions.task import Event, Result, task
from functions.upload import Upload

SETTINGS = read(ResizeSettings)
prepare("s3")

TILE_PX = 400
SCALED_WIDTH_PX = 600
# What a JPEG can hold; only an absurdly long photo is made narrower by it.
_MAX_HEIGHT_PX = 65_500
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

    The tile is 400 by 400, the middle of the photo; a photo with a shorter side is enlarged for it, so that a
    page of tiles has no holes. The scaled photo is 600 wide, or as wide as the photo if that is less.
    Both are upright, sRGB, and without metadata.

    Returns `width` and `height` of the upright photo, and for `tile` and `scaled` each `key`, `width` and
    `height` in pixels, and `bytes`.

    Raises:
        Refusal: the photo cannot be read, or has more than `max_pixels`.
        botocore.exceptions.ClientError, BotoCoreError: a call to S3 failed.
    """
    photo = open_photo(upload)
    picture = decode(photo.fetch(), max_pixels=max_pixels, enough=_enough)
    measure(PhotoBytes=photo.size_bytes, PhotoPixels=picture.width * picture.height)
    scaled = picture.scaled(*_scaled_size(picture.width, picture.height))
    # Where the scaled photo is large enough, the tile is made of it; of the usual 3:2 it is cut.
    tile = (scaled if min(scaled.raster.size) >= TILE_PX else picture).square(TILE_PX)
    return {
        "width": picture.width,
        "height": picture.height,
        "tile": _publish(tile, bucket, upload.rendition_key("tile")),
        "scaled": _publish(scaled, bucket, upload.rendition_key("scaled")),
    }


def _scaled_size(width: int, height: int) -> tuple[int, int]:
    fraction = min(1.0, SCALED_WIDTH_PX / width, _MAX_HEIGHT_PX / height)
    return max(1, round(width * fraction)), max(1, round(height * fraction))


def _enough(width: int, height: int) -> float:
    scaled_width, scaled_height = _scaled_size(width, height)
    return min(1.0, max(scaled_width / width, scaled_height / height, TILE_PX / min(width, height)))


def _publish(rendition: Picture, bucket: str | None, key: str) -> dict[str, str | int]:
    jpeg = rendition.jpeg()
    if bucket is not None:
        client("s3").put_object(
            Bucket=bucket, Key=key, Body=jpeg, ContentType="image/jpeg", CacheControl=_CACHE_CONTROL
        )
    width, height = rendition.raster.size
    return {"key": key, "width": width, "height": height, "bytes": len(jpeg)}
