"""The type of a document, by its bytes and never by its name."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from typing import IO

from functions.decision import Reason, Rejection
from functions.imaging.formats import magic

PICTURE = "picture"
_PICTURES = frozenset({"jpg", "png", "webp", "avif", "heic", magic.HEIF})
# Markup would be text with its tags in it, and what these words begin is nothing that people read.
_NO_TEXT = frozenset({"html", "svg", "xmp", "plist", "ps", "rtf"})
# UTF-16 is full of zeros.
_MARKS = (b"\xff\xfe", b"\xfe\xff")
# The main part of a package → its type. Macros are a part beside it, which is not read.
WORD_PARTS = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml": "docx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml": "dotx",
    "application/vnd.ms-word.document.macroEnabled.main+xml": "docm",
    "application/vnd.ms-word.template.macroEnabledTemplate.main+xml": "dotm",
}
# Office encrypts a package as a stream of this name in a file of the older kind.
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_OLDER = {"WordDocument": "doc", "Workbook": "xls", "PowerPoint Document": "ppt"}
_FOLDERS = {"xl/": "xlsx", "ppt/": "pptx", "visio/": "vsdx"}
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
_OPEN_DOCUMENTS = {"text": "odt", "spreadsheet": "ods", "presentation": "odp", "graphics": "odg"}


def file_type(file: IO[bytes]) -> tuple[str, str | None]:
    """`pdf`, `zip` for what may be a DOCX, `txt` for what may be text, or `picture`; and the type that its
    first bytes are the sign of, if any.

    Raises:
        Rejection: UNSUPPORTED_TYPE, ENCRYPTED_DOCUMENT, or CORRUPT_DOCUMENT where the file is empty.
    """
    file.seek(0)
    first = file.read(magic.FIRST_BYTES)
    file.seek(0)
    if not first:
        raise Rejection.because(Reason.CORRUPT_DOCUMENT, message="The file is empty.")
    kind = "rtf" if first.startswith(b"{\\rtf") else magic.kind(first)
    if kind in _PICTURES:
        return PICTURE, kind
    if kind == "ole":
        raise _older(file)
    # PDFium takes what stands before its mark for nothing.
    if kind == "zip" or b"%PDF-" in first:
        return "zip" if kind == "zip" else "pdf", kind
    # A text may begin as another file does, with "P1 " or "#define ": only a text has nothing but characters.
    is_text = b"\0" not in first or first.startswith(_MARKS)
    if kind in _NO_TEXT or not is_text:
        raise unsupported(kind)
    return "txt", kind


def package_type(package: zipfile.ZipFile) -> str:
    """What a zip file is that is no DOCX, by the names in it, for the detail of its refusal."""
    names = package.namelist()
    if "mimetype" in names[:1] and package.getinfo("mimetype").file_size < magic.FIRST_BYTES:
        said = package.read("mimetype").decode("ascii", "replace")
        if said.startswith(_OPEN_DOCUMENT):
            return _OPEN_DOCUMENTS.get(said.removeprefix(_OPEN_DOCUMENT), "odf")
        if said == "application/epub+zip":
            return "epub"
    return next((type_ for folder, type_ in _FOLDERS.items() if _any_begins(names, folder)), "zip")


def unsupported(type_: str | None) -> Rejection:
    """The refusal of a file of this type."""
    return Rejection.because(
        Reason.UNSUPPORTED_TYPE,
        type=type_ or "unknown",
        allowed=["pdf", *sorted(WORD_PARTS.values()), "txt", *sorted(_PICTURES - {magic.HEIF})],
    )


def _older(file: IO[bytes]) -> Rejection:
    # The names of its streams lie anywhere in it.
    names = {_ENCRYPTED: "", **{name.encode("utf-16-le"): type_ for name, type_ in _OLDER.items()}}
    file.seek(0)
    before = b""
    while block := file.read(1 << 20):
        for name, type_ in names.items():
            if name in before + block:
                return unsupported(type_) if type_ else encrypted("docx")
        before = block[-64:]
    return unsupported("ole")


def encrypted(type_: str) -> Rejection:
    """The refusal of a file that only opens with a password."""
    return Rejection.because(
        Reason.ENCRYPTED_DOCUMENT, type=type_, message="It opens only with a password. Save it without one."
    )


def _any_begins(names: Iterable[str], folder: str) -> bool:
    return any(name.startswith(folder) for name in names)
