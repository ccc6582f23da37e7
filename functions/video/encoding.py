"""How redacted pictures are encoded: H.264, by x264, each piece so that all can be joined without a seam."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from functions.decision import Reason
from functions.video.film import THREADS, Film
from functions.video.pieces import Plan
from functions.video.refusal import readable

# What is encoded as it is. Anything else (palettes, RGB, transparency) becomes 4:2:0 of 8 bits.
_FORMATS = frozenset({"yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p", "yuvj444p"})
_DEEP = frozenset({"yuv420p10le", "yuv422p10le", "yuv444p10le"})
_OPTIONS = {
    "preset": "veryfast",
    # What is hardly seen to differ from the film.
    "crf": "20",
    # Pictures in the order of their times, so that pieces can follow each other whatever their times are.
    "bf": "0",
    # Captions within the pictures are text that nobody looked at.
    "a53cc": "0",
}


def pixel_format(film: Film) -> str:
    """The format in which a film is encoded.

    Colours at half the size cannot have an odd number of pixels: then they are kept at full size.
    """
    own = film.video.codec_context.pix_fmt or ""
    kept = own if own in _FORMATS | _DEEP else "yuv420p"
    if film.video.width % 2 or film.video.height % 2:
        return {"yuv": "yuv444p", "yuvj": "yuvj444p"}["yuvj" if "j" in kept else "yuv"] + (
            "10le" if kept in _DEEP else ""
        )
    return kept


class Encoder:
    """Encodes the pictures of one piece; their times in the file begin at 0."""

    def __init__(self, container: OutputContainer, film: Film, plan: Plan, start: int) -> None:
        self._container = container
        self._start = start
        self._time_base = plan.time_base
        self._format = pixel_format(film)
        options = {**_OPTIONS, "maxrate": str(plan.bit_rate), "bufsize": str(2 * plan.bit_rate)}
        stream: VideoStream = container.add_stream("libx264", rate=plan.rate, options=options)
        of = film.video.codec_context
        stream.width, stream.height, stream.pix_fmt = plan.width, plan.height, self._format
        context = stream.codec_context
        context.time_base = stream.time_base = plan.time_base
        context.sample_aspect_ratio = of.sample_aspect_ratio or Fraction(1)
        context.color_range, context.colorspace = of.color_range, of.colorspace
        context.color_primaries, context.color_trc = of.color_primaries, of.color_trc
        context.thread_count = THREADS
        self._stream = stream

    def prepared(self, frame: VideoFrame) -> VideoFrame:
        """A picture in the format that is encoded."""
        return frame if frame.format.name == self._format else frame.reformat(format=self._format)

    def encode(self, frame: VideoFrame) -> None:
        """Writes one picture, which must be as `prepared` makes it."""
        frame.pts = (frame.pts or 0) - self._start
        frame.time_base = self._time_base
        # Whether it is coded by itself is x264's choice, and not that of the film before.
        frame.pict_type = 0
        with readable(Reason.UNSUPPORTED_CODEC, "There is no way to encode such pictures."):
            self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Writes what is still in the encoder."""
        self._container.mux(self._stream.encode(None))


@contextmanager
def encoding(path: Path, film: Film, plan: Plan, start: int) -> Iterator[Encoder]:
    """An encoder of a piece that begins at `start`, into an MP4 file."""
    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        encoder = Encoder(container, film, plan, start)
        yield encoder
        encoder.finish()
