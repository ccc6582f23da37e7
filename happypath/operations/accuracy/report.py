"""How often a workflow and its deciders were right about labelled pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from happypath.operations.accuracy.curve import Curve, Errors, Sample, Sorted, Step, errors
from happypath.operations.accuracy.deciders import Decider, Seen, Threshold
from happypath.operations.accuracy.interval import Share, least_sample
from happypath.operations.accuracy.truth import Label

# The reason with which a dry run ends where a person would have been asked.
NEEDS_REVIEW = "NEEDS_REVIEW"
ACCEPTED, REFUSED, REVIEW = "accept", "refuse", "review"


@dataclass(frozen=True)
class Asked:
    """What a person wants to know beside the errors.

    The highest rates of each kind of error that are wanted, from 0 to 1; two thresholds between which a
    person would look; and what one error of each kind costs, in US dollars.
    """

    acceptances: float | None = None
    refusals: float | None = None
    review: tuple[float, float] | None = None
    acceptance_usd: float | None = None
    refusal_usd: float | None = None

    @property
    def has_prices(self) -> bool:
        """Whether errors cost something."""
        return self.acceptance_usd is not None or self.refusal_usd is not None

    def usd(self, of: Errors) -> float | None:
        """What errors cost; None where nobody has said what one does."""
        if not self.has_prices:
            return None
        return of.cost(self.acceptance_usd or 0.0, self.refusal_usd or 0.0)


@dataclass(frozen=True)
class Measured:
    """A picture with its label, and what the deciders said of it."""

    label: Label
    seen: Seen


@dataclass(frozen=True)
class Wrong:
    """A picture about which the whole workflow decides otherwise than its label says, and who refused it."""

    photo: str
    accepted: bool
    by: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """The picture in JSON: `outcome` is what became of it."""
        outcome = REFUSED if self.accepted else ACCEPTED
        return {"photo": self.photo, "outcome": outcome, "refusedBy": dict(self.by)}


@dataclass(frozen=True)
class OfThreshold:
    """One threshold of a decider: its curve, and what was asked of it."""

    threshold: Threshold
    curve: Curve
    asked: Asked

    @cached_property
    def steps(self) -> list[Step]:
        """The curve."""
        return self.curve.steps

    @property
    def today(self) -> Sorted:
        """What becomes of the pictures as the rules are today."""
        return self.curve.sorted(self.threshold.lower, self.threshold.upper)

    @property
    def is_whole(self) -> bool:
        """Whether there are pictures of both kinds, without which a curve says nothing."""
        counted = self.today.errors
        return bool(counted.false_acceptances.of and counted.false_refusals.of)

    @property
    def wanted(self) -> dict[str, Step | None]:
        """The thresholds for each rate of errors that is wanted, by the kind of error."""
        asked = {"falseAcceptances": self.asked.acceptances, "falseRefusals": self.asked.refusals}
        found = {
            "falseAcceptances": self.curve.wanted(acceptances=self.asked.acceptances),
            "falseRefusals": self.curve.wanted(refusals=self.asked.refusals),
        }
        return {name: found[name] for name, rate in asked.items() if rate is not None}

    @property
    def pair(self) -> Sorted | None:
        """What becomes of the pictures by the thresholds asked for, or by those for both rates wanted."""
        if self.asked.review is not None:
            # Percents are no scores.
            fits = self.asked.review[1] <= self.curve.most
            return self.curve.sorted(*self.asked.review) if fits else None
        ends = [step.middle for step in self.wanted.values() if step is not None]
        return self.curve.sorted(min(ends), max(ends)) if len(ends) == 2 else None

    @property
    def cheapest(self) -> Step | None:
        """The thresholds whose errors cost least; None where errors have no price."""
        if not self.asked.has_prices:
            return None
        return self.curve.cheapest(self.asked.acceptance_usd or 0.0, self.asked.refusal_usd or 0.0)

    def advice(self, kind: str) -> str | None:
        """What there are too few pictures for, of the rate that is wanted of a kind of error."""
        step = self.wanted[kind]
        rate = self.asked.acceptances if kind == "falseAcceptances" else self.asked.refusals
        if step is None or not rate:
            return None
        share = step.errors.false_acceptances if kind == "falseAcceptances" else step.errors.false_refusals
        high = share.interval[1]
        if high <= rate:
            return None
        return (
            f"Of {share.of} looked at that is not certain: up to {100 * high:.1f} % are possible. "
            f"{least_sample(rate)} without an error would do."
        )

    def as_json(self) -> dict[str, Any]:
        """The threshold in JSON."""
        cheapest, pair = self.cheapest, self.pair
        return {
            "name": self.threshold.name,
            "within": self.threshold.within,
            "lower": self.threshold.lower,
            "upper": self.threshold.upper,
            "today": {**self.today.as_json(), "usd": self.asked.usd(self.today.errors)},
            "wanted": {
                name: None if step is None else {**step.as_json(), "threshold": step.middle}
                for name, step in self.wanted.items()
            },
            "cheapest": cheapest
            and {**cheapest.as_json(), "threshold": cheapest.middle, "usd": self.asked.usd(cheapest.errors)},
            "review": pair and pair.as_json(),
            "steps": [step.as_json() for step in self.steps],
        }


@dataclass(frozen=True)
class OfDecider:
    """One decider: its errors as its rules are today, and by each of its thresholds."""

    decider: Decider
    today: Errors
    thresholds: tuple[OfThreshold, ...]

    def as_json(self) -> dict[str, Any]:
        """The decider in JSON."""
        return {
            "state": self.decider.state,
            "isSignal": self.decider.is_signal,
            "reasons": sorted(self.decider.reasons),
            "today": self.today.as_json(),
            "thresholds": [each.as_json() for each in self.thresholds],
        }


@dataclass
class Report:
    """What is known by now of a workflow and labelled pictures.

    `failed` has the pictures about which nothing was decided, with why.
    """

    workflow: str
    deciders: Sequence[Decider]
    asked: Asked = field(default_factory=Asked)
    measured: list[Measured] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What it is about."""
        good = sum(each.label.accepted for each in self.measured)
        return (
            f"{self.workflow}, {len(self.measured)} pictures: {good} to be accepted, "
            f"{len(self.measured) - good} to be refused"
        )

    @property
    def plotted(self) -> list[OfThreshold]:
        """The thresholds that there are curves of."""
        return [each for decider in self.by_decider for each in decider.thresholds if each.is_whole]

    def add(self, label: Label, seen: Seen) -> None:
        """Counts a picture; of one about which nothing was decided, for an error, nothing follows."""
        if seen.has_failed:
            self.failed.append((label.photo, seen.reason or seen.status))
        else:
            self.measured.append(Measured(label, seen))

    @property
    def _deciding(self) -> list[Decider]:
        return [each for each in self.deciders if not each.is_signal]

    def outcome(self, seen: Seen) -> tuple[str, dict[str, str]]:
        """What becomes of a picture as the rules are today, and why each decider that does refuses it."""
        by, doubted = {}, False
        for decider in self._deciding:
            verdict, reason = _verdict(decider, seen)
            if verdict == REFUSED:
                by[decider.state] = reason
            doubted |= verdict == REVIEW
        if by:
            return REFUSED, by
        if seen.reason == NEEDS_REVIEW or doubted:
            return REVIEW, {}
        # By what is no decider: a place that nobody knows, or a task that cannot use the picture.
        return (REFUSED, {"": str(seen.reason)}) if seen.status == "REJECTED" else (ACCEPTED, {})

    @property
    def today(self) -> Sorted:
        """The whole workflow as its rules are today. The thresholds of it are no numbers."""
        outcomes = [(each.label.accepted, self.outcome(each.seen)[0]) for each in self.measured]
        found = errors((good, outcome == ACCEPTED, outcome == REFUSED) for good, outcome in outcomes)
        review = Share(sum(outcome == REVIEW for _, outcome in outcomes), len(outcomes))
        return Sorted(0.0, 0.0, review, found)

    @property
    def wrong(self) -> list[Wrong]:
        """The pictures about which the workflow is wrong today."""
        found = []
        for each in self.measured:
            outcome, by = self.outcome(each.seen)
            if outcome == (REFUSED if each.label.accepted else ACCEPTED):
                found.append(Wrong(each.label.photo, each.label.accepted, by))
        return found

    @property
    def other_reasons(self) -> list[str]:
        """The pictures that are rightly refused, but not for the reason of their label."""
        return [
            each.label.photo
            for each in self.measured
            if each.label.reason
            and (found := self.outcome(each.seen))[0] == REFUSED
            and each.label.reason not in found[1].values()
        ]

    @property
    def unattributed(self) -> int:
        """How many pictures to be refused count for no decider, as their labels have no reason."""
        return sum(
            not each.label.accepted and not any(self._counts(each, decider) for decider in self.deciders)
            for each in self.measured
        )

    def _counts(self, measured: Measured, decider: Decider) -> bool:
        """Whether a picture's label says something about a decider.

        One to be refused counts for the decider with its reason. Without a reason it counts where only one
        decider can be meant: the only one that has seen it, or of those the only one with a threshold.
        """
        label, seen = measured.label, measured.seen
        if decider.state not in seen.decisions or not _says(decider, seen):
            return False
        if label.accepted:
            return True
        if label.reason:
            return label.reason in decider.reasons
        asked = [each for each in self._deciding if each.state in seen.decisions]
        return [each for each in asked if each.thresholds] == [decider] or asked == [decider]

    @property
    def by_decider(self) -> list[OfDecider]:
        """Each decider that has seen a picture whose label says something about it."""
        found = []
        for decider in self.deciders:
            counted = [each for each in self.measured if self._counts(each, decider)]
            if not counted:
                continue
            outcomes = [(each.label.accepted, _verdict(decider, each.seen)[0]) for each in counted]
            if not decider.thresholds and all(verdict == REVIEW for _, verdict in outcomes):
                # A state that asks a person.
                continue
            today = errors((good, verdict == ACCEPTED, verdict == REFUSED) for good, verdict in outcomes)
            thresholds = tuple(
                OfThreshold(
                    each, Curve([_sample(decider, each, one) for one in counted], each.most), self.asked
                )
                for each in decider.thresholds
            )
            found.append(OfDecider(decider, today, thresholds))
        return found

    def as_json(self) -> dict[str, Any]:
        """The report in JSON, as docs/accuracy.schema.json says."""
        today = self.today
        return {
            "workflow": self.workflow,
            "pictures": len(self.measured),
            "today": {
                "review": today.review.as_json(),
                **today.errors.as_json(),
                "usd": self.asked.usd(today.errors),
            },
            "wrong": [each.as_json() for each in self.wrong],
            "otherReason": self.other_reasons,
            "withoutReason": self.unattributed,
            "failed": [{"photo": photo, "error": error} for photo, error in self.failed],
            "deciders": [each.as_json() for each in self.by_decider],
        }


def _says(decider: Decider, seen: Seen) -> bool:
    """Whether a signal was given: there is none of a picture that could not be looked at."""
    found = decider.evidence(seen.decisions[decider.state])
    return not decider.is_signal or any(each.wanted is not None for each in found.values())


def _verdict(decider: Decider, seen: Seen) -> tuple[str, str]:
    """What a decider says of a picture as its rules are today, and for which reason."""
    decisions = seen.decisions.get(decider.state, [])
    anyway = decider.refuses_anyway(decisions)
    if anyway is not None:
        return REVIEW if anyway == NEEDS_REVIEW else REFUSED, anyway
    reason = next((str(each["reason"]) for each in decisions if each["reason"]), "")
    verdicts = {
        evidence.verdict(threshold.lower, threshold.upper)
        for threshold, evidence in decider.evidence(decisions).items()
    }
    for verdict in (REFUSED, REVIEW):
        if verdict in verdicts:
            return verdict, reason
    return ACCEPTED, ""


def _sample(decider: Decider, threshold: Threshold, measured: Measured) -> Sample:
    decisions = measured.seen.decisions[decider.state]
    evidence = decider.evidence(decisions)
    by_others = any(
        other.verdict(each.lower, each.upper) == REFUSED
        for each, other in evidence.items()
        if each != threshold
    )
    return Sample(
        evidence[threshold],
        measured.label.accepted,
        by_others or decider.refuses_anyway(decisions) is not None,
    )
