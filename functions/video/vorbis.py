"""The header of Vorbis sound, of which the codec itself makes comments a part: titles, names, even pictures.

https://xiph.org/vorbis/doc/Vorbis_I_spec.html#x1-610004.2
"""

from __future__ import annotations

from functions.video.refusal import corrupt

# A header of comments, of which there are none, nor is the encoder named.
_NO_COMMENTS = b"\x03vorbis" + bytes(8) + b"\x01"
_BEGIN = (b"\x01vorbis", b"\x03vorbis", b"\x05vorbis")


def without_comments(header: bytes) -> bytes:
    """The header as FFmpeg's libraries have it, its packets one after the other, without its comments.

    Raises:
        Rejection: CORRUPT_VIDEO: it is no such header.
    """
    packets = _packets(header)
    if any(each[:7] != begins for each, begins in zip(packets, _BEGIN, strict=True)):
        raise corrupt("The header of the film's sound is damaged.")
    first, _, last = packets
    return header[:1] + _size(first) + _size(_NO_COMMENTS) + first + _NO_COMMENTS + last


def _size(packet: bytes) -> bytes:
    """As many bytes of 255 as there are, and one that is less."""
    return b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])


def _packets(header: bytes) -> tuple[bytes, bytes, bytes]:
    # It begins with the number of the sizes, which are those of all packets but the last.
    if header[:1] != b"\x02":
        raise corrupt("The header of the film's sound is damaged.")
    position, sizes = 1, [0, 0]
    for number in range(2):
        while header[position : position + 1] == b"\xff":
            sizes[number] += 255
            position += 1
        sizes[number] += int.from_bytes(header[position : position + 1], "big")
        position += 1
    middle = position + sizes[0]
    return header[position:middle], header[middle : middle + sizes[1]], header[middle + sizes[1] :]
