"""Patterns in policies: wildcards, and variables that the request fills in.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

# The name of a variable → its one value; None where the request has none.
Lookup = Callable[[str], str | None]

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
# What stands for the character itself and is no variable.
_LITERALS = {"*", "?", "$"}
# The parts of an ARN; the last of them may hold colons of its own.
_ARN_PARTS = 6


@dataclass(frozen=True)
class Pattern:
    """A text of a policy: its pieces in turn are text and variables; text may hold wildcards."""

    text: str
    # (piece, whether it is a variable's name)
    pieces: tuple[tuple[str, bool], ...]

    @classmethod
    def parse(cls, text: str, *, variables: bool = True) -> Pattern:
        """Reads a pattern; policies of version 2008-10-17 have no `variables`."""
        if not variables or "${" not in text:
            return cls(text, ((text, False),))
        parts = _VARIABLE.split(text)
        return cls(text, tuple((part, bool(place % 2)) for place, part in enumerate(parts)))

    def filled(self, lookup: Lookup) -> str | None:
        """The pattern as a regular expression; None if it names a variable that has no value."""
        made = ""
        for piece, is_variable in self.pieces:
            if not is_variable:
                made += _wildcards(piece)
                continue
            value = _value(piece, lookup)
            if value is None:
                return None
            made += re.escape(value)
        return made

    def plain(self, lookup: Lookup) -> str | None:
        """The pattern as text, for comparisons without wildcards; None as above."""
        values = [
            _value(piece, lookup) if is_variable else piece for piece, is_variable in self.pieces if piece
        ]
        return None if None in values else "".join(each for each in values if each is not None)

    def matches(self, value: str, lookup: Lookup) -> bool:
        """Whether a whole text matches; `*` is any number of characters, `?` one."""
        made = self.filled(lookup)
        return made is not None and _compiled(made).fullmatch(value) is not None

    def matches_arn(self, value: str, lookup: Lookup) -> bool:
        """Whether an ARN matches, each of its parts by itself."""
        wanted = _arn_parts(self)
        parts = value.split(":", _ARN_PARTS - 1)
        if len(wanted) != len(parts):
            return False
        return all(each.matches(part, lookup) for each, part in zip(wanted, parts, strict=True))


def _value(variable: str, lookup: Lookup) -> str | None:
    """`aws:username`, or `aws:PrincipalTag/team, 'nobody'` with what stands for a missing value."""
    if variable in _LITERALS:
        return variable
    name, comma, default = variable.partition(",")
    value = lookup(name.strip())
    if value is None and comma:
        return default.strip().removeprefix("'").removesuffix("'")
    return value


@lru_cache(maxsize=4096)
def _arn_parts(pattern: Pattern) -> tuple[Pattern, ...]:
    """The parts of an ARN, between colons that are in no variable."""
    parts: list[list[tuple[str, bool]]] = [[]]
    for piece, is_variable in pattern.pieces:
        if is_variable:
            parts[-1].append((piece, True))
            continue
        texts = piece.split(":", _ARN_PARTS - len(parts))
        parts[-1].append((texts[0], False))
        parts += [[(text, False)] for text in texts[1:]]
    return tuple(Pattern("", tuple(pieces)) for pieces in parts)


@lru_cache(maxsize=4096)
def _wildcards(text: str) -> str:
    return "".join(".*" if each == "*" else "." if each == "?" else re.escape(each) for each in text)


@lru_cache(maxsize=8192)
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.DOTALL)


def matches_action(pattern: str, action: str) -> bool:
    """Whether an action such as `s3:GetObject` matches; upper and lower case are the same here.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html

    >>> matches_action("s3:get*", "s3:GetObject"), matches_action("s3:Get", "s3:GetObject")
    (True, False)
    """
    return _compiled(_wildcards(pattern.lower())).fullmatch(action.lower()) is not None
