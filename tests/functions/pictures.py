"""Test pictures: real ones in every mode, and files made by hand that no encoder would write."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image, ImageChops, ImageStat

SAMPLES = Path(__file__).parents[2] / "samples" / "photos"
SAMPLE_PHOTOS = sorted(SAMPLES.glob("*.jpg"))

Colour: TypeAlias = tuple[int, int, int]
RED, GREEN, BLUE, WHITE = (220, 40, 40), (40, 160, 60), (50, 60, 200), (255, 255, 255)

# How a picture is turned to be stored under an EXIF orientation: the opposite of what that asks for.
_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def scene(width: int, height: int) -> Image.Image:
    """Soft gradients and two hard-edged patches, different in every direction."""
    across = Image.linear_gradient("L").rotate(90).resize((width, height), Image.Resampling.BILINEAR)
    down = Image.linear_gradient("L").resize((width, height), Image.Resampling.BILINEAR)
    picture = Image.merge("RGB", (across, down, Image.new("L", (width, height), 90)))
    picture.paste(RED, (width // 8, height // 8, width // 2, height // 3))
    picture.paste(BLUE, (width // 8, height // 2, width // 4, height - height // 8))
    return picture


def halves(left: Colour, right: Colour, size: int = 480) -> Image.Image:
    """Two colours side by side."""
    picture = Image.new("RGB", (size, size), left)
    picture.paste(right, (size // 2, 0, size, size))
    return picture


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """A picture as a file; colours are kept as they are as far as the type can."""
    exact: dict[str, Any] = {
        "AVIF": {"speed": 10},
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"lossless": True, "quality": 0, "method": 0},
        "PNG": {"compress_level": 1},
    }
    file = io.BytesIO()
    picture.save(file, kind, **{**exact.get(kind, {}), **options})
    return file.getvalue()


def turned(picture: Image.Image, orientation: int, kind: str) -> bytes:
    """A file of the picture that is stored under an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = picture.transpose(_STORED[orientation]) if orientation in _STORED else picture
    return encoded(stored, kind, exif=exif.tobytes())


def decoded(data: bytes) -> Image.Image:
    """A file as an RGB picture."""
    with Image.open(io.BytesIO(data)) as picture:
        return picture.convert("RGB")


def difference(one: Image.Image, other: Image.Image) -> float:
    """How far two pictures of one size are apart: the mean over all pixels, of 255."""
    assert one.size == other.size
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


def chunk(name: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(
    width: int,
    height: int,
    *,
    depth: int = 8,
    colour: int = 2,
    rows: Iterable[bytes] = (),
    before: bytes = b"",
    after: bytes = b"",
    interlace: bool = False,
) -> bytes:
    """A PNG of these rows, all black without any, with more chunks before and behind the picture data."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    data = b"".join(b"\0" + row for row in rows)
    if not data and width * height < 10**8:
        data = (b"\0" + bytes((width * samples * depth + 7) // 8)) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))
        + before
        + chunk(b"IDAT", zlib.compress(data, 1))
        + after
        + chunk(b"IEND", b"")
    )


def adam7(picture: Image.Image) -> list[bytes]:
    """The rows of an interlaced PNG: the seven passes over the picture, one after the other."""
    passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ]
    data = picture.convert("RGB").tobytes()

    def pixel(x: int, y: int) -> bytes:
        at = 3 * (y * picture.width + x)
        return data[at : at + 3]

    return [
        b"".join(pixel(x, y) for x in range(first_x, picture.width, step_x))
        for first_x, first_y, step_x, step_y in passes
        for y in range(first_y, picture.height, step_y)
    ]


def segment(marker: int, payload: bytes) -> bytes:
    """A JPEG segment."""
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """A JPEG with more segments at its start."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def jpeg_of_size(width: int, height: int) -> bytes:
    """A JPEG of a few hundred bytes that says it has this size."""
    data = encoded(Image.new("RGB", (16, 16)), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def webp_of_size(width: int, height: int) -> bytes:
    """A WebP of a few dozen bytes that says it has this size."""
    data = encoded(Image.new("RGBA", (16, 16), (9, 9, 9, 9)), "WEBP")
    picture = data[data.index(b"VP8L") :]
    canvas = struct.pack("<I", 0x10) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff(riff_chunk(b"VP8X", canvas) + picture)


def riff_chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a WebP."""
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def riff(chunks: bytes) -> bytes:
    """A WebP of these chunks."""
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def icc_profile(space: bytes, tags: dict[bytes, bytes], connection: bytes = b"XYZ ") -> bytes:
    """An ICC profile (ICC.1:2001-04) for pictures of a colour space: `RGB `, `GRAY` or `CMYK`."""
    tags = {b"wtpt": xyz(0.9642, 1, 0.8249), **tags}
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(
        ">I4sI4s4s4s12x4s4s24x3i48x",
        start + len(body),
        b"test",
        0x02400000,
        b"prtr" if space == b"CMYK" else b"mntr",
        space,
        connection,
        b"acsp",
        b"APPL",
        *(round(65536 * part) for part in (0.9642, 1, 0.8249)),
    )
    return head + struct.pack(">I", len(tags)) + table + body


def xyz(*parts: float) -> bytes:
    """A colour of an ICC profile."""
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * part) for part in parts))


def gamma(exponent: float) -> bytes:
    """A tone curve of an ICC profile."""
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 * exponent)) + b"\0\0"


# The primaries of sRGB, adapted to D50, as its own profile has them.
_SRGB = {"red": (0.4361, 0.2225, 0.0139), "green": (0.3851, 0.7169, 0.0971), "blue": (0.1431, 0.0606, 0.7141)}


def swapped_profile(description: bytes = b"swapped") -> bytes:
    """A profile under which red means green and green means red."""
    return icc_profile(
        b"RGB ",
        {
            b"rXYZ": xyz(*_SRGB["green"]),
            b"gXYZ": xyz(*_SRGB["red"]),
            b"bXYZ": xyz(*_SRGB["blue"]),
            b"rTRC": gamma(2.2),
            b"gTRC": gamma(2.2),
            b"bTRC": gamma(2.2),
            b"desc": b"desc\0\0\0\0" + description,
        },
    )


def linear_gray_profile() -> bytes:
    """A profile under which gray is in proportion to light."""
    return icc_profile(b"GRAY", {b"kTRC": gamma(1)})


def odd_ink_profile() -> bytes:
    """A profile for a press whose cyan ink is red. Others leave the paper white; all four are black."""
    paper, red = bytes((255, 128, 128)), bytes((138, 198, 192))
    table = b"".join(red if index & 8 else paper for index in range(15)) + bytes((0, 128, 128))
    straight = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 * (index % 4 == 0) for index in range(9)))
    lut = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + matrix + straight * 4 + table + straight * 3
    return icc_profile(b"CMYK", {b"A2B0": lut}, connection=b"Lab ")
