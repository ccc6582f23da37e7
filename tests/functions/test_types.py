"""The type of a file: what is known is named and refused as what it is, never as damage."""

from __future__ import annotations

import io

import pytest

from functions.decision import Rejection
from functions.imaging.header import READABLE, header
from tests.functions.pictures import encoded, scene

SCENE = scene(60, 44)
# The first bytes of types that nothing here can write.
STARTS = {
    "wmf": b"\xd7\xcd\xc6\x9a\0\0",
    "wmf without a place": b"\x01\x00\x09\x00\x00\x03" + bytes(20),
    "emf": b"\x01\0\0\0\x6c\0\0\0" + bytes(32) + b" EMF" + bytes(20),
    "crw": b"II\x1a\0\0\0HEAPCCDR" + bytes(20),
    "cr3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "mrw": b"\0MRM\0\0\0\0",
    "x3f": b"FOVb\0\0\2\0",
    "raf": b"FUJIFILMCCD-RAW 0201",
    "rw2": b"IIU\0\x18\0\0\0",
    "orf": b"IIRO\x08\0\0\0",
    "dcm": bytes(128) + b"DICM" + bytes(20),
    "fits": b"SIMPLE  =                    T",
    "xpm": b"/* XPM */\nstatic char",
    "flif": b"FLIF\x31\x31",
    "psp": b"Paint Shop Pro Image File\n\x1a",
    "pict": bytes(512) + b"\0\0\0\0\0\0\0\0\0\0\0\x11\2\xff\x0c\0",
    "ilbm": b"FORM\0\0\0\x20ILBMBMHD",
    "fli": b"\0\0\0\0\x12\xaf\1\0",
    "aae": b'<?xml version="1.0"?>\n<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN">',
    "xmp": b'<x:xmpmeta xmlns:x="adobe:ns:meta/">',
    "mov": b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
    "avi": b"RIFF\0\0\0\0AVI LIST",
    "mkv": b"\x1a\x45\xdf\xa3\1\0",
    "zip": b"PK\3\4\x14\0",
    "jxl": b"\0\0\0\x0cJXL \r\n\x87\n",
    "cur": b"\0\0\2\0\1\0\x20\x20",
}
# What Pillow can write, and browsers or this cannot read.
WRITTEN = {
    kind: encoded(SCENE.convert(mode), kind)
    for kind, mode in (
        ("TGA", "RGB"),
        ("TGA", "L"),
        ("PCX", "RGB"),
        ("SGI", "RGB"),
        ("GIF", "P"),
        ("BMP", "RGB"),
        ("TIFF", "RGB"),
        ("ICO", "RGB"),
        ("JPEG2000", "RGB"),
        ("PPM", "RGB"),
        ("EPS", "RGB"),
        ("PDF", "RGB"),
        ("XBM", "1"),
        ("IM", "RGB"),
        ("MSP", "1"),
        ("BLP", "P"),
        ("QOI", "RGB"),
        ("DDS", "RGB"),
    )
}


def reason(data: bytes) -> tuple[str, object]:
    with pytest.raises(Rejection) as raised:
        header(io.BytesIO(data))
    return str(raised.value.decision.reason), raised.value.decision.detail.get("type")


@pytest.mark.parametrize("name", STARTS)
def test_a_type_that_cannot_be_read_is_unsupported(name: str) -> None:
    said, type_ = reason(STARTS[name])
    assert said == "UNSUPPORTED_TYPE"
    assert type_ == {"wmf without a place": "wmf", "aae": "plist"}.get(name, name)


@pytest.mark.parametrize("kind", WRITTEN)
def test_what_others_write_is_unsupported_and_not_corrupt(kind: str) -> None:
    assert reason(WRITTEN[kind])[0] == "UNSUPPORTED_TYPE"


@pytest.mark.parametrize("options", [{"rle": True}, {"id_section": b"a name"}, {"orientation": 1}])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1"])
def test_every_tga_is_known_though_it_has_no_mark(mode: str, options: dict[str, object]) -> None:
    picture = SCENE.quantize(20) if mode == "P" else SCENE.convert(mode)
    # Pillow packs no picture of two tones.
    packed = options.get("rle", False) and mode != "1"
    given = {name: each for name, each in options.items() if name != "rle"}
    compression = {"compression": "tga_rle"} if packed else {}
    assert reason(encoded(picture, "TGA", **given, **compression)) == ("UNSUPPORTED_TYPE", "tga")


@pytest.mark.parametrize(
    "data",
    [b"Dear sir or madam", bytes(2_000), b"II", b"P1: a list", b"\1\2\3\4" * 99, b"\n\5 and so on" * 30],
)
def test_what_is_of_no_known_type_is_no_image(data: bytes) -> None:
    assert reason(data) == ("CORRUPT_IMAGE", None)


def test_all_that_is_read_is_named() -> None:
    assert {"jpg", "png", "webp", "avif", "heic"} == READABLE
