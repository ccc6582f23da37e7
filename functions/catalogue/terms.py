"""Terms: what is looked up in the index. Whoever writes entries and whoever asks for them folds alike.

Case, accents and the forms of one character (NFKC) make no difference: `cafe` finds CAFÉ. Marks that tell
words apart stay, such as the vowel signs of Hindi and the voiced sounds of Japanese.

A word is a run of letters and digits. Scripts without spaces between words (Chinese, Japanese, Korean, Thai,
Lao, Khmer, Burmese, Tibetan) are split into their characters: a word of theirs is found as a phrase, within
any text.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

# What a term is of, and the term.
Term: TypeAlias = tuple[str, str]

# Of every upload that is catalogued.
ALL: Term = ("all", "")
# A longer one is cut, and told from others that begin so by a hash of all of it.
_MOST_CHARACTERS = 64
# Over which the uploads of a term are spread where it may be of very many. DynamoDB takes 1,000 writes a
# second for each partition: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
_SHARDS = 2
# Words as short as articles, and the characters of scripts without spaces, are in every text.
_SHORT = 3
# Names of ours, which are compared as they are.
_EXACT = frozenset({"place", "workflow"})
# Canonical combining classes: accents, and the points of Hebrew and Arabic. 7 to 9 are nukta, the voiced
# sounds of Japanese and virama, 84 and more belong to scripts of South and South-East Asia.
# https://www.unicode.org/reports/tr44/#Canonical_Combining_Class_Values
_ACCENTS = frozenset({*range(10, 36), *range(200, 256)})
_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x109F),  # Tibetan, Burmese
    (0x1100, 0x11FF),  # Korean, in parts
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # Chinese: radicals
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3031, 0x30FF),  # Japanese
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Chinese
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7FF),  # Korean
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_ASCII_WORD = re.compile("[a-z0-9]+")
_ZERO_WIDTH_SPACE = "\u200b"


def fold(text: str) -> str:
    """A text by which what people take for the same is the same.

    >>> fold("CAFÉ Straße ﬁn")
    'cafe strasse fin'
    """
    if text.isascii():
        return text.lower()
    # What is not Unicode, half of a pair, cannot be stored.
    clean = text.encode("utf-8", "replace").decode()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", clean).casefold())
    kept = "".join(each for each in apart if unicodedata.combining(each) not in _ACCENTS)
    return unicodedata.normalize("NFKC", kept)


def words(text: str) -> list[str]:
    """The words of a text, folded, in their order.

    >>> words("New-York's Café, 12.5 km: 東京")
    ['new', 'york', 's', 'cafe', '12', '5', 'km', '東', '京']
    """
    return [_bounded(word) for word in _split(fold(text))]


def _split(folded: str) -> Iterator[str]:
    if folded.isascii():
        yield from _ASCII_WORD.findall(folded)
        return
    word = ""
    alone = False
    for each in folded:
        kind = unicodedata.category(each)
        if kind[0] == "M" and word:
            word += each
        elif kind == "Cf" and each != _ZERO_WIDTH_SPACE:
            # Seen by nobody: soft hyphens, joiners, marks of direction.
            continue
        elif kind[0] in "LN":
            single = is_without_spaces(each)
            if word and (single or alone):
                yield word
                word = ""
            word += each
            alone = single
        elif word:
            yield word
            word = ""
    if word:
        yield word


def is_without_spaces(character: str) -> bool:
    """Whether a character is of a script that puts no spaces between words: each is a word."""
    code = ord(character)
    return any(first <= code <= last for first, last in _WITHOUT_SPACES)


def phrase(found: Sequence[str]) -> str:
    """Words as a text: with spaces between them, where their scripts have spaces.

    >>> phrase(["new", "york"]), phrase(["東", "京"])
    ('new york', '東京')
    """
    text = found[0]
    for last, each in pairwise(found):
        text += each if is_without_spaces(last[0]) and is_without_spaces(each[0]) else f" {each}"
    return text


def term(what: str, value: str) -> Term | None:
    """The term of a value that is not split into words; None if nothing is left of it.

    >>> term("label", " Driving  License")
    ('label', 'driving license')
    """
    clean = value.encode("utf-8", "replace").decode() if what in _EXACT else " ".join(fold(value).split())
    return (what, _bounded(clean)) if clean else None


def _bounded(value: str) -> str:
    if len(value) <= _MOST_CHARACTERS:
        return value
    return f"{value[:40]}…{hashlib.sha256(value.encode()).hexdigest()[:32]}"


def partitions(term: Term) -> Sequence[str]:
    """The partition keys under which a term's uploads are.

    >>> partitions(("words", "york")), partitions(("label", "car"))
    (('words#york#0',), ('label#car#0', 'label#car#1'))
    """
    what, value = term
    spread = what != "words" or len(value) <= _SHORT
    return tuple(f"{what}#{value}#{shard}" for shard in range(_SHARDS if spread else 1))


def partition(term: Term, generation: str) -> str:
    """The one of them that has an upload."""
    found = partitions(term)
    return found[number(generation, len(found))]


def number(generation: str, of: int) -> int:
    """Which of so many partitions has an upload: the same of all terms that are spread."""
    return int(generation[:8], 16) % of


def rejoined(lines: Sequence[str]) -> list[str]:
    """Lines whose last words are whole that a hyphen divides: where the next line goes on in small letters.

    >>> rejoined(["a docu-", "ment from New-", "York"])
    ['a document', 'from New-', 'York']
    """
    found = list(lines)
    for number in range(len(found) - 1):
        head, tail = found[number].rstrip(), found[number + 1].lstrip()
        if len(head) > 1 and head[-1] in "-\u00ad\u2010" and head[-2].isalpha() and tail[:1].islower():
            rest, *more = tail.split(maxsplit=1)
            found[number], found[number + 1] = head[:-1] + rest, more[0] if more else ""
    return found
