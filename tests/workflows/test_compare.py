"""Workflows as a dry run decide as they do in earnest, and leave everything as it was."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from happypath.operations.compare import Comparison, compare, last
from happypath.operations.dry_run import DryRunError, harmless
from happypath.operations.installation import Installation
from happypath.operations.shadow import Subject
from happypath.operations.usage import times
from happypath.project import SAMPLES, WORKFLOWS
from tests.cli.test_run import happypath
from tests.statemachines import definitions
from tests.workflows.driver import Driver, wait_until
from tests.workflows.photos import sample, truncated
from tests.workflows.tasks import accepted, rejected


def samples() -> list[Subject]:
    uploads = json.loads((SAMPLES / "uploads.json").read_text(encoding="utf-8"))["uploads"]
    return [Subject(str(SAMPLES / each["photo"]), f"the-{each['placeType']}") for each in uploads]


def everything(installation: Installation) -> dict[str, Any]:
    """All that a run can leave behind, but for log lines."""
    s3, sqs = installation.client("s3"), installation.client("sqs")
    core = installation.core
    table = installation.client("dynamodb").get_paginator("scan").paginate(TableName=core["Table"])
    machines = installation.client("stepfunctions").list_state_machines()["stateMachines"]
    return {
        "table": [item for page in table for item in page["Items"]],
        "uploads": s3.list_object_versions(Bucket=core["UploadBucket"]).get("Versions"),
        "deleted": s3.list_object_versions(Bucket=core["UploadBucket"]).get("DeleteMarkers"),
        "published": s3.list_object_versions(Bucket=core["DistributionBucket"]).get("Versions"),
        "machines": [each["name"] for each in machines],
        "executions": list(installation.executions(None, None)),
        "messages": [
            sqs.get_queue_attributes(QueueUrl=core[queue], AttributeNames=["All"])["Attributes"]
            for queue in ("Queue", "DeadLetterQueue")
        ],
    }


def metrics(installation: Installation) -> list[str]:
    logs = installation.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/happypath-")["logGroups"]
    return [
        event["message"]
        for group in groups
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for event in page["events"]
        if '"_aws"' in event["message"]
    ]


def test_v3_and_v4_differ_on_the_samples_exactly_where_they_should(driver: Driver) -> None:
    installation = driver.installation
    driver.go_live("none")
    before, counted = everything(installation), metrics(installation)

    found = list(compare(installation, ("v3", "v4"), samples()))

    assert everything(installation) == before
    assert metrics(installation) == counted
    differing = {
        (Path(each.subject.name).stem, each.subject.place_id): [
            decision.verdict for decision in each.decisions.values()
        ]
        for each in found
        if each.differs
    }
    assert differing == {
        # Moderated as a park's photo would be, and nobody's business at a bar.
        ("wine", "the-bar"): [("REJECTED", "FAILED_MODERATION"), ("PROCESSED", None)],
        ("astronaut", "the-restaurant"): [("PROCESSED", None), ("REJECTED", "NO_PEOPLE_ALLOWED")],
    }
    assert len(found) == 10
    assert all(each.shared == 2 for each in found if each.differs)


@pytest.mark.parametrize("version", WORKFLOWS)
def test_a_dry_run_decides_as_the_workflow_did(driver: Driver, version: str) -> None:
    driver.go_live(version)
    keys = []
    for row in (accepted(version), rejected(version)):
        keys.append(driver.new_key_of(version, row, f"dry_detail{row.suffix}"))
        driver.upload(driver.picture(row), keys[-1])
    outcomes = {key: driver.ended(key) for key in keys}

    subjects = last(driver.installation, len(keys), (version,))
    assert {each.name for each in subjects} == set(outcomes)
    other = next(workflow for workflow in WORKFLOWS if workflow != version)
    for comparison in compare(driver.installation, (version, other), subjects):
        outcome = outcomes[comparison.subject.name]
        decision = comparison.decisions[version]
        if "Delete upload" in outcome.path:
            # What is refused for good is no longer there to be looked at.
            assert decision.verdict == ("FAILED", "PhotoNotFoundError")
            continue
        assert decision.verdict == (outcome.status, outcome.reason)
        assert decision.detail == outcome.record.get("detail")
        assert decision.path == outcome.path


def test_uploads_that_neither_workflow_gets_and_what_is_no_upload_are_left_out(driver: Driver) -> None:
    installation = driver.installation
    driver.go_live("v1")
    keys = [driver.new_key(place, "last.jpg") for place in ("the-park", "held")]
    for key in keys:
        driver.upload(truncated(), key)
        driver.ended(key)
    stepfunctions = installation.client("stepfunctions")
    by_hand = [
        "{}",
        "[]",
        '{"Comment": "Insert your JSON here"}',
        '{"detail": {"bucket": "photos-by-hand", "key": 1, "placeId": "p", "ID": "i"}}',
        '{"detail": {"bucket": "photos-by-hand", "key": "p/i.jpg", "placeId": "p", "ID": "i"}}',
    ]
    machine = installation.state_machines()["v1"]
    started = [
        stepfunctions.start_execution(stateMachineArn=machine, name=driver.new_id("by-hand"), input=text)
        for text in by_hand
    ]
    for each in started:
        wait_until(partial(installation.execution_ended, each["executionArn"]), "it ends")

    def newest(number: int, *workflows: str) -> list[str]:
        return [each.name for each in last(installation, number, workflows)]

    assert newest(2, "v1", "v2") == keys[::-1]
    driver.go_live("v1 held/=matcher")
    assert newest(1, "v1", "v2") == keys[:1]
    assert newest(1, "v1", "matcher") == keys[1:]


def test_a_photo_that_cannot_be_decided_about_fails_in_a_dry_run_and_nowhere_else(driver: Driver) -> None:
    gone = Subject("gone.jpg", "the-park", upload=_gone(driver))
    before = everything(driver.installation)
    (comparison,) = compare(driver.installation, ("v1", "v4"), [gone])

    assert not comparison.differs
    for decision in comparison.decisions.values():
        assert decision.verdict == ("FAILED", "PhotoNotFoundError")
        assert decision.path[-2:] == ("RecordErrorState", "Failed")
    assert everything(driver.installation) == before


def _gone(driver: Driver) -> Any:
    from functions.upload import Upload

    return Upload(driver.upload_bucket, "the-park/gone.jpg", "the-park", "gone.jpg")


def test_what_is_cut_short_is_cleared_away(driver: Driver) -> None:
    before = everything(driver.installation)
    comparing = compare(driver.installation, ("v1", "v2"), itertools.repeat(samples()[0]))
    assert isinstance(next(comparing), Comparison)
    comparing.close()  # type: ignore[attr-defined]  # a generator is closed as by Ctrl-C
    assert everything(driver.installation) == before


def test_a_workflow_that_does_not_know_of_dry_runs_does_not_run(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = driver.installation.stack
    old: Callable[[str], Any] = lambda name: {  # noqa: E731
        "Outputs": [each for each in (stack(name) or {})["Outputs"] if each["OutputKey"] != "DryRun"]
    }
    monkeypatch.setattr(driver.installation, "stack", old)
    with pytest.raises(DryRunError, match="v1 is too old to run as a dry run"):
        next(compare(driver.installation, ("v1", "v2"), samples()))
    monkeypatch.setattr(driver.installation, "stack", lambda name: None)
    with pytest.raises(DryRunError, match="v1 is not deployed"):
        next(compare(driver.installation, ("v1", "v2"), samples()))


@pytest.mark.parametrize("version", WORKFLOWS)
def test_no_state_of_a_dry_run_writes(version: str) -> None:
    tasks = definitions.tasks_in(
        harmless(json.loads(definitions.text(version).replace("${Partition}", "aws")))
    )
    # What starts another execution tells it that this is a dry run.
    reading = {name: task for name, task in tasks.items() if not definitions.waits_for_execution(task)}
    assert {task["Resource"] for task in reading.values()} <= {
        "arn:aws:states:::lambda:invoke",
        "arn:aws:states:::dynamodb:getItem",
    }
    for name in tasks.keys() - reading.keys():
        assert tasks[name]["Parameters"]["Input"]["detail.$"] == "$.detail"


SDK = "arn:aws:states:::aws-sdk:"


@pytest.mark.parametrize(
    "resource",
    [
        f"{SDK}rekognition:detectLabels",
        f"{SDK}s3:headObject",
        f"{SDK}rekognition:searchFacesByImage",
        "arn:aws-us-gov:states:::dynamodb:getItem",
    ],
)
def test_a_task_that_only_reads_stays_as_it_is(resource: str) -> None:
    machine = {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": resource, "End": True}}}
    assert harmless(machine) == machine


@pytest.mark.parametrize("result_path", [{}, {"ResultPath": "$"}, {"ResultPath": "$.told"}])
@pytest.mark.parametrize(
    "resource",
    ["arn:aws:states:::sns:publish", f"{SDK}s3:putObject", "arn:aws:states:::lambda:invoke.waitForTaskToken"],
)
def test_a_task_that_may_write_and_whose_answer_is_used_has_no_dry_run(
    resource: str, result_path: dict[str, str]
) -> None:
    state = {"Type": "Task", "Resource": resource, "End": True, **result_path}
    inner = {"StartAt": "Tell", "States": {"Tell": state}}
    both = {"Type": "Parallel", "Branches": [inner], "End": True}
    for machine in (inner, {"StartAt": "both", "States": {"both": both}}):
        with pytest.raises(
            DryRunError, match=f"'Tell' calls {resource.partition(':::')[2]}, which may write"
        ):
            harmless(machine)


def run(driver: Driver, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return happypath(
        "compare",
        *arguments,
        cwd=SAMPLES,
        AWS_ENDPOINT_URL=driver.sandbox.endpoint,
        AWS_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="sandbox",
        AWS_SECRET_ACCESS_KEY="sandbox",
    )


def test_the_command_shows_both_paths_from_where_they_part(driver: Driver) -> None:
    done = run(driver, "v3", "v4", "photos/astronaut.jpg", "photos/coffee.jpg", "--place", "the-restaurant")

    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines() == [
        "photos/astronaut.jpg at the-restaurant",
        "    both  Check Dimensions → Dimensions Result?",
        "    v3    PROCESSED  → Moderator → Moderation Result? → Resizer → Publish",
        (
            "    v4    REJECTED NO_PEOPLE_ALLOWED  → Get place type from DynamoDB → Place type? → "
            "Get labels → Check for people → RecordFailState"
        ),
        "1 of 2 photos end differently in v3 and v4.",
        "    1  PROCESSED → REJECTED NO_PEOPLE_ALLOWED",
    ]


def test_the_command_says_nothing_but_json_and_its_status_that_nothing_differs(driver: Driver) -> None:
    done = run(driver, "v2", "v3", "photos/coffee.jpg", "--place", "the-park", "--json")

    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert (found["photo"], found["placeId"], found["differs"]) == ("photos/coffee.jpg", "the-park", False)
    assert found["decisions"]["v3"]["path"][0] == "Check Dimensions"
    assert {each["status"] for each in found["decisions"].values()} == {"PROCESSED"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("v3", "v3"), "v3 and v3 are one workflow"),
        (("v3", "v9"), "There is no workflow v9"),
        (("v3", "v4", "--last", "3", "photos/cat.jpg"), "--last takes photos and their places"),
        (("v3", "v4", "--place", "the-park"), "name photos"),
        (("v3", "v4", "photos/none.jpg", "--place", "the-park"), "there is no such file"),
    ],
)
def test_what_makes_no_sense_is_one_line(driver: Driver, arguments: tuple[str, ...], complaint: str) -> None:
    done = run(driver, *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_logs_say_how_long_each_function_took(driver: Driver) -> None:
    driver.go_live("v1")
    key = driver.new_key(name="timed.jpg")
    driver.upload(sample("coffee"), key)
    driver.ended(key)

    wanted = {"StartExecution", "v1-Resize", "v1-Publish"}
    found = times(driver.installation, timedelta(hours=1), {*wanted, "v1-Nothing"})
    assert found.keys() == wanted
    assert all(milliseconds > 0 for each in found.values() for milliseconds in each)
