"""How wide a text is, and how it is broken into lines, without the font that it will be shown in.

What is reckoned is never less than what a browser needs: the widths are those of DejaVu Sans, which is wider
than what else `sans-serif` and `system-ui` may be.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# Hundredths of the font's size → the characters that are so wide.
_WIDTHS = {
    32: "'ijlIJ ,.",
    37: "/:;\\|f-",
    42: "()[]t!r",
    52: '"*_`sz?',
    60: "cLFkvxyPTYao",
    65: "eESbdghnpqu$0123456789{}K",
    73: "AVBRXZCU",
    80: "HNDG&OQw",
    86: "#+<=>^~M",
    100: "%mW@",
}
_WIDTH = {character: width / 100 for width, characters in _WIDTHS.items() for character in characters}
# Anything else: letters of other alphabets, and those of East Asia and pictures.
_USUAL = 0.85
_WIDE = 1.25
# How much wider the bold face is.
_BOLD = 1.16
# The seams of a name.
_PIECES = re.compile(r".+?(?:[./_:\-]+|(?<=[a-z0-9])(?=[A-Z])|$)")


def width(text: str, size: float, *, bold: bool = False) -> float:
    """The most that a line of text is wide, in the unit of the font's size.

    >>> width("il", 100)
    64.0
    """
    return sum(_character(each) for each in text) * size * (_BOLD if bold else 1.0)


def _character(character: str) -> float:
    if character in _WIDTH:
        return _WIDTH[character]
    if unicodedata.combining(character):
        return 0.0
    # Emoji are wide, too, whatever the database says.
    is_wide = unicodedata.east_asian_width(character) in "WF" or ord(character) > 0xFFFF
    return _WIDE if is_wide else _USUAL


def lines(text: str, size: float, at_most: float, *, bold: bool = False) -> list[str]:
    """The text in lines of at most that width, broken between words; a word longer than a line is broken at
    its seams, or anywhere. Nothing of it is left out but spaces at the breaks.

    >>> lines("Get place type from DynamoDB", 10, 100)
    ['Get place type', 'from DynamoDB']
    """
    found: list[str] = []
    line = ""
    size = size * _BOLD if bold else size
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if width(longer, size) <= at_most:
            line = longer
            continue
        *whole, line = _broken(word, size, at_most, line)
        found += whole
    return [*found, line]


def _broken(word: str, size: float, at_most: float, line: str) -> list[str]:
    """A word that has no room in the line before it: in the next one, or in several."""
    if width(word, size) <= at_most:
        return [line, word]
    found: list[str] = []
    line = f"{line} " if line else ""
    for piece in _pieces(word, size, at_most):
        if line.strip() and width(line + piece, size) > at_most:
            found.append(line.rstrip())
            line = ""
        line += piece
    return [*found, line]


def _pieces(word: str, size: float, at_most: float) -> Iterator[str]:
    for match in _PIECES.finditer(word):
        piece = ""
        for character in match[0]:
            if width(piece + character, size) > at_most and piece:
                yield piece
                piece = ""
            piece += character
        yield piece
