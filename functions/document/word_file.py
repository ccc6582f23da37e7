"""DOCX and its kin: the text of all paragraphs, in tables and text boxes too, then what stands beside them.

Only parts with text are parsed. Macros, embedded files and pictures are left as they are, and nothing that
lies elsewhere is fetched.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from docx.opc.package import OpcPackage
from docx.opc.part import Part as PackagePart
from docx.opc.part import XmlPart
from docx.opc.rel import _Relationship
from docx.oxml import parse_xml
from lxml import etree

from functions.decision import Reason, Rejection
from functions.document.file_type import WORD_PARTS, encrypted, package_type, unsupported
from functions.document.limits import Limits
from functions.document.part import Part, plain, sections

_ENCRYPTED_FLAG = 1
_MOST_FILES = 10_000
_TYPES = "[Content_Types].xml"
# Their types end so. After the body: what stands on each page, and what is referred to.
_BODY = "officeDocument"
_BESIDE = ("header", "footer", "footnotes", "endnotes", "comments")
# As nearly every program writes them, and as the standard's strict form has them.
_NAMESPACES = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
_ENDS, _TEXTS, _TABS, _HYPHENS = (
    frozenset(f"{{{namespace}}}{name}" for namespace in _NAMESPACES for name in names)
    for names in (("p", "br", "cr"), ("t",), ("tab",), ("noBreakHyphen",))
)
# Beside what a program may not know stands the same again, for those that do not; and where text was moved
# away, it stands as well.
_AGAIN = {
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
    *(f"{{{namespace}}}moveFrom" for namespace in _NAMESPACES),
}


def parts(path: Path, limits: Limits) -> Iterator[Part]:
    """The sections of a document.

    Raises:
        Rejection: UNSUPPORTED_TYPE for any other zip file, ENCRYPTED_DOCUMENT, DOCUMENT_TOO_LARGE,
            CORRUPT_DOCUMENT where it has a document type definition, which no such file may have.
        Exception: of many kinds, from the libraries: it is damaged.
    """
    with zipfile.ZipFile(path) as package:
        _check(package, limits)
    yield from sections(map(plain, _paragraphs(OpcPackage.open(str(path)))))


def _check(package: zipfile.ZipFile, limits: Limits) -> None:
    """Refuses what would be too much to unpack; no file of a package gives more than it says there."""
    files = package.infolist()
    size = sum(file.file_size for file in files)
    if len(files) > _MOST_FILES or size > limits.unpacked_bytes:
        raise Rejection.because(
            Reason.DOCUMENT_TOO_LARGE,
            files=len(files),
            max_files=_MOST_FILES,
            unpacked_bytes=size,
            max_unpacked_bytes=limits.unpacked_bytes,
        )
    if any(file.flag_bits & _ENCRYPTED_FLAG for file in files):
        raise encrypted("zip")
    types = package.read(_TYPES) if _TYPES in package.namelist() else b""
    if not any(main.encode() in types for main in WORD_PARTS):
        raise unsupported(package_type(package))


def _paragraphs(package: OpcPackage) -> Iterator[str]:
    main = next(_related(package.rels.values(), _BODY)).target_part
    yield from _lines(_root(main))
    for kind in _BESIDE:
        # A header may be that of many sections.
        beside = {each.target_part.partname: each.target_part for each in _related(main.rels.values(), kind)}
        for name in sorted(beside):
            yield from _lines(_root(beside[name]))


def _related(all_of_them: Iterable[_Relationship], kind: str) -> Iterator[_Relationship]:
    for each in all_of_them:
        if not each.is_external and each.reltype.rpartition("/")[2] == kind:
            yield each


def _root(part: PackagePart) -> etree._Element:
    root: etree._Element = part.element if isinstance(part, XmlPart) else parse_xml(part.blob)
    # The parser neither fetches nor puts in what one defines, so that text would be missing.
    if root.getroottree().docinfo.internalDTD is not None:
        raise Rejection.because(
            Reason.CORRUPT_DOCUMENT,
            type="docx",
            message="A part of it has a document type definition, which no such file may have.",
        )
    return root


def _lines(root: etree._Element) -> Iterator[str]:
    """The lines of a part that are not empty. What was deleted is in elements of other names."""
    line: list[str] = []
    within_again = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if element.tag in _AGAIN:
            within_again += 1 if event == "start" else -1
        elif within_again:
            continue
        elif element.tag in _ENDS:
            # A text box has paragraphs within one. Before a paragraph's text tabs say where tabs stop.
            if text := "".join(line).strip():
                yield text
            line = []
        elif event == "end":
            continue
        elif element.tag in _TEXTS:
            line.append(element.text or "")
        elif element.tag in _TABS:
            line.append("\t")
        elif element.tag in _HYPHENS:
            line.append("-")
