"""The errors that are shown in one line."""

from __future__ import annotations


class ExpectedError(Exception):
    """Something foreseeable is in the way; the message says what, where, and what to do."""

    # What the command ends with.
    exit_status = 1


class UsageError(ExpectedError):
    """What was asked for cannot be used; the message says which part and why."""

    exit_status = 2


class MissingExtraError(ExpectedError):
    """Something is not installed that only some workflows need; the message says how to install it.

    `extra` is what `scripts/install` calls it. scripts/run knows it by the exit status, and installs it.
    """

    def __init__(self, extra: str, message: str) -> None:
        self.exit_status = EXTRAS[extra]
        super().__init__(message)


# What `scripts/install` adds for some workflows → with what the command ends without it.
EXTRAS = {"ocr": 3, "dicom": 4, "video": 5, "document": 6}
