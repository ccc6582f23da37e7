"""Where something is in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from mypy_boto3_rekognition.type_defs import BoundingBoxTypeDef

Kind: TypeAlias = Literal["face", "label", "text"]


@dataclass(frozen=True)
class Region:
    """A box in a picture, and what it shows.

    `left`, `top`, `width` and `height` are parts of the upright picture's sides. Rekognition gives boxes that
    reach beyond the picture where what they show does: `left` and `top` may be negative, and `left + width`
    and `top + height` more than 1. `confidence` is in percent; `text` is what a region of text says.

    >>> Region(0.1, 0.2, 0.3, 0.4, "face", 99.5).kind
    'face'
    """

    left: float
    top: float
    width: float
    height: float
    kind: Kind
    confidence: float
    text: str | None = None

    @classmethod
    def of_box(
        cls, box: BoundingBoxTypeDef, kind: Kind, confidence: float, text: str | None = None
    ) -> Region:
        """A region of Rekognition's BoundingBox.

        https://docs.aws.amazon.com/rekognition/latest/APIReference/API_BoundingBox.html
        """
        return cls(box["Left"], box["Top"], box["Width"], box["Height"], kind, confidence, text)
