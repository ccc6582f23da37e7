"""OpenCV, imported by one thread at a time: while it is imported, another thread finds a part of it."""

from __future__ import annotations

import threading
from typing import Any

_importing = threading.Lock()


def opencv() -> Any:
    """The module `cv2`, whole: 0.2 s and 60 MB that most runs never need."""
    with _importing:
        import cv2  # noqa: PLC0415
    return cv2
