"""The answer of a deciding task: a Decision, or a Refusal where a task cannot even go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """Why a photo is refused, as it stands in the workflow record."""

    IMAGE_TOO_SMALL = "IMAGE_TOO_SMALL"
    IMAGE_TOO_LARGE = "IMAGE_TOO_LARGE"
    UNSUPPORTED_TYPE = "UNSUPPORTED_TYPE"
    CORRUPT_IMAGE = "CORRUPT_IMAGE"
    FAILED_MODERATION = "FAILED_MODERATION"
    NO_PEOPLE_ALLOWED = "NO_PEOPLE_ALLOWED"
    NO_MATCH = "NO_MATCH"
    # The next two are decided by the state machine itself.
    UNKNOWN_PLACE = "UNKNOWN_PLACE"
    UNSUPPORTED_PLACE_TYPE = "UNSUPPORTED_PLACE_TYPE"
    INVALID_KEY = "INVALID_KEY"


@dataclass(frozen=True)
class Decision:
    """What a deciding task found.

    >>> Decision.reject(Reason.IMAGE_TOO_SMALL, width_px=640).as_result()
    {'accepted': False, 'reason': 'IMAGE_TOO_SMALL', 'detail': {'width_px': 640}}
    """

    accepted: bool
    # One of `Reason`, or of a decision's own.
    reason: StrEnum | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def accept(cls, **detail: Any) -> Decision:
        """The photo may go on; `detail` says what was seen."""
        return cls(accepted=True, detail=detail)

    @classmethod
    def reject(cls, reason: StrEnum, **detail: Any) -> Decision:
        """The photo is refused; `detail` says what was seen."""
        return cls(accepted=False, reason=reason, detail=detail)

    def as_result(self) -> dict[str, Any]:
        """The task's result in the state machine: `accepted`, `reason` (null when accepted), `detail`."""
        return {
            "accepted": self.accepted,
            "reason": None if self.reason is None else str(self.reason),
            "detail": dict(self.detail),
        }


class Refusal(Exception):  # noqa: N818  # an outcome, not a failure
    """Raised where a task cannot use the photo at all: it cannot be read, or must not be decoded.

    Its message is the refusal's detail as JSON, because that is what Lambda passes on of an exception.
    Lambda names an error by its class, and Step Functions catches by that name, so `named` gives the class
    that carries the reason's own name.
    """

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        super().__init__(json.dumps(dict(decision.detail)))

    @classmethod
    def because(cls, reason: StrEnum, **detail: Any) -> Refusal:
        """A refusal for that reason."""
        return cls(Decision.reject(reason, **detail))

    def named(self) -> Refusal:
        """The same refusal, of a class named for its reason."""
        kind: type[Refusal] = type(str(self.decision.reason), (Refusal,), {})
        return kind(self.decision)
