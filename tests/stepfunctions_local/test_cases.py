"""Every case of MockConfigFile.json goes the way that it should, and together they go every way."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.statemachines.definitions import ROOT, WORKFLOWS, states, tasks
from tests.stepfunctions_local.cases import FILE, ROUTES, Case, cases, config, text
from tests.stepfunctions_local.runs import Run, run_all, service
from tests.transitions import declared, driven

CASES = [
    pytest.param(version, case, id=f"{version}-{case.name}") for version in ROUTES for case in cases(version)
]


@pytest.fixture(scope="module")
def runs() -> Mapping[tuple[str, str], Run]:
    with service() as stepfunctions:
        return run_all(stepfunctions)


def test_the_file_says_what_the_cases_say() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "run: python -m tests.stepfunctions_local.cases"


def test_every_version_has_cases_with_names_of_their_own() -> None:
    assert set(ROUTES) == set(WORKFLOWS)
    for version in ROUTES:
        names = [case.name for case in cases(version)]
        assert len(set(names)) == len(names)
        assert all(name.isalnum() for name in names)


@pytest.mark.parametrize(("version", "case"), CASES)
def test_a_case_goes_its_way(runs: Mapping[tuple[str, str], Run], version: str, case: Case) -> None:
    run = runs[version, case.name]

    assert run.path == case.path
    assert (run.status, run.error) == ("FAILED" if case.error else "SUCCEEDED", case.error)
    assert run.record == case.record
    if case.record:
        assert run.record_key == {"PK": {"S": "workflow"}, "SK": {"S": "the-place/photo.jpg"}}


@pytest.mark.parametrize("version", ROUTES)
def test_every_transition_is_made_by_some_case(runs: Mapping[tuple[str, str], Run], version: str) -> None:
    histories = [run.history for (its, _), run in runs.items() if its == version]
    made = set().union(*(driven(history, states(version)) for history in histories))

    assert [str(each) for each in declared(states(version)) if each not in made] == []


@pytest.mark.parametrize("version", ROUTES)
def test_every_error_that_is_retried_or_caught_by_name_is_thrown_by_some_case(version: str) -> None:
    responses = config()["MockedResponses"]
    thrown: dict[str, set[str]] = {}
    for case in cases(version):
        for state, name in case.answers.items():
            throws = [each["Throw"]["Error"] for each in responses[name].values() if "Throw" in each]
            thrown.setdefault(state, set()).update(throws)
    for state, task in tasks(version).items():
        named = {error for rule in [*task["Retry"], *task["Catch"]] for error in rule["ErrorEquals"]}
        assert named - {"States.ALL"} <= thrown[state], state


# Step Functions Local itself


def test_the_container_reads_the_file_and_asks_nobody_on_aws() -> None:
    compose = yaml.safe_load((FILE.parent / "compose.yaml").read_text(encoding="utf-8"))
    (container,) = compose["services"].values()
    environment = container["environment"]

    assert container["volumes"] == [f"./{FILE.name}:{environment['SFN_MOCK_CONFIG']}:ro"]
    services = {task["Resource"].split(":")[-2] for version in WORKFLOWS for task in tasks(version).values()}
    for name in services:
        assert environment[f"{name.upper()}_ENDPOINT"].startswith("http://127.0.0.1:")


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
