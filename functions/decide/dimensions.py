"""Is the photo of an allowed type, and neither too small nor too large?"""

from __future__ import annotations

from dataclasses import dataclass

from functions.decision import Decision, Reason, Rejection
from functions.imaging.formats import Source
from functions.imaging.header import READABLE, header
from functions.platform.aws import prepare
from functions.platform.decider import decider
from functions.platform.observability import logger
from functions.platform.source_object import open_photo
from functions.platform.values import entries, value, whole
from functions.upload import Upload

prepare("s3")


def _types(given: object) -> frozenset[str]:
    types = frozenset(name.lower() for name in entries(given))
    if not types or not types <= READABLE:
        raise ValueError(f"must be a choice of {', '.join(sorted(READABLE))}")
    return types


@dataclass(frozen=True)
class Rules:
    """`min_pixels` is for both sides, `max_pixels` for the area, `allowed_types` for what the bytes say.

    `max_aspect_ratio` is how many times the longer side may be the shorter one.
    """

    min_pixels: int = value(whole(1, 100_000), 1)
    max_pixels: int | None = value(whole(1, 1_000_000_000), None)
    allowed_types: frozenset[str] = value(_types, READABLE)
    max_aspect_ratio: int | None = value(whole(1, 100_000), None)


@decider(Rules)
def handler(upload: Upload, rules: Rules) -> Decision:
    """Decides by the photo's first bytes, as a rule by one request."""
    photo = open_photo(upload)
    decision = decide(photo, rules)
    logger.info(
        "looked at the header", extra={"bytesFetched": photo.bytes_fetched, "sizeBytes": photo.size_bytes}
    )
    return decision


def decide(file: Source, rules: Rules) -> Decision:
    """Decides by the header, which is all that is read of the file.

    The detail holds `type`, and `width_px` and `height_px` of the upright photo, as far as they could be
    read; when it is rejected, also the limit that was not met, or a `message` that says what cannot be read.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: the file is in S3, and a call to it failed.
    """
    try:
        photo = header(file, rules.allowed_types)
    except Rejection as rejection:
        return rejection.decision
    seen = photo.as_detail()
    if min(photo.width, photo.height) < rules.min_pixels:
        return Decision.reject(Reason.IMAGE_TOO_SMALL, **seen, min_pixels=rules.min_pixels)
    if rules.max_pixels and photo.width * photo.height > rules.max_pixels:
        return Decision.reject(Reason.IMAGE_TOO_LARGE, **seen, max_pixels=rules.max_pixels)
    if rules.max_aspect_ratio and photo.aspect_ratio > rules.max_aspect_ratio:
        return Decision.reject(Reason.IMAGE_TOO_NARROW, **seen, max_aspect_ratio=rules.max_aspect_ratio)
    return Decision.accept(**seen)
