"""Words as they stand in a picture, and phrases found among them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# A run of letters and digits. Punctuation parts words, but not a number: 1,500 and 4711-0815 are one each.
_PIECE = re.compile(r"[^\W_]+(?:(?<=\d)[^\w\s](?=\d)[^\W_]+)*")


@dataclass(frozen=True)
class DetectedText:
    """Text that was read, and how surely, in percent."""

    text: str
    confidence: float


def plain(text: str) -> str:
    """The letters and digits of a text, without regard to case, accents and width.

    >>> plain("São-Paulo №4"), plain("STRASSE") == plain("Straße")
    ('saopaulono4', True)
    """
    return "".join(_pieces(text))


def find(phrase: str, words: Sequence[DetectedText]) -> DetectedText | None:
    """The most confident place of a phrase among words in reading order; None if it is not there.

    Case, accents, spacing, punctuation and ends of lines do not matter, as they are what is misread first: a
    phrase may run over any number of words, and two of its words may stand as one. It begins and ends at word
    boundaries. Part of a number does not match the number. What is read less surely than all of the phrase
    does not part it: so what is found among few sure words is found among more.

    >>> find("New York", [DetectedText("NEW", 99.1), DetectedText("YORK,", 98.2)])
    DetectedText(text='NEW YORK,', confidence=98.2)
    >>> find("New York", [DetectedText("NEW", 99.1), DetectedText("YORKSHIRE", 98.2)])
    >>> find("4711", [DetectedText("4711-0815", 99.0)])
    >>> find("a b", [DetectedText("a", 90.0), DetectedText("smudge", 61.0), DetectedText("b", 80.0)])
    DetectedText(text='a b', confidence=80.0)
    """
    wanted = plain(phrase)
    read = [(piece, word) for word in words for piece in _pieces(word.text)]
    for limit in sorted({word.confidence for _, word in read}, reverse=True):
        pieces = [(piece, word) for piece, word in read if word.confidence >= limit]
        places = filter(None, (_at(wanted, pieces[start:]) for start in range(len(pieces))))
        if place := next(places, None):
            return place
    return None


def _at(wanted: str, pieces: Sequence[tuple[str, DetectedText]]) -> DetectedText | None:
    """The phrase at the first of these pieces."""
    left = wanted
    used: list[DetectedText] = []
    for piece, word in pieces:
        if not left or not left.startswith(piece):
            break
        left = left.removeprefix(piece)
        if not used or used[-1] is not word:
            used.append(word)
    if left or not used:
        return None
    return DetectedText(" ".join(word.text for word in used), min(word.confidence for word in used))


def _pieces(text: str) -> Iterator[str]:
    # Folding the case can bring new accents about, and decomposing new capitals.
    folded = text
    for _ in range(2):
        folded = unicodedata.normalize("NFKD", folded).casefold()
    bare = "".join(letter for letter in folded if not unicodedata.combining(letter))
    for piece in _PIECE.findall(bare):
        yield re.sub(r"[\W_]", "", piece)
