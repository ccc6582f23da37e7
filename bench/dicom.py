"""Peak memory of redacting the largest DICOM film that is taken, and the time that it takes beside looks."""

from __future__ import annotations

import os
import tempfile
import time
from io import BytesIO
from pathlib import Path

from bench.frame import Bar, Result, Table, progress
from bench.processes import ran
from happypath.project import ROOT, functions_of, template_of

_WORK = """
import sys
from bench.dicom import redact
print(redact(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""
_SIZE = (640, 480)


def run(_rounds: int) -> Result:
    """Redacts a film of colours, compressed by JPEG, in a process of its own."""
    function = functions_of(template_of("redact-dicom"))["DicomRedactFunction"]
    variables = function["Environment"]["Variables"]
    most_bytes, memory_mb = int(variables["MAX_PIXEL_BYTES"]), int(function["MemorySize"])
    frames = most_bytes // (3 * _SIZE[0] * _SIZE[1])
    progress(f"  dicom: {frames} frames")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "film.dcm"
        file.write_bytes(film(frames))
        # What lies beyond the limit of looks is refused, and costs nothing.
        done = ran(_WORK, ROOT, str(file), str(most_bytes), str(frames))
    looks, seconds = done.said.split()[:2]
    return Result(
        about="The largest film that is taken, redacted in a fresh process; looks are answered at once.",
        bars=[Bar(f"the largest DICOM film, of MemorySize ({memory_mb} MB)", 0.85, done.peak_mb / memory_mb)],
        tables=[
            Table(
                "The largest DICOM film",
                ["frames", "MB without compression", "looks", "s beside them", "peak MB"],
                [[frames, round(most_bytes / 1e6), int(looks), float(seconds), round(done.peak_mb)]],
            )
        ],
        data={"peak_mb": done.peak_mb, "looks": int(looks), "seconds": float(seconds)},
    )


def film(frames: int) -> bytes:
    """A film of noise, every frame another, as a scanner of ultrasound writes it."""
    import numpy as np  # noqa: PLC0415  # what only this benchmark needs
    from PIL import Image  # noqa: PLC0415
    from pydicom.encaps import encapsulate  # noqa: PLC0415
    from pydicom.uid import JPEGBaseline8Bit  # noqa: PLC0415

    from tests import scans  # noqa: PLC0415

    noise = np.random.default_rng(1)
    encoded = []
    for _ in range(frames):
        written = BytesIO()
        pixels = noise.integers(0, 250, (_SIZE[1], _SIZE[0], 3), np.uint8)
        Image.fromarray(pixels).save(written, "JPEG", quality=80)
        encoded.append(written.getvalue())
    made = scans.dataset(np.zeros((1, _SIZE[1], _SIZE[0], 3), np.uint8), NumberOfFrames=frames)
    made.PhotometricInterpretation = "YBR_FULL_422"
    made.PixelData = encapsulate(encoded)
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    return scans.written(made, JPEGBaseline8Bit)


def redact(path: str, most_bytes: int, most_looks: int) -> str:
    """How many looks there were, and the seconds of everything else."""
    os.environ["MAX_PIXELS"] = "10000000"
    from functions.analysis.region import Region  # noqa: PLC0415  # reads the environment
    from functions.dicom import redaction  # noqa: PLC0415
    from functions.dicom.pseudonyms import pseudonyms  # noqa: PLC0415
    from functions.platform import observability  # noqa: PLC0415
    from functions.redact import finding  # noqa: PLC0415

    looks = 0

    class Blind:
        """Sees the control, and on the first sheet a word."""

        @classmethod
        def of_bytes(cls, _: bytes) -> Blind:
            nonlocal looks
            looks += 1
            return cls()

        def words(self, _: float) -> list[str]:
            return []

        def lines(self, _: float) -> list[Region]:
            control = Region(0.0, 0.995, 0.1, 0.005, "text", 99.0, "control")
            return [control, Region(0.1, 0.1, 0.1, 0.05, "text", 99.0, "word")][: 2 if looks == 1 else 1]

    vars(finding)["PhotoAnalysis"] = Blind
    observability.logger.setLevel("ERROR")
    sought = finding.Sought(frozenset({"text"}), 50.0)
    started = time.perf_counter()
    redaction.redacted(
        Path(path).read_bytes(),
        pseudonyms(b"bench"),
        redaction.Look(sought, 0.25),
        redaction.Limits(10**9, most_bytes, 10**6, most_looks),
    )
    return f"{looks} {time.perf_counter() - started:.1f} "
