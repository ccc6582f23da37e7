"""Where faces are in every picture, by those pictures that were looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from functions.video.orientation import Box

# How far a face may have moved from one look to the next, in parts of its box's sides, to be the same.
_MOVED = 0.5
# Where one box was seen, by when.
_Track: TypeAlias = list[tuple[int, Box]]


@dataclass(frozen=True)
class Cover:
    """A box that is redacted from one time to another, both included."""

    first: int
    last: int
    box: Box


def covers(seen: Mapping[int, Iterable[Box]], *, hold: int) -> list[Cover]:
    """What is to be redacted, of boxes by the times of the pictures in which they were found.

    All times that were looked at are in it, those without a box too. A face that is found in two pictures is
    hidden between them wherever it may have been on its way: in the box around both. One that is missed for
    at most `hold` is kept over the gap. Before it is first found, and after it is last found, it is hidden
    for `hold` more, and at least to the next picture that was looked at.
    """
    looked = sorted(seen)
    tracks: list[_Track] = []
    for before, time in zip([None, *looked], looked, strict=False):
        since = time - hold if before is None else min(before, time - hold)
        _continue([track for track in tracks if track[-1][0] >= since], tracks, time, list(seen[time]))
    position = {time: number for number, time in enumerate(looked)}
    found: list[Cover] = []
    for track in tracks:
        (begins, first), (ends, last) = track[0], track[-1]
        before = looked[max(0, position[begins] - 1)]
        after = looked[min(len(looked) - 1, position[ends] + 1)]
        found.append(Cover(min(before, begins - hold), begins, first))
        found.append(Cover(ends, max(after, ends + hold), last))
        found.extend(Cover(here, there, one.united(other)) for (here, one), (there, other) in pairwise(track))
    return found


def _continue(going_on: list[_Track], tracks: list[_Track], time: int, boxes: list[Box]) -> None:
    """Adds each box to the track that it is likest to, and begins one with each that is left."""
    pairs = [
        (_likeness(track[-1][1], box), number, place)
        for number, track in enumerate(going_on)
        for place, box in enumerate(boxes)
    ]
    continued: set[int] = set()
    taken: set[int] = set()
    for likeness, number, place in sorted(pairs, key=lambda pair: -pair[0]):
        if likeness > 0 and number not in continued and place not in taken:
            going_on[number].append((time, boxes[place]))
            continued.add(number)
            taken.add(place)
    tracks.extend([(time, box)] for place, box in enumerate(boxes) if place not in taken)


def _likeness(one: Box, other: Box) -> float:
    """How much two boxes overlap, each widened by how far it may have moved: 0 not at all, 1 wholly."""
    one, other = one.widened(_MOVED), other.widened(_MOVED)
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    if across <= 0 or down <= 0:
        return 0.0
    return across * down / (_area(one) + _area(other) - across * down)


def _area(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)
