"""What was read in a picture, in the shape of DetectText.

https://docs.aws.amazon.com/rekognition/latest/APIReference/API_TextDetection.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from happypath.sandbox.rekognition.reader import Line, Text


def text_detections(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Every line, then every word with its line for a parent, as the service gives them."""
    whole = [{**_detection("LINE", line.whole), "Id": number} for number, line in enumerate(lines)]
    words = [
        {**_detection("WORD", word), "ParentId": number}
        for number, line in enumerate(lines)
        for word in line.words
    ]
    return [*whole, *({**word, "Id": number} for number, word in enumerate(words, start=len(whole)))]


def filtered(detections: Sequence[Mapping[str, Any]], filters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The detections that WordFilter leaves: the words that meet it, and the lines that have such words.

    https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectionFilter.html
    """
    kept = list(_words(detections, filters.get("WordFilter", {})))
    lines = {word["ParentId"] for word in kept}
    return [
        dict(each) for each in detections if each in kept or (each["Type"] == "LINE" and each["Id"] in lines)
    ]


def _words(
    detections: Sequence[Mapping[str, Any]], wanted: Mapping[str, float]
) -> Iterator[Mapping[str, Any]]:
    for each in detections:
        box = each["Geometry"]["BoundingBox"]
        if (
            each["Type"] == "WORD"
            # The service's own default.
            and each["Confidence"] >= wanted.get("MinConfidence", 80)
            and box["Height"] >= wanted.get("MinBoundingBoxHeight", 0)
            and box["Width"] >= wanted.get("MinBoundingBoxWidth", 0)
        ):
            yield each


def _detection(kind: str, text: Text) -> dict[str, Any]:
    across, down = [x for x, _ in text.corners], [y for _, y in text.corners]
    return {
        "DetectedText": text.text,
        "Type": kind,
        "Confidence": text.confidence,
        "Geometry": {
            "BoundingBox": {
                "Width": max(across) - min(across),
                "Height": max(down) - min(down),
                "Left": min(across),
                "Top": min(down),
            },
            "Polygon": [{"X": x, "Y": y} for x, y in text.corners],
        },
    }
