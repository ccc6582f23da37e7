"""ICC profiles: made of primaries and a tone curve, and read as far as it takes to see whether they are sRGB.

A picture may say what its numbers mean in many ways (a profile, code points, chromaticities and a gamma, a
word in EXIF). All become a profile here, so that colours are converted in one way. ICC.1:2022 has the layout.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

Chromaticity: TypeAlias = tuple[float, float]
# Of red, green, blue and white.
Primaries: TypeAlias = tuple[Chromaticity, Chromaticity, Chromaticity, Chromaticity]
# From a sample to light, both 0 to 1.
Curve: TypeAlias = Callable[[float], float]
Matrix: TypeAlias = Sequence[Sequence[float]]

D65: Chromaticity = (0.3127, 0.3290)
SRGB: Primaries = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65)
ADOBE_RGB: Primaries = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), D65)
ADOBE_RGB_GAMMA = 563 / 256

# A larger profile is left out. Those for printing are the largest in use, at some 2 MB.
MOST_BYTES = 4 * 1024 * 1024
# The white that profiles refer to (D50), and the adaptation to it (ICC.1:2022, annex E: Bradford).
_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD: Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_HEADER_BYTES = 128
_TAGS = 100
_CURVE_ENTRIES = 4096
# How far red, green and blue, and the curve in steps of 255, may be from those of sRGB. Profiles that mean
# sRGB differ that much by their rounding, and by how they were adapted to D50.
_COLOURANT_TOLERANCE = 0.004
_STEP_TOLERANCE = 1.5


def srgb_curve(value: float) -> float:
    """The light of an sRGB sample (IEC 61966-2-1)."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _srgb_sample(light: float) -> float:
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def rgb_profile(primaries: Primaries, curve: Curve) -> bytes | None:
    """A profile of these primaries and this curve; None where no light can be mixed of them."""
    try:
        columns = _adapted(primaries)
    except (ZeroDivisionError, OverflowError):
        return None
    if any(abs(part) >= 8 for column in columns for part in column):
        return None
    tone = _curve_tag(curve)
    tags = {b"wtpt": _xyz_tag(_D50)}
    for name, column in zip((b"r", b"g", b"b"), columns, strict=True):
        tags[name + b"XYZ"] = _xyz_tag(column)
        tags[name + b"TRC"] = tone
    return _profile(b"RGB ", tags)


def gray_profile(curve: Curve) -> bytes:
    """A profile for gray pixels with this curve."""
    return _profile(b"GRAY", {b"wtpt": _xyz_tag(_D50), b"kTRC": _curve_tag(curve)})


@lru_cache(maxsize=1)
def adobe_rgb() -> bytes | None:
    """A profile of Adobe RGB (1998)."""
    return rgb_profile(ADOBE_RGB, lambda value: value**ADOBE_RGB_GAMMA)


def space(profile: bytes) -> str | None:
    """What kind of pixels a profile is for, such as `RGB`, `GRAY`, `CMYK`; None for what is no profile."""
    if len(profile) <= _HEADER_BYTES or profile[36:40] != b"acsp":
        return None
    return profile[16:20].decode("latin-1").rstrip()


# The same profile comes with every photo of a camera.
@lru_cache(maxsize=4)
def is_srgb(profile: bytes) -> bool:
    """Whether a profile means sRGB, by its primaries and curves: converting would cost time and change
    nothing.
    """
    tags = _read_tags(profile)
    match space(profile):
        case "GRAY":
            return not _is_table(tags) and _is_srgb_curve(tags.get(b"kTRC", b""))
        case "RGB" if not _is_table(tags):
            wanted = _adapted(SRGB)
            return all(
                _is_near(tags.get(name + b"XYZ", b""), column)
                and _is_srgb_curve(tags.get(name + b"TRC", b""))
                for name, column in zip((b"r", b"g", b"b"), wanted, strict=True)
            )
        case _:
            return False


def _is_table(tags: dict[bytes, bytes]) -> bool:
    """Whether a profile has a table of colours, which counts before primaries and curves."""
    return any(name[:3] in {b"A2B", b"D2B"} for name in tags)


def _is_near(tag: bytes, wanted: Sequence[float]) -> bool:
    if tag[:4] != b"XYZ " or len(tag) < 20:
        return False
    parts = struct.unpack(">3i", tag[8:20])
    return all(
        abs(part / 65536 - each) < _COLOURANT_TOLERANCE for part, each in zip(parts, wanted, strict=True)
    )


def _is_srgb_curve(tag: bytes) -> bool:
    curve = _read_curve(tag)
    if curve is None:
        return False
    for step in range(0, 256, 5):
        light = curve(step / 255)
        if not 0 <= light <= 1.001 or abs(_srgb_sample(light) * 255 - step) > _STEP_TOLERANCE:
            return False
    return True


def _read_curve(tag: bytes) -> Curve | None:  # noqa: PLR0911  # one for each kind of curve
    """A curve of the types `curv` and `para`; None for others, and for what makes no sense."""
    if tag[:4] == b"curv" and len(tag) >= 12:
        count = int.from_bytes(tag[8:12], "big")
        if not count:
            return lambda value: value
        if len(tag) < 12 + 2 * count:
            return None
        entries = struct.unpack(f">{count}H", tag[12 : 12 + 2 * count])
        if count == 1:
            return lambda value: value ** (entries[0] / 256)
        return lambda value: _between(entries, value)
    if tag[:4] == b"para" and len(tag) >= 16:
        count = {0: 1, 3: 5}.get(int.from_bytes(tag[8:10], "big"), 0)
        if not count or len(tag) < 12 + 4 * count:
            return None
        parts = [part / 65536 for part in struct.unpack(f">{count}i", tag[12 : 12 + 4 * count])]
        if count == 1:
            return lambda value: value ** parts[0] if parts[0] > 0 else -1
        gamma, slope, offset, foot, limit = parts
        return lambda value: foot * value if value < limit else max(0.0, slope * value + offset) ** gamma
    return None


def _between(entries: Sequence[int], value: float) -> float:
    place = value * (len(entries) - 1)
    low = min(int(place), len(entries) - 2)
    return (entries[low] + (place - low) * (entries[low + 1] - entries[low])) / 65535


def _read_tags(profile: bytes) -> dict[bytes, bytes]:
    tags: dict[bytes, bytes] = {}
    count = int.from_bytes(profile[_HEADER_BYTES : _HEADER_BYTES + 4], "big")
    for index in range(min(count, _TAGS)):
        at = _HEADER_BYTES + 4 + 12 * index
        entry = profile[at : at + 12]
        if len(entry) < 12:
            break
        name, offset, size = struct.unpack(">4sII", entry)
        tags.setdefault(name, profile[offset : offset + size])
    return tags


def _profile(kind: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, body = b"", b""
    start = _HEADER_BYTES + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    for name, data in tags.items():
        # Equal tags are stored once.
        if data not in places:
            places[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, places[data], len(data))
    size = start + len(body)
    head = struct.pack(
        ">I4xI4s4s4s12x4s28x3i48x",
        size,
        0x02400000,
        b"mntr",
        kind,
        b"XYZ ",
        b"acsp",
        *(round(65536 * part) for part in _D50),
    )
    return head + struct.pack(">I", len(tags)) + table + body


def _xyz_tag(parts: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * part) for part in parts))


def _curve_tag(curve: Curve) -> bytes:
    most = _CURVE_ENTRIES - 1
    entries = (round(65535 * min(1.0, max(0.0, curve(step / most)))) for step in range(_CURVE_ENTRIES))
    return struct.pack(f">4s4xI{_CURVE_ENTRIES}H", b"curv", _CURVE_ENTRIES, *entries)


def _adapted(primaries: Primaries) -> list[list[float]]:
    """The colours of full red, green and blue as XYZ under D50."""
    columns = [[x, y, 1 - x - y] for x, y in primaries[:3]]
    x, y = primaries[3]
    white = [x / y, 1.0, (1 - x - y) / y]
    matrix = _transposed(columns)
    amounts = _times(_inverse(matrix), white)
    cones, wanted = _times(_BRADFORD, white), _times(_BRADFORD, _D50)
    back = _inverse(_BRADFORD)
    adapted = []
    for column, amount in zip(columns, amounts, strict=True):
        seen = _times(_BRADFORD, [part * amount for part in column])
        adapted.append(_times(back, [s * w / c for s, w, c in zip(seen, wanted, cones, strict=True)]))
    return adapted


def _transposed(matrix: Matrix) -> list[list[float]]:
    return [list(row) for row in zip(*matrix, strict=True)]


def _times(matrix: Matrix, vector: Sequence[float]) -> list[float]:
    return [sum(part * each for part, each in zip(row, vector, strict=True)) for row in matrix]


def _inverse(matrix: Matrix) -> list[list[float]]:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    size = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return [
        [(e * i - f * h) / size, (c * h - b * i) / size, (b * f - c * e) / size],
        [(f * g - d * i) / size, (a * i - c * g) / size, (c * d - a * f) / size],
        [(d * h - e * g) / size, (b * g - a * h) / size, (a * e - b * d) / size],
    ]
