"""What the tasks read from their environment: the one place that knows the variables and their limits."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


class SettingError(Exception):
    """An environment variable is missing or makes no sense; the message names it."""


def text(value: str) -> str:
    """Any text but an empty one."""
    if not value:
        raise ValueError("must not be empty")
    return value


def whole(at_least: int, at_most: int) -> Callable[[str], int]:
    """A whole number within limits, both included."""

    def parse(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not at_least <= int(value) <= at_most:
            raise ValueError(f"must be a whole number from {at_least} to {at_most}")
        return int(value)

    return parse


def percent(value: str) -> float:
    """A confidence as Rekognition counts it, 0 to 100."""
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 100:
        raise ValueError("must be a number from 0 to 100")
    return number


def image_types(value: str) -> frozenset[str]:
    """A comma-separated choice of jpg, png and webp."""
    types = frozenset(name.strip().lower() for name in value.split(","))
    if not types <= {"jpg", "png", "webp"}:
        raise ValueError("must be a comma-separated choice of jpg, png and webp")
    return types


def entries(value: str) -> tuple[str, ...]:
    """A comma-separated list, each entry once; an entry may be of several words.

    >>> entries("Driving License, Person,")
    ('Driving License', 'Person')
    """
    found = tuple(dict.fromkeys(filter(None, (entry.strip() for entry in value.split(",")))))
    if not all(any(map(str.isalnum, entry)) for entry in found):
        raise ValueError("must be a comma-separated list of entries with a letter or digit each")
    return found


def setting(parse: Callable[[str], Any]) -> Any:
    """A dataclass field that is read from the variable of its name, in capitals."""
    return field(metadata={"parse": parse})


def read(settings: type[T], environment: Mapping[str, str] | None = None) -> T:
    """Reads one settings class from the environment.

    >>> read(RekognitionSettings, {"MIN_CONFIDENCE": "80", "MAX_PIXELS": "1000000"}).min_confidence
    80.0

    Raises:
        SettingError: a variable is missing or senseless.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, object] = {}
    for each in dataclasses.fields(settings):  # type: ignore[arg-type]  # every settings class is a dataclass
        variable = each.name.upper()
        if variable not in environment:
            raise SettingError(f"The environment variable {variable} is missing: set it in the template.")
        try:
            values[each.name] = each.metadata["parse"](environment[variable])
        except ValueError as error:
            raise SettingError(
                f"The environment variable {variable} {error}, not {environment[variable]!r}."
            ) from None
    return settings(**values)


@dataclass(frozen=True)
class IngestSettings:
    """What `start_execution` needs to find its table, its queue and the workflows."""

    table_name: str = setting(text)
    live_parameter: str = setting(text)
    # Ends in "…:stateMachine:happypath-"; the version's name completes it.
    state_machine_prefix: str = setting(text)
    queue_url: str = setting(text)
    hold_seconds: int = setting(whole(0, 900))


@dataclass(frozen=True)
class DimensionsSettings:
    """The sizes and types that a photo may have."""

    min_pixels: int = setting(whole(1, 100_000))
    max_pixels: int = setting(whole(1, 1_000_000_000))
    allowed_types: frozenset[str] = setting(image_types)


@dataclass(frozen=True)
class RekognitionSettings:
    """How sure Rekognition must be before a label or a word counts, and the largest area that is decoded."""

    min_confidence: float = setting(percent)
    max_pixels: int = setting(whole(1, 1_000_000_000))


@dataclass(frozen=True)
class MatchSettings(RekognitionSettings):
    """The labels and the words that a picture must have; one of them may be empty."""

    required_labels: tuple[str, ...] = setting(entries)
    required_words: tuple[str, ...] = setting(entries)

    def __post_init__(self) -> None:
        # Else a slip in the parameters would make every picture a match.
        if not self.required_labels and not self.required_words:
            raise SettingError(
                "Nothing is required of a picture: set RequiredLabels, RequiredWords or both in the template."
            )


@dataclass(frozen=True)
class ResizeSettings:
    """Where the two renditions go, where the records are, and the largest area that is decoded."""

    distribution_bucket: str = setting(text)
    table_name: str = setting(text)
    max_pixels: int = setting(whole(1, 1_000_000_000))


@dataclass(frozen=True)
class PublishSettings:
    """Where the records are, and the address under which the renditions are served."""

    table_name: str = setting(text)
    distribution_url: str = setting(text)
