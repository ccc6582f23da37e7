"""`happypath new`: a copy of a workflow under another name, or nothing at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from happypath.operations.new import NewRefusedError, make, renamed
from happypath.project import ROOT

COPIED = ("functions", "happypath", "samples", "statemachines", "templates")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project's files as far as workflows go, with a table of outcomes for two of them."""
    root = tmp_path / "a project"
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "samconfig.toml", root)
    outcomes = root / "tests" / "outcomes"
    outcomes.mkdir(parents=True)
    for name in ("v4", "matcher"):
        (outcomes / f"{name}.json").write_text('{"a table": "of outcomes"}\n', encoding="utf-8")
    return root


def files(root: Path) -> dict[str, bytes]:
    found = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def happypath(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command of the copy."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "COLUMNS"))}
    return subprocess.run(
        [sys.executable, "-m", "happypath", *arguments],
        cwd=project,
        env={**clean, "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.mark.parametrize(
    ("source", "name", "samples"),
    [("v4", "v99", False), ("v4", "flash-sale", False), ("matcher", "papers", True)],
)
def test_a_workflow_is_the_other_one_under_its_own_name(
    project: Path, source: str, name: str, samples: bool
) -> None:
    before = files(project)
    made = make(name, source, project)
    after = files(project)
    expected = {
        f"statemachines/{name}.asl.json": f"statemachines/{source}.asl.json",
        f"templates/{name}/template.yaml": f"templates/{source}/template.yaml",
        f"tests/outcomes/{name}.json": f"tests/outcomes/{source}.json",
        **({f"samples/{name}.json": f"samples/{source}.json"} if samples else {}),
    }
    assert after.keys() - before.keys() == expected.keys()
    assert {each for each in before if before[each] != after[each]} == {"samconfig.toml"}
    assert {str(path) for path in made.files} == {*expected, "samconfig.toml"}
    for copy, original in expected.items():
        own = rf"(?<!\w){source}(?!\w)"
        was, copied = before[original].decode(), after[copy].decode()
        assert not re.search(own, copied)
        # All else is as it was.
        assert re.sub(rf"(?<!\w){name}(?!\w)", source, copied) == was
    machine = json.loads(after[f"statemachines/{name}.asl.json"])
    assert machine["States"].keys() == json.loads(before[f"statemachines/{source}.asl.json"])["States"].keys()
    configured = tomllib.loads(after["samconfig.toml"].decode())
    assert json.dumps(configured[name]) == json.dumps(configured[source]).replace(source, name)
    assert after["samconfig.toml"].startswith(before["samconfig.toml"])


def test_a_copy_of_an_express_workflow_is_one_and_keeps_its_rules(project: Path) -> None:
    make("team-faces", "avatar", project)
    template = (project / "templates" / "team-faces" / "template.yaml").read_text(encoding="utf-8")
    assert "Type: EXPRESS" in template
    assert ":execution:${Prefix}-team-faces\n" in template
    machines = [
        json.loads((project / "statemachines" / f"{name}.asl.json").read_text(encoding="utf-8"))
        for name in ("avatar", "team-faces")
    ]
    # What a rendition is called is not the workflow's name, and cannot have a hyphen.
    own, copied = (
        {
            name: state["Parameters"].get("Payload", {}).get("rules")
            for name, state in machine["States"].items()
            if state["Type"] == "Task"
        }
        for machine in machines
    )
    assert own == copied
    assert "avatar" in own["Resizer"]["renditions"]


@pytest.mark.parametrize(
    ("name", "source", "problem"),
    [
        ("v99", "v0", "There is no workflow v0: choose one of v1"),
        ("v99", "core", "There is no workflow core"),
        ("v99", "../v4", "There is no workflow"),
        ("v4", "v3", "There is a workflow v4 already"),
        ("core", "v4", "cannot be called core, which is the stack"),
        ("none", "v4", "cannot be called none"),
        ("v05", "v4", "would be the same version as v5"),
        ("uploads", "v4", "cannot be called uploads"),
        ("version", "v4", "cannot be called version"),
        ("default", "v4", "cannot be called default"),
        *(
            (name, "v4", "cannot be a workflow's name")
            for name in ("", "V5", "5v", "v5-", "-v5", "v_5", "v 5", "v5/x", "../v5", "v5.1", "é", "v5\n")
        ),
        # A state machine's dry run, and a function, with the longest prefix.
        ("a" * 44, "v1", "too long: with a prefix of 20 characters a state machine's name leaves it 42"),
        ("a" * 33, "v4", "too long: its function a+-Dimensions would have more than 64 characters"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    project: Path, name: str, source: str, problem: str
) -> None:
    before = files(project)
    with pytest.raises(NewRefusedError, match=problem):
        make(name, source, project)
    assert files(project) == before


def test_the_longest_names_are_made(project: Path) -> None:
    make("a" * 32, "v4", project)


@pytest.mark.parametrize(
    "there", ["statemachines/v99.asl.json", "tests/outcomes/v99.json", "templates/v99/notes"]
)
def test_nothing_is_written_over(project: Path, there: str) -> None:
    shutil.copy(project / "templates" / "v4" / "template.yaml", project / "templates" / "v4" / "notes")
    (project / there).parent.mkdir(exist_ok=True)
    (project / there).write_text("mine", encoding="utf-8")
    before = files(project)
    with pytest.raises(NewRefusedError, match=f"{there} exists"):
        make("v99", "v4", project)
    assert files(project) == before


@pytest.mark.parametrize(
    "text", ["[v4]\n", "[v99.build.parameters]\n[v4.build.parameters]\n[v4.x.parameters]\n"]
)
def test_sections_that_cannot_be_copied_are_a_refusal(project: Path, text: str) -> None:
    samconfig = project / "samconfig.toml"
    samconfig.write_text(text, encoding="utf-8")
    before = files(project)
    with pytest.raises(NewRefusedError, match=r"samconfig\.toml has"):
        make("v99", "v4", project)
    assert files(project) == before


def test_what_cannot_be_written_whole_is_not_written(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, folders = files(project), set(project.rglob("*"))
    write = Path.write_text

    def full(path: Path, text: str, **options: str) -> int:
        if path.name == "samconfig.toml" and "v99" in text:
            write(path, text[:100], **options)
            raise OSError(28, "No space left on device", str(path))
        return write(path, text, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        make("v99", "v4", project)
    assert files(project) == before
    assert set(project.rglob("*")) == folders


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        ("${Prefix}-v4-Resize ${Prefix}-v4", "v4", "${Prefix}-new-Resize ${Prefix}-new"),
        ('"Comment": "v4: as workflow v4."', "v4", '"Comment": "new: as workflow new."'),
        ("[v4.build.parameters] .aws-sam/v4/", "v4", "[new.build.parameters] .aws-sam/new/"),
        ("IPv4 v40 v4_x sigv4 v4.1 xv4", "v4", None),
        ("see https://docs.aws.amazon.com/sig-v4-x.html", "v4", None),
        ("Handler: functions.redact.handler, functions/redact.py", "redact", None),
        ('"Source": "happypath.redact"', "redact", '"Source": "happypath.new"'),
    ],
)
def test_a_name_is_replaced_where_it_stands_by_itself(text: str, source: str, expected: str | None) -> None:
    assert renamed(text, source, "new") == (expected or text)


def test_states_and_other_workflows_keep_their_names(project: Path) -> None:
    make("match", "v4", project)
    make("match-more", "matcher", project)
    machine = project / "statemachines" / "match.asl.json"
    text = machine.read_text(encoding="utf-8").replace('"Resizer"', '"Publish a match"')
    machine.write_text(text.replace('"match: ', '"match, unlike match-more: '), encoding="utf-8")
    make("pairs", "match", project)
    copied = (project / "statemachines" / "pairs.asl.json").read_text(encoding="utf-8")
    assert "Publish a match" in json.loads(copied)["States"]
    assert json.loads(copied)["Comment"].startswith("pairs, unlike match-more: ")


def test_the_command_makes_a_version_that_is_the_newest_and_runs(project: Path) -> None:
    made = happypath(project, "new", "v99", "--from", "v4")
    assert made.returncode == 0, made.stderr
    *listed, first, second = filter(None, made.stdout.splitlines())
    assert "templates/v99/template.yaml" in listed
    assert [first.strip(), second.strip()] == ["happypath run --workflow v99", "happypath deploy v99"]

    photo = "samples/photos/coffee.jpg"
    run = happypath(project, "run", "--json", "--place-type", "cafe", photo)
    assert run.returncode == 0, run.stderr
    (result,) = json.loads(run.stdout)
    assert (result["workflow"], result["status"]) == ("v99", "PROCESSED")
    assert ":happypath-v99:" in result["executionArn"]
    # It is made of handlers that were measured.
    bills = [happypath(project, "cost", "--workflow", name, "--json") for name in ("v99", "v4")]
    costs = [json.loads(each.stdout)["usd"] for each in bills]
    assert costs[0] == costs[1] > 0

    again = happypath(project, "new", "v99", "--from", "v4")
    assert (again.returncode, again.stdout, again.stderr) == (
        2,
        "",
        "happypath: There is a workflow v99 already.\n",
    )


def test_a_workflow_with_a_hyphen_is_as_good_as_any(project: Path) -> None:
    assert happypath(project, "new", "two-words", "--from", "matcher").returncode == 0
    run = happypath(
        project, "run", "--json", "--workflow", "two-words", "samples/documents/licence-new-york-1.png"
    )
    assert run.returncode == 0, run.stderr
    (result,) = json.loads(run.stdout)
    assert (result["workflow"], result["status"], result["placeId"]) == (
        "two-words",
        "PROCESSED",
        "sample-document",
    )
