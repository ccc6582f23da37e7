"""A film's faces made unrecognisable: pieces at once, beside `deface`, and in how much memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
from PIL import Image

from bench.frame import Bar, Result, Table, interleaved, progress, ratio, spread
from happypath import samples
from happypath.operations import run as runs
from happypath.operations.installation import Installation
from happypath.operations.logs import events, groups, report
from happypath.operations.waiting import wait
from happypath.project import ROOT, functions_of, template_of
from happypath.sandbox.rekognition import detectors

_WORKFLOW = "redact-video"
# How often the short film is repeated for the long one.
_TIMES = 6
_PATIENCE_S = 900


def run(rounds: int) -> Result:
    """Redacts films in sandboxes that are warm, and with deface."""
    subprocess.run([ROOT / "scripts" / "install", "deface"], check=True)
    short = next(each.path for each in samples.of(_WORKFLOW).photos if "carphone" in each.path.name)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        long = repeated(short, folder / "long.mp4")
        films = {"carphone": short, f"carphone, {_TIMES} times": long}
        rows: list[list[str | float]] = []
        bars: list[Bar] = []
        for title, film in films.items():
            progress(f"  redact_video: {title}, beside deface")
            theirs, ours = folder / "deface.mp4", folder / "ours.mp4"
            with ready({"PieceSeconds": "3"}) as installation:
                taken = interleaved(
                    {
                        "ours": partial(redacted, installation, film, ours),
                        "deface": partial(defaced, film, theirs),
                    },
                    rounds,
                )
            share = ratio(taken["ours"], taken["deface"])
            missed = {"ours": missed_faces(ours), "deface": missed_faces(theirs)}
            bars += [
                Bar(f"time of deface's, {title}", 0.5, share),
                Bar(
                    f"pictures with a face that deface does not miss, {title}",
                    0,
                    missed["ours"] - missed["deface"],
                ),
            ]
            rows.append(
                [title, spread(taken["ours"]), spread(taken["deface"]), missed["ours"], missed["deface"]]
            )
        progress("  redact_video: one piece at a time, and two")
        at_once = {}
        for number in ("1", "2"):
            with ready({"PieceSeconds": "3", "PiecesAtOnce": number}) as installation:
                redacted(installation, long, folder / "made.mp4")
                at_once[number] = [redacted(installation, long, folder / "made.mp4") for _ in range(rounds)]
        bars.append(
            Bar(
                "two pieces at once, of one at a time",
                0.6,
                statistics.median(at_once["2"]) / statistics.median(at_once["1"]),
            )
        )
        progress("  redact_video: pictures of 3840 x 2160")
        peaks = {}
        with ready({"PieceSeconds": "3"}) as installation:
            for frames in (90, 180):
                began = datetime.now(UTC)
                redacted(installation, large(folder / f"{frames}.mp4", frames), folder / "made.mp4")
                peaks[frames] = peak_memory_mb(installation, began)
        sizes = memory_sizes_mb()
        for function, peak in peaks[180].items():
            bars.append(
                Bar(f"peak memory of {function} with 4K, of MemorySize", 0.85, peak / sizes[function])
            )
    return Result(
        about=(
            "From upload to record in a warm sandbox, in ms of wall time, beside the whole command `deface`, "
            f"with {os.cpu_count()} processors for each; ours looks at every 3rd picture, deface at all. "
            "Missed are pictures of the result in each of which the sandbox's detector finds a face."
        ),
        bars=bars,
        tables=[
            Table("Beside deface", ["film", "ours", "deface", "missed by ours", "missed by deface"], rows),
            Table(
                "Pieces at once, ms",
                ["pieces", "ms"],
                [[number, spread(taken)] for number, taken in at_once.items()],
            ),
            Table(
                "Peak memory with pictures of 3840 x 2160, MB",
                ["function", *(f"{frames} pictures" for frames in peaks)],
                [[name, *(f"{peaks[frames][name]:.0f}" for frames in peaks)] for name in peaks[180]],
            ),
        ],
    )


@contextmanager
def ready(parameters: Mapping[str, str]) -> Iterator[Installation]:
    """A sandbox in which the workflow is live."""
    with runs.installed([_WORKFLOW], [], real_rekognition=False, parameters=parameters) as installation:
        installation.set_live(_WORKFLOW)
        yield installation


def redacted(installation: Installation, film: Path, made: Path) -> float:
    """Uploads a film, waits for its end, saves what was published; the milliseconds from upload to record."""
    key = f"{_WORKFLOW}/{time.monotonic_ns()}{film.suffix}"
    started = time.perf_counter()
    installation.upload(film.read_bytes(), key)
    seen = wait(installation, key, timeout_s=_PATIENCE_S, every_s=0.02)
    took = (time.perf_counter() - started) * 1000
    if seen.status != "PROCESSED" or seen.record is None:
        raise SystemExit(f"{film.name} was not published: {seen}")
    (body,) = installation.outputs(seen.record).values()
    made.write_bytes(body)
    return took


def defaced(film: Path, made: Path) -> float:
    """The milliseconds that the command takes."""
    binary = ROOT / ".venv-deface" / "bin" / "deface"
    command = [str(binary), str(film), "--output", str(made), "--backend", "onnxrt"]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return (time.perf_counter() - started) * 1000


def missed_faces(film: Path) -> int:
    """In how many pictures a face is found."""
    return sum(bool(detectors.faces(picture)) for picture in pictures(film))


def pictures(film: Path) -> Iterator[Image.Image]:
    """All pictures of a film."""
    with av.open(str(film), "r") as container:
        for frame in container.decode(video=0):
            picture: Any = frame
            yield picture.to_image()


def repeated(film: Path, made: Path) -> Path:
    """The same film several times, one after the other, with a key frame every second."""
    return _written(made, (picture for _ in range(_TIMES) for picture in pictures(film)))


def large(made: Path, frames: int) -> Path:
    """A film of large pictures that go over into each other."""
    shades = Image.linear_gradient("L").resize((3840, 2160))
    return _written(
        made,
        (
            Image.merge("RGB", (shades.rotate(90 * (number % 4), expand=False), shades, shades))
            for number in range(frames)
        ),
    )


def _written(made: Path, shown: Iterator[Image.Image]) -> Path:
    with av.open(str(made), "w") as container:
        stream: Any = container.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.codec_context.gop_size = 30
        for number, picture in enumerate(shown):
            if number == 0:
                stream.width, stream.height, stream.pix_fmt = *picture.size, "yuv420p"
            frame: Any = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = number, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return made


def peak_memory_mb(installation: Installation, began: datetime) -> dict[str, float]:
    """The most memory that each function used since, as Lambda reports it."""
    found: dict[str, float] = {}
    names = [name for name in installation.functions(_WORKFLOW) if "Video" in name]
    for group, there in groups(installation, names).items():
        for function, event in events(installation, group, there, startTime=int(began.timestamp() * 1000)):
            if said := report(event["message"]):
                name = function.removeprefix(f"{installation.prefix}-{_WORKFLOW}-")
                found[name] = max(found.get(name, 0.0), said.peak_memory_mb)
    return found


def memory_sizes_mb() -> dict[str, int]:
    """The MemorySize of each function, by its name in the workflow."""
    return {
        name.removesuffix("Function"): int(properties["MemorySize"])
        for name, properties in functions_of(template_of(_WORKFLOW)).items()
    }
