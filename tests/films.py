"""Films that tests make: small ones, of every kind that there is."""

from __future__ import annotations

import io
import struct
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


def with_vorbis(whole: bytes, comment: bytes) -> bytes:
    """A film's pictures with silence, in Matroska: as Vorbis, which has a comment in its header."""
    silent = io.BytesIO()
    with av.open(silent, "w", format="matroska") as container:
        tone: Any = container.add_stream("vorbis", rate=44_100, layout="stereo", options={"strict": "-2"})
        for number in range(40):
            frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate, frame.pts, frame.time_base = 44_100, 1024 * number, Fraction(1, 44_100)
            container.mux(tone.encode(frame))
        container.mux(tone.encode(None))
    made = io.BytesIO()
    with (
        av.open(io.BytesIO(whole), "r") as pictures,
        av.open(io.BytesIO(silent.getvalue()), "r") as sound,
        av.open(made, "w", format="matroska") as container,
    ):
        streams: list[Any] = [pictures.streams.video[0], sound.streams.audio[0]]
        copies: list[Any] = [container.add_stream_from_template(each) for each in streams]
        header = bytes(streams[1].codec_context.extradata)
        # Its second packet, of 16 bytes, is that of comments; its size comes third.
        at = header.index(b"\x03vorbis")
        commented = header[at : at + 11] + struct.pack("<LL", 1, len(comment)) + comment + b"\x01"
        assert header[:1] + header[2:3] == b"\x02\x10"
        assert len(commented) < 255
        copies[1].codec_context.extradata = (
            header[:2] + bytes([len(commented)]) + header[3:at] + commented + header[at + 16 :]
        )
        for stream, copied in zip(streams, copies, strict=True):
            for packet in stream.container.demux(stream):
                if packet.size:
                    packet.stream = copied
                    container.mux(packet)
    return made.getvalue()


def damaged(whole: bytes) -> bytes:
    """The same film, of which all that was coded after its first pictures makes no sense."""
    start = whole.index(b"mdat")
    end = whole.index(b"moov", start)
    middle = (start + end) // 2
    return whole[:middle] + b"\xff" * (end - 8 - middle) + whole[end - 8 :]
