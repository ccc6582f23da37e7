"""The samples: every workflow has some, and what they say can be deployed and uploaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from happypath import samples
from happypath.operations.parameters import check_all
from happypath.project import SAMPLES, WORKFLOWS, newest_of, template_of


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_workflow_has_photos_and_all_parameters_that_have_no_default(workflow: str) -> None:
    found = samples.of(workflow)
    assert found.photos
    assert all(photo.path.is_file() for photo in found.photos)
    check_all(workflow, found.parameters)
    declared = template_of(workflow)["Parameters"]
    assert all("Default" not in declared[name] for name in found.parameters)


def test_every_file_of_samples_is_some_workflows() -> None:
    files = set(SAMPLES.glob("*.json"))
    assert files - {samples.of(workflow).file for workflow in WORKFLOWS} == set()


def test_samples_may_be_what_an_installed_package_brings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    uploads = [
        {"photo": f"{package}:data/test_files/CT_small.dcm", "placeType": "scan"}
        for package in ("pydicom", "no_such_package")
    ]
    (tmp_path / "scans.json").write_text(json.dumps({"parameters": {}, "uploads": uploads}), encoding="utf-8")
    monkeypatch.setattr(samples, "SAMPLES", tmp_path)
    there, missing = samples.of("scans").photos
    assert there.path.read_bytes()[128:132] == b"DICM"
    assert not missing.path.exists()


def test_each_photo_comes_once_to_a_place() -> None:
    usual = samples.of("a-workflow-without-samples-of-its-own")
    assert usual.file.name == "uploads.json"
    assert usual.at(None) == list(usual.photos)
    at_bars = usual.at("bar")
    assert len(at_bars) == len({photo.path for photo in usual.photos}) < len(usual.photos)
    assert {photo.place_id for photo in at_bars} == {"sample-bar"}


def test_the_newest_version_has_the_highest_number() -> None:
    assert newest_of(("v1", "v9", "v10", "v2-b", "zoo")) == "v10"
    assert newest_of(("flash-sale", "matcher")) == "flash-sale"
