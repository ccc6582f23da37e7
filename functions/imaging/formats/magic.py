"""The type of a file by its first bytes, for the types that people try to upload as photos."""

from __future__ import annotations

# As many bytes as are looked at.
FIRST_BYTES = 1024

# The types that are read first; the rest are named so that a rejection can say what was sent.
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
    (b"II\x1a\0\0\0HEAP", "crw"),
    (b"MM\0\x1a\0\0\0", "crw"),
    (b"\0MRM", "mrw"),
    (b"FOVb", "x3f"),
    (b"\xd7\xcd\xc6\x9a", "wmf"),
    (b"\1\0\x09\0\0\1", "wmf"),
    (b"\1\0\x09\0\0\3", "wmf"),
    (b"\2\0\x09\0\0\3", "wmf"),
    (b"\x59\xa6\x6a\x95", "ras"),
    (b"SDPX", "dpx"),
    (b"XPDS", "dpx"),
    (b"\x80\x2a\x5f\xd7", "cin"),
    (b"\xd7\x5f\x2a\x80", "cin"),
    (b"SIMPLE  =", "fits"),
    (b"Paint Shop Pro Image File\n", "psp"),
    (b"FLIF", "flif"),
    (b"Image type: ", "im"),
    (b"DanM", "msp"),
    (b"LinS", "msp"),
    (b"\xb1\x68\xde\x3a", "dcx"),
    (b"\x80\xe8\0\0", "pxr"),
    (b"\x89HDF\r\n\x1a\n", "hdf"),
    (b"GRIB", "grib"),
    (b"FTEX", "ftex"),
    (b"\xabKTX ", "ktx"),
    (b"\x13\xab\xa1\x5c", "astc"),
    (b"VTF\0", "vtf"),
    (b"BLP1", "blp"),
    (b"BLP2", "blp"),
    (b"PVR\3", "pvr"),
    (b"#define ", "xbm"),
    (b"/* XPM */", "xpm"),
    (b"! XPM2", "xpm"),
    (b"PK\3\4", "zip"),
    (b"\x1f\x8b", "gz"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\7", "rar"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"\x1a\x45\xdf\xa3", "mkv"),
    (b"FLV\1", "flv"),
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
    (b"ID3", "mp3"),
    (b"\0\0\1\xba", "mpeg"),
    (b"\0\0\1\xb3", "mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wmv"),
    (b"bplist00", "plist"),
)
# Where other letters are at another place.
_INSIDE: tuple[tuple[int, bytes, str], ...] = (
    (40, b" EMF", "emf"),
    (128, b"DICM", "dcm"),
    (20, b"GIMP", "gbr"),
    (4, b"\x11\xaf", "fli"),
    (4, b"\x12\xaf", "fli"),
    (522, b"\0\x11\2\xff", "pict"),
    (4, b"moov", "mov"),
    (4, b"mdat", "mov"),
    (4, b"wide", "mov"),
)
# IFF and RIFF files say what they hold behind their length.
_FORMS = {
    b"FORM": {b"ILBM": "ilbm", b"PBM ": "ilbm", b"AIFF": "aiff"},
    b"RIFF": {b"WEBP": "webp", b"AVI ": "avi", b"WAVE": "wav"},
    b"FOR4": {b"CIMG": "iff"},
}
# ISO media files name what they hold, after the word "ftyp": first what they are made as, then all that can
# read them.
_BRANDS = {
    b"avif": "avif",
    b"avis": "avif",
    b"heic": "heic",
    b"heix": "heic",
    b"hevc": "heic",
    b"hevx": "heic",
    b"heim": "heic",
    b"heis": "heic",
    b"crx ": "cr3",
    b"qt  ": "mov",
}
# Files of this kind are AVIF, HEIC or others by what their pictures are compressed with.
HEIF = "heif"
_HEIF_BRANDS = {b"mif1", b"msf1", b"mif2", b"miaf", b"pict", b"1pic"}
# The sizes that the header after "BM" has had; two letters alone would be too little to go by.
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}


def kind(first: bytes) -> str | None:  # noqa: PLR0911  # one for each way in which a type shows
    """The type that a file's first bytes tell, as its usual extension; None for what is no known type.

    `heif` is for one that does not say which of the types of that kind it is.

    >>> kind(b"GIF89a..."), kind(b"Hello")
    ('gif', None)
    """
    for start, name in _STARTS:
        if first.startswith(start):
            return name
    if first[4:8] == b"ftyp":
        return _by_brands(first)
    if first[:4] in _FORMS and first[8:12] in _FORMS[first[:4]]:
        return _FORMS[first[:4]][first[8:12]]
    for place, letters, name in _INSIDE:
        if first.startswith(letters, place):
            return name
    if first[:2] == b"BM" and int.from_bytes(first[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    if first[:1] == b"P" and first[1:2] in b"1234567Ff" and first[2:3].isspace():
        return "pnm"
    if _is_svg(first):
        return "svg"
    return _by_header(first) or _by_markup(first)


def _by_brands(first: bytes) -> str:
    size = min(int.from_bytes(first[:4], "big"), len(first))
    brands = [first[8:12], *(first[at : at + 4] for at in range(16, size - 3, 4))]
    named = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
    if named:
        return named[0]
    return HEIF if _HEIF_BRANDS & set(brands) else "mp4"


_ICONS = {b"\0\0\1\0": "ico", b"\0\0\2\0": "cur"}


def _by_header(first: bytes) -> str | None:
    """Types without a word of their own, whose headers have little that can be anything."""
    if len(first) >= 12 and first[:2] == b"\x01\xda" and first[2] <= 1 and first[3] in {1, 2}:
        return "sgi" if first[4:6] in {b"\0\1", b"\0\2", b"\0\3"} else None
    if len(first) >= 68 and first[0] == 10 and first[1] in {0, 2, 3, 4, 5} and first[2] <= 1:
        return "pcx" if first[3] in {1, 2, 4, 8, 24} and first[64] == 0 else None
    if first[:4] in _ICONS and first[4:6] > b"\0\0":
        return _ICONS[first[:4]]
    return "tga" if _is_tga(first) else None


def _is_tga(first: bytes) -> bool:
    if len(first) < 18:
        return False
    _, has_map, how = first[:3]
    map_length, map_bits = int.from_bytes(first[5:7], "little"), first[7]
    width, height = int.from_bytes(first[12:14], "little"), int.from_bytes(first[14:16], "little")
    bits, described = first[16:18]
    has_known_map = (has_map, map_length > 0, map_bits in {15, 16, 24, 32}) == (1, True, True)
    return (
        (has_known_map if how in {1, 9} else has_map == 0 or has_known_map)
        and how in {1, 2, 3, 9, 10, 11}
        and bits in {1, 8, 15, 16, 24, 32}
        and bool(width and height)
        and not described & 0xC0
    )


# What lies beside photos: what was done to them, and the words that belong to them.
_MARKUP = ((b"<x:xmpmeta", "xmp"), (b"<!doctype plist", "plist"), (b"<plist", "plist"), (b"<html", "html"))


def _by_markup(first: bytes) -> str | None:
    text = first.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if not text.startswith(b"<"):
        return None
    return next((name for word, name in _MARKUP if word in text), None)


def _is_svg(first: bytes) -> bool:
    text = first.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return text.startswith(b"<svg") or (
        text.startswith((b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in text
    )
