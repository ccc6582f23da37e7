"""What became of an upload and why, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from functions.outcome import in_words, sentence
from happypath.console.graph.definition import EdgeKind
from happypath.console.graph.history import Status, Visit
from happypath.console.json_text import parsed
from happypath.console.run import Run
from happypath.operations.brief import brief

# A map of hundreds of items would be a book.
_MOST = 60
_WORDS_CHARACTERS = 400


@dataclass(frozen=True)
class Line:
    """What one state did, in words; `css` is how it ended."""

    state: str
    words: str
    css: str


def outcome(run: Run) -> str:
    """The state of the upload, in a sentence."""
    record = run.record
    if record is None and run.key is None:
        return "It is not of an upload."
    if record is None:
        return (
            "There is no record of this upload."
            if run.execution
            else "It waits: there is no record of it yet."
        )
    reason, status = record.get("reason"), record.get("objStatus")
    if status in ("RECEIVED", "IN_REVIEW") and not run.is_running:
        return "Its execution ended and recorded no outcome."
    if status == "FAILED":
        return f"Failed with {reason or 'an error'}: it has no decision."
    if status == "PROCESSED" and run.photo:
        return "The photo is accepted and published."
    return sentence(str(status), reason)


def lines(run: Run) -> list[Line]:
    """The states that decided something, or went another way than straight on."""
    found: list[Line] = []
    for visit in run.walk.visits:
        found += [Line(visit.state, words, str(visit.status)) for words in _words(run, visit)]
        if len(found) >= _MOST:
            break
    return found


def _words(run: Run, visit: Visit) -> Iterator[str]:
    if decision := decided(visit):
        accepted = decision.get("accepted")
        verdict = "accepted" if accepted else f"rejected, {in_words(str(decision.get('reason')))}"
        detail = brief(decision.get("detail") or {})[:_WORDS_CHARACTERS]
        yield f"{verdict} ({detail})" if detail else verdict
    step = run.left_by(visit)
    if step is not None and visit.type == "Choice":
        yield f"{step.words}, so on to {visit.after.state}" if visit.after else step.words
    elif step is not None and step.edge.kind is EdgeKind.CATCH and visit.after:
        yield f"{step.words}, so on to {visit.after.state}"
    elif visit.status in (Status.FAILED, Status.TIMED_OUT):
        last = visit.attempts[-1] if visit.attempts else None
        error = (last.error if last else None) or visit.error
        yield f"failed with {error}" if error else visit.status.word
    elif len(visit.attempts) > 1:
        yield f"succeeded at attempt {len(visit.attempts)}"


def photo_type(run: Run) -> str | None:
    """The type of the photo, as a state that looked at its bytes says; None if none did."""
    for visit in run.walk.visits:
        detail = (decided(visit) or {}).get("detail")
        if isinstance(detail, dict) and isinstance(found := detail.get("type"), str) and "width_px" in detail:
            return found
    return None


def decided(visit: Visit) -> Mapping[str, Any] | None:
    """The decision that a state made; None if it made none."""
    if visit.type in ("Choice", "Parallel", "Map") or '"accepted"' not in (visit.output or ""):
        return None
    after = _decision(visit.output)
    return after if after is not None and after != _decision(visit.input) else None


def _decision(text: str | None) -> Mapping[str, Any] | None:
    value = parsed(text)
    decision = value.get("decision") if isinstance(value, dict) else None
    return decision if isinstance(decision, dict) and "accepted" in decision else None
