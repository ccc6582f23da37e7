"""Boxes on photos: wherever outputs have them, and no others."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from happypath.console.sights import Sight, asked, in_outputs

BOX = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}
SMALL = {name.lower(): side for name, side in BOX.items()}


@pytest.mark.parametrize(
    ("output", "found"),
    [
        (
            {"decision": {"detail": {"refused": [{"name": "Person", "confidence": 99, "boxes": [SMALL]}]}}},
            ("Person", "labels", 99.0),
        ),
        (
            {"Labels": [{"Name": "Cat", "Confidence": 90.5, "Instances": [{"BoundingBox": BOX}]}]},
            ("Cat", "labels", 90.5),
        ),
        ({"faces": [{"BoundingBox": BOX, "Confidence": 80.0}]}, ("Region", "faces", 80.0)),
        (
            {"TextDetections": [{"DetectedText": "No", "Confidence": 7.0, "Geometry": {"BoundingBox": BOX}}]},
            ("No", "words", 7.0),
        ),
        ({"regions": [{"box": SMALL, "shows": "plate", "confidence": 70.0}]}, ("plate", "regions", 70.0)),
        ({"regions": [{"kind": "face", "confidence": 99.5} | SMALL]}, ("face", "faces", 99.5)),
        ({"regions": [{"kind": "text", "confidence": 88.0} | SMALL]}, ("text", "words", 88.0)),
        ({"name": "somebody", "photo": {"box": SMALL}}, ("Region", "regions", None)),
    ],
)
def test_boxes_are_found_in_outputs(output: dict[str, Any], found: tuple[str, str, float | None]) -> None:
    (sight,) = in_outputs([json.dumps(output), json.dumps(output)])
    assert (sight.name, sight.kind, sight.confidence) == found
    assert (sight.left, sight.top, sight.width, sight.height) == (0.1, 0.2, 0.3, 0.4)


@pytest.mark.parametrize(
    "output",
    [
        "no JSON",
        None,
        json.dumps({"left": 1, "top": 2}),
        json.dumps({"box": SMALL | {"width": 600}}),
        json.dumps({"box": SMALL | {"width": -1}}),
        json.dumps({"box": SMALL | {"width": True}}),
        '{"box": {"left": NaN, "top": 0, "width": 1, "height": 1}}',
        "[" * 2000 + "]" * 2000,
    ],
)
def test_what_is_no_box_is_none(output: str | None) -> None:
    assert in_outputs([output]) == []


def test_a_crowd_is_cut() -> None:
    crowd = [{"BoundingBox": BOX | {"Left": number / 1000}} for number in range(500)]
    assert len(in_outputs([json.dumps(crowd)])) == 100


def test_rekognition_is_asked_for_faces() -> None:
    client: Any = boto3.client("rekognition", region_name="us-east-1")
    face = {"BoundingBox": BOX, "Confidence": 99.5, "Landmarks": [{"Type": "nose", "X": 0.2, "Y": 0.3}]}
    with Stubber(client) as stub:
        stub.add_response("detect_labels", {"Labels": []})
        stub.add_response("detect_faces", {"FaceDetails": [face]})
        stub.add_response("detect_text", {"TextDetections": []})
        answers = asked(client, {"Bytes": b"photo"}, 50)
    assert answers == {"labels": [], "faces": [Sight("Face", "faces", 99.5, 0.1, 0.2, 0.3, 0.4)], "words": []}


def test_what_rekognition_refuses_is_an_error_beside_what_it_answers() -> None:
    client: Any = boto3.client("rekognition", region_name="us-east-1")
    with Stubber(client) as stub:
        stub.add_response("detect_labels", {"Labels": [{"Name": "Cat", "Instances": [{"BoundingBox": BOX}]}]})
        stub.add_client_error("detect_faces", "AccessDeniedException")
        stub.add_response(
            "detect_text",
            {
                "TextDetections": [
                    {"Type": "LINE", "DetectedText": "No dogs", "Geometry": {"BoundingBox": BOX}},
                    {"Type": "WORD", "DetectedText": "No", "Geometry": {"BoundingBox": BOX}},
                ]
            },
        )
        answers = asked(client, {"Bytes": b"photo"}, 50)
    assert answers["labels"] == [Sight("Cat", "labels", None, 0.1, 0.2, 0.3, 0.4)]
    assert "AccessDenied" in str(answers["faces"])
    assert [each.name for each in answers["words"] if isinstance(answers["words"], list)] == ["No"]  # type: ignore[union-attr]
