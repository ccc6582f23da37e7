"""Where things lie in a DICOM file, found without copying any of it, before a library reads it.

A file's lengths, nesting and number of elements are its author's to choose. What is walked through here to
the end can be read in memory that is known before.

https://dicom.nema.org/medical/dicom/current/output/chtml/part05/chapter_7.html
https://dicom.nema.org/medical/dicom/current/output/chtml/part10/chapter_7.html
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from io import BytesIO
from struct import Struct

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from functions.decision import Reason, Rejection
from functions.dicom.reading import reading

_PREAMBLE_BYTES = 128
_PREFIX = b"DICM"
# Real files have up to 6 levels; one that is nested is copied once for each level.
_MOST_NESTED = 12
# A multi-frame file says something of each frame: some 100 elements.
_MOST_ELEMENTS = 200_000
# All before the pixels.
_MOST_BYTES = 16_000_000
_UNDEFINED = 0xFFFFFFFF
_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010
# These have 4 bytes for their length, after 2 that mean nothing.
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))


@dataclass(frozen=True)
class Structure:
    """The bytes of a file, and where its parts lie in them.

    `start` is where the data set begins, and `pixels` where the value of its pixel data does, which has
    `pixel_bytes` (None: they are encapsulated, and go on to the end); `attributes_end` is where what comes
    before them ends.
    """

    data: bytes
    syntax: str
    start: int
    attributes_end: int
    pixels: int
    pixel_bytes: int | None
    pixel_vr: str

    def attributes(self) -> Dataset:
        """All that comes before the pixels. What comes after them is for padding and signatures.

        Raises:
            Rejection: CORRUPT_IMAGE.
        """
        implicit, little = self.syntax == ImplicitVRLittleEndian, self.syntax != ExplicitVRBigEndian
        with reading("It"):
            return read_dataset(BytesIO(self.data[self.start : self.attributes_end]), implicit, little)


def structure(data: bytes, *, most_bytes: int) -> Structure:
    """Walks through a file; one that is deflated is inflated to `most_bytes` at most.

    Raises:
        Rejection: NOT_DICOM; CORRUPT_IMAGE: an element reaches beyond what it is in; UNSUPPORTED_TYPE: it
        has no
            pixels; IMAGE_TOO_COMPLEX: it has more elements, levels or bytes before the pixels than any real
            one.
    """
    start = _PREAMBLE_BYTES + len(_PREFIX)
    if data[_PREAMBLE_BYTES:start] != _PREFIX:
        raise Rejection.because(
            Reason.NOT_DICOM, message=f"A DICOM file has {_PREFIX.decode()} at byte {_PREAMBLE_BYTES}."
        )
    syntax, start = _meta(data, start)
    if syntax == DeflatedExplicitVRLittleEndian:
        data, start = _inflated(memoryview(data)[start:], most_bytes), 0
    walk = _Walk(data, implicit=syntax == ImplicitVRLittleEndian, big_endian=syntax == ExplicitVRBigEndian)
    attributes_end, value, size, vr = walk.pixel_data(start)
    return Structure(data, syntax, start, attributes_end, value, size, vr or "OW")


def _meta(data: bytes, start: int) -> tuple[str, int]:
    """The transfer syntax, and where the data set begins. Meta information is explicit and little endian."""
    walk = _Walk(data, implicit=False, big_endian=False)
    end = start
    while end < len(data) - 8 and walk.tag(end) >> 16 == 2:
        _, _, value, size = walk.element(end, len(data))
        end = value + walk.sized(size, value, len(data))
        walk.bounded(end - start)
    with reading("The file's meta information"):
        syntax = read_dataset(BytesIO(data[start:end]), False, True).get("TransferSyntaxUID")
    if not isinstance(syntax, str) or not syntax:
        raise Rejection.because(
            Reason.NOT_DICOM, message="The file's meta information names no transfer syntax (0002,0010)."
        )
    return syntax, end


def _inflated(deflated: memoryview, most_bytes: int) -> bytes:
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflating.decompress(deflated, most_bytes)
    except zlib.error as error:
        raise Rejection.because(Reason.CORRUPT_IMAGE, message=f"It cannot be inflated: {error}.") from None
    if inflating.unconsumed_tail:
        raise Rejection.because(
            Reason.IMAGE_TOO_LARGE, max_size_bytes=most_bytes, message="It is deflated, and would be larger."
        )
    if not inflating.eof:
        raise Rejection.because(Reason.CORRUPT_IMAGE, message="It is deflated, and breaks off.")
    return data


class _Walk:
    """One way through one data set."""

    def __init__(self, data: bytes, *, implicit: bool, big_endian: bool) -> None:
        order = ">" if big_endian else "<"
        self._data = data
        self._implicit = implicit
        self._short = Struct(f"{order}H").unpack_from
        self._long = Struct(f"{order}L").unpack_from
        self._pair = Struct(f"{order}HH").unpack_from
        self._elements = 0

    def pixel_data(self, start: int) -> tuple[int, int, int | None, str]:
        """Where the pixel data's element and its value begin, its length (None: undefined), and its type."""
        position, end = start, len(self._data)
        while position < end:
            tag, vr, value, size = self.element(position, end)
            if tag == PIXEL_DATA:
                known = None if size == _UNDEFINED else self.sized(size, value, end)
                return position, value, known, vr.decode()
            if tag > PIXEL_DATA:
                break
            position = self._after(vr, value, size, end, 0)
            self.bounded(position - start)
        raise Rejection.because(
            Reason.UNSUPPORTED_TYPE,
            type="dicom",
            message="It has no pixel data (7FE0,0010): it shows nothing.",
        )

    def bounded(self, size: int) -> None:
        """Refuses what is too long to be read."""
        if size > _MOST_BYTES:
            raise _too_complex("bytes before its pixels", _MOST_BYTES)

    def tag(self, position: int) -> int:
        """The tag at this position: group and element."""
        group, element = self._pair(self._data, position)
        return int(group) << 16 | int(element)

    def element(self, position: int, end: int) -> tuple[int, bytes, int, int]:
        """The tag, the type (empty if it is not said), where the value begins, and how long it says it is."""
        self._elements += 1
        if self._elements > _MOST_ELEMENTS:
            raise _too_complex("elements", _MOST_ELEMENTS)
        if position + 8 > end:
            raise _cut_off(position)
        tag = self.tag(position)
        vr = b"" if self._implicit or tag >> 16 == 0xFFFE else self._data[position + 4 : position + 6]
        # As libraries do: some writers fall back to elements without types.
        if not (vr.isalpha() and vr.isupper()):
            return tag, b"", position + 8, self._long(self._data, position + 4)[0]
        if vr not in _LONG:
            return tag, vr, position + 8, self._short(self._data, position + 6)[0]
        if position + 12 > end:
            raise _cut_off(position)
        return tag, vr, position + 12, self._long(self._data, position + 8)[0]

    def sized(self, size: int, value: int, end: int) -> int:
        """A length that is not undefined and fits."""
        if size == _UNDEFINED or value + size > end:
            raise _cut_off(value)
        return size

    def _after(self, vr: bytes, value: int, size: int, end: int, level: int) -> int:
        """The end of a value. What may be a sequence is walked through."""
        if size == _UNDEFINED:
            return self._items(vr, value, None, end, level + 1)
        self.sized(size, value, end)
        may_be_sequence = vr == b"SQ" or (vr in {b"", b"UN"} and size >= 8 and self.tag(value) == _ITEM)
        if may_be_sequence and size:
            self._items(vr, value, value + size, value + size, level + 1)
        return value + size

    def _items(self, vr: bytes, position: int, stop: int | None, end: int, level: int) -> int:
        """The end of a sequence: at `stop`, or, without one, after its delimiter."""
        if level > _MOST_NESTED:
            raise _too_complex("levels", _MOST_NESTED)
        # What is of an unknown type is written without types within.
        # https://dicom.nema.org/medical/dicom/current/output/chtml/part05/sect_6.2.2.html
        implicit, self._implicit = self._implicit, self._implicit or vr == b"UN"
        while stop is None or position < stop:
            tag, _, value, size = self.element(position, end)
            if tag == _SEQUENCE_END and stop is None:
                position = value + self.sized(size, value, end)
                break
            if tag != _ITEM:
                raise Rejection.because(
                    Reason.CORRUPT_IMAGE, message=f"At byte {position} there is no item of a sequence."
                )
            position = self._item(value, size, end, level)
        self._implicit = implicit
        return position

    def _item(self, position: int, size: int, end: int, level: int) -> int:
        stop = None if size == _UNDEFINED else position + self.sized(size, position, end)
        while stop is None or position < stop:
            tag, vr, value, length = self.element(position, end if stop is None else stop)
            if tag == _ITEM_END:
                return value + self.sized(length, value, end)
            position = self._after(vr, value, length, end if stop is None else stop, level)
        return position


def _cut_off(position: int) -> Rejection:
    return Rejection.because(
        Reason.CORRUPT_IMAGE,
        message=f"What begins at byte {position} reaches beyond what it is in, or the end.",
    )


def _too_complex(what: str, most: int) -> Rejection:
    return Rejection.because(Reason.IMAGE_TOO_COMPLEX, message=f"It has more than {most} {what}.")
