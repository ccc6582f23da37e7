"""The operations of Rekognition, each a request and a photo in and a response out."""

from __future__ import annotations

import copy
import hashlib
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from happypath.sandbox.rekognition import detectors, errors, photo, reader
from happypath.sandbox.rekognition.faces import chosen, face_details
from happypath.sandbox.rekognition.labels import labels_for
from happypath.sandbox.rekognition.real import ask
from happypath.sandbox.rekognition.recorded import Answers, sample_answers
from happypath.sandbox.rekognition.remembered import Remembered
from happypath.sandbox.rekognition.text import filtered, text_detections

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from PIL import Image

logger = logging.getLogger(__name__)

# The models whose words the sandbox uses.
LABEL_MODEL = "3.0"
MODERATION_MODEL = "7.0"
TEXT_MODEL = "3.0"
# Photos in which faces are looked for: each has a processor, and a quarter of a gigabyte.
_AT_ONCE = min(4, os.cpu_count() or 1)


class Rekognition:
    """Answers DetectFaces, DetectLabels, DetectModerationLabels and DetectText.

    Args:
        real: a client of the real service (see `real_client`), which then answers everything.
        answers: recorded responses by the photo's SHA-256, then by operation; those for the sample photos
            when left out; `record` adds some. A rendition of a photo has other bytes, so that the detectors
            answer for it.

    The request of each operation is the service's own, of valid types (`Image.S3Object` or `Image.Bytes` says
    where the photo came from); `image` is the photo itself. The response is the service's own as well.

    >>> from pathlib import Path
    >>> photo = Path("samples/photos/wine.jpg").read_bytes()
    >>> moderated = Rekognition().detect_moderation_labels({"Image": {"Bytes": ""}}, photo)
    >>> [label["Name"] for label in moderated["ModerationLabels"]]
    ['Alcoholic Beverages', 'Alcohol']
    """

    def __init__(self, real: RekognitionClient | None = None, answers: Answers | None = None) -> None:
        self._real = real
        self._answers = dict(sample_answers() if answers is None else answers)
        # By the photo's SHA-256: a caller who lost patience gets it when it asks again.
        self._faces: Remembered[list[dict[str, Any]]] = Remembered("faces", threads=_AT_ONCE)
        self._labels: Remembered[dict[str, Any]] = Remembered("labels", threads=_AT_ONCE)
        self._words: Remembered[list[dict[str, Any]]] = Remembered("words")

    def record(self, image: bytes, answers: Mapping[str, Any]) -> None:
        """Gives a photo answers of its own, from now on: by operation (`DetectLabels`), the whole response.

        What they do not have is answered as for a photo that nobody knows.
        """
        self._answers[hashlib.sha256(image).hexdigest()] = answers

    def detect_faces(self, request: Mapping[str, Any], image: bytes) -> dict[str, Any]:
        """The faces of the photo, the 100 largest at most.

        https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectFaces.html

        Raises:
            RekognitionError: as `detect_labels`; InvalidParameterException where attributes are asked for
                that no recorded answer has.
        """
        if self._real is not None:
            return ask(self._real, "DetectFaces", request, image)
        wanted = set(request.get("Attributes", ()))
        known = self._known("DetectFaces", request, image)
        if known is not None:
            return {**known, "FaceDetails": [chosen(face, wanted) for face in known["FaceDetails"]]}
        if lacking := sorted(wanted - {"DEFAULT"}):
            raise errors.invalid_parameter(
                f"the sandbox has no {', '.join(lacking)}: leave them out, or use the real service"
            )
        seen = self._faces.of(hashlib.sha256(image).hexdigest(), lambda: _faces_seen(image))
        return {"FaceDetails": copy.deepcopy(seen)}

    def detect_labels(self, request: Mapping[str, Any], image: bytes) -> dict[str, Any]:
        """The labels of the photo, the surest first.

        https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectLabels.html

        Raises:
            RekognitionError: InvalidImageFormatException, ImageTooLargeException, InvalidParameterException
                or ValidationException; with the real service, what it answered.
        """
        if self._real is not None:
            return ask(self._real, "DetectLabels", request, image)
        if "IMAGE_PROPERTIES" in request.get("Features", ()):
            raise errors.invalid_parameter(
                "the sandbox has no IMAGE_PROPERTIES: leave it out of Features, or use the real service"
            )
        response = self._known("DetectLabels", request, image) or self._labels_seen(image)
        wanted = _Filters(request.get("Settings", {}).get("GeneralLabels", {}))
        labels = [
            label for label in response["Labels"] if wanted(label) and _sure(label, request, default=55)
        ]
        # The service sorts equal confidences by name.
        labels.sort(key=lambda label: (-label["Confidence"], label["Name"]))
        return {**response, "Labels": labels[: request.get("MaxLabels", 1000)]}

    def detect_moderation_labels(self, request: Mapping[str, Any], image: bytes) -> dict[str, Any]:
        """What is inappropriate in the photo: nothing, unless a recorded answer says so.

        https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectModerationLabels.html

        Raises:
            RekognitionError: as `detect_labels`; ResourceNotFoundException for an adapter or a human loop.
        """
        if self._real is not None:
            return ask(self._real, "DetectModerationLabels", request, image)
        for name in ("HumanLoopConfig", "ProjectVersion"):
            if name in request:
                raise errors.RekognitionError(
                    "ResourceNotFoundException",
                    f"The sandbox has no such resource: leave out {name}, or use the real service",
                )
        response = self._known("DetectModerationLabels", request, image) or _nothing_to_moderate(image)
        labels = [label for label in response["ModerationLabels"] if _sure(label, request, default=50)]
        labels.sort(key=lambda label: -label["Confidence"])
        return {**response, "ModerationLabels": labels}

    def detect_text(self, request: Mapping[str, Any], image: bytes) -> dict[str, Any]:
        """The lines of the photo, then its words, 100 at most.

        https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectText.html

        Raises:
            RekognitionError: as `detect_labels`; InvalidParameterException where there is no reader.
        """
        if self._real is not None:
            return ask(self._real, "DetectText", request, image)
        filters = request.get("Filters", {})
        if "RegionsOfInterest" in filters:
            raise errors.invalid_parameter(
                "the sandbox has no RegionsOfInterest: leave it out of Filters, or use the real service"
            )
        response = self._known("DetectText", request, image) or self._text_read(image)
        return {**response, "TextDetections": filtered(response["TextDetections"], filters)}

    def _labels_seen(self, image: bytes) -> dict[str, Any]:
        seen = self._labels.of(hashlib.sha256(image).hexdigest(), lambda: _labels_seen(image))
        return copy.deepcopy(seen)

    def _text_read(self, image: bytes) -> dict[str, Any]:
        read = self._words.of(hashlib.sha256(image).hexdigest(), lambda: text_detections(_lines(image)))
        return {"TextDetections": read, "TextModelVersion": TEXT_MODEL}

    def _known(self, operation: str, request: Mapping[str, Any], image: bytes) -> dict[str, Any] | None:
        """The recorded answer for the photo, or None."""
        if not 0 <= request.get("MinConfidence", 0) <= 100:
            raise errors.invalid_parameter("MinConfidence must be a number from 0 to 100")
        photo.check_length(len(image), from_s3="S3Object" in request["Image"])
        digest = hashlib.sha256(image).hexdigest()
        answer = self._answers.get(digest, {}).get(operation)
        source = "detectors answer" if answer is None else "the answer is recorded"
        logger.info("%s of %s: %s", operation, digest, source)
        return copy.deepcopy(answer)


def _faces_seen(image: bytes) -> list[dict[str, Any]]:
    return face_details(detectors.faces(_in_colours(image)))


def _labels_seen(image: bytes) -> dict[str, Any]:
    picture = _in_colours(image)
    small = picture.convert("L")
    small.thumbnail((detectors.CAT_SIDE_PX, detectors.CAT_SIDE_PX), reducing_gap=2.0)
    found = labels_for(detectors.faces(picture), detectors.cats(small))
    return {"Labels": found, "LabelModelVersion": LABEL_MODEL}


def _in_colours(image: bytes) -> Image.Image:
    opened = photo.open_photo(image)
    return photo.upright(opened, "RGB", detectors.side_for_faces(*opened.size))


def _nothing_to_moderate(image: bytes) -> dict[str, Any]:
    # A photo that cannot be decoded is an error even where nothing is looked for.
    photo.upright(photo.open_photo(image), "L", photo.MIN_SIDE_PX)
    return {"ModerationLabels": [], "ModerationModelVersion": MODERATION_MODEL, "ContentTypes": []}


def _lines(image: bytes) -> list[reader.Line]:
    picture = photo.upright(photo.open_photo(image), "RGB", reader.SIDE_PX)
    try:
        return reader.read(picture)
    except reader.NoReaderError as error:
        raise errors.invalid_parameter(str(error)) from error


def _sure(label: Mapping[str, Any], request: Mapping[str, Any], default: float) -> bool:
    return bool(label["Confidence"] >= request.get("MinConfidence", default))


class _Filters:
    """Settings.GeneralLabels: which labels and categories to give, and which to leave out."""

    def __init__(self, settings: Mapping[str, list[str]]) -> None:
        self._labels = set(settings.get("LabelInclusionFilters", ()))
        self._categories = set(settings.get("LabelCategoryInclusionFilters", ()))
        self._no_labels = set(settings.get("LabelExclusionFilters", ()))
        self._no_categories = set(settings.get("LabelCategoryExclusionFilters", ()))

    def __call__(self, label: Mapping[str, Any]) -> bool:
        name, categories = label["Name"], {category["Name"] for category in label.get("Categories", ())}
        if name in self._no_labels or categories & self._no_categories:
            return False
        anything = not self._labels and not self._categories
        return anything or name in self._labels or bool(categories & self._categories)
