"""Films that tests make: small ones, of every kind that there is."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import av
from PIL import Image

_WALL = (150, 180, 200)
# What stands for a face where nothing real is looked for: a colour that nothing else has.
MARK = (0, 160, 0)


def film(
    width: int = 160,
    height: int = 120,
    *,
    frames: int = 25,
    faces: bool = False,
    kind: str = "mp4",
    codec: str = "libx264",
    pixels: str = "yuv420p",
    times: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 1000),
    turned: int = 0,
    shape: Fraction | None = None,
    key_every: int = 10,
    sound: bool = False,
    metadata: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> bytes:
    """A film of a wall, before which a mark goes from left to right in place of a face if there are `faces`.

    Pictures are 40 ms apart, unless their `times` are given in units of `time_base`; `turned` is by how many
    degrees it must be turned to be upright, `shape` the width of a pixel in parts of its height.
    """
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        container.metadata.update(metadata or {})
        stream: Any = container.add_stream(codec, rate=25, options=dict(options or {"preset": "ultrafast"}))
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.codec_context.time_base = time_base
        stream.codec_context.gop_size = key_every
        stream.codec_context.thread_count = 1
        if shape is not None:
            stream.codec_context.sample_aspect_ratio = shape
        if turned:
            stream.set_display_rotation(turned)
        tone: Any = container.add_stream("aac", rate=8000, layout="mono") if sound else None
        usual = [number * int(Fraction(1, 25) / time_base) for number in range(frames)]
        for number, time in enumerate(times or usual):
            picture: Any = av.VideoFrame.from_image(  # type: ignore[no-untyped-call]
                _picture(width, height, number, frames, faces)
            )
            frame = picture.reformat(format=pixels)
            frame.pts, frame.time_base = time, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if tone:
            _sing(container, tone, frames * 320)
    return file.getvalue()


def _picture(width: int, height: int, number: int, frames: int, faces: bool) -> Image.Image:
    picture = Image.new("RGB", (width, height), (_WALL[0] - number, *_WALL[1:]))
    if faces:
        side = min(width, height) // 3
        left = (width - side) * number // max(1, frames - 1)
        picture.paste(MARK, (left, (height - side) // 2, left + side, (height + side) // 2))
    return picture


def _sing(container: Any, stream: Any, samples: int) -> None:
    for start in range(0, samples, 1024):
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.planes[0].update(bytes(4 * 1024))
        frame.sample_rate, frame.pts, frame.time_base = 8000, start, Fraction(1, 8000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def damaged(whole: bytes) -> bytes:
    """The same film, of which all that was coded after its first pictures makes no sense."""
    start = whole.index(b"mdat")
    end = whole.index(b"moov", start)
    middle = (start + end) // 2
    return whole[:middle] + b"\xff" * (end - 8 - middle) + whole[end - 8 :]
