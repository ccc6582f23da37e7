"""The steps of work on a picture, such as decoding: whoever traces or times them says how (`observe`)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeAlias


class Step(Protocol):
    """A step that is under way."""

    def note(self, **metadata: str | int | float | bool) -> None:
        """Says what is worth knowing of it: sizes, counts. Nothing personal."""


class _Unobserved:
    def note(self, **metadata: str | int | float | bool) -> None:
        """Says nothing."""


Observer: TypeAlias = Callable[[str], AbstractContextManager[Step]]
_observer: Observer | None = None


def observe(observer: Observer) -> None:
    """Makes `observer` open each step from now on, by its name."""
    global _observer  # noqa: PLW0603  # set once, when a handler is imported
    _observer = observer


def step(name: str) -> AbstractContextManager[Step]:
    """A step of this name, as long as the block lasts.

    >>> with step("decode") as work:
    ...     work.note(width_px=4000)
    """
    return nullcontext(_Unobserved()) if _observer is None else _observer(name)
