from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from functions.decision import Rejection
from functions.imaging.pixels import Interleaved
from functions.platform.aws import AwsCallError, PhotoNotFoundError, client
from functions.platform.rules import RuleError
from functions.publish import resize
from functions.upload import Upload
from tests.functions.account import answering, make_table, put
from tests.functions.pictures import (
    BLUE,
    GREEN,
    RED,
    SAMPLE_PHOTOS,
    SAMPLES,
    WHITE,
    Colour,
    adam7,
    chunk,
    decoded,
    difference,
    encoded,
    halves,
    jpeg_of_size,
    linear_gray_profile,
    odd_ink_profile,
    png,
    scene,
    segment,
    swapped_profile,
    turned,
    webp_of_size,
    with_segments,
)

UPLOAD = Upload("uploads", "central park/2026.05 picnic.jpg", "central park", "2026.05 picnic.jpg")


@pytest.fixture(autouse=True)
def _buckets() -> None:
    for bucket in ("uploads", "distribution"):
        client("s3").create_bucket(Bucket=bucket)
    make_table()
    put("workflow", UPLOAD.key, executionArn="arn:execution")


def resized(content: bytes, **more: Any) -> Mapping[str, Any]:
    """The task's result for an object of this content."""
    client("s3").put_object(Bucket="uploads", Key=UPLOAD.key, Body=content)
    event = {"detail": UPLOAD.as_detail(), "executionArn": "arn:execution", **more}
    return resize.handler(event, SimpleNamespace(aws_request_id="request"))


def published(rendition: str) -> bytes:
    answer = client("s3").get_object(
        Bucket="distribution", Key=f"central park/2026.05 picnic.jpg/{rendition}.jpg"
    )
    return answer["Body"].read()


def refused(content: bytes) -> str:
    """The name of the error that the state machine sees."""
    with pytest.raises(Rejection) as raised:
        resized(content)
    assert "Contents" not in client("s3").list_objects_v2(Bucket="distribution")
    return type(raised.value).__name__


@pytest.mark.slow
@pytest.mark.parametrize("path", SAMPLE_PHOTOS, ids=lambda path: path.stem)
def test_sample_photos(path: Path) -> None:
    with Image.open(path) as opened:
        original = opened.convert("RGB")
    width, height = original.size
    result = resized(path.read_bytes())
    tile, scaled = published("tile"), published("scaled")
    scaled_height = round(600 * height / width)
    assert result == {
        "width": width,
        "height": height,
        "tile": {
            "key": "central park/2026.05 picnic.jpg/tile.jpg",
            "width": 400,
            "height": 400,
            "bytes": len(tile),
        },
        "scaled": {
            "key": "central park/2026.05 picnic.jpg/scaled.jpg",
            "width": 600,
            "height": scaled_height,
            "bytes": len(scaled),
        },
    }
    edge = min(width, height)
    box = ((width - edge) / 2, (height - edge) / 2, (width + edge) / 2, (height + edge) / 2)
    lanczos = Image.Resampling.LANCZOS
    assert difference(decoded(scaled), original.resize((600, scaled_height), lanczos)) < 9
    assert difference(decoded(tile), original.resize((400, 400), lanczos, box=box)) < 9


def test_the_size_of_a_photo_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[dict[str, int]] = []
    monkeypatch.setattr(resize, "measure", lambda **metrics: counted.append(metrics))
    photo = encoded(scene(640, 480), "JPEG")
    resized(photo)
    assert counted == [{"PhotoBytes": len(photo), "PhotoPixels": 640 * 480}]


def test_a_pixel_of_a_rendition_is_made_of_its_own_part_of_a_large_picture() -> None:
    # A box makes it smaller. A filter over every pixel looks beyond the part, and takes many times longer.
    spot = Image.new("L", (400, 400))
    spot.paste(255, (200, 200, 204, 204))
    expected = Image.new("L", (100, 100))
    expected.putpixel((50, 50), 255)
    assert Interleaved(spot).resized((100, 100)).image().tobytes() == expected.tobytes()


def test_renditions_are_private_jpegs_that_caches_may_keep() -> None:
    with answering("PutObject") as calls:
        resized(encoded(scene(500, 500), "PNG"))
    puts = [call for call in calls if call["Bucket"] == "distribution"]
    assert len(puts) == 2
    assert all("ACL" not in call for call in puts)
    stored = client("s3").head_object(Bucket="distribution", Key=puts[0]["Key"])
    assert stored["ContentType"] == "image/jpeg"
    assert stored["CacheControl"] == "public, max-age=3600"
    with Image.open(io.BytesIO(published("tile"))) as opened:
        assert opened.format == "JPEG"


def test_the_photo_is_fetched_once() -> None:
    with answering("GetObject") as calls:
        resized(SAMPLE_PHOTOS[0].read_bytes())
    assert len(calls) == 1


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(st.integers(1, 1_300), st.integers(1, 1_300))
def test_sizes(width: int, height: int) -> None:
    assume(max(width, height) <= 20 * min(width, height))
    _buckets_again()
    result = resized(png(width, height, depth=1, colour=0))
    scaled = result["scaled"]
    assert (result["width"], result["height"]) == (width, height)
    assert scaled["width"] == min(width, 600)
    # The shape stays, to the nearest pixel.
    assert abs(scaled["height"] - height * scaled["width"] / width) <= 0.5 or scaled["height"] == 1
    for name in ("tile", "scaled"):
        data = published(name)
        assert decoded(data).size == (result[name]["width"], result[name]["height"])
        assert len(data) == result[name]["bytes"]
    assert decoded(published("tile")).size == (400, 400)


@pytest.mark.parametrize(
    ("width", "height", "scaled"),
    [(1, 1, (1, 1)), (6_000, 300, (600, 30)), (20, 400, (20, 400))],
)
def test_the_oddest_shapes(width: int, height: int, scaled: tuple[int, int]) -> None:
    result = resized(png(width, height, depth=1, colour=0))
    assert (result["scaled"]["width"], result["scaled"]["height"]) == scaled
    assert decoded(published("tile")).size == (400, 400)


@pytest.mark.parametrize(("width", "height"), [(65_500, 801), (801, 65_500), (21, 1)])
def test_what_would_be_published_as_a_line_is_refused(width: int, height: int) -> None:
    assert refused(png(width, height, depth=1, colour=0)) == "IMAGE_TOO_NARROW"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("size", [(931, 645), (645, 931)], ids=["wide", "high"])
def test_every_orientation_is_made_upright(kind: str, size: tuple[int, int]) -> None:
    upright = scene(*size)
    # AVIF stores colours more coarsely.
    near = 2.0 if kind == "AVIF" else 1.5
    edge = min(size)
    left, top = (size[0] - edge) // 2, (size[1] - edge) // 2
    wholes = {"tile": upright.crop((left, top, left + edge, top + edge)), "scaled": upright}
    # The picture is told from itself turned or mirrored.
    assert min(difference(wholes["tile"], wholes["tile"].transpose(turn)) for turn in Image.Transpose) > 10
    for orientation in range(1, 9):
        result = resized(turned(upright, orientation, kind))
        assert (result["width"], result["height"]) == size
        for name, whole in wholes.items():
            got = decoded(published(name))
            assert difference(got, whole.resize(got.size, Image.Resampling.BICUBIC)) < near, orientation


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_is_upright_whatever_the_decoder_scales(orientation: int) -> None:
    upright = scene(3_001, 2_003)
    resized(turned(upright, orientation, "JPEG"))
    got = decoded(published("scaled"))
    assert difference(got, upright.resize(got.size, Image.Resampling.LANCZOS)) < 1.5


def test_a_long_photo_keeps_enough_pixels_for_its_tile() -> None:
    with Image.open(SAMPLES / "mountains.jpg") as opened:
        strip = opened.crop((0, 1_000, 3_264, 1_820))
    resized(encoded(strip, "JPEG"))
    box = (1_222, 0, 2_042, 820)
    expected = strip.resize((400, 400), Image.Resampling.LANCZOS, box=box)
    assert difference(decoded(published("tile")), expected) < 6


def test_an_orientation_behind_the_pixels_of_a_png_does_not_count() -> None:
    # The standard wants it before them, and the deciding task does not look for it there either.
    exif = Image.Exif()
    exif[0x0112] = 8
    after = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    result = resized(png(30, 20, after=after))
    assert (result["width"], result["height"]) == (30, 20)


def rgb(picture: Image.Image) -> list[bytes]:
    """The rows of a picture, three bytes a pixel."""
    data = picture.convert("RGB").tobytes()
    return [data[at : at + 3 * picture.width] for at in range(0, len(data), 3 * picture.width)]


def sixteen_bit(rows: list[bytes]) -> list[bytes]:
    """The same rows with samples of two bytes, the lower one anything."""
    return [b"".join(bytes((sample, 0x5A)) for sample in row) for row in rows]


def see_through(left: Colour, right: Colour, alpha: int) -> Image.Image:
    """Two halves, of which the right one has this alpha."""
    picture = halves(left, right).convert("RGBA")
    picture.putalpha(halves(WHITE, (alpha, alpha, alpha)).convert("L"))
    return picture


def palette(left: Colour, right: Colour, transparency: bytes = b"") -> bytes:
    """A PNG of two colours in a palette."""
    before = chunk(b"PLTE", bytes((*left, *right)))
    before += chunk(b"tRNS", transparency) if transparency else b""
    rows = [bytes(30) + b"\xff" * 30] * 480
    return png(480, 480, depth=1, colour=3, rows=rows, before=before)


TWO = halves(RED, BLUE)
# Scaled by the decoder.
LARGE = halves(RED, BLUE, 1_400)
GRAY, DARK = (170, 170, 170), (60, 60, 60)
GRAYS = halves(GRAY, DARK).convert("L")
GRAY_ROWS = [GRAYS.tobytes()[:480]] * 480
BLACK = (0, 0, 0)
HALF_BLUE = (152, 157, 227)

# Files of two halves, and the colours that they must come out in.
MODES: dict[str, tuple[bytes, Colour, Colour]] = {
    "jpeg": (encoded(TWO, "JPEG"), RED, BLUE),
    "jpeg progressive": (encoded(TWO, "JPEG", progressive=True), RED, BLUE),
    "jpeg stored as RGB": (encoded(TWO, "JPEG", keep_rgb=True), RED, BLUE),
    "jpeg gray": (encoded(GRAYS, "JPEG"), GRAY, DARK),
    "large jpeg": (encoded(LARGE, "JPEG"), RED, BLUE),
    "large jpeg of few colours a pixel": (encoded(LARGE, "JPEG", subsampling=2), RED, BLUE),
    "large jpeg stored as RGB": (encoded(LARGE, "JPEG", keep_rgb=True), RED, BLUE),
    "jpeg CMYK, inverted as Adobe does": (encoded(TWO.convert("CMYK"), "JPEG"), RED, BLUE),
    "mpo": (encoded(TWO, "MPO", save_all=True, append_images=[halves(GREEN, GREEN)]), RED, BLUE),
    "png": (encoded(TWO), RED, BLUE),
    "png interlaced": (png(480, 480, rows=adam7(TWO), interlace=True), RED, BLUE),
    "png 1 bit": (encoded(halves(WHITE, BLACK).convert("1")), WHITE, BLACK),
    "png gray": (encoded(GRAYS), GRAY, DARK),
    "png gray 16 bit": (png(480, 480, depth=16, colour=0, rows=sixteen_bit(GRAY_ROWS)), GRAY, DARK),
    "png gray and alpha": (encoded(see_through(GRAY, DARK, 0).convert("LA")), GRAY, WHITE),
    "png gray, one transparent": (
        png(480, 480, colour=0, rows=GRAY_ROWS, before=chunk(b"tRNS", b"\0\x3c")),
        GRAY,
        WHITE,
    ),
    "png 1 bit, black transparent": (
        png(
            480,
            480,
            depth=1,
            colour=0,
            rows=[bytes([255] * 30 + [0] * 30)] * 480,
            before=chunk(b"tRNS", b"\0\0"),
        ),
        WHITE,
        WHITE,
    ),
    "png palette": (palette(RED, BLUE), RED, BLUE),
    "png palette, one transparent": (palette(RED, BLUE, b"\xff\0"), RED, WHITE),
    "png palette, one half transparent": (palette(RED, BLUE, b"\xff\x80"), RED, HALF_BLUE),
    "png 16 bit, one transparent": (
        png(
            480,
            480,
            depth=16,
            colour=2,
            rows=sixteen_bit(rgb(TWO)),
            before=chunk(b"tRNS", struct.pack(">3H", *(0x1100 + part for part in RED))),
        ),
        RED,
        BLUE,
    ),
    "png 16 bit": (png(480, 480, depth=16, colour=2, rows=sixteen_bit(rgb(TWO))), RED, BLUE),
    "png, one transparent": (
        png(480, 480, rows=rgb(TWO), before=chunk(b"tRNS", struct.pack(">3H", *BLUE))),
        RED,
        WHITE,
    ),
    "png alpha": (encoded(see_through(RED, BLUE, 0)), RED, WHITE),
    "png half alpha": (encoded(see_through(RED, BLUE, 128)), RED, HALF_BLUE),
    "png alpha 16 bit": (
        png(
            480,
            480,
            depth=16,
            colour=6,
            rows=sixteen_bit([see_through(RED, BLUE, 128).tobytes()[:1_920]] * 480),
        ),
        RED,
        HALF_BLUE,
    ),
    "png animated": (encoded(TWO, save_all=True, append_images=[halves(GREEN, GREEN)] * 3), RED, BLUE),
    "webp": (encoded(TWO, "WEBP", lossless=False, quality=95), RED, BLUE),
    "webp lossless": (encoded(TWO, "WEBP"), RED, BLUE),
    "webp half alpha": (
        encoded(see_through(RED, BLUE, 128), "WEBP", lossless=False, quality=95),
        RED,
        HALF_BLUE,
    ),
    "webp animated": (
        encoded(TWO, "WEBP", save_all=True, append_images=[halves(GREEN, GREEN)] * 3),
        RED,
        BLUE,
    ),
}


def check_halves(left: Colour, right: Colour) -> None:
    for name in ("tile", "scaled"):
        got = decoded(published(name))
        for colour, share in ((left, 0.25), (right, 0.75)):
            pixel = got.getpixel((int(share * got.width), got.height // 2))
            assert isinstance(pixel, tuple)
            assert all(abs(one - other) <= 4 for one, other in zip(pixel, colour, strict=True)), (
                pixel,
                colour,
            )


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_colours_of_every_mode(mode: str) -> None:
    data, left, right = MODES[mode]
    result = resized(data)
    with Image.open(io.BytesIO(data)) as opened:
        assert (result["width"], result["height"]) == opened.size
    check_halves(left, right)


def test_sixteen_bit_gray_keeps_all_its_tones() -> None:
    tones = [struct.pack(">H", 65_535 * place // 399) for place in range(400)]
    resized(png(400, 400, depth=16, colour=0, rows=[b"".join(tones)] * 400))
    middle = decoded(published("tile")).convert("L").crop((0, 200, 400, 201))
    assert all(abs(tone - 255 * place / 399) < 5 for place, tone in enumerate(middle.tobytes()))


# (200, 40, 40) under it is (35, 201, 34) in sRGB, whose tone curve differs from a gamma of 2.2 in the dark.
SWAPPED = swapped_profile()
# What the linear gray 60 and 170 are in sRGB.
LINEAR = (132, 132, 132), (212, 212, 212)


@pytest.mark.parametrize("size", [480, 1_400])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_colour_profile_is_applied(kind: str, size: int) -> None:
    resized(encoded(halves((200, 40, 40), (40, 160, 40), size), kind, icc_profile=SWAPPED))
    check_halves((35, 201, 34), (161, 34, 35))


def test_a_colour_profile_is_applied_under_transparency() -> None:
    resized(encoded(see_through((200, 40, 40), BLUE, 0), icc_profile=SWAPPED))
    check_halves((35, 201, 34), WHITE)


def test_a_colour_profile_is_applied_to_a_palette() -> None:
    profile = chunk(b"iCCP", b"swapped\0\0" + _deflated(SWAPPED))
    plain = palette((200, 40, 40), (40, 160, 40))
    resized(plain[:33] + profile + plain[33:])
    check_halves((35, 201, 34), (161, 34, 35))


def test_a_gray_profile_is_applied() -> None:
    resized(encoded(halves(DARK, GRAY).convert("L"), "JPEG", icc_profile=linear_gray_profile()))
    check_halves(*LINEAR)


def test_a_profile_for_inks_is_applied() -> None:
    inks = Image.new("CMYK", (480, 480), (255, 0, 0, 0))
    inks.paste((0, 255, 0, 0), (240, 0, 480, 480))
    resized(encoded(inks, "JPEG", icc_profile=odd_ink_profile()))
    left, right = (decoded(published("scaled")).getpixel((place, 240)) for place in (120, 360))
    assert isinstance(left, tuple)
    assert left[0] > 200
    assert left[1] < 60
    assert isinstance(right, tuple)
    assert min(right) > 250


def test_a_profile_in_several_segments_in_any_order_is_applied() -> None:
    parts = [SWAPPED[:100], SWAPPED[100:250], SWAPPED[250:]]
    segments = [
        segment(0xE2, b"ICC_PROFILE\0" + bytes((number, len(parts))) + part)
        for number, part in enumerate(parts, start=1)
    ]
    resized(with_segments(encoded(halves((200, 40, 40), (40, 160, 40)), "JPEG"), *segments[::-1]))
    check_halves((35, 201, 34), (161, 34, 35))


BAD_PROFILES = {
    "not a profile": b"not a profile",
    "cut off": SWAPPED[:200],
    "for inks": odd_ink_profile(),
    "for gray": linear_gray_profile(),
    "without tags": SWAPPED[:128] + bytes(4),
    "huge count": SWAPPED[:128] + b"\xff\xff\xff\xff" + SWAPPED[132:],
}


@pytest.mark.parametrize("case", BAD_PROFILES)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_profile_that_does_not_fit_is_ignored(case: str, kind: str) -> None:
    resized(encoded(TWO, kind, icc_profile=BAD_PROFILES[case]))
    check_halves(RED, BLUE)


def test_a_profile_of_which_a_part_is_missing_is_ignored() -> None:
    part = segment(0xE2, b"ICC_PROFILE\0\1\2" + SWAPPED)
    resized(with_segments(encoded(TWO, "JPEG"), part))
    check_halves(RED, BLUE)


@pytest.mark.parametrize("encoding", ["ascii", "utf-16-be"])
def test_a_profile_is_not_srgb_by_its_name(encoding: str) -> None:
    named = swapped_profile("sRGB IEC61966-2.1".encode(encoding))
    resized(encoded(halves((200, 40, 40), (40, 160, 40)), "JPEG", icc_profile=named))
    check_halves((35, 201, 34), (161, 34, 35))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_no_metadata_is_published(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRET maker"
    exif.get_ifd(0x8825)[1] = "SECRET place"
    options: dict[str, Any] = {"exif": exif.tobytes(), "icc_profile": SWAPPED, "xmp": b"<x>SECRET xmp</x>"}
    photo = encoded(scene(640, 480), kind, **options)
    if kind == "JPEG":
        photo = with_segments(
            photo, segment(0xFE, b"SECRET comment"), segment(0xED, b"Photoshop 3.0\0SECRET")
        )
    if kind == "PNG":
        photo = photo[:33] + chunk(b"tEXt", b"Comment\0SECRET text") + photo[33:]
    assert b"SECRET" in photo
    resized(photo)
    for name in ("tile", "scaled"):
        data = published(name)
        assert b"SECRET" not in data
        markers = {marker for marker in range(0xE1, 0xF0) if bytes((0xFF, marker)) in data[:600]}
        assert not markers
        with Image.open(io.BytesIO(data)) as opened:
            assert set(opened.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_refusals_have_the_names_that_the_state_machine_catches() -> None:
    whole = SAMPLE_PHOTOS[0].read_bytes()
    assert refused(whole[: len(whole) // 2]) == "CORRUPT_IMAGE"
    assert refused(b"a text file") == "CORRUPT_IMAGE"
    assert refused(b"") == "CORRUPT_IMAGE"
    assert refused(encoded(scene(900, 900), "GIF")) == "UNSUPPORTED_TYPE"
    for bomb in (png(30_000, 30_000), jpeg_of_size(65_500, 65_500), webp_of_size(16_384, 16_384)):
        assert refused(bomb) == "IMAGE_TOO_LARGE"


def test_a_photo_that_memory_cannot_hold_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    assert refused(SAMPLE_PHOTOS[0].read_bytes()) == "IMAGE_TOO_LARGE"


def test_a_photo_that_is_gone_and_a_bucket_that_is_missing_are_errors() -> None:
    with pytest.raises(PhotoNotFoundError):
        resize.handler(
            {"detail": UPLOAD.as_detail(), "executionArn": "arn:execution"},
            SimpleNamespace(aws_request_id="request"),
        )
    client("s3").delete_bucket(Bucket="distribution")
    with pytest.raises(AwsCallError):
        resized(SAMPLE_PHOTOS[0].read_bytes())


def _deflated(data: bytes) -> bytes:
    import zlib

    return zlib.compress(data)


def _buckets_again() -> None:
    for bucket in ("uploads", "distribution"):
        client("s3").create_bucket(Bucket=bucket)


# Renditions by rules


AVATAR = {
    "avatar": {"fit": "cover", "width_px": 128, "height_px": 96},
    "page": {"fit": "inside", "width_px": 300},
}


@pytest.mark.parametrize(
    ("size", "page"), [((600, 400), (300, 200)), ((200, 900), (200, 900)), ((900, 100), (300, 33))]
)
def test_rules_say_which_renditions_are_made(size: tuple[int, int], page: tuple[int, int]) -> None:
    # The middle is green; what is cut off at either end is not.
    photo = Image.new("RGB", size, RED)
    width, height = size
    edge = min(width, height) // 4
    photo.paste(GREEN, (width // 2 - edge, height // 2 - edge, width // 2 + edge, height // 2 + edge))
    result = resized(encoded(photo, "PNG"), rules={"renditions": AVATAR})

    assert set(result) == {"width", "height", "avatar", "page"}
    key = f"{UPLOAD.key}/avatar.jpg"
    assert (result["avatar"]["key"], result["avatar"]["width"], result["avatar"]["height"]) == (key, 128, 96)
    avatar, whole = decoded(published("avatar")), decoded(published("page"))
    assert (avatar.size, whole.size) == ((128, 96), page)
    middle = avatar.crop((60, 44, 68, 52))
    assert difference(middle, Image.new("RGB", middle.size, GREEN)) < 12
    assert "Contents" in client("s3").list_objects_v2(Bucket="distribution", Prefix=key)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"renditions": {}}, "The rule renditions must be an object with a rendition by each name"),
        ({"renditions": []}, "The rule renditions must be an object"),
        ({"tile": {}}, "There is no rule tile: choose among renditions"),
        ({"renditions": {"../tile": {}}}, "must have names of at most 16 lower-case letters and digits"),
        ({"renditions": {"width": {}}}, "and none of height, width"),
        ({"renditions": {"a": 5}}, 'must have a fit of "cover" or "inside" for a'),
        (
            {"renditions": {"a": {"fit": "fill", "width_px": 1}}},
            'must have a fit of "cover" or "inside" for a',
        ),
        (
            {"renditions": {"a": {"fit": "cover", "width_px": 1}}},
            r"The rule renditions\.a\.height_px is missing",
        ),
        ({"renditions": {"a": {"fit": "inside"}}}, r"The rule renditions\.a\.width_px is missing"),
        (
            {"renditions": {"a": {"fit": "inside", "width_px": 1, "height_px": 1}}},
            r"There is no rule renditions\.a\.height_px: choose among width_px",
        ),
        (
            {"renditions": {"a": {"fit": "inside", "width_px": 5000}}},
            "a whole number from 1 to 4096, not 5000",
        ),
    ],
)
def test_a_senseless_rule_is_named(rules: Any, said: str) -> None:
    with pytest.raises(RuleError, match=said):
        resized(encoded(Image.new("RGB", (10, 10)), "PNG"), rules=rules)
