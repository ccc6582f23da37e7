"""Step Functions Local's cases: each goes the way that it should, and together they go every way."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.statemachines.cases import Case, cases
from tests.statemachines.definitions import ROOT, WORKFLOWS, all_states, service, tasks
from tests.statemachines.interpreter import DETAIL
from tests.statemachines.willing import Raised
from tests.stepfunctions_local import runs as all_runs
from tests.stepfunctions_local.config import FILE, config
from tests.stepfunctions_local.runs import Run, run_all
from tests.transitions import declared, driven

CASES = [
    pytest.param(workflow, case, id=f"{workflow}-{case.name}")
    for workflow in WORKFLOWS
    for case in cases(workflow)
]


@pytest.fixture(scope="module")
def runs() -> Mapping[tuple[str, str], Run]:
    with all_runs.service() as stepfunctions:
        return run_all(stepfunctions)


@pytest.mark.parametrize(("workflow", "case"), CASES)
def test_a_case_goes_its_way(runs: Mapping[tuple[str, str], Run], workflow: str, case: Case) -> None:
    run = runs[workflow, case.name]

    assert run.path == case.path
    assert (run.status, run.error) == ("FAILED" if case.error else "SUCCEEDED", case.error)
    assert run.record == case.record
    if case.record:
        assert run.record_key == {"PK": {"S": "workflow"}, "SK": {"S": DETAIL["record"]}}


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_transition_is_made_by_some_case(runs: Mapping[tuple[str, str], Run], workflow: str) -> None:
    histories = [run.history for (its, _), run in runs.items() if its == workflow]
    made = set().union(*(driven(history, all_states(workflow)) for history in histories))

    assert [str(each) for each in declared(all_states(workflow)) if each not in made] == []


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_error_that_is_retried_or_caught_by_name_is_thrown_by_some_case(workflow: str) -> None:
    for state, task in tasks(workflow).items():
        answers = (answer for case in cases(workflow) for answer in case.answers.get(state, ()))
        thrown = {answer.error for answer in answers if isinstance(answer, Raised)}
        named = {error for rule in [*task["Retry"], *task["Catch"]] for error in rule["ErrorEquals"]}
        assert named - {"States.ALL"} <= thrown, state


def test_the_file_stays_small_and_says_each_answer_once() -> None:
    responses = [json.dumps(each) for each in config()["MockedResponses"].values()]

    assert len(set(responses)) == len(responses)
    assert max(len(each) for each in config()["MockedResponses"].values()) < 20


def test_the_case_in_the_document_is_one() -> None:
    document = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    ((workflow, name),) = re.findall(r"stateMachine:happypath-(\w+)#(\w+)", document)

    assert name in {case.name for case in cases(workflow)}


# Step Functions Local itself


def test_the_container_reads_the_file_and_asks_nobody_on_aws() -> None:
    compose = yaml.safe_load((FILE.parent / "compose.yaml").read_text(encoding="utf-8"))
    (container,) = compose["services"].values()
    environment = container["environment"]

    assert container["volumes"] == [f"./{FILE.name}:{environment['SFN_MOCK_CONFIG']}:ro"]
    services = {service(task) for workflow in WORKFLOWS for task in tasks(workflow).values()}
    for name in services:
        option = "STEP_FUNCTIONS" if name == "states" else name.upper()
        assert environment[f"{option}_ENDPOINT"].startswith("http://127.0.0.1:")


def skipped(programs: Path) -> str:
    """What the command says when it has only these programs and those that it cannot do without."""
    for name in ("bash", "dirname"):
        (programs / name).symlink_to(shutil.which(name) or "")
    command = [ROOT / "scripts" / "test-stepfunctions-local"]
    run = subprocess.run(
        command, env={"PATH": str(programs)}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stdout) == (0, "")
    return run.stderr


def test_without_docker_the_command_says_so(tmp_path: Path) -> None:
    assert skipped(tmp_path).startswith("Skipped: there is no docker command here")


def test_without_dockers_engine_the_command_says_so(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    docker.chmod(0o755)
    assert skipped(tmp_path) == "Skipped: Docker's engine does not answer (docker info says why).\n"
