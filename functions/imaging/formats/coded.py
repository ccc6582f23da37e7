"""What a compressed picture of AVIF or HEIC says that it asks of a decoder: how many pixels, how many
pictures.

A container may say one size, and the compressed data another that would keep a decoder busy for hours.
"""

from __future__ import annotations

from collections.abc import Iterator

from functions.imaging.formats import TooComplexError

# A picture may come in up to four layers. More pictures than that are only there to cost time.
_PICTURES = 4
_UNITS = 10_000
# AV1 bitstream specification, section 6.2.2; H.265, table 7-1.
_SEQUENCE_HEADER, _FRAME_HEADER, _FRAME = 1, 3, 6
_SLICES = range(32)
# Where hvcC says how long the lengths in the data are.
_LENGTH_SIZE_AT = 21


class _Bits:
    """Bits of some bytes, one after the other; those beyond the end are zero."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> int:
        value = 0
        for _ in range(count):
            byte = self._data[self._at >> 3] if self._at >> 3 < len(self._data) else 0
            value = value << 1 | byte >> (7 - (self._at & 7)) & 1
            self._at += 1
        return value

    def variable(self) -> int:
        """A number after as many zeros as it has bits (uvlc)."""
        zeros = 0
        while zeros < 32 and not self.take(1):
            zeros += 1
        return self.take(zeros)


def av1_area(data: bytes) -> int:
    """The most pixels that a picture in AV1 data has; 0 where it does not say so.

    Raises:
        TooComplexError: there are more pictures than one photo has.
    """
    area, pictures = 0, 0
    for kind, body in _units(data):
        if kind == _SEQUENCE_HEADER:
            area = max(area, _sequence_area(body))
        pictures += kind in {_FRAME_HEADER, _FRAME}
    if pictures > _PICTURES:
        raise TooComplexError(f"its picture is made of more than {_PICTURES} pictures")
    return area


def check_hevc(configuration: bytes, data: bytes) -> None:
    """Whether HEVC data is of one picture. How large it is, the decoder compares with what the file says.

    Raises:
        TooComplexError: there are more pictures than one photo has.
    """
    length_size = 1 + (configuration[_LENGTH_SIZE_AT] & 3) if len(configuration) > _LENGTH_SIZE_AT else 4
    at, pictures = 0, 0
    for _ in range(_UNITS):
        if at + length_size + 3 > len(data):
            return
        length = int.from_bytes(data[at : at + length_size], "big")
        at += length_size
        # The first bit behind the unit's two bytes says whether a picture begins.
        pictures += (data[at] >> 1 & 0x3F) in _SLICES and data[at + 2] >> 7
        if pictures > _PICTURES:
            break
        at += length
    raise TooComplexError(f"its picture is made of more than {_PICTURES} pictures or {_UNITS} units")


def _units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and body of each unit (AV1 bitstream specification, section 5.3)."""
    at = 0
    for _ in range(_UNITS):
        if at >= len(data):
            return
        head = data[at]
        at += 2 if head & 4 else 1
        length = len(data) - at
        if head & 2:
            length, at = _leb128(data, at)
        yield head >> 3 & 15, data[at : at + min(length, 64)]
        at += length
    raise TooComplexError(f"its picture is made of more than {_UNITS} units")


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(data[at : at + 8]):
        value |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            return value, at + index + 1
    return len(data), len(data)


def _sequence_area(body: bytes) -> int:
    """The most pixels of a frame (AV1 bitstream specification, section 5.5)."""
    bits = _Bits(body)
    bits.take(4)
    if bits.take(1):
        bits.take(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = 1 + bits.take(4), 1 + bits.take(4)
    return (1 + bits.take(width_bits)) * (1 + bits.take(height_bits))


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits = 0
    if bits.take(1):
        bits.take(64)
        if bits.take(1):
            bits.variable()
        if bits.take(1):
            delay_bits = 1 + bits.take(5)
            bits.take(42)
    has_display_delay = bits.take(1)
    for _ in range(1 + bits.take(5)):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay_bits and bits.take(1):
            bits.take(2 * delay_bits + 1)
        if has_display_delay and bits.take(1):
            bits.take(4)
