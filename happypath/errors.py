"""The errors that are shown in one line."""

from __future__ import annotations


class ExpectedError(Exception):
    """Something foreseeable is in the way; the message says what, where, and what to do."""

    # What the command ends with.
    exit_status = 1


class UsageError(ExpectedError):
    """What was asked for cannot be used; the message says which part and why."""

    exit_status = 2
