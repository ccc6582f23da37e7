"""Why a film is refused."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import av

from functions.decision import Reason, Rejection


def corrupt(message: str, **detail: object) -> Rejection:
    """The film is damaged or incomplete; the message says what of it."""
    return Rejection.because(Reason.CORRUPT_VIDEO, message=message, **detail)


_OURS = {errno.ENOSPC, errno.ENOMEM}


@contextmanager
def readable(reason: Reason, message: str) -> Iterator[None]:
    """Refuses a film for which FFmpeg's libraries have nothing but an error.

    Errors of S3 come through them as they are.
    """
    try:
        yield
    except (av.FFmpegError, UnicodeDecodeError, OverflowError) as error:
        # Of these the film knows nothing.
        if getattr(error, "errno", None) in _OURS:
            raise
        raise Rejection.because(reason, message=message) from error
