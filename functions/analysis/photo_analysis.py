"""Looking at a photo with Rekognition: what tasks ask of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from functions.analysis.detected_text import DetectedText
from functions.analysis.region import Region
from functions.analysis.rekognition import image_argument
from functions.platform.aws import client
from functions.platform.settings import DecodingSettings, read
from functions.upload import Upload

if TYPE_CHECKING:
    from mypy_boto3_rekognition.type_defs import (
        ImageTypeDef,
        LabelTypeDef,
        ModerationLabelTypeDef,
        TextDetectionTypeDef,
    )

SETTINGS = read(DecodingSettings)

T = TypeVar("T")

# All that there can be: a label low on a long list counts, too.
_MAX_LABELS = 1000


class PhotoAnalysis:
    """One photo before Rekognition. Each method is a call, and costs; the photo is made ready for them once.
    Words and lines come of one call.

    The photo is an upload, or the bytes of a picture in memory. `min_confidence` is how sure Rekognition must
    be, in percent. A photo of more than `max_pixels` is not decoded.

    All of them raise:
        Rejection: the photo cannot be read, or is too small or too large to be looked at.
        botocore.exceptions.ClientError: Rekognition or S3 throttles, fails or refuses.
    """

    def __init__(self, photo: Upload | bytes, max_pixels: int = SETTINGS.max_pixels) -> None:
        self._photo = photo
        self._max_pixels = max_pixels
        self._image: ImageTypeDef | None = None
        self._texts: dict[float, list[TextDetectionTypeDef]] = {}

    @classmethod
    def of_bytes(cls, data: bytes, max_pixels: int = SETTINGS.max_pixels) -> PhotoAnalysis:
        """A picture in memory, such as a frame of a film: a JPEG or PNG as it is, if it is within the limits.

        Anything else that can be decoded is handed over as a smaller JPEG.
        """
        return cls(data, max_pixels)

    def labels(self, min_confidence: float) -> list[LabelTypeDef]:
        """What is on the photo, as far as Rekognition is sure enough.

        https://docs.aws.amazon.com/rekognition/latest/APIReference/API_Label.html
        """
        return self._ask(
            lambda image: client("rekognition").detect_labels(
                Image=image, MinConfidence=min_confidence, MaxLabels=_MAX_LABELS
            )
        )["Labels"]

    def moderation_labels(self, min_confidence: float) -> list[ModerationLabelTypeDef]:
        """What nobody should see: kinds, and what belongs to them.

        https://docs.aws.amazon.com/rekognition/latest/dg/moderation.html
        """
        return self._ask(
            lambda image: client("rekognition").detect_moderation_labels(
                Image=image, MinConfidence=min_confidence
            )
        )["ModerationLabels"]

    def words(self, min_confidence: float) -> list[DetectedText]:
        """The words that can be read on the photo, 100 at most, line after line.

        https://docs.aws.amazon.com/rekognition/latest/APIReference/API_TextDetection.html
        """
        words = [each for each in self._text(min_confidence) if each["Type"] == "WORD"]
        words.sort(key=lambda word: (word["ParentId"], word["Id"]))
        return [DetectedText(word["DetectedText"], word["Confidence"]) for word in words]

    def lines(self, min_confidence: float) -> list[Region]:
        """Where text is: the lines that have a word of which Rekognition is sure enough, from top to bottom.

        They hold 100 words at most: where there are so many, there may be more.
        """
        return [
            Region.of_box(each["Geometry"]["BoundingBox"], "text", each["Confidence"], each["DetectedText"])
            for each in self._text(min_confidence)
            if each["Type"] == "LINE"
        ]

    def faces(self, min_confidence: float) -> list[Region]:
        """Where faces are: the 100 largest at most, so that of 100 or more some may be missing.

        https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectFaces.html
        """
        found = self._ask(lambda image: client("rekognition").detect_faces(Image=image))["FaceDetails"]
        # DetectFaces itself has no least confidence.
        return [
            Region.of_box(each["BoundingBox"], "face", each["Confidence"])
            for each in found
            if each["Confidence"] >= min_confidence
        ]

    def _text(self, min_confidence: float) -> list[TextDetectionTypeDef]:
        if min_confidence not in self._texts:
            self._texts[min_confidence] = self._ask(
                lambda image: client("rekognition").detect_text(
                    Image=image,
                    # Without it Rekognition leaves out what it is less than 80 percent sure of.
                    Filters={"WordFilter": {"MinConfidence": min_confidence}},
                )
            )["TextDetections"]
        return self._texts[min_confidence]

    def _ask(self, call: Callable[[ImageTypeDef], T]) -> T:
        """Makes a call with the photo as its `Image`.

        A photo that Rekognition refuses where it lies (an unusual JPEG, for one) is handed over once more as
        a smaller JPEG.
        """
        if self._image is None:
            self._image = image_argument(self._photo, self._max_pixels)
        refused = client("rekognition").exceptions
        try:
            return call(self._image)
        except (refused.InvalidImageFormatException, refused.ImageTooLargeException):
            if "Bytes" in self._image:
                raise
        self._image = image_argument(self._photo, self._max_pixels, in_place=False)
        return call(self._image)


def names(label: LabelTypeDef) -> set[str]:
    """All that a label says the photo shows: its name, the kinds that it is of, and other words for it.

    https://docs.aws.amazon.com/rekognition/latest/dg/labels.html
    """
    related = [*label.get("Parents", []), *label.get("Aliases", [])]
    return {label["Name"], *(each["Name"] for each in related)}
