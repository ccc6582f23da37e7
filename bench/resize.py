"""The resizing task's image work, beside sharp doing as the forerunner did, and beside what must be done."""

from __future__ import annotations

import cProfile
import io
import json
import math
import pstats
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import PIL
from PIL import Image, features

from bench.frame import Bar, Chart, Result, Table, interleaved, number, progress, ratio, spread, timed
from bench.photos import Photo, all_photos
from bench.quality import psnr, ssim
from functions.imaging.decoded import QUALITY
from functions.imaging.renditions import TILE, enough, renditions

MAX_PIXELS = 100_000_000
# From here on the limit is what counts; below it is a few milliseconds.
LARGE_MP = 5.0
# So often each photo is resized under the profiler.
_PROFILED = 5
_COLUMNS = (
    "photo",
    "MP",
    "ours, ms",
    "sharp, ms",
    "limit, ms",
    "÷ sharp",
    "÷ limit",
    "SSIM, sharp's",
    "PSNR, sharp's, dB",
    "bytes ÷ sharp's",
)
_SHARP = Path(__file__).parent / "sharp"


class Sharp:
    """sharp in a process of its own, with one thread and no cache."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", str(_SHARP / "resize.js")],  # noqa: S607  # whichever scripts/bench found
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def ask(self, *command: str) -> dict[str, Any]:
        """Sends a command and waits for its answer."""
        assert self._process.stdin is not None  # noqa: S101  # both are pipes
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdin.write("\t".join(command) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"sharp ended at {command}; its message is above.")
        result: dict[str, Any] = json.loads(answer)
        return result


def run(rounds: int, photos: Sequence[Photo] = ()) -> Result:
    """Compares every photo of the bench, or others."""
    photos = photos or list(all_photos())
    compared = []
    with Sharp() as sharp, tempfile.TemporaryDirectory() as folder:
        version = sharp.ask("version")["version"]
        for photo in photos:
            progress(f"  resize: {photo.name}")
            compared.append(_compare(photo, sharp, Path(folder), rounds))
    large = [each for each in compared if each["megapixels"] >= LARGE_MP]
    quality = {
        key: statistics.mean(each[key] for each in compared)
        for key in ("ssim", "ssim_sharp", "psnr", "psnr_sharp")
    }
    bars = [
        Bar("time of sharp's, geometric mean", 0.5, _mean(each["to_sharp"] for each in compared)),
        Bar("time of sharp's, slowest photo", 1.0, max(each["to_sharp"] for each in compared)),
    ]
    if large:
        worst = max(large, key=lambda each: each["to_limit"])
        bars += [
            Bar("time of the limit from 5 MP, geometric mean", 1.15, _mean(e["to_limit"] for e in large)),
            Bar(f"time of the limit from 5 MP, slowest photo ({worst['name']})", 1.15, worst["to_limit"]),
        ]
    return Result(
        about=(
            "Bytes in, both renditions out, in milliseconds of wall time: the median, and the middle half of "
            f"{rounds} rounds. Ours with Pillow {PIL.__version__} and libjpeg-turbo "
            f"{features.version('libjpeg_turbo')}, JPEG of quality {QUALITY}; sharp {version} with one "
            "thread, no cache and its own quality of 80, each rendition from the original bytes. The limit "
            "is one decoding, scaled by the decoder to the smallest size that suffices, and the encoding of "
            "both renditions, with nothing between. Quality is that of both against the photo decoded "
            "whole and reduced once with Lanczos, on average over both renditions; our files have "
            f"{_mean(each['bytes'] for each in compared):.2f} of the bytes of sharp's (geometric mean), for "
            "their quality is set higher. Photos named by their size are made of a sample."
        ),
        bars=[
            *bars,
            Bar("SSIM, mean (limit: sharp's)", quality["ssim_sharp"], quality["ssim"], at_least=True),
            Bar("PSNR in dB, mean (limit: sharp's)", quality["psnr_sharp"], quality["psnr"], at_least=True),
        ],
        tables=[
            Table(
                "Resizing",
                _COLUMNS,
                [
                    [
                        each["name"],
                        f"{each['megapixels']:.1f}",
                        spread(each["ours"]),
                        spread(each["sharp"]),
                        spread(each["limit"]),
                        number(each["to_sharp"]),
                        number(each["to_limit"]),
                        f"{each['ssim']:.3f}, {each['ssim_sharp']:.3f}",
                        f"{each['psnr']:.1f}, {each['psnr_sharp']:.1f}",
                        number(each["bytes"]),
                    ]
                    for each in compared
                ],
            ),
            _where_the_time_goes([photo for photo in photos if photo.megapixels >= LARGE_MP]),
        ],
        chart=Chart(
            "Time to resize, as a share of sharp's",
            "of sharp's time",
            ["Happy Path", "limit"],
            [(each["name"], (each["to_sharp"], each["to_sharp"] / each["to_limit"])) for each in compared],
            (1.0, "sharp"),
        ),
    )


def _compare(photo: Photo, sharp: Sharp, folder: Path, rounds: int) -> dict[str, Any]:
    file = folder / "photo.jpg"
    file.write_bytes(photo.data)
    sharp.ask("load", str(file))
    tile, scaled = ours(photo.data)
    finished = [_opened(tile), _opened(scaled)]

    taken = interleaved(
        {
            "ours": timed(lambda: ours(photo.data)),
            "sharp": lambda: float(sharp.ask("run")["ms"]),
            "limit": timed(partial(_limit, photo.data, finished)),
        },
        rounds,
    )
    theirs = folder / "tile.jpg", folder / "scaled.jpg"
    sharp.ask("save", *map(str, theirs))
    whole = _opened(photo.data).convert("RGB")
    files = [path.read_bytes() for path in theirs]
    own = _quality(whole, finished)
    other = _quality(whole, [_opened(file) for file in files])
    return {
        "name": photo.name,
        "megapixels": photo.megapixels,
        **taken,
        "to_sharp": ratio(taken["ours"], taken["sharp"]),
        "to_limit": ratio(taken["ours"], taken["limit"]),
        "bytes": (len(tile) + len(scaled)) / sum(map(len, files)),
        "ssim": own[0],
        "ssim_sharp": other[0],
        "psnr": own[1],
        "psnr_sharp": other[1],
    }


def ours(data: bytes) -> tuple[bytes, bytes]:
    """Both renditions as the task makes them: tile and scaled."""
    made = renditions(data, max_pixels=MAX_PIXELS)
    return made.pictures["tile"].jpeg(), made.pictures["scaled"].jpeg()


def decode_scaled(data: bytes) -> Image.Image:
    """The picture in the smallest size that the decoder makes and that suffices."""
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as opened:
        fraction = enough(*opened.size)
        opened.draft(None, (math.ceil(opened.width * fraction), math.ceil(opened.height * fraction)))
        opened.load()
        return opened


def _limit(data: bytes, finished: Sequence[Image.Image]) -> None:
    """What cannot be left out: one decoding, and writing two renditions that have come from nowhere."""
    decode_scaled(data)
    for rendition in finished:
        rendition.save(io.BytesIO(), "JPEG", quality=QUALITY)


def _quality(whole: Image.Image, made: Sequence[Image.Image]) -> tuple[float, float]:
    """SSIM and PSNR, of tile and scaled photo on average."""
    tile, scaled = made
    lanczos = Image.Resampling.LANCZOS
    near = whole.resize(scaled.size, lanczos)
    pairs = [
        # Where the middle lies between two pixels, one program cuts here and another there.
        max((ssim(tile, reference), psnr(tile, reference)) for reference in _tiles(whole)),
        (ssim(scaled, near), psnr(scaled, near)),
    ]
    return statistics.mean(pair[0] for pair in pairs), statistics.mean(pair[1] for pair in pairs)


def _tiles(whole: Image.Image) -> Iterator[Image.Image]:
    """The middle square: cut first and then reduced, and reduced first and then cut, on either pixel."""
    edge = min(whole.size)
    left, top = (whole.width - edge) / 2, (whole.height - edge) / 2
    box = (left, top, left + edge, top + edge)
    yield whole.resize((TILE.width_px, TILE.width_px), Image.Resampling.LANCZOS, box)
    width, height = (max(TILE.width_px, round(side * TILE.width_px / edge)) for side in whole.size)
    covering = whole.resize((width, height), Image.Resampling.LANCZOS)
    for more in (0, 1):
        left, top = (width - TILE.width_px + more) // 2, (height - TILE.width_px + more) // 2
        yield covering.crop((left, top, left + TILE.width_px, top + TILE.width_px))


def _where_the_time_goes(photos: Iterable[Photo]) -> Table:
    """The profile of photos, and of the limit itself."""
    rows: list[list[str | float]] = []
    for photo in photos:
        finished = [_opened(jpeg) for jpeg in ours(photo.data)]
        own = _steps(partial(ours, photo.data))
        least = _steps(partial(_limit, photo.data, finished))
        size = decode_scaled(photo.data).size
        rows.append(
            [
                photo.name,
                f"{size[0]} x {size[1]}",
                number(own["find the segments"]),
                *(f"{number(own[step])} ({number(least[step])})" for step in ("decode", "encode")),
                number(own["resample"]),
                number(own["rest"]),
            ]
        )
    columns = ["find the segments", "decode (limit)", "encode (limit)", "resample", "the rest, in Python"]
    return Table(
        "Where our time goes from 5 MP, in ms under cProfile, beside the limit's",
        ["photo", "decoded", *columns],
        rows,
    )


# What each step is done by, as the profiler names it.
_STEPS = {
    "find the segments": ("function", "pixels"),
    "decode": ("ImagingDecoder", "decode"),
    "resample": ("ImagingCore", ""),
    "encode": ("ImagingEncoder", "encode"),
}


def _steps(work: Callable[[], object]) -> dict[str, float]:
    """Milliseconds of each step of a piece of work, and of the rest."""
    profile = cProfile.Profile()
    for _ in range(_PROFILED):
        profile.runcall(work)
    # File, line and name of each function; calls, time in it, and time in it and what it calls.
    functions: dict[tuple[str, int, str], tuple[int, int, float, float, Any]]
    functions = pstats.Stats(profile).stats  # type: ignore[attr-defined]  # not in the stubs
    taken = dict.fromkeys(_STEPS, 0.0)
    whole = max(cumulated for _, _, _, cumulated, _ in functions.values())
    for (file, _, name), (_, _, own, cumulated, _) in functions.items():
        if file.endswith("functions/imaging/header.py") and name == "pixels":
            taken["find the segments"] += cumulated
        for step, (kind, method) in _STEPS.items():
            if f"'{kind}'" in name and method in name:
                taken[step] += own
    taken["rest"] = whole - sum(taken.values())
    return {step: seconds * 1000 / _PROFILED for step, seconds in taken.items()}


def _opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        return opened


def _mean(values: Iterable[float]) -> float:
    return statistics.geometric_mean(values)
