"""Files that mean harm, made from a seed: bombs, absurd headers, damage, polyglots, too much of it all."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from PIL import Image

from functions.imaging.formats.boxes import box
from tests.functions.heif_files import Part, grid, heif, parts
from tests.functions.pictures import chunk, encoded, jpeg_of_size, png, scene, segment, with_segments
from tests.workflows.photos import heic

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Hostile:
    """A file. `heavy` ones take seconds and hundreds of megabytes, to make or to decode."""

    name: str
    make: Callable[[], bytes]
    heavy: bool = False

    def __str__(self) -> str:
        return self.name


def files(seed: int, *, damaged: int) -> list[Hostile]:
    """All files of a seed, with `damaged` copies of each good photo cut off and as many with wrong bits."""
    return [
        *_bombs(),
        *_absurd_headers(),
        *_damaged(random.Random(seed), damaged),
        *_polyglots(),
        *_too_much(),
        *_sequences(),
        *_heif(),
        *_in_a_jpegs_name(),
    ]


# Decompression bombs


def _bombs() -> Iterator[Hostile]:
    for width, height in ((10_000, 10_000), (8_192, 12_207)):
        size = f"{width} x {height}"
        yield Hostile(f"bomb: WebP, lossless, {size}", partial(lossless_webp, width, height), heavy=True)
    yield Hostile("bomb: WebP, lossless, 16383 x 16383", partial(lossless_webp, 16_383, 16_383))
    yield Hostile("bomb: WebP, lossless, 16383 x 81", partial(lossless_webp, 16_383, 81))
    yield Hostile("bomb: WebP, lossless, 4000 x 4000", partial(lossless_webp, 4_000, 4_000))
    yield Hostile("bomb: WebP, lossy, 16000 x 6250", partial(_solid, "WEBP", 16_000, 6_250, method=0), True)
    for depth, colour, interlace in (
        (1, 0, False),
        (8, 2, False),
        (8, 6, True),
        (16, 0, False),
        (16, 6, False),
        (16, 6, True),
    ):
        name = f"PNG, {depth} bits, colour type {colour}{', interlaced' * interlace}"
        make = partial(black_png, depth=depth, colour=colour, interlace=interlace)
        yield Hostile(f"bomb: {name}, 100 MP", partial(make, 10_000, 10_000), heavy=True)
        yield Hostile(f"bomb: {name}, 4 MP", partial(make, 2_000, 2_000))
    yield Hostile("bomb: PNG, 30000 x 30000", partial(black_png, 30_000, 30_000, depth=1, colour=0))
    yield Hostile("bomb: PNG, 100000 x 900", partial(black_png, 100_000, 900, depth=1, colour=0))
    yield Hostile("bomb: PNG, 2147483647 x 1", partial(png, 2**31 - 1, 1, depth=1, colour=0))
    for mode in ("L", "RGB", "CMYK"):
        make = partial(_solid, "JPEG", mode=mode, quality=10)
        yield Hostile(f"bomb: JPEG, {mode}, 100 MP", partial(make, 10_000, 10_000), heavy=True)
    progressive = partial(_solid, "JPEG", quality=10, progressive=True)
    yield Hostile("bomb: JPEG, progressive, 100 MP", partial(progressive, 10_000, 10_000), heavy=True)
    for scans in (60, 1_000):
        name = f"bomb: JPEG, progressive, {scans} more scans"
        yield Hostile(f"{name}, 100 MP", partial(_with_scans, 10_000, 10_000, scans), heavy=True)
        yield Hostile(f"{name}, 1 MP", partial(_with_scans, 1_000, 1_000, scans))
    yield Hostile("bomb: JPEG, 65500 x 1500", partial(_solid, "JPEG", 65_500, 1_500, quality=10), heavy=True)


def lossless_webp(width: int, height: int) -> bytes:
    """A WebP of one colour, of some thirty bytes whatever its size: its pixels take no bit at all."""
    small = encoded(Image.new("RGB", (16, 16)), "WEBP")
    at = small.index(b"VP8L") + 9
    (bits,) = struct.unpack("<I", small[at : at + 4])
    bits = bits >> 28 << 28 | (height - 1) << 14 | width - 1
    return small[:at] + struct.pack("<I", bits) + small[at + 4 :]


def black_png(width: int, height: int, *, depth: int, colour: int, interlace: bool = False) -> bytes:
    """A PNG that is all black, and compressed a thousandfold."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    # Enough for all passes of an interlaced one, too.
    row = bytes(2 + (width * samples * depth + 7) // 8)
    deflate = zlib.compressobj(9)
    data = b"".join(deflate.compress(row) for _ in range(height + height // 4 * interlace)) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    chunks = chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b"")
    return b"".join((b"\x89PNG\r\n\x1a\n", *chunks))


@cache
def _solid(kind: str, width: int, height: int, *, mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height)).save(file, kind, **options)
    return file.getvalue()


def _with_scans(width: int, height: int, more: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again: few bytes, and each goes over all pixels."""
    jpeg = _solid("JPEG", width, height, quality=10, progressive=True)
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:-2] + jpeg[last:-2] * more + jpeg[-2:]


# Headers that no encoder would write


def _absurd_headers() -> Iterator[Hostile]:
    sides = ((0, 0), (0, 900), (900, 0), (1, 1), (1, 65_535), (65_535, 65_535))
    for width, height in sides:
        size = f"{width} x {height}"
        yield Hostile(f"header: JPEG of {size}", partial(jpeg_of_size, width, height))
        yield Hostile(f"header: PNG of {size}", partial(_png_that_says, width, height))
        yield Hostile(f"header: WebP of {size}", partial(_webp_that_says, width, height))
    yield Hostile("header: PNG of 4294967295 squared", partial(_png_that_says, 2**32 - 1, 2**32 - 1))
    for depth, colour in ((3, 2), (16, 3), (8, 5), (255, 255), (0, 0)):
        make = partial(_png_that_says, 900, 900, depth, colour)
        yield Hostile(f"header: PNG of {depth} bits, colour type {colour}", make)
    for components in (0, 2, 5, 255):
        yield Hostile(f"header: JPEG of {components} components", partial(_jpeg_of_components, components))
    yield Hostile("header: JPEG without tables", _jpeg_without_tables)
    yield Hostile("header: WebP of 2^24 squared", partial(_webp_that_says, 2**24, 2**24))
    yield Hostile(
        "header: PNG chunk of 4 GB", lambda: png(900, 900)[:33] + b"\xff\xff\xff\xffIDAT" + bytes(99)
    )
    yield Hostile(
        "header: WebP chunk of 4 GB", lambda: b"RIFF\xff\xff\xff\xffWEBPVP8L\xff\xff\xff\xff/" + bytes(99)
    )
    yield Hostile("header: nothing but FF", lambda: b"\xff\xd8" + b"\xff" * 200_000)


def _png_that_says(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = zlib.compress(bytes(100_000))
    chunks = chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b"")
    return b"".join((b"\x89PNG\r\n\x1a\n", *chunks))


def _webp_that_says(width: int, height: int) -> bytes:
    sides = b"".join(((side - 1) % 2**24).to_bytes(3, "little") for side in (width, height))
    vp8x = _riff_chunk(b"VP8X", bytes(4) + sides)
    picture = encoded(Image.new("RGB", (16, 16)), "WEBP")[12:]
    return _riff(vp8x + picture)


def _jpeg_of_components(count: int) -> bytes:
    jpeg = encoded(scene(900, 900), "JPEG")
    at = jpeg.index(b"\xff\xc0") + 9
    return jpeg[:at] + bytes([count]) + jpeg[at + 1 :]


def _jpeg_without_tables() -> bytes:
    jpeg = encoded(scene(900, 900), "JPEG")
    return jpeg[: jpeg.index(b"\xff\xdb")] + jpeg[jpeg.index(b"\xff\xc0") :]


# Damage


def _good() -> dict[str, Callable[[], bytes]]:
    picture = partial(scene, 1000, 850)
    return {
        "JPEG": lambda: encoded(picture(), "JPEG", quality=85),
        "progressive JPEG": lambda: encoded(picture(), "JPEG", progressive=True, quality=85),
        "PNG": lambda: encoded(picture(), "PNG"),
        "PNG with a palette": lambda: encoded(picture().quantize(64), "PNG"),
        "lossy WebP": lambda: encoded(picture(), "WEBP", lossless=False, quality=80),
        "AVIF": lambda: encoded(picture(), "AVIF", speed=10),
        "HEIC": heic,
        "lossless WebP": lambda: encoded(picture(), "WEBP"),
        "transparent WebP": lambda: encoded(_transparent(picture()), "WEBP", lossless=False, quality=80),
    }


def _transparent(picture: Image.Image) -> Image.Image:
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return picture


def _damaged(chance: random.Random, count: int) -> Iterator[Hostile]:
    for name, make in _good().items():
        once = cache(make)
        for number in range(1, count + 1):
            yield Hostile(f"cut off: {name} {number}", partial(_cut, once, chance.random()))
            seed = chance.getrandbits(64)
            yield Hostile(f"wrong bits: {name} {number}", partial(_flipped, once, seed))
        yield Hostile(f"a part doubled: {name}", partial(_doubled, once, chance.random()))


def _cut(make: Callable[[], bytes], where: float) -> bytes:
    data = make()
    return data[: 1 + int(where * (len(data) - 1))]


def _flipped(make: Callable[[], bytes], seed: int) -> bytes:
    """Some bits, half of the time among the first thousand bytes, where the headers are."""
    chance, data = random.Random(seed), bytearray(make())
    within = len(data) if chance.random() < 0.5 else 1_000
    for _ in range(chance.choice((1, 4, 64))):
        data[chance.randrange(12, within)] ^= 1 << chance.randrange(8)
    return bytes(data)


def _doubled(make: Callable[[], bytes], where: float) -> bytes:
    data = make()
    at = int(where * len(data))
    return data[:at] + data[at // 2 :]


# Files that are two things


def _polyglots() -> Iterator[Hostile]:
    jpeg = cache(lambda: encoded(scene(900, 850), "JPEG", quality=80))
    a_png = cache(lambda: encoded(scene(900, 850), "PNG"))
    script = b"<?php system($_GET['c']); ?><script>alert(1)</script>"
    archive = b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18)
    yield Hostile("polyglot: JPEG and ZIP", lambda: jpeg() + archive)
    yield Hostile("polyglot: JPEG and script", lambda: with_segments(jpeg(), segment(0xFE, script)))
    yield Hostile("polyglot: JPEG and PNG", lambda: jpeg() + a_png())
    yield Hostile("polyglot: PNG and JPEG", lambda: a_png() + jpeg())
    yield Hostile("polyglot: PNG and script", lambda: a_png()[:33] + chunk(b"tEXt", script) + a_png()[33:])
    yield Hostile("polyglot: PNG and HTML", lambda: a_png() + b"<html>" + script)
    yield Hostile("polyglot: PDF and JPEG", lambda: b"%PDF-1.7\n" + jpeg())
    yield Hostile("polyglot: GIF and JavaScript", lambda: b"GIF89a/*" + bytes(99) + b"*/=1;" + script)
    yield Hostile(
        "polyglot: JPEG before WebP", lambda: b"\xff\xd8\xff\xe0" + encoded(scene(900, 850), "WEBP")
    )
    yield Hostile("polyglot: WebP and ZIP", lambda: encoded(scene(900, 850), "WEBP") + archive)
    yield Hostile(
        "polyglot: WebP and sound", lambda: b"RIFF\x24\0\0\0WAVE" + encoded(scene(900, 850), "WEBP")
    )
    yield Hostile("polyglot: SVG with a PNG", lambda: b"<svg><!--" + a_png() + b"--></svg>")


# Too much of what a file may have


def _too_much() -> Iterator[Hostile]:
    jpeg = cache(lambda: encoded(scene(900, 850), "JPEG", quality=80))
    a_png = cache(lambda: encoded(scene(900, 850), "PNG"))
    exif = segment(0xE1, b"Exif\0\0" + bytes(65_000))
    icc = segment(0xE2, b"ICC_PROFILE\0\x01\xff" + bytes(65_000))
    comment = segment(0xFE, b"x" * 65_000)
    yield Hostile("too much: EXIF, 6 MB", lambda: with_segments(jpeg(), *[exif] * 100))
    yield Hostile("too much: EXIF, 60 MB", lambda: with_segments(jpeg(), *[exif] * 1_000), heavy=True)
    yield Hostile("too much: ICC, 16 MB", lambda: with_segments(jpeg(), *[icc] * 255))
    yield Hostile("too much: comments, 13 MB", lambda: with_segments(jpeg(), *[comment] * 200))
    yield Hostile("too much: segments", lambda: with_segments(jpeg(), *[segment(0xFE, b"")] * 100_000))
    yield Hostile(
        "too much: EXIF that points to itself", lambda: with_segments(jpeg(), segment(0xE1, _looping_exif()))
    )
    zeros = zlib.compress(bytes(64 * _MIB), 9)
    for name, head in (
        (b"zTXt", b"Comment\0\0"),
        (b"iCCP", b"profile\0\0"),
        (b"iTXt", b"Comment\0\x01\0\0\0"),
    ):
        yield Hostile(
            f"too much: {name.decode()} of 64 MB in 64 KB",
            partial(_with_chunks, a_png, name, head + zeros, 1),
        )
        yield Hostile(
            f"too much: {name.decode()}, 50 of them", partial(_with_chunks, a_png, name, head + zeros, 50)
        )
    yield Hostile(
        "too much: eXIf, 10 MB",
        partial(_with_chunks, a_png, b"eXIf", b"II*\0\x08\0\0\0" + bytes(10 * _MIB), 1),
    )
    yield Hostile("too much: chunks", partial(_with_chunks, a_png, b"teXt", b"", 150_000))
    yield Hostile(
        "too much: empty IDAT", lambda: a_png()[:-12] + chunk(b"IDAT", b"") * 150_000 + a_png()[-12:]
    )
    for name in (b"ICCP", b"EXIF", b"XMP "):
        yield Hostile(f"too much: WebP's {name.decode()}, 10 MB", partial(_webp_with, name, bytes(10 * _MIB)))
    yield Hostile("too much: WebP's chunks", partial(_webp_with, b"JUNK", b"", 100_000))


def _looping_exif() -> bytes:
    # One directory, 65,535 entries long by its own word, each pointing back to it.
    return b"Exif\0\0" + b"II*\0\x08\0\0\0" + b"\xff\xff" + b"\x69\x87\x04\0\x01\0\0\0\x08\0\0\0" * 5_000


def _with_chunks(make: Callable[[], bytes], name: bytes, data: bytes, count: int) -> bytes:
    a_png = make()
    return a_png[:33] + chunk(name, data) * count + a_png[33:]


def _webp_with(name: bytes, data: bytes, count: int = 1) -> bytes:
    picture = encoded(scene(900, 850), "WEBP")[12:]
    vp8x = _riff_chunk(b"VP8X", b"\x2c\0\0\0" + (899).to_bytes(3, "little") + (849).to_bytes(3, "little"))
    more = _riff_chunk(name, data) * count
    return _riff(vp8x + more + picture if name == b"ICCP" else vp8x + picture + more)


def _riff_chunk(name: bytes, data: bytes) -> bytes:
    return name + len(data).to_bytes(4, "little") + data + bytes(len(data) % 2)


def _riff(chunks: bytes) -> bytes:
    return b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"WEBP" + chunks


# Files of many pictures


def _sequences() -> Iterator[Hostile]:
    yield Hostile("sequence: WebP of 5000 frames", partial(animated_webp, 5_000))
    yield Hostile("sequence: PNG of 5000 frames", partial(animated_png, 5_000))
    yield Hostile("sequence: GIF of 200 frames", partial(_animated_gif, 200))
    yield Hostile("sequence: MPO of two", partial(_mpo, 2))
    yield Hostile("sequence: MPO of fifty", partial(_mpo, 50))


def animated_webp(frames: int) -> bytes:
    """Each frame is the same few bytes, 1000 by 900."""
    still = lossless_webp(1_000, 900)[12:]
    size = (999).to_bytes(3, "little") + (899).to_bytes(3, "little")
    vp8x = _riff_chunk(b"VP8X", b"\x02\0\0\0" + size)
    frame = _riff_chunk(b"ANMF", bytes(6) + size + b"\x28\0\0\0" + still)
    return _riff(vp8x + _riff_chunk(b"ANIM", bytes(6)) + frame * frames)


def animated_png(frames: int) -> bytes:
    """Each frame is the whole picture again, all black."""
    width, height = 1_000, 900
    still = black_png(width, height, depth=8, colour=2)
    data = still[still.index(b"IDAT") + 4 : -16]
    more = b"".join(
        chunk(b"fcTL", struct.pack(">IIIIIHHBB", 2 * n, width, height, 0, 0, 1, 25, 0, 0))
        + chunk(b"fdAT", struct.pack(">I", 2 * n + 1) + data)
        for n in range(frames)
    )
    return still[:33] + chunk(b"acTL", struct.pack(">II", frames, 0)) + still[33:-12] + more + still[-12:]


def _animated_gif(frames: int) -> bytes:
    pictures = [Image.new("P", (90, 80), number % 256) for number in range(frames)]
    return encoded(pictures[0], "GIF", save_all=True, append_images=pictures[1:])


def _mpo(pictures: int) -> bytes:
    first = scene(900, 850)
    more = [Image.new("RGB", (900, 850), (n, n, n)) for n in range(1, pictures)]
    return encoded(first, "MPO", save_all=True, append_images=more)


# AVIF and HEIC


def _heif() -> Iterator[Hostile]:
    avif = cache(lambda: encoded(scene(900, 850), "AVIF", speed=10))
    yield Hostile("HEIF: tiles without end", lambda: heif(grid([parts(heic())[0]] * 900, 30, 27_000, 24_000)))
    yield Hostile(
        "HEIF: a hundred tiles, a corner shown", lambda: heif(grid(parts(heic()) * 100, 10, 900, 800))
    )
    yield Hostile(
        "HEIF: tiles, 100 MP", lambda: heif(grid(parts(heic()) * 132, 12, 10_000, 8_800)), heavy=True
    )
    for width, height in ((100, 100), (9_000, 9_000), (2**32 - 1, 2**32 - 1), (0, 900)):
        size = struct.pack(">II", width, height)
        yield Hostile(f"HEIF: AVIF that says {width} x {height}", partial(_saying, avif, size))
        yield Hostile(f"HEIF: HEIC that says {width} x {height}", partial(_saying, heic, size))
    yield Hostile("HEIF: AVIF of 100 MP", partial(_solid, "AVIF", 10_000, 10_000, speed=10), heavy=True)
    yield Hostile("HEIF: items that loop", lambda: heif([Part(b"grid", bytes(8), [], {b"dimg": [1]})]))
    yield Hostile("HEIF: boxes", lambda: heic()[:24] + box(b"free") * 50_000)
    yield Hostile("HEIF: properties", lambda: heif(parts(heic()), more=box(b"iprp", box(b"free") * 90_000)))
    yield Hostile("HEIF: metadata, 30 MB", lambda: heif(parts(heic()), before=box(b"free", bytes(30 * _MIB))))


def _saying(make: Callable[[], bytes], size: bytes) -> bytes:
    data = make()
    at = data.index(b"ispe") + 8
    return data[:at] + size + data[at + 8 :]


# What Pillow would open, and nobody allowed


def _in_a_jpegs_name() -> Iterator[Hostile]:
    for kind in (
        "JPEG2000",
        "TIFF",
        "BMP",
        "GIF",
        "AVIF",
        "ICO",
        "PPM",
        "TGA",
        "PCX",
        "SGI",
        "DDS",
        "ICNS",
        "EPS",
    ):
        yield Hostile(f"in a JPEG's name: {kind}", partial(encoded, scene(900, 850), kind))
    yield Hostile("in a JPEG's name: text", lambda: b"This is not a photo.\n" * 999)
    yield Hostile("in a JPEG's name: nothing", lambda: b"")
    yield Hostile("in a JPEG's name: one byte", lambda: b"\xff")
    for start in (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\x10\x27\0\0WEBPVP8 "):
        noise = random.Random(start).randbytes(10_000)
        yield Hostile(f"noise after {start[:4]!r}", partial(bytes.__add__, start, noise))
