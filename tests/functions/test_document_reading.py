"""What is read of documents: types by their bytes, the text of all of them, and what ends the reader."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.decision import Rejection
from functions.document import reading
from functions.document.limits import Limits
from functions.document.part import Part, sections
from functions.document.reading import ReaderError
from functions.platform.aws import ServiceUnavailableError
from tests import papers
from tests.functions.forked_reader import forking
from tests.papers import document, docx, pages, paragraph, pdf, relationships, stream, written

LIMITS = Limits(
    max_pages=50, max_scanned_pages=10, max_characters=300_000, max_seconds=20,
    memory_bytes=500_000_000, unpacked_bytes=50_000_000, max_pixels=2_000_000,
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _forks() -> Iterator[None]:
    with forking():
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "named-so.jpg"


def read(path: Path, data: bytes) -> reading.Document:
    path.write_bytes(data)
    return reading.read(path, LIMITS)


def lines(path: Path, data: bytes) -> list[str]:
    (part,) = read(path, data).parts
    return part.text.split("\n")


def reason(path: Path, limits: Limits = LIMITS) -> str:
    with pytest.raises(Rejection) as refused:
        reading.read(path, limits)
    return str(refused.value.decision.reason)


def test_the_samples_are_as_the_script_makes_them_and_are_read_whole(path: Path) -> None:
    made, folder = papers.MAKE["files"](), papers.FOLDER
    # Another FreeType may draw the letters of the scan a little otherwise.
    for name in made.keys() - {"log.pdf"}:
        assert (folder / name).read_bytes() == made[name], "run: python samples/archive/make.py"
    body, table = papers.MAKE["LETTER"], papers.MAKE["TABLE"]
    cells = [cell for row in table for cell in row]
    assert lines(path, made["letter.docx"]) == [*body[0], *cells, *body[1], "Board of Lights"]
    assert lines(path, made["note.txt"])[1] == "four inches too high. Störung gemeldet."
    report = read(path, made["report.pdf"])
    assert report.type == "pdf"
    assert [(part.number, part.page, part.text) for part in report.parts] == [
        (number, number, "\n".join(page)) for number, page in enumerate(papers.MAKE["REPORT"], 1)
    ]
    for scan in (made["log.pdf"], (folder / "log.pdf").read_bytes()):
        (part,) = read(path, scan).parts
        assert part == Part(1, 1, "", scanned=True)
    drawn = reading.draw(path, 1, 150, LIMITS)
    # A part of a dot is one.
    assert drawn.size == tuple(side + 1 for side in papers.MAKE["_SCAN"])
    assert drawn.getextrema() == ((0, 255),) * 3


def test_it_is_read_in_a_process_that_has_no_credentials(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    given: list[dict[str, str]] = []

    def run(command: list[str], *, env: dict[str, str], **more: Any) -> subprocess.CompletedProcess[bytes]:
        given.append(env)
        with subprocess.Popen(
            command, env=env, stdin=more["stdin"], stdout=more["stdout"], stderr=more["stderr"]
        ) as process:
            return subprocess.CompletedProcess(command, process.wait())

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    # Lambda's Python does not start without it.
    monkeypatch.setenv("LD_LIBRARY_PATH", "/var/lang/lib")
    monkeypatch.setattr("functions.document.reading.subprocess.run", run)
    assert lines(path, papers.compressed())[:2] == ["cell 0", "cell 1"]
    assert [set(each) for each in given] == [{"PYTHONPATH", "LANG", "LD_LIBRARY_PATH"}]
    assert given[0]["LD_LIBRARY_PATH"] == "/var/lang/lib"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("a € ü".encode(), "a € ü"),
        ("\ufeffa € ü".encode(), "a € ü"),
        ("a € ü".encode("utf-16"), "a € ü"),
        (b"\xfe\xff" + "a € ü".encode("utf-16-be"), "a € ü"),
        ("a € ü".encode("cp1252"), "a € ü"),
        (b"one\r\ntwo\rthree\x0cfour", "one\ntwo\nthree\nfour"),
        (b"P1 is where it begins", "P1 is where it begins"),
        (b"#define TEXT", "#define TEXT"),
    ],
)
def test_text_is_text_in_any_usual_encoding(path: Path, data: bytes, text: str) -> None:
    found = read(path, data)
    assert found.type == "txt"
    assert found.parts == (Part(1, None, text),)


def test_pictures_are_told_apart_by_their_bytes(path: Path) -> None:
    found = read(path, (papers.FOLDER.parent / "photos" / "cat.jpg").read_bytes())
    assert found == reading.Document("jpg", is_picture=True)


def test_all_text_of_a_docx_is_read_once(path: Path) -> None:
    ours, strict = papers.MAKE["_WORD"], "http://purl.oclc.org/ooxml/wordprocessingml/main"
    again = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    box = f"<w:txbxContent>{paragraph('in a box')}</w:txbxContent>"
    moved = "<w:r><w:t>moved</w:t></w:r>"
    stops = "<w:pPr><w:tabs><w:tab w:val='left' w:pos='720'/><w:tab w:pos='9000'/></w:tabs></w:pPr>"
    body = (
        f"<w:p>{stops}<w:moveFrom w:id='1' w:author='a'>{moved}</w:moveFrom></w:p>"
        f"<w:p>{stops}<w:moveTo w:id='2' w:author='a'>{moved}</w:moveTo></w:p>"
        "<w:p><w:r><w:t>be</w:t></w:r><w:ins><w:r><w:t xml:space='preserve'>fore </w:t><w:tab/></w:r></w:ins>"
        "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:noBreakHyphen/>"
        f"<c:AlternateContent xmlns:c='{again}'><c:Choice>{box}</c:Choice><c:Fallback>{box}</c:Fallback>"
        "</c:AlternateContent><w:t>after</w:t></w:r></w:p>"
        f"<w:sdt><w:sdtContent>{paragraph('a field')}</w:sdtContent></w:sdt>"
    )
    files = {
        "word/document.xml": document(body),
        "word/_rels/document.xml.rels": relationships(
            ("footnotes", "notes.xml"), ("header", "h.xml"), ("header", "h.xml")
        ),
        "word/notes.xml": document(paragraph("a note"), "footnotes"),
        "word/h.xml": document(paragraph("on each page"), "hdr"),
    }
    expected = ["moved", "before \t-", "in a box", "after", "a field", "on each page", "a note"]
    assert lines(path, docx(files)) == expected
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    strictly = {
        name: text.replace(ours, strict).replace(
            kinds, "http://purl.oclc.org/ooxml/officeDocument/relationships"
        )
        for name, text in {
            **files,
            "_rels/.rels": relationships(("officeDocument", "word/document.xml")),
        }.items()
    }
    assert lines(path, docx(strictly)) == expected


def test_a_page_with_hardly_any_text_is_scanned_if_there_is_a_picture(path: Path) -> None:
    resources = b"/XObject << /I 1000 0 R >>"
    image = stream(
        b"\0",
        b"/Type /XObject /Subtype /Image /Width 8 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 1 ",
    )
    shown, stamp = b"q 300 0 0 300 0 0 cm /I Do Q ", b"BT /F1 9 Tf 9 9 Td (Page 12) Tj ET "
    more = b"BT /F1 9 Tf 9 30 Td (enough words to be read from here) Tj ET"
    contents = [shown, shown + stamp, stamp, shown + more, b"0 0 m 99 99 l S", b" "]
    data = pdf(pages(map(stream, contents), resources=resources) | {1000: image})
    found = read(path, data).parts
    assert [part.scanned for part in found] == [True, True, False, False, True, False]
    assert [part.text for part in found][2:] == ["Page 12", "enough words to be read from here", "", ""]
    assert reason(path, replace(LIMITS, max_scanned_pages=2)) == "TOO_MANY_SCANNED_PAGES"


def test_limits_hold_to_the_last_one(path: Path) -> None:
    text = "ten lettes"
    path.write_bytes(pdf(pages([written([text])] * 3)))
    enough = replace(LIMITS, max_pages=3, max_characters=30)
    assert len(reading.read(path, enough).parts) == 3
    assert reason(path, replace(enough, max_pages=2)) == "TOO_MANY_PAGES"
    assert reason(path, replace(enough, max_characters=29)) == "TOO_MUCH_TEXT"
    path.write_bytes(papers.compressed())
    assert reason(path, replace(LIMITS, unpacked_bytes=2_000)) == "DOCUMENT_TOO_LARGE"
    path.write_text(text * 100)
    assert reason(path, replace(LIMITS, max_characters=999)) == "TOO_MUCH_TEXT"
    assert len(reading.read(path, replace(LIMITS, max_characters=1000)).parts) == 1


def test_sections_are_paragraphs_together_unless_one_is_too_long() -> None:
    paragraphs = [f"paragraph {number} " + "word " * 300 for number in range(400)] + [
        "long " * 40_000,
        "x" * 200_000,
    ]
    found = list(sections(paragraphs))
    assert [part.number for part in found] == list(range(1, len(found) + 1))
    assert max(len(part.text) for part in found) <= 80_000
    assert " ".join(part.text for part in found).split()[:-3] == " ".join(paragraphs).split()[:-1]
    assert "".join("".join(part.text.split()) for part in found) == "".join("".join(paragraphs).split())


@pytest.mark.parametrize(
    ("code", "error", "says"),
    [
        (-signal.SIGXCPU, "TOOK_TOO_LONG", '"max_seconds": 20'),
        (-signal.SIGSEGV, "CORRUPT_DOCUMENT", "ended by SIGSEGV"),
        (-signal.SIGABRT, "CORRUPT_DOCUMENT", "ended by SIGABRT"),
        (0, "CORRUPT_DOCUMENT", "broke off"),
        (-signal.SIGKILL, ServiceUnavailableError, "was killed"),
        (1, ReaderError, "status 1: No module"),
    ],
)
def test_what_ends_the_reader_is_told(
    monkeypatch: pytest.MonkeyPatch, path: Path, code: int, error: str | type[Exception], says: str
) -> None:
    def run(_: list[str], *, stdout: Any, stderr: Any, **__: Any) -> subprocess.CompletedProcess[bytes]:
        stdout.write(
            b'{"type": "pdf", "picture": false}\n{"number": 1, "page": 1, "text": "x", "scanned": false}\n'
        )
        stderr.write(b"No module")
        return subprocess.CompletedProcess([], code)

    monkeypatch.setattr("functions.document.reading.subprocess.run", run)
    expected = Rejection if isinstance(error, str) else error
    with pytest.raises(expected, match=says) as raised:
        reading.read(path, LIMITS)
    if isinstance(raised.value, Rejection):
        assert raised.value.decision.reason == error


def test_a_process_that_does_nothing_is_ended(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    def run(command: list[str], *, timeout: float, **_: Any) -> None:
        assert timeout == 60
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr("functions.document.reading.subprocess.run", run)
    with pytest.raises(ServiceUnavailableError, match="got no time"):
        reading.read(path, LIMITS)
