"""`happypath run`, as a person types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from happypath.project import WORKFLOWS

PHOTOS = Path(__file__).parents[2] / "samples" / "photos"


def happypath(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in its own process, without any AWS settings of the person who runs the tests."""
    # pytest-xdist sets COLUMNS.
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "COLUMNS"))}
    return subprocess.run(
        [sys.executable, "-m", "happypath", *map(str, arguments)],
        cwd=cwd,
        env={
            **clean,
            "AWS_CONFIG_FILE": "/nowhere",
            "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def results(run: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run.stdout)
    return found


def test_the_samples_end_as_they_should_at_v4(tmp_path: Path) -> None:
    run = happypath("run", "--json", "--workflow", "v4", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    outcomes = {
        (Path(each["photo"]).stem, each["placeId"].removeprefix("sample-")): (each["status"], each["reason"])
        for each in results(run)
    }
    assert outcomes == {
        ("mountains", "park"): ("PROCESSED", None),
        ("waterfall", "park"): ("PROCESSED", None),
        ("dogs", "park"): ("PROCESSED", None),
        ("dandelion", "park"): ("PROCESSED", None),
        ("wine", "park"): ("REJECTED", "FAILED_MODERATION"),
        ("wine", "bar"): ("PROCESSED", None),
        ("coffee", "restaurant"): ("PROCESSED", None),
        ("astronaut", "restaurant"): ("REJECTED", "NO_PEOPLE_ALLOWED"),
        ("coffee-small", "cafe"): ("REJECTED", "IMAGE_TOO_SMALL"),
        ("cat", "park"): ("REJECTED", "IMAGE_TOO_SMALL"),
    }
    for each in results(run):
        assert each["workflow"] == "v4"
        assert each["executionArn"].startswith(
            "arn:aws:states:us-east-1:123456789012:execution:happypath-v4:"
        )
        assert each["path"][0] == "Check Dimensions"
        assert each["path"][-1] == ("Publish" if each["status"] == "PROCESSED" else "RecordFailState")
        assert each["seconds"] > 0
        assert len(each["outputs"]) == (2 if each["status"] == "PROCESSED" else 0)
        for output in each["outputs"]:
            with Image.open(tmp_path / output) as image:
                assert image.format == "JPEG"
                assert image.size == (400, 400) if output.endswith("/tile.jpg") else image.width == 600
    wine = next(each for each in results(run) if each["reason"] == "FAILED_MODERATION")
    assert "Alcohol" in json.dumps(wine["detail"])


def portrait_with_a_face(path: Path) -> None:
    """A photo that no recorded answer knows: a face in an upright picture, softened and brightened."""
    face = cv2.imread(str(PHOTOS / "astronaut.jpg"))
    assert face is not None
    canvas = np.full((1600, 1100, 3), 120, np.uint8)
    canvas[100:1124, 38:1062] = face
    cv2.imwrite(str(path), cv2.convertScaleAbs(cv2.GaussianBlur(canvas, (3, 3), 0), alpha=1.05, beta=5))


def test_ones_own_photos_and_anything_else_end_with_a_reason(tmp_path: Path) -> None:
    photo = (PHOTOS / "coffee.jpg").read_bytes()
    portrait_with_a_face(tmp_path / "me.jpg")
    files = {
        "text.jpg": b"this is not a photo",
        "empty.jpg": b"",
        "truncated.jpg": photo[: len(photo) // 2],
        "a photo + 100% größer (1).jpg": photo,
    }
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    Image.new("P", (900, 900)).save(tmp_path / "gif.jpg", "GIF")
    Image.new("1", (30_000, 30_000)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 200_000

    names = [*files, "me.jpg", "gif.jpg", "bomb.png"]
    run = happypath("run", "--json", "--workflow", "v4", "--place-type", "restaurant", *names, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr
    assert {each["photo"]: (each["status"], each["reason"]) for each in results(run)} == {
        "text.jpg": ("REJECTED", "CORRUPT_IMAGE"),
        "empty.jpg": ("REJECTED", "CORRUPT_IMAGE"),
        "truncated.jpg": ("REJECTED", "CORRUPT_IMAGE"),
        "a photo + 100% größer (1).jpg": ("PROCESSED", None),
        "me.jpg": ("REJECTED", "NO_PEOPLE_ALLOWED"),
        "gif.jpg": ("REJECTED", "UNSUPPORTED_TYPE"),
        "bomb.png": ("REJECTED", "IMAGE_TOO_LARGE"),
    }


def test_a_person_reads_what_happened_and_where_the_photos_are(tmp_path: Path) -> None:
    run = happypath(
        "run", PHOTOS / "coffee.jpg", "--workflow", "v1", "--place-type", "museum", "--out", "x", cwd=tmp_path
    )
    assert run.returncode == 0, run.stderr
    assert "PROCESSED" in run.stdout
    assert "Resizer → Publish" in run.stdout
    assert (tmp_path / "x" / "sample-museum" / "001-coffee.jpg" / "tile.jpg").is_file()


def test_own_pictures_are_matched_by_what_is_written_on_them(tmp_path: Path) -> None:
    for name, text in (("sign.png", "Exit to New\nYork Street"), ("other.jpg", "Newark")):
        picture = Image.new("RGB", (640, 360), "darkgreen")
        ImageDraw.Draw(picture).text((60, 80), text, "white", ImageFont.load_default(64))
        picture.save(tmp_path / name)
    wanted = {"RequiredLabels": "", "RequiredWords": "new york, STREET", "MinConfidence": "60"}
    parameters = [f"--parameter={name}={value}" for name, value in wanted.items()]
    run = happypath(
        "run", "--json", "--workflow", "matcher", *parameters, "sign.png", "other.jpg", cwd=tmp_path
    )
    assert run.returncode == 0, run.stderr
    matched, other = sorted(results(run), key=lambda each: str(each["status"]))
    assert (matched["photo"], matched["status"], matched["outputs"]) == ("sign.png", "PROCESSED", [])
    assert [each["seen"] for each in matched["detail"]["words"]["found"]] == ["New York", "Street"]
    assert (other["photo"], other["reason"]) == ("other.jpg", "NO_MATCH")
    assert other["detail"]["words"]["missing"] == ["new york", "STREET"]
    assert other["detail"]["words"]["min_confidence"] == 60


def test_parameters_that_are_not_given_are_the_samples_and_a_person_is_told(tmp_path: Path) -> None:
    licence = PHOTOS.parent / "documents" / "licence-new-jersey-1.png"
    run = happypath(
        "run",
        "--json",
        "--workflow",
        "matcher",
        "--parameter",
        "RequiredWords=NEW JERSEY",
        licence,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    (matched,) = results(run)
    assert (matched["status"], matched["placeId"]) == ("PROCESSED", "sample-document")
    assert [each["name"] for each in matched["detail"]["labels"]["found"]] == ["Driving License", "Person"]
    assert "RequiredLabels=Driving License, Person: as for the samples" in run.stderr
    assert "RequiredWords" not in run.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere.jpg"], "nowhere.jpg: there is no such file."),
        (["."], ".: is not a file."),
        (["--workflow", "v0"], f"There is no workflow v0: choose one of {', '.join(WORKFLOWS)}."),
        (
            ["--workflow", "matcher", "--parameter", "RequiredLabels=", "--parameter", "RequiredWords="],
            "Nothing is required of a picture",
        ),
        (["--workflow", "v1", "--parameter", "MinConfidence=50"], "v1 has no parameter MinConfidence; its"),
        (["--workflow", "v4", "--parameter", "MinConfidence=101"], "MinConfidence of v4 cannot be '101'"),
        (["--workflow", "v4", "--parameter", "Prefix=x"], "v4 has no parameter Prefix; its parameters: "),
        (["--parameter", "MinPixels"], "--parameter wants NAME=VALUE, not 'MinPixels'."),
        (["--place-type", " "], "--place-type ' ' must not be empty nor hold a slash."),
        (["--place-type", "a/b"], "--place-type 'a/b' must not be empty nor hold a slash."),
        (["--place-type", "x" * 1000], "cannot be uploaded as sample-xxx"),
        (["--timeout", "soon"], "Invalid value for '--timeout'"),
        (["--no-such-option"], "No such option: --no-such-option"),
    ],
)
def test_unusable_arguments_are_one_line_and_status_2(
    arguments: list[str], complaint: str, tmp_path: Path
) -> None:
    run = happypath("run", *arguments, cwd=tmp_path)
    assert run.returncode == 2
    assert run.stdout == ""
    assert complaint in run.stderr
    assert len(run.stderr.splitlines()) == 1
