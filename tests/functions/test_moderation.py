from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from functions.decide import moderation
from functions.platform.aws import AccessDeniedError, PhotoNotFoundError, ThrottledError
from functions.upload import Upload
from tests.functions.account import answering, error
from tests.functions.test_rekognition import photo, uploaded

CONTEXT = SimpleNamespace(aws_request_id="request-1")


RULES = {"min_confidence": "80", "reason": "FAILED_MODERATION"}


def event(upload: Upload, **rules: Any) -> dict[str, Any]:
    """What a state machine sends to a deciding task."""
    return {"detail": upload.as_detail(), "executionArn": "arn:execution", "rules": rules}


def label(name: str, confidence: float, parent: str = "") -> dict[str, Any]:
    return {"Name": name, "Confidence": confidence, "ParentName": parent, "TaxonomyLevel": 2 if parent else 1}


def found(*labels: dict[str, Any]) -> dict[str, Any]:
    return {"ModerationLabels": list(labels), "ModerationModelVersion": "7.0"}


def test_a_photo_without_labels_is_accepted() -> None:
    upload = uploaded(photo(100, 100))
    with answering("DetectModerationLabels", found()) as calls:
        result = moderation.handler(event(upload, **RULES), CONTEXT)
    assert result == {"accepted": True, "reason": None, "detail": {"labels": []}}
    ((call),) = calls
    assert call["MinConfidence"] == 80.0
    assert call["Image"]["S3Object"]["Version"] == upload.version_id


def test_any_label_rejects_with_all_of_them() -> None:
    upload = uploaded(photo(100, 100))
    answer = found(label("Alcohol", 99.12345), label("Alcoholic Beverages", 99.12345, "Alcohol"))
    with answering("DetectModerationLabels", answer):
        result = moderation.handler(event(upload, **RULES), CONTEXT)
    assert result == {
        "accepted": False,
        "reason": "FAILED_MODERATION",
        "detail": {
            "labels": [
                {"name": "Alcohol", "confidence": 99.12, "parent": ""},
                {"name": "Alcoholic Beverages", "confidence": 99.12, "parent": "Alcohol"},
            ]
        },
    }


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no photo", "CORRUPT_IMAGE"),
        (photo(100, 100, "GIF"), "UNSUPPORTED_TYPE"),
        (photo(100, 79), "IMAGE_TOO_SMALL"),
    ],
)
def test_a_photo_that_cannot_be_looked_at_is_rejected_not_an_error(data: bytes, reason: str) -> None:
    with answering("DetectModerationLabels", found()) as calls:
        result = moderation.handler(event(uploaded(data), **RULES), CONTEXT)
    assert (result["accepted"], result["reason"]) == (False, reason)
    assert result["detail"]
    assert calls == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ThrottlingException", ThrottledError),
        ("ProvisionedThroughputExceededException", ThrottledError),
        ("AccessDeniedException", AccessDeniedError),
    ],
)
def test_an_error_of_rekognition_leaves_under_its_name(code: str, kind: type[Exception]) -> None:
    upload = uploaded(photo(100, 100))
    with (
        answering("DetectModerationLabels", error(code, "DetectModerationLabels")),
        pytest.raises(kind),
    ):
        moderation.handler(event(upload, **RULES), CONTEXT)


def test_a_photo_that_is_gone_is_an_error_of_that_name() -> None:
    upload = uploaded(photo(100, 100), versions=False)
    gone = Upload(upload.bucket, "p/gone.jpg", "p", "gone")
    with pytest.raises(PhotoNotFoundError):
        moderation.handler(event(gone, **RULES), CONTEXT)


def test_the_reason_is_a_rule() -> None:
    upload = uploaded(photo(100, 100))
    rules = {"min_confidence": 55, "reason": "NOT_FIT_FOR_CHILDREN"}
    with answering("DetectModerationLabels", found(label("Alcohol", 60.0))) as calls:
        result = moderation.handler(event(upload, **rules), CONTEXT)
    assert result["reason"] == "NOT_FIT_FOR_CHILDREN"
    assert calls[0]["MinConfidence"] == 55.0
