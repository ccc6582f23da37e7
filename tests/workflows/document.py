"""The parts of docs/reliability.md that programs write, each between two marks."""

from __future__ import annotations

from happypath.project import ROOT

FILE = ROOT / "docs" / "reliability.md"


def _marks(part: str) -> tuple[str, str]:
    return f"<!-- {part}: written by scripts/reliability -->\n", f"<!-- end of {part} -->\n"


def read(part: str) -> str:
    """What stands in a part."""
    begin, end = _marks(part)
    return FILE.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0].strip()


def write(part: str, text: str) -> None:
    """Puts a text in place of what stands in a part."""
    begin, end = _marks(part)
    before, found, rest = FILE.read_text(encoding="utf-8").partition(begin)
    if not found:
        raise ValueError(f"{FILE} has no part {part!r}: there is no line {begin!r}")
    FILE.write_text(f"{before}{begin}\n{text.strip()}\n\n{end}{rest.partition(end)[2]}", encoding="utf-8")
