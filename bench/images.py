"""Pictures on request, beside ipx (sharp) and thumbor (Pillow), each behind HTTP on this machine."""

from __future__ import annotations

import io
import math
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection
from itertools import product
from pathlib import Path

import psutil
from PIL import Image, ImageOps

from bench.frame import Bar, Result, Table, progress
from bench.images_server import KEY
from bench.quality import ssim
from functions.images import signature
from functions.images.asked import Asked
from functions.imaging.variant import Fit, Variant
from happypath.project import ROOT, SAMPLES

_PHOTOS = sorted(each.name for each in (SAMPLES / "photos").glob("*.jpg"))
_WIDTHS = (600, 1200)
_TYPES = ("jpeg", "webp", "avif")
_AT_ONCE = (1, 2)
_QUALITY = 80
# Of the others, for pictures of as many bytes as ours.
_QUALITIES = (50, 90)
_PATIENCE_S = 60


@dataclass(frozen=True)
class Contender:
    """A server of pictures, in a process group of its own, and where it has one: of a photo, so wide, of a
    type and a quality.
    """

    name: str
    process_group: int
    port: int
    path: Callable[[str, int, str, int], str]


def _of_ours(photo: str, width: int, _: str, quality: int) -> str:
    path = Asked(f"place/{photo}", Variant(Fit.INSIDE, width, None, quality)).path
    return f"{path}?{signature.query(path, int(time.time()) + _PATIENCE_S, KEY)}"


def _of_ipx(photo: str, width: int, type_: str, quality: int) -> str:
    # Without `enlarge` a photo that is narrower stays as it is.
    return f"/w_{width},f_{type_},q_{quality}/{photo}"


def _of_thumbor(photo: str, width: int, type_: str, quality: int) -> str:
    return f"/unsafe/{width}x0/filters:no_upscale():format({type_}):quality({quality})/{photo}"


@dataclass(frozen=True)
class _Answer:
    """What came back for a photo: its type is the contender's choice, if it is not the one asked for."""

    photo: str
    seconds: float
    type: str
    body: bytes


@dataclass
class _Measured:
    """What one contender did of one type and width."""

    seconds: dict[int, list[float]] = field(default_factory=lambda: {each: [] for each in _AT_ONCE})
    # Of each round, with so many at once.
    rates: dict[int, list[float]] = field(default_factory=lambda: {each: [] for each in _AT_ONCE})
    # Of processors, a request, of each round.
    cpu_seconds: list[float] = field(default_factory=list)
    answers: dict[str, _Answer] = field(default_factory=dict)

    def rate(self, at_once: int) -> float:
        """Requests a second, the median of the rounds."""
        return statistics.median(self.rates[at_once])

    def milliseconds(self, at_once: int) -> float:
        """The median latency."""
        return 1000 * statistics.median(self.seconds[at_once])

    def cpu_ms(self) -> float:
        """Processor time a request, the median of the rounds."""
        return 1000 * statistics.median(self.cpu_seconds)


def run(rounds: int) -> Result:
    """Measures all types and widths, the contenders in turns."""
    measured: dict[tuple[str, int, str], _Measured] = {}
    with _serving() as contenders:
        for type_ in _TYPES:
            for width in _WIDTHS:
                progress(f"  images: {type_}, {width} px")
                for contender in contenders:
                    measured[type_, width, contender.name] = _Measured()
                    _ask(contender, _PHOTOS[:1], width, type_)
                for _ in range(rounds):
                    for at_once, contender in product(_AT_ONCE, contenders):
                        _round(contender, width, type_, at_once, measured[type_, width, contender.name])
                    contenders.append(contenders.pop(0))
        progress("  images: quality")
        compared = {
            (type_, width, contender.name): _quality(contender, width, type_, measured)
            for type_, width, name in measured
            for contender in contenders
            if contender.name == name
        }
    return _result(measured, compared, rounds)


def _round(contender: Contender, width: int, type_: str, at_once: int, kept: _Measured) -> None:
    def ask(photos: Sequence[str]) -> list[_Answer]:
        return _ask(contender, photos, width, type_)

    before, started = _cpu_seconds(contender), time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        shares = [_PHOTOS[number::at_once] for number in range(at_once)]
        answers = [each for share in pool.map(ask, shares) for each in share]
    took = time.perf_counter() - started
    kept.rates[at_once].append(len(answers) / took)
    kept.seconds[at_once] += [each.seconds for each in answers]
    kept.cpu_seconds.append((_cpu_seconds(contender) - before) / len(answers))
    kept.answers |= {each.photo: each for each in answers}


def _ask(
    contender: Contender, photos: Sequence[str], width: int, type_: str, quality: int = _QUALITY
) -> list[_Answer]:
    with closing(HTTPConnection("127.0.0.1", contender.port, timeout=_PATIENCE_S)) as connection:
        return [_get(connection, contender, photo, width, type_, quality) for photo in photos]


def _get(
    connection: HTTPConnection, contender: Contender, photo: str, width: int, type_: str, quality: int
) -> _Answer:
    path = contender.path(photo, width, type_, quality)
    started = time.perf_counter()
    connection.request("GET", path, headers={"accept": f"image/{type_}"})
    answer = connection.getresponse()
    body = answer.read()
    seconds = time.perf_counter() - started
    if answer.status != 200 or answer.headers.get_content_maintype() != "image":
        raise SystemExit(f"{contender.name} {path}: {answer.status} {body[:200]!r}")
    return _Answer(photo, seconds, answer.headers.get_content_subtype(), body)


def _cpu_seconds(contender: Contender) -> float:
    """What the contender's processes took of processors since they began."""
    times = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == contender.process_group:
                times.append(process.cpu_times())
    return sum(each.user + each.system for each in times)


def _quality(
    contender: Contender, width: int, type_: str, measured: Mapping[tuple[str, int, str], _Measured]
) -> float:
    """The mean SSIM of the contender's pictures of as many bytes as ours have.

    Between two qualities of its own SSIM goes with the logarithm of the bytes.
    """
    found = []
    for photo in _PHOTOS:
        aim = math.log(len(measured[type_, width, "ours"].answers[photo].body))
        bodies = [measured[type_, width, contender.name].answers[photo].body]
        if contender.name != "ours":
            bodies += [_ask(contender, [photo], width, type_, quality)[0].body for quality in _QUALITIES]
        by_size = sorted((math.log(len(body)), body) for body in bodies)
        after = min(max(1, bisect([size for size, _ in by_size], aim)), max(1, len(by_size) - 1))
        points = [(size, _ssim(photo, body)) for size, body in by_size[after - 1 : after + 1]]
        (low, worse), (high, better) = points[0], points[-1]
        share = (aim - low) / (high - low) if high > low else 0.0
        found.append(worse + share * (better - worse))
    return statistics.mean(found)


@cache
def _reference(photo: str, size: tuple[int, int]) -> Image.Image:
    with Image.open(SAMPLES / "photos" / photo) as opened:
        return ImageOps.exif_transpose(opened).convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _ssim(photo: str, body: bytes) -> float:
    with Image.open(io.BytesIO(body)) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    return ssim(_reference(photo, picture.size), picture)


def _result(
    measured: Mapping[tuple[str, int, str], _Measured],
    compared: Mapping[tuple[str, int, str], float],
    rounds: int,
) -> Result:
    rows: list[list[str | float]] = []
    for (type_, width, name), each in measured.items():
        size_kb = statistics.mean(len(answer.body) for answer in each.answers.values()) / 1024
        speeds = [
            figure for at_once in _AT_ONCE for figure in (each.rate(at_once), each.milliseconds(at_once))
        ]
        chosen = Counter(answer.type for answer in each.answers.values() if answer.type != type_)
        others = "".join(f", {number} as {other}" for other, number in sorted(chosen.items()))
        rows.append(
            [
                f"{type_}, {width} px: {name}{others}",
                *speeds,
                each.cpu_ms(),
                size_kb,
                f"{compared[type_, width, name]:.4f}",
            ]
        )

    def ratios(other: str, type_: str) -> list[float]:
        return [
            measured[type_, width, "ours"].rate(at_once) / measured[type_, width, other].rate(at_once)
            for width in _WIDTHS
            for at_once in _AT_ONCE
        ]

    def cpu_ratio(other: str, type_: str) -> float:
        return statistics.geometric_mean(
            measured[type_, width, other].cpu_ms() / measured[type_, width, "ours"].cpu_ms()
            for width in _WIDTHS
        )

    return Result(
        about=(
            f"The {len(_PHOTOS)} sample photos, {rounds} rounds, contenders in turns, "
            f"nothing cached, quality {_QUALITY}. Ours is the function's handler in two processes, record "
            "and photo at hand instead of in AWS; ipx is one process of Node.js with sharp's threads; "
            "thumbor has two processes. CPU is that of all of a contender's processes. KB are the files' "
            f"at quality {_QUALITY}; SSIM is of brightness, against the photo reduced with Lanczos, at as "
            "many bytes as ours have: between the nearest of the contender's own qualities."
        ),
        bars=[
            Bar(
                "JPEG: requests a second ÷ thumbor's, the least of both widths, 1 and 2 at once",
                1.5,
                min(ratios("thumbor", "jpeg")),
                at_least=True,
            ),
            Bar(
                "JPEG: requests a second ÷ ipx's, the least of both widths, 1 and 2 at once",
                1.0,
                min(ratios("ipx", "jpeg")),
                at_least=True,
            ),
        ],
        tables=[
            Table(
                "Requests a second and median latency",
                ("picture", "1 at once, /s", "ms", "2 at once, /s", "ms", "CPU ms", "KB", "SSIM"),
                rows,
            ),
            Table(
                "Ours ÷ theirs: requests a second, and requests for each second of a processor",
                ("type", "÷ ipx", "÷ thumbor", "CPU ÷ ipx", "CPU ÷ thumbor"),
                [
                    [
                        type_,
                        *(statistics.geometric_mean(ratios(other, type_)) for other in ("ipx", "thumbor")),
                        *(cpu_ratio(other, type_) for other in ("ipx", "thumbor")),
                    ]
                    for type_ in _TYPES
                ],
            ),
        ],
    )


@contextmanager
def _serving() -> Iterator[list[Contender]]:
    subprocess.run([ROOT / "scripts/install", "thumbor"], check=True)
    photos = SAMPLES / "photos"
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        ours = opened.enter_context(
            _process(sys.executable, "-m", "bench.images_server", photos, 2, pipe=True)
        )
        assert ours.stdout is not None  # noqa: S101  # it is a pipe
        port = int(ours.stdout.readline())
        ipx, thumbor = _free_port(), _free_port()
        command = ROOT / "bench/ipx/node_modules/.bin/ipx"
        of_ipx = opened.enter_context(
            _process(command, "serve", "--dir", photos, "--port", ipx, "--host", "127.0.0.1")
        )
        settings = folder / "thumbor.conf"
        settings.write_text(
            f"LOADER = 'thumbor.loaders.file_loader'\nFILE_LOADER_ROOT_PATH = {str(photos)!r}\n"
            "STORAGE = 'thumbor.storages.no_storage'\nRESPECT_ORIENTATION = True\n"
        )
        binary = ROOT / ".venv-thumbor/bin/thumbor"
        options = ("-i", "127.0.0.1", "-p", thumbor, "-c", settings, "--processes", 2, "-l", "error")
        of_thumbor = opened.enter_context(_process(binary, *options))
        contenders = [
            Contender("ours", ours.pid, port, _of_ours),
            Contender("ipx", of_ipx.pid, ipx, _of_ipx),
            Contender("thumbor", of_thumbor.pid, thumbor, _of_thumbor),
        ]
        for each in contenders:
            _wait(each)
        yield contenders


@contextmanager
def _process(*command: object, pipe: bool = False) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE if pipe else subprocess.DEVNULL,
        stderr=None if pipe else subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        # Those that it started, too.
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _wait(contender: Contender) -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            _ask(contender, _PHOTOS[:1], 600, "jpeg")
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
