"""A Rekognition for tests: it sees what is of certain colours as faces, and as lines of text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from functions.platform.aws import client

FACE, BAR = (220, 20, 20), (20, 20, 220)


class Eyes:
    """What it saw, and how it answers."""

    def __init__(self) -> None:
        # The sizes of the pictures that it was shown, and the operations.
        self.shown: list[tuple[str, tuple[int, int]]] = []
        self.texts = ["word"]
        self.confidence = 99.0
        # By the numbers of calls, from 1: those that are answered with nothing, and those that fail.
        self.blind: set[int] = set()
        self.failing: dict[int, Exception] = {}

    def detect_faces(self, Image: Any, **_: Any) -> dict[str, Any]:  # noqa: N803  # boto3's names
        """The 100 largest red squares; and the control."""
        found = [
            {"BoundingBox": box, "Confidence": self.confidence}
            for box in self._boxes("DetectFaces", Image, FACE)
        ]
        return {"FaceDetails": found[:100]}

    def detect_text(self, Image: Any, **_: Any) -> dict[str, Any]:  # noqa: N803
        """The first 100 blue bars, each a line of its own, and the control."""
        found: list[dict[str, Any]] = []
        boxes = sorted(self._boxes("DetectText", Image, BAR), key=lambda box: box["Top"])
        for number, box in enumerate(boxes):
            said = {"DetectedText": self.texts[number % len(self.texts)], "Confidence": self.confidence}
            found.append({"Type": "LINE", "Id": number, "Geometry": {"BoundingBox": box}, **said})
            found.append({"Type": "WORD", "Id": 1000 + number, "ParentId": number, **said})
        return {"TextDetections": found[:200]}

    def _boxes(self, operation: str, image: Any, colour: tuple[int, int, int]) -> list[dict[str, float]]:
        with Image.open(io.BytesIO(image["Bytes"])) as opened:
            pixels = np.asarray(opened.convert("RGB")).astype(int)
        height, width = pixels.shape[:2]
        self.shown.append((operation, (width, height)))
        if failure := self.failing.get(len(self.shown)):
            raise failure
        if len(self.shown) in self.blind:
            return []
        near = (np.abs(pixels - colour).max(axis=2) < 60).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(near)
        boxes = [
            {"Left": x / width, "Top": y / height, "Width": w / width, "Height": h / height}
            for x, y, w, h, area in stats[1:].tolist()
            if area >= 16
        ]
        # Below the picture there is light gray around the control, which is higher than this box.
        if ((np.abs(pixels - 236).max(axis=2) < 8).mean(axis=1) > 0.9).any():
            boxes.append({"Left": 0.0, "Top": (height - 60) / height, "Width": 0.1, "Height": 60 / height})
        return sorted(boxes, key=lambda box: -box["Width"] * box["Height"])


@contextmanager
def looking(monkeypatch: pytest.MonkeyPatch) -> Iterator[Eyes]:
    """Rekognition as this sees, while the block lasts."""
    eyes = Eyes()
    with monkeypatch.context() as patched:
        for name in ("detect_faces", "detect_text"):
            patched.setattr(client("rekognition"), name, getattr(eyes, name), raising=False)
        yield eyes
