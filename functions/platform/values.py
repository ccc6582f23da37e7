"""What a setting or a rule may be: each function reads one kind of value, as text or as JSON has it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

# Width and height in pixels, either of which may be left out: `300x200`, `600x`.
SIZE = re.compile(r"(?=.*\d)([1-9]\d{0,4})?x([1-9]\d{0,4})?", re.ASCII)


def text(value: object) -> str:
    """Any text but an empty one."""
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text that is not empty")
    return value


def whole(at_least: int, at_most: int) -> Callable[[object], int]:
    """A whole number within limits, both included.

    >>> whole(1, 10)("7"), whole(1, 10)(7)
    (7, 7)
    """

    def parse(value: object) -> int:
        # To Python, true is a whole number, too; and other alphabets have digits.
        digits = value if isinstance(value, str) else str(value) if type(value) is int else ""
        # Python refuses to read numbers of thousands of digits, in words of its own.
        small = len(digits) <= 18 and digits.isascii() and digits.isdigit()
        if not small or not at_least <= int(digits) <= at_most:
            raise ValueError(f"must be a whole number from {at_least} to {at_most}")
        return int(digits)

    return parse


def number(at_least: float, at_most: float) -> Callable[[object], float]:
    """A number within limits, both included.

    >>> number(0, 2)("0.5"), number(0, 2)(1)
    (0.5, 1.0)
    """

    def parse(value: object) -> float:
        try:
            # To Python, true and false are numbers, too.
            found = float(value) if isinstance(value, (str, int, float)) and type(value) is not bool else None
        except (ValueError, OverflowError):
            found = None
        # What is not a number (NaN) is not within limits either.
        if found is None or not at_least <= found <= at_most:
            raise ValueError(f"must be a number from {at_least:g} to {at_most:g}")
        return found

    return parse


def percent(value: object) -> float:
    """A confidence as Rekognition counts it, 0 to 100."""
    return number(0, 100)(value)


def entries(value: object) -> tuple[str, ...]:
    """A list of texts, or a text with commas between entries; each entry counts once, empty ones do not.

    >>> entries("Driving License, Person,"), entries(["Person", "Person"])
    (('Driving License', 'Person'), ('Person',))
    """
    listed = value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise ValueError("must be a list of texts, or a text with commas between entries")
    found = tuple(dict.fromkeys(filter(None, map(str.strip, listed))))
    if not all(any(map(str.isalnum, entry)) for entry in found):
        raise ValueError("must have a letter or a digit in each entry")
    return found


def value(parse: Callable[[Any], Any], default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field that `fill` reads with `parse`; without a default it must be given."""
    return dataclasses.field(default=default, metadata={"parse": parse})


def fill(shape: type[T], given: Mapping[str, object], named: Callable[[str], str]) -> T:
    """Makes a dataclass of what is given by its fields' names; `named` says how messages name a field.

    Raises:
        ValueError: something is missing or senseless; the message names it.
    """
    values: dict[str, object] = {}
    for each in dataclasses.fields(shape):  # type: ignore[arg-type]  # every shape is a dataclass
        if each.name not in given:
            if each.default is dataclasses.MISSING:
                raise ValueError(f"{named(each.name)} is missing")
            continue
        try:
            values[each.name] = each.metadata["parse"](given[each.name])
        except ValueError as error:
            raise ValueError(f"{named(each.name)} {error}, not {given[each.name]!r}") from None
    return shape(**values)
