"""How a photo is handed to Rekognition: in place where it takes it, as a smaller JPEG where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.decision import Reason, Rejection
from functions.imaging.header import header
from functions.platform.source_object import open_photo
from functions.upload import Upload

if TYPE_CHECKING:
    from mypy_boto3_rekognition.type_defs import ImageTypeDef, S3ObjectTypeDef

# https://docs.aws.amazon.com/rekognition/latest/dg/limits.html
TYPES = frozenset({"jpg", "png"})
MAX_BYTES_IN_S3 = 15_000_000
MAX_BYTES_SENT = 5 * 1024 * 1024
MIN_SIDE_PX = 80
MAX_SIDE_PX = 10_000

# Enough to see a face in a crowd, and a few hundred kilobytes to send.
_RENDITION_SIDE_PX = 2048


def image_argument(upload: Upload, max_pixels: int, *, in_place: bool = True) -> ImageTypeDef:
    """The `Image` argument of Rekognition's calls: the S3 object, when it is within the limits, else a JPEG.

    `max_pixels` is the largest area that is decoded; without `in_place` it is always a JPEG.

    Raises:
        Rejection: the photo cannot be read, or is too small, too narrow or too large to be looked at.
    """
    file = open_photo(upload)
    photo = header(file)
    short_px, long_px = sorted((photo.width, photo.height))
    # The rendition's longer side, longer than usual where the shorter side would fall below the least.
    longest_px = max(_RENDITION_SIDE_PX, -(-long_px * MIN_SIDE_PX // max(short_px, 1)))
    fits = photo.type in TYPES and file.size_bytes <= MAX_BYTES_IN_S3 and long_px <= MAX_SIDE_PX
    if short_px < MIN_SIDE_PX or (longest_px > MAX_SIDE_PX and not fits):
        raise Rejection.because(
            Reason.IMAGE_TOO_SMALL,
            **photo.as_detail(),
            min_pixels=MIN_SIDE_PX,
            message=f"Rekognition looks at nothing with a side under {MIN_SIDE_PX} pixels.",
        )
    if fits and in_place:
        in_s3: S3ObjectTypeDef = {"Bucket": upload.bucket, "Name": upload.key}
        if upload.version_id is not None:
            in_s3["Version"] = upload.version_id
        return {"S3Object": in_s3}
    # Most photos go to Rekognition as they are, so most runs can do without a decoder.
    from functions.imaging.decoded import reduced_jpeg  # noqa: PLC0415

    return {
        "Bytes": reduced_jpeg(
            file.fetch(), max_pixels=max_pixels, longest_side_px=longest_px, at_most_bytes=MAX_BYTES_SENT
        )
    }
