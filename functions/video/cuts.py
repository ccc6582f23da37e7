"""Where a film cuts from one scene to another."""

from __future__ import annotations

from av.video.frame import VideoFrame
from PIL import Image, ImageChops, ImageStat

_SIDE_PX = 32
# By how much brightness differs on average, of 255. Moving cameras stay below, and a false cut costs a look.
_DIFFERENCE = 24


class Cuts:
    """Tells pictures that begin a scene."""

    def __init__(self) -> None:
        self._before: Image.Image | None = None

    def begins(self, frame: VideoFrame) -> bool:
        """Whether the picture differs from the one before as those of two scenes do; the first begins one."""
        small = frame.reformat(width=_SIDE_PX, height=_SIDE_PX, format="gray", interpolation="FAST_BILINEAR")
        now = Image.frombytes(
            "L", (_SIDE_PX, _SIDE_PX), bytes(small.planes[0]), "raw", "L", small.planes[0].line_size
        )
        before, self._before = self._before, now
        if before is None:
            return True
        return bool(ImageStat.Stat(ImageChops.difference(before, now)).mean[0] > _DIFFERENCE)
