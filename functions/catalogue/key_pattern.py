"""What the key of an upload says: the camera, the time, the film that it is a frame of, and its second.

A pattern is text with placeholders, as an operator writes it, and no regular expression: `{camera}_{time}*`.
It is compared with as many of the key's last parts, between slashes, as it has itself.

- `{camera}`: any letters but a slash.
- `{time}`: a date and a time of day, as ISO 8601 has them, with or without separators, or with those that
  names of files can have: `2026-11-01T10:05:00Z`, `20261101_100500`, `2026-11-01 10-05-00.250`. Without an
  offset it is UTC.
- `{second}`: a number, by which the time is later: that of a frame in a film.
- `{film}`: the rest of the key up to here but for the first part, which is the place. Its last part has an
  extension. What the film's own name says counts for its frames.
- `*`: any letters but a slash, or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

_PLACEHOLDER = re.compile(r"(\{[^{}]*\}|\*)")
# What a part of a key may have for each of them. A part has each once at most, and `*` too, and all others
# have an end: so no key takes long to be read.
_WITHIN = {
    "{camera}": r"(?P<camera>[^/]{1,200}?)",
    "{time}": (
        r"(?P<date>\d{4}-\d\d-\d\d|\d{8})[T _-]?(?P<clock>\d\d[:.-]?\d\d[:.-]?\d\d)"
        r"(?:[.,](?P<fraction>\d{1,6}))?(?P<offset>Z|[+-]\d\d:?\d\d)?"
    ),
    "{second}": r"(?P<second>\d{1,7}(?:\.\d{1,6})?)",
    "*": r"[^/]*",
}
_FILM = "{film}"
# A name that ends in what a file of its kind is called by.
_EXTENSION = re.compile(r".\.[A-Za-z0-9]{2,5}$")


@dataclass(frozen=True)
class Told:
    """What a key says, as far as it does. The time is that of the picture; the second is that of its film."""

    camera: str | None = None
    time: datetime | None = None
    film: str | None = None
    second: float | None = None


@dataclass(frozen=True)
class KeyPattern:
    """A pattern; one that makes no sense is a ValueError, which says why."""

    text: str

    def __post_init__(self) -> None:
        # Else a mistake would only show with the first key.
        _ = self._parts

    def told(self, key: str) -> Told | None:
        """What a key says by this pattern; None if it is not of it.

        >>> KeyPattern("{camera}_{time}.*").told("car-7/left_20261101T100500Z.jpg").camera
        'left'
        >>> KeyPattern("{film}/{second}.jpg").told("frames/films/left.mp4/12.jpg").film
        'films/left.mp4'
        >>> KeyPattern("{camera}_{time}.*").told("car-7/holiday.jpg")
        """
        has_film, patterns = self._parts
        _, *parts = key.split("/")
        at = len(parts) - len(patterns)
        if at < has_film:
            return None
        found: dict[str, str] = {}
        for pattern, part in zip(patterns, parts[at:], strict=True):
            matched = pattern.fullmatch(part)
            if not matched:
                return None
            found |= {name: each for name, each in matched.groupdict().items() if each is not None}
        if has_film and not _EXTENSION.search(parts[at - 1]):
            return None
        time = None
        if "date" in found:
            time = _time(found["date"] + found["clock"], found.get("fraction", ""), found.get("offset", "Z"))
            if time is None:
                return None
        return Told(
            found.get("camera"),
            time,
            "/".join(parts[:at]) if has_film else None,
            float(found["second"]) if "second" in found else None,
        )

    @cached_property
    def _parts(self) -> tuple[bool, list[re.Pattern[str]]]:
        """Whether it begins with a film, and what each of its other parts is to be."""
        first, *rest = self.text.split("/")
        parts = rest if first == _FILM else [first, *rest]
        if not parts:
            raise ValueError("must have more than {film}")
        if not all(parts):
            raise ValueError("must have no empty part between slashes")
        placeholders = [each for part in parts for each in _PLACEHOLDER.findall(part)]
        for each in placeholders:
            if each == _FILM:
                raise ValueError("must have {film} alone, as its first part")
            if each not in _WITHIN:
                raise ValueError(f"must have {', '.join([_FILM, *_WITHIN])} as placeholders, and not {each}")
            if each != "*" and placeholders.count(each) > 1:
                raise ValueError(f"must have {each} once at most")
        if not (first == _FILM or set(placeholders) - {"*"}):
            raise ValueError("must have a placeholder that says something")
        if any(part.count("*") > 1 for part in parts):
            raise ValueError("must have * once at most between two slashes")
        return first == _FILM, [
            re.compile(
                "".join(_WITHIN.get(each, re.escape(each)) for each in _PLACEHOLDER.split(part)), re.ASCII
            )
            for part in parts
        ]


def told(key: str, patterns: Iterable[KeyPattern]) -> Told:
    """What a key says by the first pattern that it is of; nothing if it is of none.

    Of a frame what its film's own name says counts, too, and its time is so many seconds after the film's.
    """
    listed = list(patterns)
    found = next(filter(None, (each.told(key) for each in listed)), Told())
    if found.film is not None:
        of_film = next(filter(None, (each.told(found.film) for each in listed)), Told())
        found = replace(
            found, camera=found.camera or of_film.camera, time=found.time or _of_frame(of_film, found)
        )
    return found


def _of_frame(film: Told, frame: Told) -> datetime | None:
    if film.time is None:
        return None
    try:
        return film.time + timedelta(seconds=frame.second or 0)
    except OverflowError:
        return None


def _time(clock: str, fraction: str, offset: str) -> datetime | None:
    """A time; None where there is no such day or hour."""
    digits = re.sub(r"\D", "", clock)
    try:
        local = datetime.strptime(f"{digits} {fraction:0<6} {offset}", "%Y%m%d%H%M%S %f %z")
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
