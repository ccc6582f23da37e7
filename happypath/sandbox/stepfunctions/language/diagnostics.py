"""What is said of a definition."""

from __future__ import annotations

from typing import NamedTuple


class Diagnostic(NamedTuple):
    """One thing that is wrong: a code of AWS's list, words, and where, such as `/States/First/Next`."""

    code: str
    message: str
    location: str | None

    def __str__(self) -> str:
        return f"{self.code}: {self.message} at {'null' if self.location is None else self.location}"


def schema(message: str, location: str) -> Diagnostic:
    """A field has not the form that it must have."""
    return Diagnostic("SCHEMA_VALIDATION_FAILED", message, location)
