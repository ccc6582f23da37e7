"""What reading one document may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """`max_pages` of a PDF, `max_scanned_pages` of these, `max_characters` of text in all; `max_seconds` of
    processor time; `memory_bytes` of address space; `unpacked_bytes` of all files in a package; `max_pixels`
    of a page that is drawn.
    """

    max_pages: int
    max_scanned_pages: int
    max_characters: int
    max_seconds: int
    memory_bytes: int
    unpacked_bytes: int
    max_pixels: int
