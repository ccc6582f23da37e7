"""Where people overrule the models: what was reviewed, from the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from functions.decision import REASON, Reason
from functions.ingest.record import timestamp
from functions.review.review import ATTRIBUTES, PARTITION, Review
from happypath.operations.accuracy.curve import Curve, Sample
from happypath.operations.accuracy.evidence import Evidence
from happypath.operations.accuracy.interval import Share
from happypath.operations.installation import Installation
from happypath.operations.uploads import STATUSES, Wanted, newest_of

# Of each status so many uploads are counted, at most.
MOST = 100_000
_APPROVED, _REFUSED, _OPEN = "approved", "refused", "open"
# What is listed so in a decision's detail speaks for a picture.
_FOR = frozenset({"found", "one_of"})


@dataclass(frozen=True)
class Doubts:
    """What spoke against a picture, as its reviewer was told: reasons to refuse it, and by whom or what.

    `names` are those of signals that are not 1, and of what was found with a confidence; `score` is that of
    all together, from 0 to 1, None where there is none.
    """

    reasons: frozenset[str]
    names: frozenset[str]
    score: float | None = None

    @classmethod
    def of(cls, seen: Any) -> Doubts:
        """The doubts in what was seen: any JSON, in which Decisions, signals or labels lie anywhere.

        >>> Doubts.of({"reason": "LOW", "detail": {"score": 0.6, "signals": [{"name": "x", "score": 0.5}]}})
        Doubts(reasons=frozenset({'LOW'}), names=frozenset({'x'}), score=0.6)
        """
        found = list(_said(seen))
        scores = [float(value) for kind, value in found if kind == "score"]
        return cls(
            frozenset(str(value) for kind, value in found if kind == "reason"),
            frozenset(str(value) for kind, value in found if kind == "name"),
            scores[0] if scores else None,
        )


def _said(part: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(part, list):
        for each in part:
            yield from _said(each)
    elif isinstance(part, Mapping):
        yield from _own(part)
        # What a signal has found is its own affair.
        if not ("name" in part and "score" in part):
            for inner, each in part.items():
                if inner not in _FOR:
                    yield from _said(each)


def _own(part: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a Decision, a signal or a label says itself."""
    reason, name, score = part.get("reason"), part.get("name"), _number(part.get("score"))
    if isinstance(reason, str) and REASON.fullmatch(reason) and reason != Reason.NEEDS_REVIEW:
        yield "reason", reason
    if not isinstance(name, str):
        if score is not None:
            yield "score", score
    elif _number(part.get("confidence")) is not None if score is None else score < 1:
        yield "name", name


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


@dataclass(frozen=True)
class Overruled:
    """Of the pictures that spoke against, how many a person approved, and how many of the others."""

    name: str
    approved: Share
    otherwise: Share

    def as_json(self) -> dict[str, Any]:
        """The line in JSON."""
        return {
            "name": self.name,
            "approved": self.approved.as_json(),
            "otherwise": self.otherwise.as_json(),
        }


@dataclass
class Recorded:
    """The reviews of a workflow, or of all, and how many uploads there were."""

    workflow: str | None
    since: datetime | None
    uploads: int = 0
    reviews: list[Review] = field(default_factory=list)

    @property
    def reviewed(self) -> Share:
        """How many of the uploads a person was asked about."""
        return Share(len({each.key for each in self.reviews}), max(self.uploads, len(self.reviews)))

    @property
    def verdicts(self) -> dict[str, int]:
        """How the reviews ended: approved, refused, expired, withdrawn, or open."""
        return dict(Counter(each.verdict or _OPEN for each in self.reviews))

    @cached_property
    def _decided(self) -> list[tuple[bool, Doubts]]:
        """What people decided: whether they approved, and what they were told."""
        return [
            (each.verdict == _APPROVED, Doubts.of(each.seen))
            for each in self.reviews
            if each.verdict in {_APPROVED, _REFUSED}
        ]

    @property
    def approved(self) -> Share:
        """How many of those decided by people were approved."""
        return Share(sum(approved for approved, _ in self._decided), len(self._decided))

    @property
    def by_reason(self) -> list[Overruled]:
        """By the reasons that the models gave, those first that are overruled most often."""
        return self._by(lambda doubts: doubts.reasons)

    @property
    def by_name(self) -> list[Overruled]:
        """By signals, and by what was found."""
        return self._by(lambda doubts: doubts.names)

    def _by(self, of: Any) -> list[Overruled]:
        names = {name for _, doubts in self._decided for name in of(doubts)}
        found = []
        for name in names:
            spoke = [approved for approved, doubts in self._decided if name in of(doubts)]
            others = [approved for approved, doubts in self._decided if name not in of(doubts)]
            found.append(Overruled(name, Share(sum(spoke), len(spoke)), Share(sum(others), len(others))))
        return sorted(found, key=lambda each: (-(each.approved.rate or 0), -each.approved.of, each.name))

    @property
    def unforeseen(self) -> dict[str, int]:
        """For which reasons people refused that no model had given, and how often."""
        return dict(
            Counter(
                each.reason
                for each in self.reviews
                if each.verdict == _REFUSED
                and each.reason
                and each.reason not in Doubts.of(each.seen).reasons
            ).most_common()
        )

    @property
    def by_score(self) -> Curve | None:
        """What other thresholds of the score would have done with those that were decided by people."""
        samples = [
            Sample(Evidence(wanted=doubts.score), approved)
            for approved, doubts in self._decided
            if doubts.score is not None
        ]
        return Curve(samples, 1.0) if samples else None

    def as_json(self) -> dict[str, Any]:
        """All of it in JSON, as docs/accuracy.schema.json says."""
        curve = self.by_score
        return {
            "workflow": self.workflow,
            "since": self.since and timestamp(self.since),
            "uploads": self.uploads,
            "reviewed": self.reviewed.as_json(),
            "verdicts": self.verdicts,
            "approved": self.approved.as_json(),
            "reasons": [each.as_json() for each in self.by_reason],
            "signals": [each.as_json() for each in self.by_name],
            "unforeseen": self.unforeseen,
            "score": [step.as_json() for step in curve.steps] if curve else None,
        }


def read(installation: Installation, workflow: str | None, since: datetime | None) -> Recorded:
    """What the table knows: the reviews that were asked for since a time, and the uploads.

    Raises:
        NoIndexError: the installation is older than its index.
    """
    found = Recorded(workflow, since)
    wanted = Wanted(workflow=workflow or "", since=since)
    for status in STATUSES:
        uploads, _ = newest_of(installation, status, wanted, MOST)
        found.uploads += len(uploads)
    found.reviews = list(_reviews(installation, workflow, since))
    return found


def _reviews(installation: Installation, workflow: str | None, since: datetime | None) -> Iterator[Review]:
    conditions, values = [], {":review": {"S": PARTITION}}
    if workflow is not None:
        conditions.append("#workflow = :workflow")
        values[":workflow"] = {"S": workflow}
    if since is not None:
        conditions.append("#askedAt >= :since")
        values[":since"] = {"S": timestamp(since)}
    pages = (
        installation.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=installation.core["Table"],
            KeyConditionExpression="PK = :review",
            FilterExpression=" AND ".join(["attribute_exists(#askedAt)", *conditions]),
            ExpressionAttributeValues=values,
            # Not the token.
            ProjectionExpression=", ".join(f"#{name}" for name in ATTRIBUTES),
            ExpressionAttributeNames={f"#{name}": name for name in ATTRIBUTES},
        )
    )
    for page in pages:
        yield from map(Review.of, page["Items"])
