"""The deciding tasks of a state machine: the reasons that they have, and the confidences they decide by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeAlias

from functions.decision import Reason
from functions.platform.values import percent
from happypath.operations.accuracy.evidence import Evidence, evidence

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

Definition: TypeAlias = dict[str, Any]

_RULE = "min_confidence"
# What the lowest threshold is: all that a decider sees counts.
_LOWEST = 0
# What a score, and a signal, goes up to.
_MOST_SCORE = 1.0
# Where a Decision says which state it is of.
_BY = "by"


@dataclass(frozen=True)
class Threshold:
    """What a decider decides by today.

    It is the rule `min_confidence`, in percent, of the rules `within`; of a score from 0 to `most` they are
    the rules `refuse_below` and `publish_from`, and of a signal the middle of the scale, where its own rule
    lies. Between `lower` and `upper` a person decides; one threshold is both of them.
    """

    state: str
    within: str
    lower: float
    upper: float
    most: float = 100.0

    @property
    def is_score(self) -> bool:
        """Whether it is about a score or a signal, which speak for a picture."""
        return self.most == _MOST_SCORE

    @property
    def name(self) -> str:
        """As a person calls it.

        >>> Threshold("Decider", "labels", 80.0, 80.0).name
        'Decider (labels)'
        """
        return f"{self.state} ({self.within})" if self.within else self.state

    @property
    def today(self) -> tuple[float, ...]:
        """The one threshold, or both."""
        return tuple(dict.fromkeys((self.lower, self.upper)))


@dataclass(frozen=True)
class Decider:
    """A deciding task, with the reasons that its rules have: those of `Reason` where they have none.

    One that `is_signal` decides nothing by itself: what it says is in the detail of the state's Decision.
    """

    state: str
    reasons: frozenset[str]
    thresholds: tuple[Threshold, ...] = ()
    is_signal: bool = False

    @property
    def name(self) -> str:
        """As a person calls it."""
        return self.thresholds[0].name if self.is_signal else self.state

    def evidence(self, decisions: Iterable[Mapping[str, Any]]) -> dict[Threshold, Evidence]:
        """What its decisions about one picture say for each of its thresholds."""
        found = {}
        for each in self.thresholds:
            others = [other.within for other in self.thresholds if other.within and not each.within]
            seen = (_evidence(each, decision["detail"] or {}, others) for decision in decisions)
            found[each] = reduce(Evidence.with_, seen, Evidence())
        return found

    def refuses_anyway(self, decisions: Iterable[Mapping[str, Any]]) -> str | None:
        """For which reason a picture is refused whatever the thresholds, as one that cannot be read is."""
        for decision in decisions:
            reason = decision["reason"]
            own = self.evidence([decision]).values()
            if any(threshold.is_score for threshold in self.thresholds):
                is_refused_by_it = any(each.wanted is not None for each in own)
            else:
                is_refused_by_it = reason in self.reasons and any(
                    each.is_missing or each.against is not None for each in own
                )
            if reason is not None and not is_refused_by_it:
                return str(reason)
        return None


def _evidence(threshold: Threshold, detail: Mapping[str, Any], others: Iterable[str]) -> Evidence:
    if not threshold.is_score:
        return evidence(detail, threshold.within, others)
    said = [detail, *detail.get("signals", [])]
    scores = [each.get("score") for each in said if each.get("name", "") == threshold.within]
    return Evidence(wanted=next((float(each) for each in scores if each is not None), None))


def of(definition: Definition) -> list[Decider]:
    """The deciding tasks of a definition, in its order: those whose answer is a Decision."""
    found: list[Decider] = []
    for name, state in _tasks(definition):
        rules = _rules(state)
        thresholds = tuple(
            Threshold(name, within, *2 * (percent(part[_RULE]),))
            for within, part in _parts(rules)
            if _is_percent(part.get(_RULE))
        )
        if {"refuse_below", "publish_from"} <= rules.keys():
            found += _scoring(name, rules, dict(_questions(definition)))
        else:
            found.append(Decider(name, frozenset(_reasons(rules)) or frozenset(map(str, Reason)), thresholds))
    return found


def _scoring(state: str, rules: Mapping[str, Any], questions: Mapping[str, str]) -> Iterator[Decider]:
    """What gives a score, and each of the signals that it is made of, for the reason of its question."""
    ends = float(rules["refuse_below"]), float(rules["publish_from"])
    whole = Threshold(state, "", *ends, most=_MOST_SCORE)
    yield Decider(state, frozenset({*_reasons(rules), *questions.values()}), (whole,))
    for name in rules["weights"]:
        middle = Threshold(state, name, *2 * (_MOST_SCORE / 2,), most=_MOST_SCORE)
        own = frozenset({questions[name]} if name in questions else ())
        yield Decider(state, own, (middle,), is_signal=True)


def _questions(part: Any) -> Iterator[tuple[str, str]]:
    """The questions of a definition, each with its reason."""
    if isinstance(part, Mapping):
        for name, each in part.items():
            if name == "questions" and isinstance(each, Mapping):
                yield from ((str(one), rules["reason"]) for one, rules in each.items() if "reason" in rules)
            else:
                yield from _questions(each)
    elif isinstance(part, list):
        for each in part:
            yield from _questions(each)


def reasons(definition: Definition) -> frozenset[str]:
    """Every reason that a state machine may refuse a picture for."""
    return frozenset(map(str, Reason)) | frozenset(_reasons(definition))


def _reasons(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        for name, each in part.items():
            if name == "reason" and isinstance(each, str):
                yield each
            else:
                yield from _reasons(each)
    elif isinstance(part, list):
        for each in part:
            yield from _reasons(each)


def asking_all(definition: Definition) -> Definition:
    """A definition whose deciders say all that they see, and in which the next one is asked all the same.

    Their `min_confidence` is the lowest, and what they refuse by it goes on as if they had accepted it: so
    one run tells what each threshold would have done. Why they would have refused stays in the Decision,
    which says by whom it is, too: a task that fails leaves the one before it in its place.
    """
    changed = deepcopy(definition)
    for name, state in _tasks(changed):
        lowered = [part for _, part in _parts(_rules(state)) if _is_percent(part.get(_RULE))]
        for part in lowered:
            part[_RULE] = _LOWEST
        if lowered:
            state["ResultSelector"].pop("accepted.$", None)
            state["ResultSelector"]["accepted"] = True
        state["ResultSelector"][_BY] = name
    return changed


def _tasks(definition: Definition) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in definition["States"].items():
        if state["Type"] == "Task" and {"accepted", "accepted.$"} & state.get("ResultSelector", {}).keys():
            yield name, state
        for inner in (*state.get("Branches", ()), state.get("ItemProcessor"), state.get("Iterator")):
            if inner:
                yield from _tasks(inner)


def _rules(state: Mapping[str, Any]) -> dict[str, Any]:
    payload = state.get("Parameters", {}).get("Payload", {})
    rules = payload.get("rules", {}) if isinstance(payload, Mapping) else {}
    return rules if isinstance(rules, dict) else {}


def _parts(rules: dict[str, Any], within: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Rules, and those within them, each with where they stand."""
    yield within, rules
    for name, part in rules.items():
        if isinstance(part, dict):
            yield from _parts(part, f"{within}.{name}".lstrip("."))


def _is_percent(value: object) -> bool:
    try:
        percent(value)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Seen:
    """What the deciders said of one picture: their Decisions by state, and how the run ended.

    `status` and `reason` are those of the whole, as if nothing had been refused by a confidence.
    """

    status: str
    reason: str | None
    decisions: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def has_failed(self) -> bool:
        """Whether nothing was decided, for an error."""
        return self.status == "FAILED"


def decisions(history: Iterable[HistoryEventTypeDef], definition: Definition) -> dict[str, list[Any]]:
    """The Decisions that the tasks of an execution left, by state; `definition` is of `asking_all`."""
    paths = {name: state.get("ResultPath", "$") for name, state in _tasks(definition)}
    found: dict[str, list[Any]] = {}
    for event in history:
        said = event.get("stateExitedEventDetails", {})
        name = said.get("name", "")
        if name not in paths or "output" not in said:
            continue
        decision: Any = json.loads(said["output"])
        for step in filter(None, paths[name].removeprefix("$").split(".")):
            decision = decision.get(step) if isinstance(decision, Mapping) else None
        if isinstance(decision, Mapping) and decision.get(_BY) == name:
            found.setdefault(name, []).append({each: decision.get(each) for each in ("reason", "detail")})
    return found
