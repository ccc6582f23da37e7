"""One photo before Rekognition, for several deciders: what they ask is asked of Rekognition once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from functions.analysis.photo_analysis import PhotoAnalysis
from functions.upload import Upload

if TYPE_CHECKING:
    from mypy_boto3_rekognition.type_defs import LabelTypeDef, ModerationLabelTypeDef, TextDetectionTypeDef


class SharedAnalysis(PhotoAnalysis):
    """Each operation is called once, for all that is as sure as `least` percent; nobody may ask for less."""

    def __init__(self, photo: Upload | bytes, least: float) -> None:
        super().__init__(photo)
        self._least = least

    def labels(self, min_confidence: float) -> list[LabelTypeDef]:
        """As PhotoAnalysis has it."""
        return [label for label in self._labels if label["Confidence"] >= min_confidence]

    def moderation_labels(self, min_confidence: float) -> list[ModerationLabelTypeDef]:
        """As PhotoAnalysis has it."""
        return [label for label in self._moderation_labels if label["Confidence"] >= min_confidence]

    def _text(self, min_confidence: float) -> list[TextDetectionTypeDef]:
        words = [each for each in self._text_found if each["Type"] == "WORD"]
        sure = [word for word in words if word["Confidence"] >= min_confidence]
        # A line without any word that is sure enough is none, as Rekognition's own filter has it.
        lines = {word["ParentId"] for word in sure}
        return [each for each in self._text_found if each["Type"] == "LINE" and each["Id"] in lines] + sure

    @cached_property
    def _labels(self) -> list[LabelTypeDef]:
        return super().labels(self._least)

    @cached_property
    def _moderation_labels(self) -> list[ModerationLabelTypeDef]:
        return super().moderation_labels(self._least)

    @cached_property
    def _text_found(self) -> list[TextDetectionTypeDef]:
        return super()._text(self._least)
