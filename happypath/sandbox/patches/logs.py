"""CloudWatch Logs: its filter patterns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from moto.logs import models
from moto.logs.exceptions import InvalidParameterException

from happypath.sandbox.logs import filters
from happypath.sandbox.patches.served import Patch, Served


class _MessageFilter:
    """In the place of moto's."""

    def __init__(self, pattern: str | None) -> None:
        try:
            self._fits = filters.read(pattern or "")
        except filters.PatternError as error:
            raise _InvalidPatternError(str(error)) from error

    def matches(self, message: str) -> bool:
        """Whether a message fits."""
        return self._fits(message)


class _InvalidPatternError(InvalidParameterException):
    def __init__(self, reason: str) -> None:
        super().__init__(msg=f"Invalid filter pattern: {reason}")


@contextmanager
def filter_patterns(_: Served) -> Iterator[None]:
    """A pattern finds what it describes, in JSON, too; moto finds every line for what it does not read.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """
    with patch.object(models, "EventMessageFilter", _MessageFilter):
        yield


PATCHES: tuple[Patch, ...] = (filter_patterns,)
