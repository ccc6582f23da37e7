"""Peak memory of the tasks' processes, by photo."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.cold_start import handlers
from bench.frame import Bar, Chart, Result, Table, progress
from bench.photos import Photo, made
from bench.processes import ran
from happypath.project import ROOT

# The largest area that the templates allow by default, in the shape of 3:2.
LARGEST = (12_240, 8_160)
SIZES = [(4032, 3024), LARGEST]
KINDS = ("baseline", "progressive", "PNG", "WEBP")
# MemorySize of what decodes, in templates/.
MEMORY_MB = 2560
_DECODING = {
    "resize": "from functions import resize; from functions.renditions import renditions\n"
    "made = renditions(open(sys.argv[1], 'rb').read(), max_pixels=10**8)\n"
    "made.tile.jpeg(), made.scaled.jpeg()",
    "a rendition for Rekognition": "from functions.decide import moderation; from functions import image\n"
    "image.reduced_jpeg(open(sys.argv[1], 'rb'), max_pixels=10**8, longest_side_px=2048, "
    "at_most_bytes=5 * 2**20)",
}


def run(_rounds: int) -> Result:
    """Runs each task's work in a process of its own; peaks do not vary from run to run."""
    rows: list[tuple[str, dict[str, float]]] = []
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            for kind in KINDS:
                photo = _photo(size, kind)
                progress(f"  memory: {photo.name}")
                file = Path(folder) / "photo"
                file.write_bytes(photo.data)
                peaks = {
                    task: ran(f"import sys\n{code}", ROOT, str(file)).peak_mb
                    for task, code in _DECODING.items()
                }
                rows.append((photo.name, {"file": len(photo.data) / 1e6, **peaks}))
        bases = {module: ran(f"import {module}", ROOT).peak_mb for module in handlers()}
    most = max(peaks[task] for _, peaks in rows for task in _DECODING)
    return Result(
        about="The most memory that the task's process held (resident), in MB: fresh processes, real files.",
        bars=[Bar(f"the largest allowed photo, of MemorySize ({MEMORY_MB} MB)", 0.85, most / MEMORY_MB)],
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
            ["resize"],
            [(name, (peaks["resize"],)) for name, peaks in rows],
            (MEMORY_MB, "MemorySize"),
        ),
        data={"most_mb": most, "ready_mb": bases},
    )


def _photo(size: tuple[int, int], kind: str) -> Photo:
    if kind in ("PNG", "WEBP"):
        return made(*size, kind=kind)
    return made(*size, progressive=kind == "progressive")
