"""The answer of a deciding task: a Decision, or a Rejection where a task cannot even go on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """Why a photo is refused, where Python says it; other reasons are rules of the state machines."""

    IMAGE_TOO_SMALL = "IMAGE_TOO_SMALL"
    IMAGE_TOO_LARGE = "IMAGE_TOO_LARGE"
    IMAGE_TOO_NARROW = "IMAGE_TOO_NARROW"
    IMAGE_TOO_COMPLEX = "IMAGE_TOO_COMPLEX"
    UNSUPPORTED_TYPE = "UNSUPPORTED_TYPE"
    CORRUPT_IMAGE = "CORRUPT_IMAGE"
    INVALID_KEY = "INVALID_KEY"
    NEEDS_REVIEW = "NEEDS_REVIEW"
    TOO_MANY_FACES = "TOO_MANY_FACES"
    TOO_MUCH_TEXT = "TOO_MUCH_TEXT"
    TOO_MANY_WORDS = "TOO_MANY_WORDS"
    NOT_A_VIDEO = "NOT_A_VIDEO"
    CORRUPT_VIDEO = "CORRUPT_VIDEO"
    UNSUPPORTED_CODEC = "UNSUPPORTED_CODEC"
    VIDEO_TOO_LONG = "VIDEO_TOO_LONG"
    VIDEO_TOO_LARGE = "VIDEO_TOO_LARGE"
    KEY_FRAMES_TOO_FAR = "KEY_FRAMES_TOO_FAR"
    STILL_VISIBLE = "STILL_VISIBLE"
    NOT_DICOM = "NOT_DICOM"
    UNSUPPORTED_TRANSFER_SYNTAX = "UNSUPPORTED_TRANSFER_SYNTAX"
    TOO_MANY_FRAMES = "TOO_MANY_FRAMES"
    TOO_MANY_PAGES = "TOO_MANY_PAGES"
    TOO_MANY_SCANNED_PAGES = "TOO_MANY_SCANNED_PAGES"
    ENCRYPTED_DOCUMENT = "ENCRYPTED_DOCUMENT"
    CORRUPT_DOCUMENT = "CORRUPT_DOCUMENT"
    DOCUMENT_TOO_LARGE = "DOCUMENT_TOO_LARGE"
    TOOK_TOO_LONG = "TOOK_TOO_LONG"


class MalformedDecisionError(Exception):
    """A deciding task made something that no state machine could act upon; the message says what is wrong."""


# A reason as the workflow record has it.
REASON = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


@dataclass(frozen=True)
class Decision:
    """What a deciding task found. Its shape is checked here, and nowhere after.

    A state machine takes `accepted`, `reason` and `detail` for granted: a path to one that is missing is an
    error that nothing catches (`States.Runtime`).
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html

    Raises:
        MalformedDecisionError: a rejection has no reason, or one that cannot be; an acceptance has one; the
            detail is not JSON.

    >>> Decision.reject(Reason.IMAGE_TOO_SMALL, width_px=640).as_result()
    {'accepted': False, 'reason': 'IMAGE_TOO_SMALL', 'detail': {'width_px': 640}}
    """

    accepted: bool
    # One of `Reason`, or what the rules say.
    reason: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if type(self.accepted) is not bool:
            raise MalformedDecisionError(f"accepted must be True or False, not {self.accepted!r}.")
        if self.accepted and self.reason is not None:
            raise MalformedDecisionError(f"An accepted photo has no reason, such as {self.reason!r}.")
        if not self.accepted and not REASON.fullmatch(self.reason or ""):
            raise MalformedDecisionError(
                f"A rejection has a reason of capital letters, digits and underscores, not {self.reason!r}."
            )
        try:
            json.dumps(dict(self.detail), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise MalformedDecisionError(f"The detail must be a JSON object: {error}.") from None

    @classmethod
    def accept(cls, **detail: Any) -> Decision:
        """The photo may go on; `detail` says what was seen."""
        return cls(accepted=True, detail=detail)

    @classmethod
    def reject(cls, reason: str, **detail: Any) -> Decision:
        """The photo is refused; `detail` says what was seen."""
        return cls(accepted=False, reason=reason, detail=detail)

    def as_result(self) -> dict[str, Any]:
        """The task's result in the state machine: `accepted`, `reason` (null when accepted), `detail`."""
        return {
            "accepted": self.accepted,
            "reason": None if self.reason is None else str(self.reason),
            "detail": dict(self.detail),
        }


class Rejection(Exception):  # noqa: N818  # an outcome, not a failure
    """Raised where a task cannot use the photo at all: it cannot be read, or must not be decoded.

    Its message is the refusal's detail as JSON, because that is what Lambda passes on of an exception.
    Lambda names an error by its class, and Step Functions catches by that name, so `named` gives the class
    that carries the reason's own name.
    """

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        super().__init__(json.dumps(dict(decision.detail)))

    @classmethod
    def because(cls, reason: str, **detail: Any) -> Rejection:
        """A refusal for that reason."""
        return cls(Decision.reject(reason, **detail))

    def named(self) -> Rejection:
        """The same rejection, of a class named for its reason."""
        kind: type[Rejection] = type(str(self.decision.reason), (Rejection,), {})
        return kind(self.decision)
