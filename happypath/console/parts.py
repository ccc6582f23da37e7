"""A page shows what it can: what AWS does not give is a sentence on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from happypath.operations.aws_errors import FORESEEABLE, explain

T = TypeVar("T")
S = TypeVar("S")


@dataclass
class Parts:
    """What a page is made of. `missing` says what it lacks, and why, one sentence for each part."""

    missing: list[str] = field(default_factory=list)

    def get(self, what: str, call: Callable[[], T], otherwise: S) -> T | S:
        """What the call gives; `otherwise` if it fails as calls of AWS may, and then `what` is missing.

        >>> parts = Parts()
        >>> parts.get("The record", lambda: open("/no/such/file").read(), "")
        ''
        >>> parts.missing
        ['The record is missing here. /no/such/file: No such file or directory.']
        """
        try:
            return call()
        except FORESEEABLE as error:
            said = explain(error)
            self.missing.append(f"{what} is missing here. {said}{'' if said.endswith('.') else '.'}")
            return otherwise
