"""A film as FFmpeg's libraries read it, and nothing of it that could be dangerous."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from io import RawIOBase
from pathlib import Path
from typing import IO, Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from functions.decision import Reason, Rejection
from functions.video.refusal import corrupt, readable

# Formats that hold a film themselves. Playlists name other files and addresses, which nobody may have opened.
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,flv"
# What is decoded, by the names of the codecs.
CODECS = frozenset(
    {"h264", "hevc", "av1", "vp8", "vp9", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "h263", "prores"}
)
# What an MP4 file can hold of sound, as it is.
AUDIO_CODECS = frozenset({"aac", "mp3", "mp2", "ac3", "eac3", "opus", "flac", "alac", "vorbis"})
# As many processors as the functions have. FFmpeg would take all that there are, and memory for each.
THREADS = 2
# How far before a place one looks for the key frame from which it can be decoded, in seconds.
_STEPS_BACK_S = (0, 2, 20)


@dataclass(frozen=True)
class Film:
    """An open film: its pictures, and its sound."""

    container: InputContainer
    video: VideoStream
    audio: tuple[AudioStream, ...]

    @property
    def time_base(self) -> Fraction:
        """The unit of the pictures' times, in seconds."""
        if not self.video.time_base:
            raise corrupt("The film's pictures have no clock.")
        return self.video.time_base

    @property
    def promised_s(self) -> float:
        """When the film ends by its header, in seconds; 0 where that says nothing."""
        start, duration = self.container.start_time or 0, self.container.duration or 0
        return (max(0, start) + duration) / av.time_base if duration > 0 else 0.0

    def packets(self, *streams: Stream) -> Iterator[Packet[Any]]:
        """What is coded of some streams, of the pictures unless given, from wherever the film was sought."""
        wanted = streams or (self.video,)
        numbers = {stream.index for stream in wanted}
        # What is not read is not kept in memory either.
        for stream in self.container.streams:
            stream.discard = Discard.default if stream.index in numbers else Discard.all
        for packet in self.container.demux(*wanted):
            if packet.size:
                yield packet

    def frames(self, start: int, end: int | None) -> Iterator[VideoFrame]:
        """The pictures from `start` to before `end`, in units of `time_base`, in the order of their times.

        Raises:
            Rejection: CORRUPT_VIDEO: a picture cannot be decoded.
        """
        for back_s in _STEPS_BACK_S:
            self._seek(start - int(back_s / self.time_base))
            decoded = self._decoded(start, end)
            first = next(decoded, None)
            if first is not None and first.pts is not None and first.pts <= start:
                break
        else:
            self.container.seek(0, backward=True, any_frame=False)
            decoded = self._decoded(start, end)
            first = next(decoded, None)
        if first is not None:
            yield first
            yield from decoded

    def _seek(self, time: int) -> None:
        with readable(Reason.CORRUPT_VIDEO, "There is no way to this place of the film."):
            self.container.seek(time, stream=self.video, backward=True)

    def _decoded(self, start: int, end: int | None) -> Iterator[VideoFrame]:
        """The pictures from `start` on, as far as they can be decoded from here."""
        self.video.codec_context.flush_buffers()
        before: int | None = None
        for frame in self._pictures(start):
            if frame.pts is None:
                raise corrupt("A picture has no time.")
            if frame.pts < start:
                continue
            if end is not None and frame.pts >= end:
                return
            if frame.is_corrupt or (before is not None and frame.pts <= before):
                raise corrupt("A picture is damaged.", seconds=_seconds(frame.pts, self.time_base))
            before = frame.pts
            yield frame

    def _pictures(self, start: int) -> Iterator[VideoFrame]:
        with readable(Reason.CORRUPT_VIDEO, "The film breaks off."):
            yield from self._decode_all(start)

    def _decode_all(self, start: int) -> Iterator[VideoFrame]:
        for packet in self.packets():
            try:
                yield from self.video.decode(packet)
            except av.FFmpegError:
                # Where one seeks to, pictures may depend on some that were not read.
                if packet.pts is None or packet.pts >= start:
                    raise
        yield from self.video.decode(None)


def _seconds(time: int, time_base: Fraction) -> float:
    return round(float(time * time_base), 3)


@contextmanager
def opened(file: IO[bytes] | RawIOBase | Path) -> Iterator[Film]:
    """Opens a film.

    Raises:
        Rejection: NOT_A_VIDEO: there are no moving pictures in it; UNSUPPORTED_CODEC: its pictures or its
            sound are of a kind that is not taken, which the detail names.
        botocore.exceptions.ClientError, BotoCoreError: S3 failed, where the file lies there.
    """
    with readable(Reason.NOT_A_VIDEO, "This is no film, or none of a format that is taken."):
        container = av.open(
            str(file) if isinstance(file, Path) else file,
            "r",
            container_options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    with container:
        with readable(Reason.CORRUPT_VIDEO, "The film's header is damaged."):
            film = _film(container)
        yield film


def _film(container: InputContainer) -> Film:
    pictures = [
        stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic
    ]
    if not pictures:
        raise Rejection.because(Reason.NOT_A_VIDEO, message="There are no moving pictures in it.")
    video = pictures[0]
    _check_codec(codec_of(video), CODECS, "pictures")
    for stream in container.streams.audio:
        _check_codec(codec_of(stream), AUDIO_CODECS, "sound")
    if not video.width or not video.height or not video.codec_context.pix_fmt:
        raise corrupt("The film does not say how large its pictures are.")
    video.codec_context.thread_count = THREADS
    video.codec_context.thread_type = "AUTO"
    return Film(container, video, tuple(container.streams.audio))


def codec_of(stream: VideoStream | AudioStream) -> str:
    """The name of a stream's codec, whatever decodes it."""
    context = stream.codec_context
    return context.codec.canonical_name if context else "unknown"


def _check_codec(codec: str, taken: frozenset[str], of: str) -> None:
    if codec not in taken:
        raise Rejection.because(Reason.UNSUPPORTED_CODEC, codec=codec, of=of, taken=sorted(taken))
