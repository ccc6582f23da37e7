"""The simulation of scaling goes by the files of templates and state machines, and does its sums right."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from bench import backlog, report, scaling
from bench.backlog import Backlog, Retrier, simulate
from happypath.operations import cost
from happypath.operations.usage import load
from happypath.project import template_of

PATIENT = Retrier(interval_s=2, backoff_rate=2, max_delay_s=300, max_attempts=300)
# Two minutes, as the state machines once were.
IMPATIENT = replace(PATIENT, max_delay_s=60, max_attempts=8)
BURST = Backlog(2_000, starts_a_second=75.0, transactions_a_second=5.0, transitions_a_second=450.0)


@pytest.fixture
def needed() -> scaling.Need:
    return scaling.need("v2", load(), scaling.quotas()["assumed"])


def test_what_is_not_throttled_is_tried_once_and_takes_as_long_as_it_starts() -> None:
    ended = simulate(replace(BURST, transactions_a_second=100.0), PATIENT)

    assert (ended.attempts, ended.most_attempts, ended.failed) == (2_000, 1, 0)
    assert ended.seconds == pytest.approx(2_000 / 75, abs=1)


def test_a_burst_waits_with_retriers_that_wait_and_fails_with_others() -> None:
    patient, impatient = simulate(BURST, PATIENT), simulate(BURST, IMPATIENT)

    assert patient.failed == 0
    assert impatient.failed > 500
    assert impatient.most_attempts == 1 + IMPATIENT.max_attempts
    # Nobody is faster than Rekognition.
    assert patient.seconds >= 2_000 / 5 - 1
    assert patient.longest_wait_s <= patient.seconds
    assert patient.most_attempts_a_second <= 450


def test_parcels_change_little_and_the_seed_decides_the_rest() -> None:
    many, few = (simulate(replace(BURST, uploads=20_000), PATIENT, parcels=each) for each in (20_000, 2_000))

    assert few.seconds == pytest.approx(many.seconds, rel=0.1)
    assert few.attempts == pytest.approx(many.attempts, rel=0.15)
    assert (
        simulate(BURST, PATIENT, seed=3)
        == simulate(BURST, PATIENT, seed=3)
        != simulate(BURST, PATIENT, seed=4)
    )


def test_attempts_beyond_the_quota_of_transitions_are_late_and_not_lost() -> None:
    slow = simulate(replace(BURST, transitions_a_second=20.0), PATIENT)

    assert slow.most_attempts_a_second <= 20
    assert slow.failed == 0
    assert slow.attempts < simulate(BURST, PATIENT).attempts


def test_what_an_upload_needs_is_read_from_its_state_machine_and_templates(
    needed: scaling.Need, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = cost.read("v2")
    (throttled,) = (
        each for each in machine.states["Moderator"]["Retry"] if "ThrottledError" in each["ErrorEquals"]
    )
    assert (needed.task, needed.operation) == ("Moderator", "DetectModerationLabels")
    assert needed.retrier.max_attempts == throttled["MaxAttempts"]
    assert needed.retrier.max_delay_s == throttled["MaxDelaySeconds"]
    assert needed.of["stateTransition"] == len(needed.path) == 4
    # The claim, and the record's half of a transaction, which costs twice as much.
    assert needed.of["partitionWrites"] == 1 + 2
    assert needed.of["rekognition"] == 1

    def more(stack: str) -> dict[str, Any]:
        template = deepcopy(template_of(stack))
        if stack == "core":
            template["Parameters"]["MaximumConcurrency"]["Default"] *= 3
        return template

    monkeypatch.setattr(scaling, "template_of", more)
    faster = scaling.need("v2", load(), scaling.quotas()["assumed"])
    assert faster.starts_a_second == pytest.approx(3 * needed.starts_a_second)


def test_what_gives_first_is_the_least_quota(needed: scaling.Need) -> None:
    listed = scaling.quotas()
    most = scaling.capacities(needed, listed, "small")

    assert list(most.values()) == sorted(most.values())
    assert next(iter(most)) == "rekognition"
    assert most["rekognition"] == listed["quotas"]["rekognition"]["small"] / needed.of["rekognition"]
    listed["quotas"]["rekognition"]["small"] = 10_000
    assert next(iter(scaling.capacities(needed, listed, "small"))) != "rekognition"


def test_throttled_attempts_cost_transitions_and_invocations(needed: scaling.Need) -> None:
    ended = replace(simulate(BURST, PATIENT), failed=0, attempts=3_000)
    bill = scaling.bill(needed, ended, 1_000, load(), throttled_s=0.1)

    gb_seconds = 2_000 * 0.1 * needed.memory_mb / 1024
    assert bill.attempts == pytest.approx(2_000 * (2.5e-5 + 2e-7) + gb_seconds * 1.33334e-5)
    assert scaling.bill(needed, ended, 2_000, load(), 0.1).uploads == pytest.approx(2 * bill.uploads)


def test_every_quota_says_its_page_and_whether_it_was_seen() -> None:
    for quota in scaling.quotas()["quotas"].values():
        assert quota["source"].startswith("https://docs.aws.amazon.com/")
        assert quota["seen"]
        assert 0 < quota["small"] <= quota["large"]


@pytest.mark.parametrize(("retrier", "misses"), [(PATIENT, False), (IMPATIENT, True)])
def test_the_result_says_whether_an_upload_runs_out_of_attempts(
    retrier: Retrier, misses: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog.Retrier, "of", classmethod(lambda *_: retrier))
    result = scaling.run(1, backlogs=[2_000], parcels=250)

    assert any(not bar.met for bar in result.bars) == misses
    assert json.loads(json.dumps(result.as_json())) == json.loads(
        json.dumps(scaling.run(1, backlogs=[2_000], parcels=250).as_json())
    )
    shown = report.tables(result)
    assert "| 1,000 in us-east-1 | Rekognition: calls a second, at 50 |" in shown
    assert "DynamoDB: write units a second of one partition 3,000 (cannot be raised)" in shown
