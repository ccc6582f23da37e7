"""What a picture says that its colours mean, and what is published of it."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from functions.imaging.decoded import reduced_jpeg
from functions.imaging.formats import cicp, icc
from tests.functions.pictures import (
    chunk,
    decoded,
    encoded,
    gamma,
    icc_profile,
    linear_gray_profile,
    png,
    segment,
    swapped_profile,
    with_segments,
    xyz,
)
from tests.functions.test_differential import CHRM_P3, CHRM_SRGB, adobe_rgb_exif, gama, iccp, raw_png, trns

SIZE = 64


def patch(*colour: int) -> Image.Image:
    return Image.new(
        "RGB" if len(colour) == 3 else "L", (SIZE, SIZE), colour if len(colour) == 3 else colour[0]
    )


def published(data: bytes) -> tuple[int, ...]:
    jpeg = reduced_jpeg(data, max_pixels=10**6, longest_side_px=SIZE, at_most_bytes=10**6)
    pixel = decoded(jpeg).getpixel((SIZE // 2, SIZE // 2))
    assert isinstance(pixel, tuple)
    return pixel


def near(one: tuple[int, ...], other: tuple[int, ...], most: int = 3) -> bool:
    return all(abs(a - b) <= most for a, b in zip(one, other, strict=True))


def flat_png(*colour: int, before: bytes = b"", alpha: bool = False) -> bytes:
    """A PNG of one colour of 8 bits a sample."""
    kind = {1: 0, 3: 2}[len(colour)] + (4 if alpha else 0)
    row = bytes((*colour, 255) if alpha else colour) * SIZE
    return png(SIZE, SIZE, colour=kind, rows=[row] * SIZE, before=before)


def linear(description: bytes) -> bytes:
    """sRGB's primaries with no curve, under any name."""
    columns = {b"r": (0.4361, 0.2225, 0.0139), b"g": (0.3851, 0.7169, 0.0971), b"b": (0.1431, 0.0606, 0.7141)}
    tags = {name + b"XYZ": xyz(*column) for name, column in columns.items()}
    tags |= {name + b"TRC": gamma(1) for name in columns}
    return icc_profile(b"RGB ", {**tags, b"desc": b"desc\0\0\0\0" + description})


def test_a_linear_profile_named_srgb_is_linear() -> None:
    profile = linear(b"sRGB IEC61966-2.1 (Linear RGB Profile)")
    assert not icc.is_srgb(profile)
    assert near(published(encoded(patch(128, 128, 128), "JPEG", icc_profile=profile)), (188, 188, 188))


def test_srgb_is_known_by_primaries_and_curves() -> None:
    ours = icc.rgb_profile(icc.SRGB, icc.srgb_curve)
    theirs = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert ours
    for profile in (ours, theirs, ours.replace(b"mntr", b"scnr")):
        assert icc.is_srgb(profile)
    assert icc.is_srgb(icc.gray_profile(icc.srgb_curve))
    p3 = cicp.profile(12, 13)
    assert p3
    for other in (swapped_profile(), linear_gray_profile(), icc.adobe_rgb(), p3, b"", ours[:200], ours[:400]):
        assert other is not None
        assert not icc.is_srgb(other)
    # A table of colours counts before primaries and curves.
    assert not icc.is_srgb(icc_profile(b"RGB ", {b"A2B0": b"mft1" + bytes(40)}))


@pytest.mark.parametrize("place", range(128, 600, 7))
def test_a_broken_profile_is_no_trouble(place: int) -> None:
    profile = bytearray(icc.rgb_profile(icc.SRGB, icc.srgb_curve) or b"")
    profile[place : place + 4] = b"\xff\xff\xff\xff"
    assert icc.is_srgb(bytes(profile)) in {True, False}
    assert published(encoded(patch(90, 90, 90), "JPEG", icc_profile=bytes(profile)))


def test_adobe_rgb_by_exif() -> None:
    photo = encoded(patch(188, 60, 60), "JPEG")
    said = with_segments(photo, segment(0xE1, b"Exif\0\0" + adobe_rgb_exif()))
    assert near(published(said), (216, 56, 56))
    # A profile counts before it, and so does sRGB in EXIF itself.
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = with_segments(
        encoded(patch(188, 60, 60), "JPEG", icc_profile=srgb), segment(0xE1, b"Exif\0\0" + adobe_rgb_exif())
    )
    assert near(published(profile), (188, 60, 60))
    contradicted = said.replace(b"\xa0\x01\0\3\0\0\0\1\xff\xff", b"\xa0\x01\0\3\0\0\0\1\0\1")
    assert contradicted != said
    assert near(published(contradicted), (188, 60, 60))
    by_number = said.replace(b"\xa0\x01\0\3\0\0\0\1\xff\xff", b"\xa0\x01\0\3\0\0\0\1\0\2")
    assert near(published(by_number), (216, 56, 56))


# (200, 60, 60) in Display P3, and 128 in linear light.
P3, LINEAR = (217, 41, 51), (188, 188, 188)
CICP_P3 = chunk(b"cICP", bytes((12, 13, 0, 1)))
CICP_SRGB = chunk(b"cICP", bytes((1, 13, 0, 1)))
SRGB = chunk(b"sRGB", b"\0")
BROKEN_CICP = CICP_P3[:-1] + b"?"


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (CICP_P3, P3),
        (CICP_P3 + iccp(swapped_profile()) + SRGB + gama(100_000), P3),
        (CICP_SRGB + iccp(swapped_profile()), (200, 60, 60)),
        # A matrix other than that of RGB cannot be in a PNG: it is left out.
        (chunk(b"cICP", bytes((12, 13, 1, 1))), (200, 60, 60)),
        (BROKEN_CICP, (200, 60, 60)),
        (CHRM_P3, P3),
        (CHRM_P3 + SRGB, (200, 60, 60)),
        (CHRM_SRGB + gama(45_455), (200, 60, 60)),
        (gama(45_455), (200, 60, 60)),
        (gama(0), (200, 60, 60)),
        (chunk(b"cHRM", bytes(32)), (200, 60, 60)),
        (chunk(b"iCCP", b"name\0\0broken") + CHRM_P3, P3),
        (iccp(linear_gray_profile()) + CHRM_P3, P3),
    ],
)
def test_what_a_png_says_first_counts(before: bytes, expected: tuple[int, ...]) -> None:
    assert near(published(flat_png(200, 60, 60, before=before)), expected)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize(
    "before", [gama(100_000), chunk(b"cICP", bytes((1, 8, 0, 1))), iccp(linear_gray_profile())]
)
def test_a_gray_png_is_converted_too(before: bytes, alpha: bool) -> None:
    assert near(published(flat_png(128, before=before, alpha=alpha)), LINEAR)


def test_a_gray_profile_is_applied_to_all_that_decodes_with_alpha() -> None:
    for kind, before in (("gray8", trns(3)), ("gray16", trns(3)), ("gray2", trns(1)), ("gray-alpha16", b"")):
        plain, changed = (
            Image.open(
                io.BytesIO(
                    reduced_jpeg(
                        raw_png(kind, before=profile + before),
                        max_pixels=10**6,
                        longest_side_px=200,
                        at_most_bytes=10**6,
                    )
                )
            )
            .convert("L")
            .resize((1, 1), Image.Resampling.BOX)
            .getpixel((0, 0))
            for profile in (b"", iccp(linear_gray_profile()))
        )
        assert isinstance(plain, int)
        assert isinstance(changed, int)
        assert changed > plain + 10, kind


def test_code_points_of_bright_displays_keep_white_white_and_black_black() -> None:
    for transfer in (16, 18):
        white = published(flat_png(255, 255, 255, before=chunk(b"cICP", bytes((9, transfer, 0, 1)))))
        black = published(flat_png(0, 0, 0, before=chunk(b"cICP", bytes((9, transfer, 0, 1)))))
        assert near(white, (255, 255, 255))
        assert near(black, (0, 0, 0))
    # The white of a page: 58 percent in PQ, 75 in hybrid log-gamma (ITU-R BT.2408).
    assert near(
        published(flat_png(148, 148, 148, before=chunk(b"cICP", bytes((9, 16, 0, 1))))), (255,) * 3, 6
    )
    assert near(
        published(flat_png(191, 191, 191, before=chunk(b"cICP", bytes((9, 18, 0, 1))))), (255,) * 3, 6
    )


def test_samples_that_begin_at_16_are_spread() -> None:
    narrow = chunk(b"cICP", bytes((1, 13, 0, 0)))
    assert near(published(flat_png(16, 16, 16, before=narrow)), (0, 0, 0))
    assert near(published(flat_png(235, 235, 235, before=narrow)), (255, 255, 255))


def test_a_profile_of_16_megabytes_in_a_few_kilobytes_is_left_out() -> None:
    bomb = chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(16_000_000)))
    assert near(published(flat_png(200, 60, 60, before=bomb)), (200, 60, 60))


def test_avif_by_its_code_points() -> None:
    file = encoded(patch(200, 60, 60), "AVIF", quality=100, subsampling="4:4:4")
    at = file.index(b"nclx") + 4
    assert near(published(file), (200, 60, 60), 4)
    assert near(published(file[:at] + struct.pack(">HH", 12, 13) + file[at + 4 :]), P3, 4)


def test_the_samples_are_srgb_and_are_not_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> Image.Image:
        raise AssertionError

    monkeypatch.setattr("functions.imaging.colour.to_srgb", never)
    for path in sorted((Path(__file__).parents[2] / "samples" / "photos").glob("*.jpg"))[:4]:
        assert reduced_jpeg(path.read_bytes(), max_pixels=10**8, longest_side_px=90, at_most_bytes=10**6)
