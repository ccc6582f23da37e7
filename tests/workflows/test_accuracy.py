"""Labelled pictures through deployed workflows: what is measured is what the workflow decides."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from happypath.operations.accuracy.deciders import of
from happypath.operations.accuracy.interval import Share
from happypath.operations.accuracy.kept import Kept
from happypath.operations.accuracy.measuring import measuring
from happypath.operations.accuracy.report import ACCEPTED, REFUSED, Report
from happypath.operations.accuracy.truth import Label
from happypath.project import WORKFLOWS
from tests.cli.test_run import happypath
from tests.operations.test_accuracy import schema_errors
from tests.outcomes import rows
from tests.statemachines import definitions
from tests.workflows import pictures
from tests.workflows.driver import Driver
from tests.workflows.photos import drawn
from tests.workflows.test_compare import everything

# Of which Rekognition is how sure that they are to be moderated, and what should become of them.
KNOWN = {
    "bad-95.png": (95.0, False),
    "bad-61.png": (61.5, False),
    "bad-0.png": (None, False),
    "good-88.png": (88.0, True),
    "good-70.png": (70.0, True),
    "good-0.png": (None, True),
}


def measurable() -> list[str]:
    """The workflows that decide by a confidence."""
    filled = {name: re.sub(r"\$\{\w+\}", "50", definitions.text(name)) for name in WORKFLOWS}
    return [name for name, text in filled.items() if any(each.thresholds for each in of(json.loads(text)))]


@pytest.mark.parametrize("workflow", measurable())
def test_as_the_rules_are_today_a_picture_ends_as_it_does(
    driver: Driver, workflow: str, tmp_path: Path
) -> None:
    with measuring(driver.installation, workflow) as measured:
        own = {reason for each in measured.deciders if each.thresholds for reason in each.reasons}
        # One picture for each reason that goes by a confidence, and one that is accepted.
        chosen = {row.reason: row for row in reversed(rows(workflow)) if row.reason in {None, *own}}
        placed: dict[Label, tuple[Path, str]] = {}
        for number, row in enumerate(chosen.values()):
            path = tmp_path / f"{number}{row.suffix.rpartition('/')[2]}"
            path.write_bytes(driver.picture(row))
            placed[Label(path.name, row.reason is None, row.reason or "")] = (path, pictures.place_id(row))
        report = Report(workflow, measured.deciders)
        for label, seen in measured.see(placed, Kept(None, workflow, "")):
            report.add(label, seen)
    assert report.failed == []
    assert report.wrong == []
    assert report.other_reasons == []
    assert None in chosen
    assert own & chosen.keys()
    for each in report.measured:
        assert report.outcome(each.seen)[0] == (ACCEPTED if each.label.accepted else REFUSED)


def _moderated(confidence: float | None) -> dict[str, Any]:
    labels = [] if confidence is None else [{"Name": "Alcohol", "ParentName": "", "Confidence": confidence}]
    return {"DetectModerationLabels": {"ModerationLabels": labels, "ModerationModelVersion": "7.0"}}


def run(driver: Driver, folder: Path, *arguments: str | Path) -> Any:
    return happypath(
        "accuracy",
        ".",
        "--truth",
        folder / "truth.csv",
        *arguments,
        cwd=folder,
        AWS_ENDPOINT_URL=driver.sandbox.endpoint,
        AWS_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="sandbox",
        AWS_SECRET_ACCESS_KEY="sandbox",
    )


def test_a_set_with_known_errors_gives_exactly_those(driver: Driver, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    lines = ["photo,accepted"]
    for name, (confidence, accepted) in KNOWN.items():
        # What comes after a picture's end makes it one of its own.
        picture = drawn("PNG") + name.encode()
        driver.sandbox.rekognition.record(picture, _moderated(confidence))
        (folder / name).write_bytes(picture)
        lines.append(f"{name},{'yes' if accepted else 'no'}")
    (folder / "truth.csv").write_text("\n".join(lines), encoding="utf-8")
    driver.go_live("none")
    before = everything(driver.installation)
    kept, plot = tmp_path / "kept.jsonl", tmp_path / "plot.svg"
    asked = ("--workflow", "v2", "--place", "the-park", "--keep", kept, "--false-acceptances", "34%")

    done = run(driver, folder, *asked, "--json", "--review", "65,90", "--plot", plot)

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert schema_errors(said) == []
    assert (said["today"]["falseAcceptances"]["count"], said["today"]["falseRefusals"]["count"]) == (2, 1)
    assert {each["photo"] for each in said["wrong"]} == {"bad-61.png", "bad-0.png", "good-88.png"}
    (moderator,) = said["deciders"]
    (threshold,) = moderator["thresholds"]
    assert [
        (each["until"], each["falseAcceptances"]["count"], each["falseRefusals"]["count"])
        for each in threshold["steps"]
    ] == [(61.5, 1, 2), (70.0, 2, 2), (88.0, 2, 1), (95.0, 2, 0), (100.0, 3, 0)]
    # The errors that it finds at today's threshold are those that the workflow makes.
    low, high = Share(2, 3).interval
    assert threshold["today"]["falseAcceptances"]["interval"] == [round(low, 6), round(high, 6)]
    assert threshold["wanted"]["falseAcceptances"]["threshold"] == 30.75
    assert threshold["review"]["review"]["count"] == 2
    assert plot.read_text(encoding="utf-8").count('class="curve ') == 4
    assert everything(driver.installation) == before

    # All that is known is not asked again, and for people it is said in words.
    driver.sandbox.rekognition.record(picture, _moderated(99.0))
    done = run(driver, folder, *asked, "--acceptance-usd", "5", "--refusal-usd", "1")
    assert done.returncode == 0, done.stderr
    assert len(kept.read_text(encoding="utf-8").splitlines()) == 1 + len(KNOWN)
    for line in (
        "v2, 6 pictures: 3 to be accepted, 3 to be refused",
        "    false acceptances   2 of 3 (66.7 %, 20.8 to 93.9 %)",
        "    what they cost      $11.00",
        "    wrongly refused: good-88.png (FAILED_MODERATION)",
    ):
        assert line in done.stdout.splitlines()
    assert "at most 34 % false acceptances: threshold 30.75 (above 0, up to 61.5)" in done.stdout
    assert "cheapest: threshold 30.75 (above 0, up to 61.5), $7.00" in done.stdout
