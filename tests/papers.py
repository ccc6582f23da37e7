"""Documents that tests make, most of them to do damage. The same ones every time."""

from __future__ import annotations

import io
import random
import runpy
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from happypath.project import SAMPLES

FOLDER = SAMPLES / "archive"
MAKE = runpy.run_path(str(FOLDER / "make.py"))
pdf, pages, stream, written = (MAKE[name] for name in ("pdf", "pages", "stream", "written"))
docx, document, paragraph, relationships = (
    MAKE[name] for name in ("docx", "document", "paragraph", "relationships")
)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MACROS = "application/vnd.ms-word.document.macroEnabled.main+xml"


@dataclass(frozen=True)
class Paper:
    """A file, and the reasons that it may be refused for; "" where it may be read."""

    name: str
    make: Callable[[], bytes]
    reasons: frozenset[str]

    def __str__(self) -> str:
        return self.name


def hostile(seed: int = 1, damaged: int = 6) -> Iterator[Paper]:
    """All of them; and of each sample twice `damaged` variants with changed bytes, and `damaged` cut off."""
    for name, (make, *reasons) in {**_PDFS, **_PACKAGES, **_OTHERS}.items():
        yield Paper(name, make, frozenset(reasons))
    chance = random.Random(seed)  # no secret
    for name, data in {**MAKE["files"](), "table.docx": compressed()}.items():
        if name == "note.txt":
            continue
        either = frozenset({"", "CORRUPT_DOCUMENT", "UNSUPPORTED_TYPE", "TOOK_TOO_LONG", "ENCRYPTED_DOCUMENT",
                            "DOCUMENT_TOO_LARGE", "TOO_MANY_PAGES", "TOO_MUCH_TEXT"})  # fmt: skip
        for number in range(2 * damaged):
            changed = bytearray(data)
            for _ in range(chance.randint(1, 12)):
                changed[chance.randrange(8, len(data))] = chance.randrange(256)
            yield Paper(f"{name} changed {number}", partial(bytes, bytes(changed)), either)
        for number in range(damaged):
            cut = data[: chance.randrange(12, len(data))]
            yield Paper(f"{name} cut {number}", partial(bytes, cut), either)


def compressed() -> bytes:
    """A DOCX as programs write them."""
    rows = "".join(f"<w:tr><w:tc>{paragraph(f'cell {row}')}</w:tc></w:tr>" for row in range(50))
    return zipped({"word/document.xml": document(f"<w:tbl>{rows}</w:tbl>")})


def zipped(files: dict[str, str | bytes]) -> bytes:
    """A DOCX whose files are compressed."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(docx(files))) as plain,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package,
    ):
        for each in plain.infolist():
            package.writestr(zipfile.ZipInfo(each.filename), plain.read(each), zipfile.ZIP_DEFLATED, 1)
    return out.getvalue()


def many_pages(number: int) -> bytes:
    """A PDF with so many pages, all with one text."""
    made = pages([written(["again"])])
    for at in range(1, number):
        made[9 + at] = made[4]
    made[2] = b"<< /Type /Pages /Count %d /Kids [4 0 R %s] >>" % (
        number,
        b" ".join(b"%d 0 R" % (9 + at) for at in range(1, number)),
    )
    return bytes(pdf(made))


def scanned_pages(number: int, size: tuple[float, float] = (200, 200)) -> bytes:
    """A PDF of pages with a picture and no text."""
    made = pages([stream(b"%g 0 0 %g 0 0 cm /I Do" % size)] * number, size, b"/XObject << /I 1000 0 R >>")
    made[1000] = _image(b"\x80" * 64, b"/Width 8 /Height 8 /BitsPerComponent 8 ")
    return bytes(pdf(made))


def encrypted() -> bytes:
    """A PDF that needs a password."""
    made = pages([written(["secret"])])
    made[900] = b"<< /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O <%s> /U <%s> >>" % (
        b"11" * 32,
        b"22" * 32,
    )
    return bytes(pdf(made, more=b"/Encrypt 900 0 R /ID [<00> <00>] "))


def _image(data: bytes, entries: bytes) -> bytes:
    return bytes(stream(data, b"/Type /XObject /Subtype /Image /ColorSpace /DeviceGray " + entries))


def _of(
    content: bytes, resources: bytes = b"", size: tuple[float, float] = (420, 595), **more: bytes
) -> bytes:
    """A PDF with a page of this content; `more` are objects as `o1000`."""
    made = pages([content if content.startswith(b"<<") else stream(content)], size, resources)
    return bytes(pdf(made | {int(name[1:]): body for name, body in more.items()}))


def _with(number: int, body: bytes) -> bytes:
    """The report with another object in the place of one."""
    return bytes(pdf(pages([written(["text"])]) | {number: body}))


def _catalogue(entries: bytes, **more: bytes) -> bytes:
    made = pages([written(["What may not be run."])])
    made[1] = b"<< /Type /Catalog /Pages 2 0 R %s >>" % entries
    return bytes(pdf(made | {int(name[1:]): body for name, body in more.items()}))


def _bomb(megabytes: int, filters: int = 1, of: bytes = b"q Q ") -> bytes:
    """A stream that is small, and so large when it is unpacked."""
    pack = zlib.compressobj(9)
    start = pack.flush(zlib.Z_FULL_FLUSH)
    block = pack.compress(of * ((1 << 20) // len(of))) + pack.flush(zlib.Z_FULL_FLUSH)
    # Each block stands for itself. Nobody looks at the sum at the end.
    data = start + block * megabytes + b"\3\0" + b"\0" * 4
    for _ in range(filters - 1):
        data = zlib.compress(data, 9)
    return bytes(stream(data, b"/Filter [%s] " % (b"/FlateDecode " * filters)))


def _objects_exploding() -> bytes:
    made = pages([written(["text"])])
    count = 200_000
    inside = b"".join(b"%d 0 " % number for number in range(5000, 5000 + count)) + b"null " * count
    data = zlib.compress(inside, 9)
    made[900] = stream(data, b"/Type /ObjStm /N %d /First 10 /Filter /FlateDecode " % count)
    return bytes(pdf(made))


def _deep_tree(depth: int) -> bytes:
    made = pages([written(["deep"])])
    for level in range(depth):
        made[10 + level] = b"<< /Type /Pages /Count 1 /Kids [%d 0 R] >>" % (11 + level)
    made[10 + depth] = made[4]
    made[2] = b"<< /Type /Pages /Count 1 /Kids [10 0 R] >>"
    return bytes(pdf(made))


def _xref_loop() -> bytes:
    data = _with(900, b"null")
    at = data.rindex(b"xref\n0")
    return bytes(data.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % at))


def _long_text(lines: int) -> bytes:
    line = b"(" + b"word " * 100 + b") Tj T* "
    return _of(b"BT /F1 1 Tf 1 TL 0 500 Td " + line * lines + b"ET")


_IMAGE = b"/XObject << /I 1000 0 R >>"
_READ, _CORRUPT, _LARGE, _LONG = "", "CORRUPT_DOCUMENT", "DOCUMENT_TOO_LARGE", "TOOK_TOO_LONG"
_PAGES, _SCANS, _TEXT, _TYPE, _SECRET = (
    "TOO_MANY_PAGES", "TOO_MANY_SCANNED_PAGES", "TOO_MUCH_TEXT", "UNSUPPORTED_TYPE", "ENCRYPTED_DOCUMENT",
)  # fmt: skip
# Of each what it is made by, and what may become of it.
_PDFS: dict[str, tuple[Callable[[], bytes], *tuple[str, ...]]] = {
    "a mark and no more": (lambda: b"%PDF-1.7\n", _CORRUPT),
    "a mark and zeros": (lambda: b"%PDF-1.7\n" + b"\0" * 5000, _CORRUPT),
    "a mark late": (lambda: b"\n" * 900 + _with(900, b"null"), _READ, _CORRUPT),
    "no end": (lambda: _with(900, b"null").partition(b"xref")[0], _READ, _CORRUPT),
    "a tree that is its own branch": (lambda: _with(2, b"<< /Type /Pages /Count 3 /Kids [2 0 R 2 0 R] >>"), _READ, _CORRUPT),
    "a page that is its own parent": (lambda: _with(4, b"<< /Type /Page /Parent 4 0 R >>"), _READ, _CORRUPT),
    "pages without pages": (lambda: _with(2, b"<< /Type /Pages /Count 0 /Kids [] >>"), _CORRUPT),
    "fewer than no page": (lambda: _with(2, b"<< /Type /Pages /Count -5 /Kids [4 0 R] >>"), _READ, _CORRUPT),
    "two thousand million pages, it says": (lambda: _with(2, b"<< /Type /Pages /Count 2147483647 /Kids [4 0 R] >>"), _PAGES, _READ, _CORRUPT),
    "more pages than there are": (lambda: _with(2, b"<< /Type /Pages /Count 9 /Kids [4 0 R] >>"), _CORRUPT, _READ),
    "200,000 pages": (lambda: many_pages(200_000), _PAGES),
    "too many pages": (lambda: many_pages(60), _PAGES),
    "a tree 5,000 deep": (lambda: _deep_tree(5000), _READ, _CORRUPT),
    "too many scanned pages": (lambda: scanned_pages(12), _SCANS),
    "encrypted": (encrypted, _SECRET),
    "encrypted by nobody knows whom": (
        lambda: bytes(pdf(pages([written(["x"])]) | {900: b"<< /Filter /Nobody /V 9 /R 99 >>"}, more=b"/Encrypt 900 0 R ")),
        _SECRET, _CORRUPT,
    ),
    "cross references in a circle": (_xref_loop, _READ, _CORRUPT),
    "arrays 100,000 deep": (lambda: _with(900, b"[" * 100_000 + b"]" * 100_000), _READ, _CORRUPT),
    "a content 100,000 arrays deep": (lambda: _of(b"[" * 100_000), _READ, _CORRUPT),
    "dictionaries 50,000 deep": (lambda: _with(1, b"<< /A " * 50_000 + b">>" * 50_000), _CORRUPT),
    "references in a circle": (lambda: _of(b"BT (x) Tj ET", b"/ExtGState 1000 0 R", o1000=b"1001 0 R", o1001=b"1000 0 R"), _READ, _CORRUPT),
    "a content that is itself": (lambda: _with(4, b"<< /Type /Page /Parent 2 0 R /Contents [4 0 R 4 0 R] >>"), _READ, _CORRUPT),
    "a form in itself": (
        lambda: _of(b"/I Do", _IMAGE, o1000=stream(b"/I Do /I Do", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /I 1000 0 R >> >> ")),
        _READ, _CORRUPT, _LONG,
    ),
    "forms that double 40 times": (
        lambda: _of(
            b"/I Do", _IMAGE,
            **{f"o{1000 + level}": stream(
                b"/I Do /I Do", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /I %d 0 R >> >> " % (1001 + level)
            ) for level in range(40)},
        ),
        _READ, _CORRUPT, _LONG, _LARGE,
    ),
    "a font in its own glyph": (
        lambda: _of(
            b"BT /F2 9 Tf (aaaa) Tj ET", b"/ProcSet [/PDF]",
            o3=b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 9 9] /FontMatrix [1 0 0 1 0 0] /FirstChar 97 /LastChar 97 /Widths [9] "
               b"/Encoding << /Differences [97 /a] >> /CharProcs << /a 1001 0 R >> /Resources << /Font << /F1 3 0 R >> >> >>",
            o1001=stream(b"9 0 d0 BT /F1 9 Tf (aaaa) Tj ET"),
        ),
        _READ, _CORRUPT,
    ),
    "a font of garbage": (
        lambda: _of(
            b"BT /F1 9 Tf (garbage text) Tj ET",
            o3=b"<< /Type /Font /Subtype /TrueType /BaseFont /G /FontDescriptor 1001 0 R >>",
            o1001=b"<< /Type /FontDescriptor /FontName /G /Flags 4 /FontFile2 1002 0 R >>",
            o1002=stream(b"\0\1\0\0\0\xff" + random.Random(3).randbytes(9000)),
        ),
        _READ, _CORRUPT, _SCANS,
    ),
    "200 MB of content": (lambda: _of(_bomb(200)), _READ, _CORRUPT, _LONG, _LARGE),
    "2 GB of content": (lambda: _of(_bomb(2000, filters=2)), _READ, _CORRUPT, _LONG, _LARGE),
    "a content behind 60 filters": (lambda: _of(_bomb(1, filters=60)), _READ, _CORRUPT),
    "objects that explode": (_objects_exploding, _READ, _CORRUPT),
    "a page full of text": (lambda: _long_text(300), _TEXT),
    "100,000 operators": (lambda: _of(b"q 1 0 0 1 0 0 cm " * 100_000), _READ, _CORRUPT),
    "20,000 layers of paint": (lambda: _of(b"0 0 420 595 re f " * 20_000), _LONG),
    "a stream that says it is longer": (lambda: _with(5, b"<< /Length 99999999 >>\nstream\nBT ET\nendstream"), _READ, _CORRUPT),
    "a stream that says it is shorter than none": (lambda: _with(5, b"<< /Length -1 >>\nstream\nBT ET\nendstream"), _READ, _CORRUPT),
    "a stream whose length is itself": (lambda: _with(5, b"<< /Length 5 0 R >>\nstream\nBT ET\nendstream"), _READ, _CORRUPT),
    **{f"a page of {width:g} x {height:g}": (partial(_of, b"0 0 m 9 9 l S", size=(width, height)), _READ, _CORRUPT)
       for width, height in ((1e9, 1e9), (1e-9, 1e-9), (0, 0), (-5, -5), (3e38, 3e38), (14400, 1), (1, 14400), (200_000, 3))},
    "a page of no numbers": (lambda: _with(4, b"<< /Type /Page /Parent 2 0 R /MediaBox [(a) /b nan inf] /Contents 5 0 R >>"), _READ, _CORRUPT),
    **{f"a picture of {name}": (partial(lambda entries, data: _of(b"99 0 0 99 0 0 cm /I Do", _IMAGE, o1000=_image(data, entries)), entries, data), _READ, _CORRUPT)
       for name, entries, data in (
           ("900 megapixels", b"/Width 30000 /Height 30000 /BitsPerComponent 8 /Filter /FlateDecode ", zlib.compress(b"\0" * 100_000)),
           ("more than numbers tell", b"/Width 2147483647 /Height 2147483647 /BitsPerComponent 16 ", b"x"),
           ("fewer than no rows", b"/Width -1 /Height -1 /BitsPerComponent 8 ", b"x"),
           ("JBIG2 garbage", b"/Width 900 /Height 900 /BitsPerComponent 1 /Filter /JBIG2Decode ", random.Random(1).randbytes(3000)),
           ("JPEG 2000 garbage", b"/Width 900 /Height 900 /BitsPerComponent 8 /Filter /JPXDecode ", b"\0\0\0\x0cjP  \r\n\x87\n" + random.Random(2).randbytes(3000)),
           ("fax garbage", b"/Width 20000 /Height 20000 /BitsPerComponent 1 /Filter /CCITTFaxDecode /DecodeParms << /K -1 /Columns 20000 /Rows 20000 >> ", random.Random(4).randbytes(3000)),
           ("JPEG garbage", b"/Width 900 /Height 900 /BitsPerComponent 8 /Filter /DCTDecode ", b"\xff\xd8\xff\xe0" + random.Random(5).randbytes(3000)),
           ("LZW garbage", b"/Width 900 /Height 900 /BitsPerComponent 8 /Filter /LZWDecode ", random.Random(6).randbytes(3000)),
           ("a predictor's own", b"/Width 9 /Height 9 /BitsPerComponent 8 /Filter /FlateDecode /DecodeParms << /Predictor 15 /Colors 99999 /Columns 2147483647 >> ", zlib.compress(b"x" * 99)),
       )},
    "a script": (lambda: _catalogue(b"/OpenAction << /S /JavaScript /JS (while(1){app.alert(1)}) >>"), _READ),
    "a program to launch": (lambda: _catalogue(b"/OpenAction << /S /Launch /F (/bin/sh) /Win << /F (cmd.exe) >> >>"), _READ),
    "an address to open": (lambda: _catalogue(b"/OpenAction << /S /URI /URI (http://169.254.169.254/) >> /AA << /WC << /S /SubmitForm /F (http://localhost/) >> >>"), _READ),
    "a file of another machine": (lambda: _of(b"BT /F1 9 Tf (here) Tj ET /I Do", _IMAGE, o1000=b"<< /Type /XObject /Subtype /Form /F (\\\\\\\\host\\\\share) /FFilter /FlateDecode /Length 0 >>\nstream\n\nendstream"), _READ, _SCANS),
    "a file in it": (
        lambda: _catalogue(b"/Names << /EmbeddedFiles << /Names [(a.exe) 1000 0 R] >> >>", o1000=b"<< /Type /Filespec /F (a.exe) /EF << /F 1001 0 R >> >>", o1001=_bomb(50)),
        _READ,
    ),
    "an XFA form": (lambda: _catalogue(b"/AcroForm << /XFA 1000 0 R /Fields [] >>", o1000=stream(b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>")), _READ),
    "a field in itself": (lambda: _catalogue(b"/AcroForm << /Fields [1000 0 R] >>", o1000=b"<< /T (a) /Kids [1000 0 R] /Parent 1000 0 R >>"), _READ),
    "outlines in a circle": (lambda: _catalogue(b"/Outlines 1000 0 R", o1000=b"<< /First 1000 0 R /Next 1000 0 R /Last 1000 0 R >>"), _READ),
}  # fmt: skip


def _lying() -> bytes:
    """A DOCX whose directory says that its text is 4 GB."""
    data = bytearray(compressed())
    at = data.rindex(b"PK\1\2")
    data[at + 24 : at + 28] = struct.pack("<I", 0xFFFFFFFE)
    return bytes(data)


def _overlapping(files: int) -> bytes:
    """A DOCX with many names for one and the same data."""
    data = zipped({"x.bin": b"\0" * (1 << 20)})
    start = data.index(b"PK\1\2")
    directory, end = data[start : data.rindex(b"PK\5\6")], bytearray(data[data.rindex(b"PK\5\6") :])
    entry = directory[directory.rindex(b"PK\1\2") :]
    directory += entry * files
    total = directory.count(b"PK\1\2")
    end[8:16] = struct.pack("<HHI", total, total, len(directory))
    return data[:start] + directory + bytes(end)


def _flagged() -> bytes:
    data = bytearray(compressed())
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = data.index(mark)
        data[place + at] |= 1
    return bytes(data)


def _dtd(inside: str, body: str = "&a;", encoding: str = "utf-8") -> bytes:
    text = f"<?xml version='1.0' encoding='{encoding}'?><!DOCTYPE d [{inside}]>" + document(paragraph(body))
    return bytes(docx({"word/document.xml": text.encode(encoding)}))


_LAUGHS = "<!ENTITY z 'ha'>" + "".join(
    f"<!ENTITY {chr(97 + level)} '{f'&{chr(98 + level)};' * 10}'>" for level in range(24) if level != 25
).replace("&y;", "&z;")


def _main(text: str | bytes, **more: str | bytes) -> bytes:
    return bytes(docx({"word/document.xml": text, **more}))


def _related(*targets: tuple[str, str], outside: bool = True) -> bytes:
    mode = 'TargetMode="External"' if outside else ""
    return _main(
        document(paragraph("Nothing is fetched.")),
        **{"word/_rels/document.xml.rels": relationships(*targets, more=mode)},
    )


def _of_type(type_: str, **more: str | bytes) -> bytes:
    made = docx({})
    with zipfile.ZipFile(io.BytesIO(made)) as package:
        types = package.read("[Content_Types].xml").decode()
    return bytes(docx({
        "[Content_Types].xml": types.replace(MAKE["_MAIN_TYPE"], type_),
        "word/document.xml": document(paragraph("Macros are not run.")),
        **more,
    }))  # fmt: skip


def _zip(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, body in files:
            package.writestr(name, body)
    return out.getvalue()


_PACKAGES: dict[str, tuple[Callable[[], bytes], *tuple[str, ...]]] = {
    "a zip bomb": (lambda: zipped({"word/media/a.bin": b"\0" * 51_000_000}), _LARGE),
    "a zip bomb of text": (lambda: zipped({"word/document.xml": document(paragraph("x" * 30_000_000))}), _LARGE, _TEXT, _CORRUPT),
    "a directory that lies": (_lying, _LARGE, _CORRUPT),
    "files that overlap": (lambda: _overlapping(300), _LARGE, _CORRUPT),
    "12,000 names": (lambda: _overlapping(12_000), _LARGE, _CORRUPT),
    "an encrypted file": (_flagged, _SECRET),
    "a zip in a zip": (lambda: _zip(("a.zip", _zip(("b.zip", b"PK\3\4")))), _TYPE),
    "an empty zip": (lambda: b"PK\5\6" + b"\0" * 18, _TYPE),
    "a zip without a directory": (lambda: b"PK\3\4" + b"\0" * 400, _CORRUPT),
    "a billion laughs": (lambda: _dtd(_LAUGHS), _CORRUPT),
    "laughs in an attribute": (
        lambda: _main(f"<!DOCTYPE d [{_LAUGHS}]>" + document("<w:p w:a='&a;'/>")), _CORRUPT, _LONG,
    ),
    "laughs in UTF-16": (lambda: _dtd(_LAUGHS, encoding="utf-16"), _CORRUPT),
    "a quadratic laugh": (lambda: _dtd(f"<!ENTITY a '{'x' * 50_000}'>", "&a;" * 20_000), _CORRUPT),
    "an entity of this machine": (lambda: _dtd("<!ENTITY a SYSTEM 'file:///etc/passwd'>"), _CORRUPT),
    "an entity of another machine": (lambda: _dtd("<!ENTITY a SYSTEM 'http://169.254.169.254/latest'>"), _CORRUPT),
    "a parameter entity": (lambda: _dtd("<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;", "x"), _CORRUPT),
    "a definition elsewhere": (lambda: _main("<!DOCTYPE d SYSTEM 'http://localhost/d.dtd'>" + document(paragraph("x"))), _CORRUPT),
    "an inclusion": (lambda: _main(document("<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='/etc/passwd' parse='text'/>")), _READ),
    "a stylesheet": (lambda: _main("<?xml-stylesheet href='http://localhost/x.xsl'?>" + document(paragraph("x"))), _READ),
    "paragraphs 100,000 deep": (lambda: zipped({"word/document.xml": document("<w:p>" * 100_000 + "</w:p>" * 100_000)}), _CORRUPT),
    "tables 200 deep": (lambda: _main(document("<w:tbl><w:tr><w:tc>" * 60 + paragraph("deep") + "</w:tc></w:tr></w:tbl>" * 60)), _READ, _CORRUPT),
    "200,000 elements": (lambda: zipped({"word/document.xml": document("<w:p/>" * 200_000)}), _READ, _LARGE, _LONG),
    "ten thousand attributes": (lambda: zipped({"word/document.xml": document("<w:p " + " ".join(f"a{n}='1'" for n in range(10_000)) + "/>")}), _READ, _CORRUPT),
    "XML that ends early": (lambda: _main(document(paragraph("x"))[:-20]), _CORRUPT),
    "XML that is none": (lambda: _main(b"\xff\xfe\0garbage"), _CORRUPT),
    "XML in no encoding": (lambda: _main(b"<?xml version='1.0' encoding='x-user-defined'?><a/>"), _CORRUPT),
    "an empty part": (lambda: _main(b""), _CORRUPT),
    "another root": (lambda: _main("<html><body>text</body></html>"), _READ),
    "pictures elsewhere": (lambda: _related(("image", "http://169.254.169.254/"), ("attachedTemplate", "file:///etc/passwd"), ("header", "http://localhost/")), _READ),
    "related to what is not there": (lambda: _related(("header", "nowhere.xml"), outside=False), _CORRUPT),
    "related to itself": (lambda: _related(("header", "document.xml"), ("footer", "/word/document.xml"), outside=False), _READ),
    "related to above": (lambda: _related(("header", "../../../../../../etc/passwd"), outside=False), _CORRUPT),
    "related without a type": (lambda: _main(document(""), **{"word/_rels/document.xml.rels": "<a><b/></a>"}), _READ, _CORRUPT),
    "no main part": (lambda: docx({"_rels/.rels": relationships()}), _CORRUPT),
    "the main part elsewhere": (lambda: docx({"_rels/.rels": relationships(("officeDocument", "http://localhost/"), more='TargetMode="External"')}), _CORRUPT),
    "no relationships": (lambda: docx({"_rels/.rels": b""}), _CORRUPT),
    "types that are none": (lambda: docx({"[Content_Types].xml": MAKE["_MAIN_TYPE"]}), _CORRUPT),
    "names to write elsewhere": (lambda: _main(document(paragraph("x")), **{"../../tmp/x": b"x", "/etc/x": b"x", "a\\b": b"x"}), _READ),
    "macros": (lambda: _of_type(MACROS, **{"word/vbaProject.bin": OLE + b"\0" * 999}), _READ),
    "an object in it": (lambda: _main(document(paragraph("x")), **{"word/embeddings/a.bin": OLE, "word/embeddings/a.docx": b"PK"}), _READ),
    "another document to be put in": (lambda: _main(document("<w:altChunk r:id='r0' xmlns:r='x'/>" + paragraph("x"))), _READ),
    "a spreadsheet": (lambda: _zip(("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b"<a/>")), _TYPE),
    "a presentation": (lambda: _zip(("[Content_Types].xml", b"<Types/>"), ("ppt/a.xml", b"<a/>")), _TYPE),
    "an open document": (lambda: _zip(("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", b"<a/>")), _TYPE),
    "a book": (lambda: _zip(("mimetype", b"application/epub+zip")), _TYPE),
}  # fmt: skip

_OTHERS: dict[str, tuple[Callable[[], bytes], *tuple[str, ...]]] = {
    "nothing": (lambda: b"", _CORRUPT),
    "an older document": (lambda: OLE + b"\0" * 600 + "WordDocument".encode("utf-16-le"), _TYPE),
    "an older one, encrypted": (lambda: OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), _SECRET),
    "an older file of no kind": (lambda: OLE + b"\0" * 600, _TYPE),
    "rich text": (lambda: b"{\\rtf1 text}", _TYPE),
    "a web page": (lambda: b"<!doctype html><html><body>x", _TYPE),
    "a drawing": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", _TYPE),
    "a program": (lambda: b"\x7fELF" + b"\0" * 99, _TYPE),
    "a film": (lambda: b"\0\0\0\x18ftypisom" + b"\0" * 99, _TYPE),
    "an animation": (lambda: b"GIF89a\1\0\1\0\0\0\0;", _TYPE),
    "a packed file": (lambda: b"\x1f\x8b" + b"\1" * 99, _TYPE),
    "random bytes": (lambda: random.Random(7).randbytes(5000), _TYPE),
    "random bytes without zeros": (lambda: random.Random(8).randbytes(5000).replace(b"\0", b"\1"), _TYPE),
    "a zero in a text": (lambda: b"text " * 400 + b"\0", _TYPE),
    "half a character": (lambda: "Straße".encode()[:-2], _READ),
    "bytes that are too long for UTF-8": (lambda: b"\xc0\xafetc\xc0\xafpasswd", _READ),
    "half of a pair": (lambda: b"\xff\xfe" + "a".encode("utf-16-le") + b"\x00\xd8", _READ, _TYPE),
    "an odd byte of UTF-16": (lambda: b"\xff\xfea\0b", _READ, _TYPE),
    "UTF-32": (lambda: "text".encode("utf-32"), _TYPE),
    "too much text": (lambda: b"word " * 400_000, _TEXT),
    "a line without a space": (lambda: b"x" * 200_000, _READ),
    "lines of nothing": (lambda: b"\n" * 100_000, _READ),
    "letters that turn the line": ("\u202etxet\u202c \u200bx\ufeff".encode, _READ),
}
