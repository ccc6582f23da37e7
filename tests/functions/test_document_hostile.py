"""Documents that are damaged, or made to do damage: each is read, or refused for a reason, in its memory."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from functions.decision import Rejection
from functions.document import reading
from functions.document.limits import Limits
from tests import papers
from tests.functions.forked_reader import forking

MEMORY_BYTES = 400_000_000
LIMITS = Limits(
    max_pages=50, max_scanned_pages=10, max_characters=300_000, max_seconds=1,
    memory_bytes=MEMORY_BYTES, unpacked_bytes=50_000_000, max_pixels=1_000_000,
)  # fmt: skip


def outcome(path: Path) -> str:
    """The reason that a document is refused for, its pages that must be drawn among it; "" if for none."""
    try:
        found = reading.read(path, LIMITS)
        for part in found.parts:
            assert len(part.text) <= 90_000
            if part.scanned and part.page:
                drawn = reading.draw(path, part.page, 100, LIMITS)
                assert drawn.width * drawn.height < LIMITS.max_pixels * 1.1 + max(drawn.size)
    except Rejection as refused:
        # As a record keeps it.
        return str(refused.decision.reason) if len(str(refused)) < 2000 else str(refused)
    return ""


def test_each_hostile_document_is_read_or_refused_for_a_reason(tmp_path: Path) -> None:
    found: Counter[str] = Counter()
    wrong = []
    path = tmp_path / "document"
    with forking() as forked:
        for paper in papers.hostile():
            path.write_bytes(paper.make())
            came = outcome(path)
            found[came] += 1
            if came not in paper.reasons:
                wrong.append(f"{paper}: {came or 'read'}")
    assert not wrong
    assert found.total() > 200
    assert set(found) == {
        "", "CORRUPT_DOCUMENT", "DOCUMENT_TOO_LARGE", "TOO_MANY_PAGES", "TOO_MANY_SCANNED_PAGES",
        "TOO_MUCH_TEXT", "UNSUPPORTED_TYPE", "ENCRYPTED_DOCUMENT", "TOOK_TOO_LONG",
    }  # fmt: skip
    assert forked.peak_kb * 1024 < MEMORY_BYTES
