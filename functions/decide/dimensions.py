"""Is the photo of an allowed type, and neither too small nor too large?"""

from __future__ import annotations

from functions.aws import prepare
from functions.decision import Decision, Reason, Refusal
from functions.formats import Source
from functions.image import header
from functions.observability import logger, subsegment
from functions.photo import open_photo
from functions.settings import DimensionsSettings, read
from functions.task import Event, Result, task
from functions.upload import Upload

SETTINGS = read(DimensionsSettings)
prepare("s3")


@task
def handler(upload: Upload, _event: Event) -> Result:
    """Decides on one upload."""
    photo = open_photo(upload)
    with subsegment("decide"):
        decision = decide(
            photo,
            min_pixels=SETTINGS.min_pixels,
            max_pixels=SETTINGS.max_pixels,
            allowed_types=SETTINGS.allowed_types,
        )
    logger.info(
        "looked at the header", extra={"bytesFetched": photo.bytes_fetched, "sizeBytes": photo.size_bytes}
    )
    return decision.as_result()


def decide(file: Source, *, min_pixels: int, max_pixels: int, allowed_types: frozenset[str]) -> Decision:
    """Decides by the header, which is all that is read of the file.

    `min_pixels` is for both sides, `max_pixels` for the area, width times height. The detail holds `type`,
    and `width_px` and `height_px` of the upright photo, as far as they could be read; when it is rejected,
    also the limit that was not met, or a `message` that says what cannot be read.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: the file is in S3, and a call to it failed.
    """
    try:
        photo = header(file, allowed_types)
    except Refusal as refusal:
        return refusal.decision
    seen = photo.as_detail()
    if min(photo.width, photo.height) < min_pixels:
        return Decision.reject(Reason.IMAGE_TOO_SMALL, **seen, min_pixels=min_pixels)
    if photo.width * photo.height > max_pixels:
        return Decision.reject(Reason.IMAGE_TOO_LARGE, **seen, max_pixels=max_pixels)
    return Decision.accept(**seen)
