"""How a photo is handed to Rekognition: in place where it takes it, as a smaller JPEG where it does not."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from functions.decision import Reason, Rejection
from functions.imaging.header import header
from functions.platform.source_object import S3File, open_photo
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


def image_argument(photo: Upload | bytes, max_pixels: int, *, in_place: bool = True) -> ImageTypeDef:
    """The `Image` argument of Rekognition's calls, of an upload or of a picture's bytes.

    An upload that is within the limits is named as the S3 object that it is, and bytes within them are
    sent as they are; anything else, and without `in_place` all, becomes a JPEG. `max_pixels` is the largest
    area that is decoded.

    Raises:
        Rejection: the photo cannot be read, or is too small, too narrow or too large to be looked at.
    """
    if isinstance(photo, bytes):
        file: io.BytesIO | S3File = io.BytesIO(photo)
        size_bytes, most_bytes = len(photo), MAX_BYTES_SENT
    else:
        file = open_photo(photo)
        size_bytes, most_bytes = file.size_bytes, MAX_BYTES_IN_S3
    picture = header(file)
    short_px, long_px = sorted((picture.width, picture.height))
    # The rendition's longer side, longer than usual where the shorter side would fall below the least.
    longest_px = max(_RENDITION_SIDE_PX, -(-long_px * MIN_SIDE_PX // max(short_px, 1)))
    fits = picture.type in TYPES and size_bytes <= most_bytes and long_px <= MAX_SIDE_PX
    if short_px < MIN_SIDE_PX or (longest_px > MAX_SIDE_PX and not fits):
        raise Rejection.because(
            Reason.IMAGE_TOO_SMALL,
            **picture.as_detail(),
            min_pixels=MIN_SIDE_PX,
            message=f"Rekognition looks at nothing with a side under {MIN_SIDE_PX} pixels.",
        )
    if fits and in_place:
        return {"Bytes": photo} if isinstance(photo, bytes) else {"S3Object": _named(photo)}
    # Most photos go to Rekognition as they are, so most runs can do without a decoder.
    from functions.imaging.decoded import reduced_jpeg  # noqa: PLC0415

    file.seek(0)
    return {
        "Bytes": reduced_jpeg(
            file.read(), max_pixels=max_pixels, longest_side_px=longest_px, at_most_bytes=MAX_BYTES_SENT
        )
    }


def _named(upload: Upload) -> S3ObjectTypeDef:
    in_s3: S3ObjectTypeDef = {"Bucket": upload.bucket, "Name": upload.key}
    if upload.version_id is not None:
        in_s3["Version"] = upload.version_id
    return in_s3
