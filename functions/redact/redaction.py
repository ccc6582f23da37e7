"""A picture of which certain regions are made unrecognisable. What comes out is looked at again."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from functions.analysis.region import Kind, Region
from functions.decision import Reason, Rejection
from functions.imaging.decoded import Picture, decode
from functions.imaging.encoding import encode, written_as
from functions.imaging.header import Header, header
from functions.imaging.obscuring import Style, obscure, part
from functions.imaging.transparency import on_colour
from functions.platform.rules import RuleError
from functions.platform.values import entries, number, percent, value
from functions.redact.finding import Sought, find

_KINDS: Mapping[str, frozenset[Kind]] = {
    "faces": frozenset({"face"}),
    "text": frozenset({"text"}),
    "both": frozenset({"face", "text"}),
}
# How much wider the margin of the second pass is.
_WIDER, _AT_LEAST_WIDER = 2, 0.25
# Regions that are told; a crowd has more.
_MOST_TOLD = 100


def _kinds(given: object) -> frozenset[Kind]:
    if not isinstance(given, str) or given not in _KINDS:
        raise ValueError(f"must be one of {', '.join(_KINDS)}")
    return _KINDS[given]


@dataclass(frozen=True)
class Rules:
    """What is made unrecognisable, and how.

    `regions`: faces, text, or both; `style`: blur, pixelate or black; `margin`: how far beyond a region, in
    parts of its shorter side; `min_confidence`: how sure Rekognition must be of a region, in percent; `keep`:
    text that may stay, where all of a line is among it.
    """

    regions: frozenset[Kind] = value(_kinds)
    style: Style = value(Style.named)
    min_confidence: float = value(percent)
    margin: float = value(number(0, 2), 0.25)
    keep: tuple[str, ...] = value(entries, ())

    def __post_init__(self) -> None:
        if self.keep and "text" not in self.regions:
            raise RuleError(
                "The rule keep says which text may stay, but regions names no text: leave keep empty."
            )

    @property
    def sought(self) -> Sought:
        """What is looked for."""
        return Sought(self.regions, self.min_confidence, self.keep)


@dataclass(frozen=True)
class Redacted:
    """A file and its type, made of which photo; what was made unrecognisable in it, in how many passes."""

    data: bytes
    type: str
    of: Header
    regions: list[Region]
    passes: int


def redact(data: bytes, rules: Rules, *, max_pixels: int) -> Redacted:
    """Makes the file that may be published of a photo's bytes, upright, in sRGB, and without metadata.

    It is of the photo's own type, or a JPEG where that is only read. Its own bytes are looked at again. What
    is seen there is made black, with all that was seen before, and a wider margin; and that is looked at.

    Raises:
        Rejection: the photo cannot be read, or has more than `max_pixels`; TOO_MANY_FACES, TOO_MUCH_TEXT; or
            STILL_VISIBLE, where something is seen even in the second file.
        ServiceUnavailableError: Rekognition's answer proves nothing (`functions.redact.finding`).
        botocore.exceptions.ClientError, BotoCoreError: a call to Rekognition failed.
    """
    of = header(io.BytesIO(data))
    type_ = written_as(of.type)
    pixels = decode(data, max_pixels=max_pixels, enough=lambda *_: 1.0).srgb()
    del data
    found = _seen(pixels, rules)
    style, margin = rules.style, rules.margin
    for passes in (1, 2):
        _obscure(pixels, found, style, margin)
        file = encode(pixels, type_)
        left = _seen(decode(file, max_pixels=max_pixels, enough=lambda *_: 1.0).srgb(), rules)
        if not left:
            return Redacted(file, type_, of, found, passes)
        found = [*found, *left]
        style, margin = Style.BLACK, max(margin * _WIDER, margin + _AT_LEAST_WIDER)
    raise Rejection.because(Reason.STILL_VISIBLE, **of.as_detail(), **told(left))


def told(regions: list[Region]) -> dict[str, Any]:
    """Regions in the detail of a decision: how many of each kind, and where the first are; never what a text
    says.
    """
    return {
        "faces": sum(each.kind == "face" for each in regions),
        "lines": sum(each.kind == "text" for each in regions),
        "regions": [
            {
                "kind": each.kind,
                "confidence": round(each.confidence, 2),
                **{side: round(getattr(each, side), 4) for side in ("left", "top", "width", "height")},
            }
            for each in regions[:_MOST_TOLD]
        ],
    }


def _seen(pixels: Image.Image, rules: Rules) -> list[Region]:
    """The regions of a picture; of one that is transparent in part on white and on black, for pages are of
    either, and also those that would show without transparency.
    """
    found = find(Picture.of(pixels), rules.sought)
    if pixels.mode in {"LA", "RGBA"} and pixels.getextrema()[-1] != (255, 255):
        for ground in (on_colour(pixels, "black"), pixels.convert(pixels.mode.removesuffix("A"))):
            found += find(Picture.of(ground), rules.sought)
    return found


def _obscure(pixels: Image.Image, regions: Iterable[Region], style: Style, margin: float) -> None:
    found = (
        part(each.left, each.top, each.width, each.height, margin=margin, size=pixels.size)
        for each in regions
    )
    obscure(pixels, [each for each in found if each], style)
