"""Peak memory of the tasks' processes, by photo."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from bench.cold_start import handlers
from bench.frame import Bar, Chart, Result, Table, progress
from bench.photos import Photo, made
from bench.processes import ran
from happypath.operations.usage import load
from happypath.project import ROOT, WORKFLOWS, functions_of, template_of

KINDS = ("baseline", "progressive", "PNG", "WEBP")
_RESIZE, _RENDITION, _REQUESTED = "resize", "a rendition for Rekognition", "a picture on request"
_DECODING = {
    _RESIZE: "from functions.publish import resize; from functions.imaging.renditions import renditions\n"
    "made = renditions(open(sys.argv[1], 'rb').read(), max_pixels=int(sys.argv[2]))\n"
    "[each.jpeg() for each in made.pictures.values()]",
    _RENDITION: "from functions.decide import moderation\n"
    "from functions.imaging.decoded import reduced_jpeg\n"
    "reduced_jpeg(open(sys.argv[1], 'rb').read(), max_pixels=int(sys.argv[2]), longest_side_px=2048, "
    "at_most_bytes=5 * 2**20)",
    # The largest that is made, blurred.
    _REQUESTED: "from functions.images import accepted, images\n"
    "from functions.imaging.variant import Fit, MOST_PIXELS, Variant, make\n"
    "wanted = Variant(Fit.INSIDE, int((MOST_PIXELS * 1.5) ** 0.5), None, 95, 50)\n"
    "make(open(sys.argv[1], 'rb').read(), wanted, lambda *picture: accepted.choose((), *picture), "
    "max_pixels=int(sys.argv[2]))",
}
# What a handler calls that does the work of a task.
_CALLS = {_RESIZE: "s3:PutObject", _RENDITION: "rekognition:"}
# Of other files than photos; `bench/dicom.py` has its own figures.
_NO_PHOTOS = ("functions.dicom.", "functions.video.")


def run(_rounds: int) -> Result:
    """Runs each task's work in a process of its own; peaks do not vary from run to run."""
    rows: list[tuple[str, dict[str, float]]] = []
    memory_mb, max_pixels = memory_sizes_mb(), most_pixels()
    with tempfile.TemporaryDirectory() as folder:
        for size in ((4032, 3024), largest(max_pixels)):
            for kind in KINDS:
                photo = _photo(size, kind)
                progress(f"  memory: {photo.name}")
                file = Path(folder) / "photo"
                file.write_bytes(photo.data)
                peaks = {
                    task: ran(f"import sys\n{code}", ROOT, str(file), str(max_pixels)).peak_mb
                    for task, code in _DECODING.items()
                }
                rows.append((photo.name, {"file": len(photo.data) / 1e6, **peaks}))
        bases = {module: ran(f"import {module}", ROOT).peak_mb for module in handlers()}
    most = {task: max(peaks[task] for _, peaks in rows) for task in _DECODING}
    fullest = max(_DECODING, key=lambda task: most[task] / memory_mb[task])
    return Result(
        about="The most memory that the task's process held (resident), in MB: fresh processes, real files.",
        bars=[
            Bar(
                f"the largest allowed photo, of MemorySize ({memory_mb[fullest]} MB)",
                0.85,
                most[fullest] / memory_mb[fullest],
            )
        ],
        tables=[
            Table(
                "Memory by photo",
                ["photo", "file, MB", *(f"{task}, MB" for task in _DECODING)],
                [[name, *(f"{value:.0f}" for value in peaks.values())] for name, peaks in rows],
            ),
            Table(
                "Memory of a handler that is ready",
                ["handler", "MB"],
                [[name.rpartition(".")[2], f"{peak:.0f}"] for name, peak in bases.items()],
            ),
        ],
        chart=Chart(
            "Peak memory of the resizing task",
            "MB",
            [_RESIZE],
            [(name, (peaks[_RESIZE],)) for name, peaks in rows],
            (memory_mb[_RESIZE], "MemorySize"),
        ),
        data={"most_mb": max(most.values()), "ready_mb": bases},
    )


def most_pixels() -> int:
    """The largest area, in pixels, that any template allows by default."""
    parameters = (template_of(stack)["Parameters"] for stack in WORKFLOWS)
    return max(int(each["MaxPixels"]["Default"]) for each in parameters if "MaxPixels" in each)


def largest(max_pixels: int) -> tuple[int, int]:
    """Width and height of the largest photo of that area, in the shape of 3:2 and of whole blocks of 16."""
    width = math.isqrt(max_pixels * 3 // 2) // 48 * 48
    return width, width * 2 // 3


def memory_sizes_mb() -> dict[str, int]:
    """The least MemorySize, in any template, of the functions that do each task's work."""
    used = load().functions
    handlers = {
        task: {
            name
            for name, each in used.items()
            if any(call.startswith(calls) for call in each.requests) and not name.startswith(_NO_PHOTOS)
        }
        for task, calls in _CALLS.items()
    }
    functions = [each for stack in WORKFLOWS for each in functions_of(template_of(stack)).values()]
    (on_request,) = functions_of(template_of("images")).values()
    return {_REQUESTED: int(on_request["MemorySize"])} | {
        task: min(int(each["MemorySize"]) for each in functions if each["Handler"] in names)
        for task, names in handlers.items()
    }


def _photo(size: tuple[int, int], kind: str) -> Photo:
    if kind in ("PNG", "WEBP"):
        return made(*size, kind=kind)
    return made(*size, progressive=kind == "progressive")
