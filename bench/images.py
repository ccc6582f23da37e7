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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection
from pathlib import Path

from PIL import Image, ImageOps

from bench.frame import Bar, Result, Table, progress
from bench.quality import ssim
from happypath.project import ROOT, SAMPLES

_PHOTOS = sorted(each.name for each in (SAMPLES / "photos").glob("*.jpg"))
_WIDTHS = (600, 1200)
_TYPES = ("jpeg", "webp", "avif")
_AT_ONCE = (1, 2)
_QUALITY = 80
_PATIENCE_S = 60


@dataclass(frozen=True)
class Contender:
    """A server of pictures, and where it has one: of a photo, so wide, of a type."""

    name: str
    port: int
    path: Callable[[str, int, str], str]


def _of_ours(photo: str, width: int, _: str) -> str:
    return f"/i/inside,{width}x/place/{photo}"


def _of_ipx(photo: str, width: int, type_: str) -> str:
    # Without `enlarge` a photo that is narrower stays as it is.
    return f"/w_{width},f_{type_},q_{_QUALITY}/{photo}"


def _of_thumbor(photo: str, width: int, type_: str) -> str:
    return f"/unsafe/{width}x0/filters:no_upscale():format({type_}):quality({_QUALITY})/{photo}"


@dataclass
class _Measured:
    """What one contender did of one type and width."""

    seconds: dict[int, list[float]] = field(default_factory=lambda: {each: [] for each in _AT_ONCE})
    # Of each round, with so many at once.
    rates: dict[int, list[float]] = field(default_factory=lambda: {each: [] for each in _AT_ONCE})
    bodies: dict[str, bytes] = field(default_factory=dict)

    def rate(self, at_once: int) -> float:
        """Requests a second, the median of the rounds."""
        return statistics.median(self.rates[at_once])

    def milliseconds(self, at_once: int) -> float:
        """The median latency."""
        return 1000 * statistics.median(self.seconds[at_once])


def run(rounds: int) -> Result:
    """Measures all types and widths, the contenders in turns."""
    measured: dict[tuple[str, int, str], _Measured] = {}
    with _serving() as contenders:
        for type_ in _TYPES:
            for width in _WIDTHS:
                progress(f"  images: {type_}, {width} px")
                for round_ in range(rounds + 1):
                    for at_once in _AT_ONCE:
                        for contender in contenders:
                            kept = measured.setdefault((type_, width, contender.name), _Measured())
                            _round(contender, width, type_, at_once, kept, counts=round_ > 0)
    return _result(measured, rounds)


def _round(
    contender: Contender, width: int, type_: str, at_once: int, kept: _Measured, *, counts: bool
) -> None:
    def ask(photos: Sequence[str]) -> list[tuple[str, float, bytes]]:
        connection = HTTPConnection("127.0.0.1", contender.port, timeout=_PATIENCE_S)
        try:
            return [
                (photo, *_get(connection, contender.path(photo, width, type_), type_)) for photo in photos
            ]
        finally:
            connection.close()

    started = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        shares = [_PHOTOS[number::at_once] for number in range(at_once)]
        answers = [each for share in pool.map(ask, shares) for each in share]
    took = time.perf_counter() - started
    if counts:
        kept.rates[at_once].append(len(answers) / took)
        kept.seconds[at_once] += [seconds for _, seconds, _ in answers]
    kept.bodies |= {photo: body for photo, _, body in answers}


def _get(connection: HTTPConnection, path: str, type_: str) -> tuple[float, bytes]:
    started = time.perf_counter()
    connection.request("GET", path, headers={"accept": f"image/{type_}"})
    answer = connection.getresponse()
    body = answer.read()
    seconds = time.perf_counter() - started
    if answer.status != 200 or answer.headers.get_content_type() != f"image/{type_}":
        raise SystemExit(f"{path}: {answer.status} {answer.headers.get_content_type()} {body[:200]!r}")
    return seconds, body


@cache
def _reference(photo: str, size: tuple[int, int]) -> Image.Image:
    with Image.open(SAMPLES / "photos" / photo) as opened:
        return ImageOps.exif_transpose(opened).convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _quality(bodies: dict[str, bytes]) -> float:
    found = []
    for photo, body in bodies.items():
        with Image.open(io.BytesIO(body)) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
        found.append(ssim(_reference(photo, picture.size), picture))
    return statistics.mean(found)


def _result(measured: dict[tuple[str, int, str], _Measured], rounds: int) -> Result:
    rows: list[list[str | float]] = []
    for (type_, width, name), each in measured.items():
        size_kb = statistics.mean(map(len, each.bodies.values())) / 1024
        speeds = [
            figure for at_once in _AT_ONCE for figure in (each.rate(at_once), each.milliseconds(at_once))
        ]
        rows.append([f"{type_}, {width} px: {name}", *speeds, size_kb, _quality(each.bodies)])

    def to(other: str, type_: str) -> float:
        ratios = [
            measured[type_, width, "ours"].rate(at_once) / measured[type_, width, other].rate(at_once)
            for width in _WIDTHS
            for at_once in _AT_ONCE
        ]
        return math.exp(statistics.mean(map(math.log, ratios)))

    return Result(
        about=(
            f"The {len(_PHOTOS)} sample photos, {rounds} rounds after one to warm up, contenders in turns, "
            f"nothing cached, quality {_QUALITY}. Ours is the function's handler in two processes, record "
            "and photo at hand instead of in AWS; ipx is one process of Node.js with sharp's threads; "
            "thumbor has two processes. SSIM is of brightness, against the photo reduced with Lanczos."
        ),
        bars=[
            Bar(
                "JPEG: requests a second ÷ thumbor's, geometric mean",
                1.5,
                to("thumbor", "jpeg"),
                at_least=True,
            ),
            Bar("JPEG: requests a second ÷ ipx's, geometric mean", 1.0, to("ipx", "jpeg"), at_least=True),
        ],
        tables=[
            Table(
                "Requests a second and median latency",
                ("picture", "1 at once, /s", "ms", "2 at once, /s", "ms", "KB", "SSIM"),
                rows,
            ),
            Table(
                "Ours ÷ theirs, requests a second",
                ("type", "÷ ipx", "÷ thumbor"),
                [[type_, to("ipx", type_), to("thumbor", type_)] for type_ in _TYPES],
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
        opened.enter_context(
            _process(command, "serve", "--dir", photos, "--port", ipx, "--host", "127.0.0.1")
        )
        settings = folder / "thumbor.conf"
        settings.write_text(
            f"LOADER = 'thumbor.loaders.file_loader'\nFILE_LOADER_ROOT_PATH = {str(photos)!r}\n"
            "STORAGE = 'thumbor.storages.no_storage'\nRESPECT_ORIENTATION = True\n"
        )
        binary = ROOT / ".venv-thumbor/bin/thumbor"
        options = ("-i", "127.0.0.1", "-p", thumbor, "-c", settings, "--processes", 2, "-l", "error")
        opened.enter_context(_process(binary, *options))
        contenders = [
            Contender("ours", port, _of_ours),
            Contender("ipx", ipx, _of_ipx),
            Contender("thumbor", thumbor, _of_thumbor),
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
            _round(contender, 600, "jpeg", 1, _Measured(), counts=False)
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
