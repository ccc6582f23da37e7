"""The type of a file by its first bytes, for the types that people try to upload as photos."""

from __future__ import annotations

# As many bytes as are looked at.
FIRST_BYTES = 1024

# The three types that are read first; the rest are named so that a refusal can say what was sent.
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"II\xbc", "jxr"),
    (b"IIU\0", "rw2"),
    (b"IIRO", "orf"),
    (b"IIRS", "orf"),
    (b"FUJIFILMCCD-RAW", "raf"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "jp2"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
    (b"\xff\x0a", "jxl"),
    (b"8BPS", "psd"),
    (b"gimp xcf", "xcf"),
    (b"\0\0\1\0", "ico"),
    (b"\0\0\2\0", "cur"),
    (b"icns", "icns"),
    (b"\x8aMNG\r\n\x1a\n", "mng"),
    (b"\x8bJNG\r\n\x1a\n", "jng"),
    (b"%PDF-", "pdf"),
    (b"%!PS", "ps"),
    (b"\xc5\xd0\xd3\xc6", "eps"),
    (b"qoif", "qoi"),
    (b"DDS ", "dds"),
    (b"\x76\x2f\x31\x01", "exr"),
    (b"#?RADIANCE", "hdr"),
    (b"#?RGBE", "hdr"),
    (b"BPG\xfb", "bpg"),
    (b"AT&TFORM", "djvu"),
)
# ISO media files name what they hold, after the word "ftyp".
_BRANDS = {
    b"avif": "avif",
    b"avis": "avif",
    b"heic": "heic",
    b"heix": "heic",
    b"hevc": "heic",
    b"hevx": "heic",
    b"heim": "heic",
    b"heis": "heic",
    b"mif1": "heic",
    b"msf1": "heic",
    b"crx ": "cr3",
    b"qt  ": "mov",
}
# The sizes that the header after "BM" has had; two letters alone would be too little to go by.
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}


def kind(first: bytes) -> str | None:
    """The type that a file's first bytes tell, as its usual extension; None for what is no known type.

    >>> kind(b"GIF89a..."), kind(b"Hello")
    ('gif', None)
    """
    for start, name in _STARTS:
        if first.startswith(start):
            return name
    if first[:4] == b"RIFF" and first[8:12] == b"WEBP":
        return "webp"
    if first[4:8] == b"ftyp":
        return _BRANDS.get(first[8:12], "mp4")
    if first[:2] == b"BM" and int.from_bytes(first[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    if first[:1] == b"P" and first[1:2] in b"1234567" and first[2:3].isspace():
        return "pnm"
    return "svg" if _is_svg(first) else None


def _is_svg(first: bytes) -> bool:
    text = first.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return text.startswith(b"<svg") or (
        text.startswith((b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in text
    )
