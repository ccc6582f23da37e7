"""Which type a viewer gets, by what it says that it takes (`Accept`).

https://www.rfc-editor.org/rfc/rfc9110#name-accept
"""

from __future__ import annotations

import re

from functions.imaging.variant import MOST_CODED_PIXELS, MOST_WEBP_SIDE_PX, Type

_ENTRY = re.compile(r"\s*([\w*+.-]+/[\w*+.-]+)\s*((?:;[^,]*)?)", re.ASCII)
_REFUSED = re.compile(r";\s*q\s*=\s*0(\.0{0,3})?\s*(;|$)", re.IGNORECASE | re.ASCII)
_MOST_CHARACTERS = 1000


def named(accept: str) -> frozenset[Type]:
    """The types that the header names. Ranges such as image/* are said by viewers that do not take all.

    >>> sorted(named("image/avif,image/webp;q=0.8,image/png;q=0,*/*"))
    [<Type.AVIF: 'image/avif'>, <Type.WEBP: 'image/webp'>]
    """
    found = set()
    for each in accept[:_MOST_CHARACTERS].lower().split(","):
        entry = _ENTRY.fullmatch(each)
        if entry and entry[1] in set(Type) and not _REFUSED.search(entry[2]):
            found.add(Type(entry[1]))
    return frozenset(found)


def choose(takes: frozenset[Type], width_px: int, height_px: int, transparent: bool) -> Type:
    """The type of a picture: the smallest file that the viewer takes and the encoder makes in time.

    JPEG is for all; a picture with transparency is a PNG where it would be a JPEG.

    >>> choose(frozenset({Type.WEBP}), 600, 400, False), choose(frozenset(), 600, 400, True)
    (<Type.WEBP: 'image/webp'>, <Type.PNG: 'image/png'>)
    """
    if width_px * height_px <= MOST_CODED_PIXELS:
        if Type.AVIF in takes:
            return Type.AVIF
        if Type.WEBP in takes and max(width_px, height_px) <= MOST_WEBP_SIDE_PX:
            return Type.WEBP
    return Type.PNG if transparent else Type.JPEG
