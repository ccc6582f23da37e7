"""How long keys may be and how large objects, and what S3 says to longer and larger ones.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html
"""

from __future__ import annotations

from happypath.sandbox.front.answers import ErrorAnswer

MOST_KEY_BYTES = 1_024
MOST_METADATA_BYTES = 2_048
# Of one request: an object that is put or posted, or a part of one.
MOST_OBJECT_BYTES = 5 * 1_024**3


def too_long(key_bytes: int) -> ErrorAnswer:
    """The answer to a key of so many bytes."""
    return ErrorAnswer(
        400,
        "KeyTooLongError",
        "Your key is too long",
        {"Size": str(key_bytes), "MaxSizeAllowed": str(MOST_KEY_BYTES)},
    )


def too_large(size_bytes: int, most_bytes: int = MOST_OBJECT_BYTES) -> ErrorAnswer:
    """The answer to an object of so many bytes."""
    return ErrorAnswer(
        400,
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
        {"ProposedSize": str(size_bytes), "MaxSizeAllowed": str(most_bytes)},
    )


def too_small(size_bytes: int, least_bytes: int) -> ErrorAnswer:
    """The answer to an object of so many bytes."""
    return ErrorAnswer(
        400,
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
        {"ProposedSize": str(size_bytes), "MinSizeAllowed": str(least_bytes)},
    )
