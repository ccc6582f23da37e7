"""Which type a viewer gets, by what it says that it takes (`Accept`).

https://www.rfc-editor.org/rfc/rfc9110#name-accept
"""

from __future__ import annotations

import re

from functions.imaging.variant import MOST_CODED_PIXELS, MOST_WEBP_SIDE_PX, Type

_ENTRY = re.compile(r"\s*([\w*+.-]+/[\w*+.-]+)\s*((?:;[^,]*)?)", re.ASCII)
_WEIGHT = re.compile(r";\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.ASCII)
_MOST_CHARACTERS = 1000


def named(accept: str) -> tuple[Type, ...]:
    """The types that the header names, the preferred one first; of equal ones the one with smaller files.

    Ranges such as image/* are said by viewers that do not take all.

    >>> named("image/avif;q=0.7,image/webp;q=0.8,image/png;q=0,*/*")
    (<Type.WEBP: 'image/webp'>, <Type.AVIF: 'image/avif'>)
    """
    weights: dict[Type, float] = {}
    for each in accept[:_MOST_CHARACTERS].lower().split(","):
        entry = _ENTRY.fullmatch(each)
        if entry and entry[1] in set(Type):
            weight = _WEIGHT.search(entry[2])
            weights[Type(entry[1])] = float(weight[1]) if weight else 1.0
    taken = [each for each in Type if weights.get(each)]
    return tuple(sorted(taken, key=lambda each: -weights[each]))


def choose(takes: tuple[Type, ...], width_px: int, height_px: int, transparent: bool) -> Type:
    """The type of a picture: the first that the viewer takes, and the encoder makes in time.

    JPEG is for all; a picture with transparency is a PNG where it would be a JPEG, and only such a one is.

    >>> choose((Type.WEBP,), 600, 400, False), choose((), 600, 400, True)
    (<Type.WEBP: 'image/webp'>, <Type.PNG: 'image/png'>)
    """
    is_small = width_px * height_px <= MOST_CODED_PIXELS
    plain = Type.PNG if transparent else Type.JPEG
    can = {
        Type.AVIF: is_small,
        Type.WEBP: is_small and max(width_px, height_px) <= MOST_WEBP_SIDE_PX,
        plain: True,
    }
    return next((each for each in takes if can.get(each)), plain)
