"""The pages of docs/generated/ that scripts/reliability writes."""

from __future__ import annotations

from happypath.project import ROOT

FOLDER = ROOT / "docs" / "generated"
# By the name of its file.
TITLES = {
    "every_fault": "Every task, every fault",
    "uploads": "Five hundred uploads while everything goes wrong",
    "burst": "A burst",
    "hostile_files": "Hostile files",
}
_ORIGIN = "Written by `scripts/reliability`. [What it means](../reliability.md)."


def read(page: str) -> str:
    """The text of a page, without its title."""
    return (FOLDER / f"{page}.md").read_text(encoding="utf-8").partition(_ORIGIN)[2].strip()


def write(page: str, text: str) -> None:
    """Replaces a page."""
    content = f"# {TITLES[page]}\n\n{_ORIGIN}\n\n{text.strip()}\n"
    (FOLDER / f"{page}.md").write_text(content, encoding="utf-8")
