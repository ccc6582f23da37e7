"""Makes the documents of an archive: a letter as DOCX, a report as PDF, a log as a scanned PDF, and a note.

    python samples/archive/make.py [FOLDER]

All of it is made up. Nothing is compressed by a library, so that the same files come of it everywhere, but
for the letters of the scan, which another Pillow may draw otherwise.
"""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FOLDER = Path(__file__).parent

LETTER = (
    ("The keeper of the lighthouse at Cape Merrow", "has asked for a new lamp before the winter."),
    ("The old one was repaired in spring, and will not last.",),
)
TABLE = (("Lamp", "Hours left"), ("Main", "120"), ("Spare", "none at all"))
REPORT = (
    (
        "Inspection of the harbour wall",
        "Cracks were found in the northern section of the",
        "harbour wall, below the line of the spring tides. The",
        "foundation is sound, and nothing has moved since the inspec-",
        "tion of last year.",
    ),
    (
        "Recommendation",
        "The cracks should be closed before the autumn",
        "gales. Two masons need nine days for it.",
    ),
)
LOG = (
    "LOG OF THE PILOT BOAT",
    "Left the quay at dawn with",
    "fresh water and two coils of",
    "tarred rope for the buoys.",
    "Wind from the west, rising",
    "to a storm in the evening.",
)
NOTE = "The tide gauge at the jetty reads\nfour inches too high. Störung gemeldet.\n"

# Dots per inch of the scan, the size of its page in dots, and that of its letters.
_DOTS, _SCAN, _LETTERS = 150, (900, 640), 44
_POINTS = 72
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MAIN_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"


def pdf(objects: Mapping[int, bytes], root: int = 1, more: bytes = b"") -> bytes:
    """A PDF of these objects, by their numbers; `more` goes into the trailer."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = {}
    for number, body in sorted(objects.items()):
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, size = len(out), max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        out += b"%010d %05d %c \n" % (
            places.get(number, 0),
            0 if number in places else 65535,
            b"n" if number in places else b"f",
        )
    out += b"trailer\n<< /Size %d /Root %d 0 R %s>>\nstartxref\n%d\n%%%%EOF\n" % (size, root, more, start)
    return bytes(out)


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """A stream with these entries in its dictionary."""
    return b"<< /Length %d %s>>\nstream\n%s\nendstream" % (len(data), entries, data)


def pages(
    contents: Iterable[bytes], size: tuple[float, float] = (420, 595), resources: bytes = b""
) -> dict[int, bytes]:
    """The objects of a PDF with a page for each content, which is a stream; font F1 is Helvetica.

    `size` is in points. What is added to them begins with number 1000.
    """
    made: dict[int, bytes] = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    }
    kids = []
    for number, content in enumerate(contents):
        page, at = 4 + 2 * number, 5 + 2 * number
        made[page] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %g %g] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> %s >> >>" % (*size, at, resources)
        )
        made[at] = content
        kids.append(b"%d 0 R" % page)
    made[2] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(kids))
    return made


def written(lines: Iterable[str]) -> bytes:
    """The content of a page with these lines."""
    shown = b" ".join(b"(%s) Tj T*" % _escaped(line) for line in lines)
    return stream(b"BT /F1 12 Tf 18 TL 40 540 Td %s ET" % shown)


def _escaped(line: str) -> bytes:
    return "".join("\\" + letter if letter in "()\\" else letter for letter in line).encode("cp1252")


def run_lengths(data: bytes) -> bytes:
    """Bytes as PDF's RunLengthDecode reads them."""
    out = bytearray()
    for byte, equal in groupby(data):
        left = len(list(equal))
        while left:
            now = min(left, 128)
            out += bytes((0, byte) if now == 1 else (257 - now, byte))
            left -= now
    return bytes(out) + b"\x80"


def scan(lines: Iterable[str]) -> bytes:
    """A PDF whose only page is a picture of these lines, in black and white."""
    paper = Image.new("L", _SCAN, 255)
    draw = ImageDraw.Draw(paper)
    for number, line in enumerate(lines):
        draw.text((60, 50 + 2 * _LETTERS * number), line, fill=0, font=ImageFont.load_default(_LETTERS))
    black = paper.point(lambda grey: 255 * (grey > 127)).convert("1")
    size = (_SCAN[0] * _POINTS / _DOTS, _SCAN[1] * _POINTS / _DOTS)
    made = pages([stream(b"%g 0 0 %g 0 0 cm /I Do" % size)], size, b"/XObject << /I 1000 0 R >>")
    made[1000] = stream(
        run_lengths(black.tobytes()),
        b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 1 "
        b"/Filter /RunLengthDecode " % _SCAN,
    )
    return pdf(made)


def docx(files: Mapping[str, str | bytes]) -> bytes:
    """A package of these files; those that every one needs are there unless they are given."""
    needed = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{_MAIN_TYPE}"/></Types>',
        "_rels/.rels": relationships(("officeDocument", "word/document.xml")),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, body in {**needed, **files}.items():
            package.writestr(zipfile.ZipInfo(name), body)
    return out.getvalue()


def relationships(*related: tuple[str, str], more: str = "") -> str:
    """A file of relationships: of each its kind and its target; `more` are attributes of all."""
    listed = "".join(
        f'<Relationship Id="r{number}" Type="{_RELATIONSHIPS}/{kind}" Target="{target}" {more}/>'
        for number, (kind, target) in enumerate(related)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'


def document(body: str, root: str = "document") -> str:
    """A part of a DOCX around this body."""
    within = f"<w:body>{body}</w:body>" if root == "document" else body
    return f'<w:{root} xmlns:w="{_WORD}">{within}</w:{root}>'


def paragraph(*lines: str) -> str:
    """A paragraph of these lines."""
    return f"<w:p><w:r>{'<w:br/>'.join(f'<w:t>{line}</w:t>' for line in lines)}</w:r></w:p>"


def letter() -> bytes:
    """The letter, with a table and a footer."""
    rows = "".join(
        f"<w:tr>{''.join(f'<w:tc>{paragraph(cell)}</w:tc>' for cell in row)}</w:tr>" for row in TABLE
    )
    body = f"{paragraph(*LETTER[0])}<w:tbl>{rows}</w:tbl>{paragraph(*LETTER[1])}"
    return docx(
        {
            "word/document.xml": document(body),
            "word/_rels/document.xml.rels": relationships(("footer", "footer.xml")),
            "word/footer.xml": document(paragraph("Board of Lights"), "ftr"),
        }
    )


def files() -> dict[str, bytes]:
    """All samples by their names."""
    return {
        "letter.docx": letter(),
        "log.pdf": scan(LOG),
        "note.txt": NOTE.encode(),
        "report.pdf": pdf(pages(written(lines) for lines in REPORT)),
    }


def main(folder: Path) -> None:
    """Writes all samples."""
    for name, data in files().items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
