r"""Wildcards of event patterns: `*` is any text, `\*` an asterisk, `\\` a backslash.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# How many places of a pattern one text may be at. AWS publishes no limit; of the patterns that it is recorded
# to refuse and to accept, this lies between.
_MOST_PLACES = 10
# A pattern whose places cannot be counted in so many steps is refused as well.
_MOST_STEPS = 2_000


class WildcardError(ValueError):
    """A wildcard pattern is refused; the message is AWS's reason."""


@dataclass(frozen=True)
class Wildcard:
    """A pattern: its characters, None for any text."""

    characters: tuple[str | None, ...]

    def matches(self, text: str) -> bool:
        r"""Whether the whole text fits.

        >>> read(r"dir/*/\*.png").matches("dir/a/b/*.png")
        True
        """
        expression = "".join(".*" if each is None else re.escape(each) for each in self.characters)
        return re.fullmatch(expression, text, re.DOTALL) is not None


def read(pattern: str) -> Wildcard:
    """Reads a wildcard pattern.

    Raises:
        WildcardError: two asterisks in a row, a backslash before another character, or too many wildcards.
    """
    characters: list[str | None] = []
    # AWS counts bytes, and from the quotation mark before the text.
    at = 1
    escaped = False
    for number, each in enumerate(pattern):
        if escaped:
            escaped = False
            characters.append(each)
        elif each == "*":
            if pattern[number + 1 : number + 2] == "*":
                raise WildcardError(f"Consecutive wildcard characters at pos {at}")
            characters.append(None)
        elif each == "\\":
            if pattern[number + 1 : number + 2] not in {"*", "\\"}:
                raise WildcardError(f"Invalid escape character at pos {at}")
            escaped = True
        else:
            characters.append(each)
        at += len(each.encode())
    if _is_too_complex(characters):
        raise WildcardError(
            "Rule is too complex - try using fewer wildcard characters or fewer repeating character "
            "sequences after a wildcard character"
        )
    return Wildcard(tuple(characters))


def _is_too_complex(characters: Sequence[str | None]) -> bool:
    """Whether some text can be at too many places of the pattern at once."""
    alphabet = {each for each in characters if each is not None}
    start = _at_wildcards(characters, {0})
    seen, left = {start}, [start]
    while left:
        places = left.pop()
        if len(places) >= _MOST_PLACES or len(seen) > _MOST_STEPS:
            return True
        for letter in alphabet:
            following = _after(characters, places, letter)
            if following not in seen:
                seen.add(following)
                left.append(following)
    return False


def _after(characters: Sequence[str | None], places: frozenset[int], letter: str) -> frozenset[int]:
    reached = set()
    for place in places:
        if place < len(characters) and characters[place] is None:
            reached.add(place)
        elif place < len(characters) and characters[place] == letter:
            reached.add(place + 1)
    return _at_wildcards(characters, reached)


def _at_wildcards(characters: Sequence[str | None], places: set[int]) -> frozenset[int]:
    """The places, and what follows where a wildcard may be empty."""
    beyond = {place + 1 for place in places if place < len(characters) and characters[place] is None}
    return frozenset(places | beyond)
