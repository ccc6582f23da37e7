"""False acceptances and false refusals by threshold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from happypath.operations.accuracy.evidence import Evidence
from happypath.operations.accuracy.interval import Share


@dataclass(frozen=True)
class Sample:
    """What was seen of a picture, and whether it is to be accepted.

    `is_refused` says that it is refused whatever this threshold is: by another one, or anyway.
    """

    evidence: Evidence
    accepted: bool
    is_refused: bool = False

    def refuses(self, threshold: float) -> bool:
        """Whether it is refused by a threshold."""
        return self.is_refused or self.evidence.refuses(threshold)


@dataclass(frozen=True)
class Errors:
    """How many of the pictures to be refused are accepted, and of those to be accepted refused."""

    false_acceptances: Share
    false_refusals: Share

    def cost(self, acceptance_usd: float, refusal_usd: float) -> float:
        """What these errors cost."""
        return self.false_acceptances.count * acceptance_usd + self.false_refusals.count * refusal_usd

    def as_json(self) -> dict[str, Any]:
        """Both in JSON."""
        return {
            "falseAcceptances": self.false_acceptances.as_json(),
            "falseRefusals": self.false_refusals.as_json(),
        }


@dataclass(frozen=True)
class Step:
    """The same errors for each threshold above `above`, up to `until` and with it."""

    above: float
    until: float
    errors: Errors

    @property
    def middle(self) -> float:
        """The threshold that is farthest from where the errors change, to a hundredth if there is one."""
        middle = (self.above + self.until) / 2
        rounded = round(middle, 2)
        return rounded if self.above < rounded <= self.until else middle

    def as_json(self) -> dict[str, Any]:
        """The step in JSON."""
        return {"above": self.above, "until": self.until, **self.errors.as_json()}


@dataclass(frozen=True)
class Sorted:
    """What becomes of pictures by two thresholds: between them a person looks."""

    lower: float
    upper: float
    review: Share
    errors: Errors

    def as_json(self) -> dict[str, Any]:
        """The pair in JSON."""
        return {
            "lower": self.lower,
            "upper": self.upper,
            "review": self.review.as_json(),
            **self.errors.as_json(),
        }


@dataclass(frozen=True)
class Curve:
    """The errors of one decider for each threshold from 0 to `most`, all else as it is today."""

    samples: Sequence[Sample]
    most: float = 100.0

    def at(self, threshold: float) -> Errors:
        """The errors by a threshold."""
        refused = [sample.refuses(threshold) for sample in self.samples]
        return errors((sample.accepted, not no, no) for sample, no in zip(self.samples, refused, strict=True))

    @property
    def steps(self) -> list[Step]:
        """The whole curve: it changes only where a confidence lies, which still counts there.

        The first begins below 0, so that 0 belongs to it.
        """
        seen = {each for sample in self.samples for each in sample.evidence.confidences}
        ends = sorted({each for each in seen if 0 <= each < self.most} | {self.most})
        steps: list[Step] = []
        for above, until in zip([-1.0, *ends], ends, strict=False):
            here = self.at(until)
            if steps and steps[-1].errors == here:
                steps[-1] = Step(steps[-1].above, until, here)
            else:
                steps.append(Step(above, until, here))
        return [Step(max(0.0, step.above), step.until, step.errors) for step in steps]

    def sorted(self, lower: float, upper: float) -> Sorted:
        """What becomes of the pictures by two thresholds.

        The errors are of those that no person looks at, in shares of all that are to be refused or accepted.
        """
        verdicts = [
            "refuse" if sample.is_refused else sample.evidence.verdict(lower, upper)
            for sample in self.samples
        ]
        found = errors(
            (sample.accepted, verdict == "accept", verdict == "refuse")
            for sample, verdict in zip(self.samples, verdicts, strict=True)
        )
        return Sorted(lower, upper, Share(verdicts.count("review"), len(verdicts)), found)

    def wanted(self, *, acceptances: float | None = None, refusals: float | None = None) -> Step | None:
        """The thresholds with at most such a rate of one kind of error, and of them with fewest of the other.

        None if there are none, or nothing to go by.
        """
        return min(
            (step for step in self.steps if _keeps(step.errors, acceptances, refusals)),
            key=lambda step: (
                (step.errors.false_acceptances.count, step.errors.false_refusals.count)
                if acceptances is None
                else (step.errors.false_refusals.count, step.errors.false_acceptances.count)
            ),
            default=None,
        )

    def cheapest(self, acceptance_usd: float, refusal_usd: float) -> Step:
        """The thresholds whose errors cost least."""
        return min(self.steps, key=lambda step: step.errors.cost(acceptance_usd, refusal_usd))


def _keeps(errors: Errors, acceptances: float | None, refusals: float | None) -> bool:
    for share, most in ((errors.false_acceptances, acceptances), (errors.false_refusals, refusals)):
        if most is not None and (share.rate is None or share.rate > most):
            return False
    return True


def errors(outcomes: Iterable[tuple[bool, bool, bool]]) -> Errors:
    """From whether a picture is to be accepted, was accepted, and was refused; neither is a review."""
    good = bad = let_in = kept_out = 0
    for to_be_accepted, accepted, refused in outcomes:
        if to_be_accepted:
            good += 1
            kept_out += refused
        else:
            bad += 1
            let_in += accepted
    return Errors(Share(let_in, bad), Share(kept_out, good))


def rows(curve: Curve, today: Sequence[float]) -> Iterator[tuple[float, Errors]]:
    """The thresholds that a table shows, with their errors: those of today, and of each tenth of the scale
    those from which something changes."""
    before = None
    for threshold in sorted({round(curve.most * part / 10, 6) for part in range(1, 11)} | set(today)):
        errors_here = curve.at(threshold)
        if errors_here != before or threshold in today:
            yield threshold, errors_here
        before = errors_here
