"""What is published of a picture, beside what Pillow and libvips make of the same file.

Files of all types, modes, orientations, profiles and kinds of transparency are generated; each must come out
in the same size and the same colours as both others have it. Where it does not, `DIFFERS` says so and why,
and a difference that is gone must go from there.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from typing import Any

import pi_heif
import pytest
import pyvips
from PIL import Image, ImageCms, ImageOps

from functions.imaging.renditions import renditions
from tests.functions.heif_files import grid, heic, heif, parts
from tests.functions.pictures import (
    adam7,
    chunk,
    difference,
    encoded,
    gamma,
    icc_profile,
    linear_gray_profile,
    png,
    riff,
    riff_chunk,
    scene,
    segment,
    swapped_profile,
    turned,
    with_segments,
    xyz,
)

pi_heif.register_heif_opener()

SIZE = (150, 90)
SCENE = scene(*SIZE)
# How far ours may be from the others, of 255: it is written as JPEG.
NEAR = 6.0

# What differs, by file and library ("P" is Pillow, "V" libvips), and why ours is right.
DIFFERS: dict[tuple[str, str], str] = {
    ("png/cicp*", "P"): "Pillow does not read cICP.",
    ("png/cicp*", "V"): "libvips does not read cICP.",
    ("png/gama*", "P"): "Pillow does not apply gAMA and cHRM.",
    ("png/gama*", "V"): "libvips does not apply gAMA and cHRM.",
    ("png/chrm", "P"): "Pillow does not apply cHRM.",
    ("png/chrm", "V"): "libvips does not apply cHRM.",
    (
        "png/rgb16-trns",
        "P",
    ): "Of 16 bits Pillow keeps 8, and does not find the transparent colour among them.",
    ("png/gray16-trns", "P"): "Pillow makes no transparency of a gray of 16 bits.",
    (
        "png/gray[24]-trns",
        "P",
    ): "Pillow looks for the colour's number among samples that it has spread over 8 bits.",
    ("png/gray16", "P"): "Pillow's way from 16 bits of gray to 8 is to cut off what is more than 255.",
    ("png/gray-alpha16-profile", "P"): "Pillow decodes it as RGBA, which a profile for gray does not fit.",
    ("png/trailing-exif", "P"): "Pillow reads EXIF behind the picture, where the standard does not have it.",
    ("webp/gray-profile", "P"): "Pillow has no gray WebP, and drops a profile for gray.",
    ("webp/gray-profile", "V"): "libvips has no gray WebP, and drops a profile for gray.",
    ("avif/gray-alpha-profile", "P"): "Pillow decodes it as RGBA, and drops a profile for gray.",
    ("avif/gray-alpha-profile", "V"): "libvips decodes it as RGBA, and drops a profile for gray.",
    ("webp/anim-offset", "P"): "Pillow shows black where a WebP without transparency has no picture.",
    ("jpg/adobe-rgb-by-exif", "P"): "Pillow does not look for colours in EXIF.",
    ("jpg/adobe-rgb-by-exif", "V"): "libvips does not look for colours in EXIF.",
    ("jpg/exif-type-1*", "P"): "Pillow does not take BYTE for a number.",
    (
        "jpg/CMYK*",
        "V",
    ): "Without a profile libvips takes inks for a press's; browsers take them for the opposite of RGB.",
    ("jpg/xmp-orientation", "P"): "Pillow takes the orientation from XMP where EXIF has none.",
    (
        "jpg/exif-type-float",
        "P",
    ): "Pillow takes a fraction for a number; the standard has no such orientation.",
    ("jpg/exif-large-long", "V"): "libvips takes the lower half of a number that is no orientation.",
    ("jpg/exif-wrong-magic", "P"): "Pillow reads a block whose two marks of its byte order disagree.",
    ("jpg/exif-first-is-*", "P"): "Pillow joins all EXIF segments; of two, the first is meant to count.",
    ("png/exif-twice", "P"): "Pillow takes the last of chunks of which there is to be one.",
    ("png/exif-with-name", "V"): "libvips does not step over a name that some writers repeat.",
    ("*/long-exif", "V"): "libvips reads no EXIF of that length.",
    ("png/rgb16-trns-interlaced", "P"): "As png/rgb16-trns.",
    ("webp/no-padding", "P"): "libwebp refuses a file whose last byte, which pads it, is missing.",
    ("webp/no-padding", "V"): "libwebp refuses a file whose last byte, which pads it, is missing.",
    ("jpg/no-end*", "P"): "Pillow refuses a JPEG without an end marker; browsers show it.",
    ("avif/anim", "V"): "libvips does not know the brand avis.",
    ("heic/*", "V"): "The libvips of pyvips-binary has no HEVC decoder.",
}


def exif_block(
    order: str = ">",
    *,
    kind: int = 3,
    count: int = 1,
    value: bytes | None = None,
    orientation: int = 6,
    padding: int = 0,
    more: int = 0,
) -> bytes:
    """An EXIF block with one orientation in it, of this type and count, behind so many bytes or entries."""
    start = 8 + padding
    entries = [struct.pack(f"{order}HHI4s", 0x0100 + number, 3, 1, bytes(4)) for number in range(more)]
    if value is None:
        value = struct.pack(f"{order}{ {1: 'B3x', 3: 'H2x', 4: 'I', 8: 'h2x', 9: 'i'}[kind] }", orientation)
    entries.append(struct.pack(f"{order}HHI4s", 0x0112, kind, count, value))
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(f"{order}I", start)
    return head + bytes(padding) + struct.pack(f"{order}H", len(entries)) + b"".join(entries) + bytes(4)


def in_jpeg(*blocks: bytes) -> bytes:
    return with_segments(encoded(SCENE, "JPEG"), *(segment(0xE1, b"Exif\0\0" + each) for each in blocks))


def display_p3() -> bytes:
    columns = {
        b"r": (0.5151, 0.2412, -0.0011),
        b"g": (0.2920, 0.6922, 0.0419),
        b"b": (0.1571, 0.0666, 0.7841),
    }
    tags = {name + b"XYZ": xyz(*parts) for name, parts in columns.items()}
    return icc_profile(b"RGB ", {**tags, **{name + b"TRC": gamma(2.2) for name in columns}})


PROFILES = {"p3": display_p3(), "swapped": swapped_profile()}


def sixteen(data: bytes) -> bytes:
    return b"".join(bytes((each, 0x5A)) for each in data)


def rows(picture: Image.Image) -> list[bytes]:
    data, stride = picture.tobytes(), len(picture.getbands()) * picture.width
    return [data[at : at + stride] for at in range(0, len(data), stride)]


def packed(row: bytes, depth: int) -> bytes:
    bits = "".join(f"{value >> (8 - depth):0{depth}b}" for value in row)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def raw_png(kind: str, *, before: bytes = b"", after: bytes = b"") -> bytes:
    """The scene as a PNG of a kind: `gray4`, `rgb16`, `gray-alpha16`, …"""
    name, depth = kind.rstrip("0123456789"), int(kind.removeprefix(kind.rstrip("0123456789")))
    mode, colour = {"gray": ("L", 0), "rgb": ("RGB", 2), "gray-alpha": ("LA", 4), "rgb-alpha": ("RGBA", 6)}[
        name
    ]
    picture = SCENE.convert(mode)
    if "A" in mode:
        picture.putalpha(Image.linear_gradient("L").resize(SIZE))
    lines = rows(picture)
    if depth == 16:
        lines = [sixteen(line) for line in lines]
    elif depth < 8:
        lines = [packed(line, depth) for line in lines]
    return png(*SIZE, depth=depth, colour=colour, rows=lines, before=before, after=after)


def trns(*samples: int) -> bytes:
    return chunk(b"tRNS", struct.pack(f">{len(samples)}H", *samples))


def iccp(profile: bytes) -> bytes:
    return chunk(b"iCCP", b"name\0\0" + zlib.compress(profile))


CHRM_P3 = chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000))
CHRM_SRGB = chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))


def gama(value: int) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", value))


def see_through(mode: str) -> Image.Image:
    picture = SCENE.convert(mode)
    picture.putalpha(Image.linear_gradient("L").resize(SIZE))
    return picture


def jpegs() -> Iterator[tuple[str, bytes]]:
    for mode in ("L", "RGB", "CMYK"):
        yield f"jpg/{mode}", encoded(SCENE.convert(mode), "JPEG")
        yield f"jpg/{mode}-progressive", encoded(SCENE.convert(mode), "JPEG", progressive=True)
    for sampling in range(3):
        yield f"jpg/subsampling-{sampling}", encoded(SCENE, "JPEG", subsampling=sampling)
    yield "jpg/stored-as-rgb", encoded(SCENE, "JPEG", keep_rgb=True)
    yield "jpg/linear-gray", encoded(SCENE.convert("L"), "JPEG", icc_profile=linear_gray_profile())
    whole = encoded(SCENE, "JPEG")
    yield "jpg/junk", whole[:2] + whole[2:20] + bytes(2_000) + whole[20:]
    for order in "<>":
        for kind in (1, 3, 4, 8, 9):
            yield f"jpg/exif-type-{kind}{order}", in_jpeg(exif_block(order, kind=kind))
    for padding in (3_000, 5_000, 60_000):
        yield f"jpg/exif-at-{padding}", in_jpeg(exif_block(padding=padding))
    yield "jpg/exif-behind-500-entries", in_jpeg(exif_block(more=500))
    for count in (0, 1, 2):
        yield f"jpg/exif-count-{count}", in_jpeg(exif_block(count=count))
    # Three of them take more than four bytes, and are elsewhere.
    elsewhere = exif_block(count=3, value=struct.pack(">I", 26)) + struct.pack(">3H", 6, 6, 6)
    yield "jpg/exif-count-3", in_jpeg(elsewhere)
    yield "jpg/exif-type-ascii", in_jpeg(exif_block(kind=2, count=2, value=b"6\0\0\0"))
    yield "jpg/exif-type-float", in_jpeg(exif_block(kind=11, value=struct.pack(">f", 6)))
    yield "jpg/exif-type-undefined", in_jpeg(exif_block(kind=7, value=b"\6\0\0\0"))
    yield (
        "jpg/exif-type-rational",
        in_jpeg(exif_block(kind=5, value=struct.pack(">I", 26)) + bytes(3) + b"\6\0\0\0\1"),
    )
    yield "jpg/exif-large-long", in_jpeg(exif_block(kind=4, orientation=0x60006))
    yield "jpg/exif-wrong-magic", in_jpeg(b"MM*\0" + exif_block()[4:])
    yield "jpg/exif-first-is-empty", in_jpeg(b"", exif_block())
    yield "jpg/exif-first-is-broken", in_jpeg(exif_block()[:20], exif_block())
    yield "jpg/no-end", whole[:-2]
    yield "jpg/no-end-progressive", encoded(SCENE, "JPEG", progressive=True)[:-2]
    yield "jpg/exif-twice", in_jpeg(exif_block(orientation=1), exif_block(orientation=6))
    yield "jpg/exif-twice-other", in_jpeg(exif_block(orientation=6), exif_block(orientation=1))
    yield "jpg/exif-orientation-0", in_jpeg(exif_block(orientation=0))
    yield "jpg/exif-orientation-9", in_jpeg(exif_block(orientation=9))
    xmp = b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><a tiff:Orientation="6"/></x:xmpmeta>'
    yield "jpg/xmp-orientation", with_segments(whole, segment(0xE1, xmp))
    yield "jpg/adobe-rgb-by-exif", in_jpeg(adobe_rgb_exif())
    yield "jpg/mpo", encoded(SCENE, "MPO", save_all=True, append_images=[Image.new("RGB", SIZE)])


def adobe_rgb_exif() -> bytes:
    def entry(tag: int, kind: int, count: int, value: bytes) -> bytes:
        return struct.pack(">HHI", tag, kind, count) + value

    return (
        b"MM\0*\0\0\0\x08"
        + (b"\0\1" + entry(0x8769, 4, 1, struct.pack(">I", 26)) + bytes(4))
        + (
            b"\0\2"
            + entry(0xA001, 3, 1, b"\xff\xff\0\0")
            + entry(0xA005, 4, 1, struct.pack(">I", 56))
            + bytes(4)
        )
        + (b"\0\1" + entry(1, 2, 4, b"R03\0") + bytes(4))
    )


def pngs() -> Iterator[tuple[str, bytes]]:
    for kind in ("gray1", "gray2", "gray4", "gray8", "gray16", "rgb8", "rgb16"):
        yield f"png/{kind}", raw_png(kind)
    for kind in ("gray-alpha8", "gray-alpha16", "rgb-alpha8", "rgb-alpha16"):
        yield f"png/{kind}", raw_png(kind)
    yield "png/interlaced", png(*SIZE, rows=adam7(SCENE), interlace=True)
    yield "png/gray1-trns-black", raw_png("gray1", before=trns(0))
    yield "png/gray1-trns-white", raw_png("gray1", before=trns(1))
    yield "png/gray2-trns", raw_png("gray2", before=trns(1))
    yield "png/gray4-trns", raw_png("gray4", before=trns(5))
    yield "png/gray8-trns", raw_png("gray8", before=trns(80))
    patch = SCENE.convert("L").getpixel((30, 20))
    assert isinstance(patch, int)
    yield "png/gray16-trns", raw_png("gray16", before=trns(patch << 8 | 0x5A))
    yield "png/rgb8-trns", raw_png("rgb8", before=trns(220, 40, 40))
    yield "png/rgb16-trns", raw_png("rgb16", before=trns(0xDC5A, 0x285A, 0x285A))
    yield "png/rgb16-trns-other", raw_png("rgb16", before=trns(0xDC5B, 0x285A, 0x285A))
    yield "png/palette", encoded(SCENE.quantize(60))
    yield "png/palette-alpha", encoded(see_through("RGBA").quantize(60))
    for name, profile in PROFILES.items():
        for kind in ("rgb8", "rgb16", "rgb-alpha8", "rgb-alpha16"):
            yield f"png/{kind}-{name}", raw_png(kind, before=iccp(profile))
    for kind in ("gray8", "gray-alpha8", "gray-alpha16"):
        yield f"png/{kind}-profile", raw_png(kind, before=iccp(linear_gray_profile()))
    yield "png/cicp-p3-linear", raw_png("rgb8", before=chunk(b"cICP", b"\x0c\x08\0\1"))
    yield (
        "png/cicp-before-iccp",
        raw_png("rgb8", before=chunk(b"cICP", b"\x01\x08\0\1") + iccp(PROFILES["p3"])),
    )
    yield "png/srgb-cicp", raw_png("rgb8", before=chunk(b"cICP", b"\x01\x0d\0\1"))
    yield "png/gama-linear", raw_png("rgb8", before=gama(100_000))
    yield "png/gama-linear-gray", raw_png("gray8", before=gama(100_000))
    yield "png/gama-and-chrm", raw_png("rgb8", before=gama(100_000) + CHRM_P3)
    yield "png/chrm", raw_png("rgb8", before=CHRM_P3)
    yield "png/usual-gama", raw_png("rgb8", before=gama(45_455) + CHRM_SRGB)
    yield "png/srgb-before-gama", raw_png("rgb8", before=chunk(b"sRGB", b"\0") + gama(100_000))
    yield "png/iccp-before-gama", raw_png("rgb8", before=gama(100_000) + iccp(PROFILES["swapped"]))
    yield (
        "png/rgb16-trns-interlaced",
        png(
            *SIZE,
            depth=16,
            rows=[sixteen(line) for line in adam7(SCENE)],
            before=trns(0xDC5A, 0x285A, 0x285A),
            interlace=True,
        ),
    )
    yield "png/no-end", raw_png("rgb8")[:-12]
    yield "png/no-last-checksum", raw_png("rgb8")[:-16]
    yield "png/exif-with-name", raw_png("rgb8", before=chunk(b"eXIf", b"Exif\0\0" + exif_block()))
    yield (
        "png/exif-twice",
        raw_png("rgb8", before=chunk(b"eXIf", exif_block()) + chunk(b"eXIf", exif_block(orientation=3))),
    )
    yield "png/long-exif", raw_png("rgb8", before=chunk(b"eXIf", exif_block(padding=200_000)))
    yield "png/trailing-exif", raw_png("rgb8", after=chunk(b"eXIf", exif_block()))


def webps() -> Iterator[tuple[str, bytes]]:
    yield "webp/lossy", encoded(SCENE, "WEBP", lossless=False, quality=95)
    yield "webp/lossless", encoded(SCENE, "WEBP")
    yield "webp/alpha", encoded(see_through("RGBA"), "WEBP")
    yield "webp/lossy-alpha", encoded(see_through("RGBA"), "WEBP", lossless=False, quality=95)
    yield "webp/anim", encoded(SCENE, "WEBP", save_all=True, append_images=[Image.new("RGB", SIZE)])
    plain = encoded(SCENE, "WEBP")[12:]
    canvas = bytes(4) + b"".join((side - 1).to_bytes(3, "little") for side in SIZE)
    yield (
        "webp/exif-not-announced",
        riff(riff_chunk(b"VP8X", canvas) + plain + riff_chunk(b"EXIF", exif_block())),
    )
    yield (
        "webp/profile-not-announced",
        riff(riff_chunk(b"VP8X", canvas) + riff_chunk(b"ICCP", PROFILES["swapped"]) + plain),
    )
    announced = b"\x08" + canvas[1:]
    for name, exif in {
        "exif": exif_block(),
        "exif-with-name": b"Exif\0\0" + exif_block(),
        "long-exif": exif_block(padding=200_000),
        "exif-count-2": exif_block(count=2),
    }.items():
        yield f"webp/{name}", riff(riff_chunk(b"VP8X", announced) + plain + riff_chunk(b"EXIF", exif))
    yield (
        "webp/exif-twice",
        riff(
            riff_chunk(b"VP8X", announced)
            + plain
            + riff_chunk(b"EXIF", exif_block())
            + riff_chunk(b"EXIF", exif_block(orientation=3))
        ),
    )
    yield (
        "webp/no-padding",
        riff(riff_chunk(b"VP8X", announced) + plain + riff_chunk(b"EXIF", exif_block() + b"x"))[:-1],
    )
    yield "webp/gray-profile", encoded(SCENE.convert("L"), "WEBP", icc_profile=linear_gray_profile())
    small = encoded(SCENE.crop((0, 0, 90, 60)), "WEBP")[12:]
    frame = (
        b"\x0a\0\0\x0a\0\0" + (89).to_bytes(3, "little") + (59).to_bytes(3, "little") + b"\x64\0\0\0" + small
    )
    yield (
        "webp/anim-offset",
        riff(
            riff_chunk(b"VP8X", b"\x02" + canvas[1:])
            + riff_chunk(b"ANIM", bytes(6))
            + riff_chunk(b"ANMF", frame) * 2
        ),
    )


def avifs() -> Iterator[tuple[str, bytes]]:
    yield (
        "avif/gray-alpha-profile",
        encoded(see_through("LA"), "AVIF", quality=95, icc_profile=linear_gray_profile()),
    )
    yield (
        "avif/gray-profile-on-colours",
        encoded(SCENE, "AVIF", quality=95, icc_profile=linear_gray_profile()),
    )
    yield "avif/gray", encoded(SCENE.convert("L"), "AVIF", quality=95)
    yield "avif/alpha", encoded(see_through("RGBA"), "AVIF", quality=95)
    yield "avif/anim", encoded(SCENE, "AVIF", quality=95, save_all=True, append_images=[SCENE] * 2)


def heics() -> Iterator[tuple[str, bytes]]:
    for name in ("plain", "420", "alpha", "gray", "ten-bit", "turned", "two", "profile"):
        yield f"heic/{name}", heic(name)
    yield "heic/tiles", heif(grid(parts(heic("plain")) * 4, 2, 300, 190))


def everywhere() -> Iterator[tuple[str, bytes]]:
    """What is asked of each type that can be written here."""
    for kind, name in (("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("AVIF", "avif")):
        exact: dict[str, Any] = {"quality": 95, "speed": 10} if kind == "AVIF" else {}
        for orientation in range(1, 9):
            yield f"{name}/o{orientation}", turned(SCENE, orientation, kind)
        for profile, data in PROFILES.items():
            yield f"{name}/{profile}", encoded(SCENE, kind, icc_profile=data, **exact)
            exif = Image.Exif()
            exif[0x0112] = 6
            yield (
                f"{name}/{profile}-turned",
                encoded(SCENE, kind, icc_profile=data, exif=exif.tobytes(), **exact),
            )


FILES = dict(each for make in (everywhere, jpegs, pngs, webps, avifs, heics) for each in make())


@cache
def ours(name: str) -> Image.Image:
    made = renditions(FILES[name], max_pixels=10**6)
    picture = Image.open(io.BytesIO(made.pictures["scaled"].jpeg(95))).convert("RGB")
    assert picture.size == (made.width, made.height)
    return picture


def by_pillow(data: bytes) -> Image.Image:
    """As Pillow's users do it: turned, converted from its profile, on white."""
    opened = Image.open(io.BytesIO(data))
    opened.load()
    profile: Any = opened.info.get("icc_profile")
    picture = ImageOps.exif_transpose(opened)
    if picture.has_transparency_data:
        picture = picture.convert("LA" if picture.mode in {"1", "L", "LA"} else "RGBA")
        white = Image.new(picture.mode.removesuffix("A"), picture.size, "white")
        white.paste(picture.convert(white.mode), mask=picture.getchannel("A"))
        picture = white
    elif picture.mode == "P":
        picture = picture.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(picture, source, srgb, outputMode="RGB")
            picture = converted or picture
        except ImageCms.PyCMSError:
            pass
    return picture.convert("RGB")


def by_vips(data: bytes) -> Image.Image:
    """As libvips's thumbnailer does it: turned, converted from its profile, on white."""
    picture = pyvips.Image.new_from_buffer(data, "").autorot()
    if picture.hasalpha():
        most = 65_535 if picture.format == "ushort" else 255
        picture = picture.flatten(background=[most])
    if picture.get_typeof("icc-profile-data"):
        picture = picture.icc_transform("srgb", embedded=True, intent="perceptual")
    picture = picture.colourspace("srgb").cast("uchar")
    if picture.bands == 1:
        picture = picture.bandjoin([picture, picture])
    return Image.frombytes("RGB", (picture.width, picture.height), picture.write_to_memory())


def explained(name: str, library: str) -> bool:
    return any(fnmatch(name, pattern) and by == library for pattern, by in DIFFERS)


@pytest.mark.parametrize("library", ["P", "V"])
@pytest.mark.parametrize("name", FILES)
def test_it_comes_out_as_others_have_it(name: str, library: str) -> None:
    picture = ours(name)
    try:
        theirs = {"P": by_pillow, "V": by_vips}[library](FILES[name])
    except (OSError, pyvips.Error):
        is_same = False
    else:
        is_same = theirs.size == picture.size and difference(theirs, picture) < NEAR
    assert is_same != explained(name, library)


def test_every_difference_that_is_explained_is_there() -> None:
    for pattern, _ in DIFFERS:
        assert any(fnmatch(name, pattern) for name in FILES), pattern
