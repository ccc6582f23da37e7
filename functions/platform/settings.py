"""What the functions read from their environment: the one place that knows the variables and their limits.

What a task decides by is not here: its rules come with each call (`functions.platform.rules`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from functions.platform.values import SIZE, entries, fill, text, value, whole

T = TypeVar("T")


class SettingError(Exception):
    """An environment variable is missing or makes no sense; the message names it."""


def read(settings: type[T], environment: Mapping[str, str] | None = None) -> T:
    """Reads one settings class from the environment; a field's variable is its name in capitals.

    >>> read(DecodingSettings, {"MAX_PIXELS": "1000000"}).max_pixels
    1000000

    Raises:
        SettingError: a variable is missing or senseless.
    """
    environment = os.environ if environment is None else environment
    given = {name.lower(): each for name, each in environment.items()}
    try:
        return fill(settings, given, lambda name: f"The environment variable {name.upper()}")
    except ValueError as error:
        raise SettingError(f"{error}: set it in the template.") from None


@dataclass(frozen=True)
class IngestSettings:
    """What `start_execution` needs to find its table, its queue and the workflows."""

    table_name: str = value(text)
    live_parameter: str = value(text)
    # Ends in "…:stateMachine:happypath-"; the version's name completes it.
    state_machine_prefix: str = value(text)
    queue_url: str = value(text)
    hold_seconds: int = value(whole(0, 900))


@dataclass(frozen=True)
class DecodingSettings:
    """The largest area that a function's memory is enough to decode, in pixels."""

    max_pixels: int = value(whole(1, 1_000_000_000))


@dataclass(frozen=True)
class ResizeSettings(DecodingSettings):
    """Where the two renditions go, and where the records are."""

    distribution_bucket: str = value(text)
    table_name: str = value(text)


@dataclass(frozen=True)
class VideoSettings:
    """The bucket for what the tasks on one film leave for each other."""

    work_bucket: str = value(text)


@dataclass(frozen=True)
class JoinSettings(VideoSettings):
    """Where the joined film goes, and where the records are."""

    distribution_bucket: str = value(text)
    table_name: str = value(text)


@dataclass(frozen=True)
class ReviewSettings:
    """Where the reviews are."""

    table_name: str = value(text)


@dataclass(frozen=True)
class CatalogueSettings:
    """Where entries and their index are, and where the records are."""

    catalogue_table: str = value(text)
    table_name: str = value(text)


@dataclass(frozen=True)
class DocumentSettings(CatalogueSettings):
    """What a function's memory and disk are enough for."""

    # As it is uploaded, and all files of a package together when it is unpacked.
    max_document_bytes: int = value(whole(1, 400_000_000))
    max_unpacked_bytes: int = value(whole(1, 1_000_000_000))
    # The address space of the process that reads documents.
    reader_bytes: int = value(whole(100_000_000, 10_000_000_000))
    # Of a page that is drawn.
    max_page_pixels: int = value(whole(10_000, 16_000_000))


@dataclass(frozen=True)
class DicomSettings:
    """Where DICOM files go, and where the records are; what a function's memory is enough for."""

    distribution_bucket: str = value(text)
    table_name: str = value(text)
    # The ARN of the KMS key that UIDs are replaced by.
    uid_key: str = value(text)
    # As it is uploaded, and all its frames without compression.
    max_file_bytes: int = value(whole(1, 200_000_000))
    max_pixel_bytes: int = value(whole(1, 1_000_000_000))


@dataclass(frozen=True)
class NoticeSettings:
    """The address under which the renditions are served."""

    distribution_url: str = value(text)


@dataclass(frozen=True)
class PublishSettings:
    """Where the records are and the renditions, and the address under which these are served."""

    table_name: str = value(text)
    distribution_bucket: str = value(text)
    distribution_url: str = value(text)


@dataclass(frozen=True)
class ApiSettings:
    """What the upload API needs to find its table, bucket and key, and how far its forms go."""

    table_name: str = value(text)
    upload_bucket: str = value(text)
    # The ARN of the KMS key that seals what the API gives out.
    seal_key: str = value(text)
    # The most that a form lets through; 5 GB is S3's own limit.
    max_upload_bytes: int = value(whole(1, 5_000_000_000))
    form_seconds: int = value(whole(60, 3_600))
    content_types: tuple[str, ...] = value(entries)
    # The places in which each person has a folder.
    own_folders: tuple[str, ...] = value(entries)


@dataclass(frozen=True)
class ReviewApiSettings:
    """What the API needs to have reviews decided, and by whom."""

    table_name: str = value(text)
    seal_key: str = value(text)
    # The claim of a token that names groups, and those of them whose people decide.
    reviewer_claim: str = value(text)
    reviewer_groups: tuple[str, ...] = value(entries)
    # The places in which each person has a folder.
    own_folders: tuple[str, ...] = value(entries)


@dataclass(frozen=True)
class SearchApiSettings(CatalogueSettings):
    """What the API needs to search, and for whom."""

    seal_key: str = value(text)
    # The claim of a token that names groups, and those of them whose people may search.
    reviewer_claim: str = value(text)
    searcher_groups: tuple[str, ...] = value(entries)
    # The address under which renditions are served.
    distribution_url: str = value(text)


def _sizes(given: object) -> frozenset[str]:
    sizes = frozenset(entries(given))
    if not all(map(SIZE.fullmatch, sizes)):
        raise ValueError("must be sizes such as 320x or 400x300, with commas between them")
    return sizes


@dataclass(frozen=True)
class ImagesSettings(DecodingSettings):
    """What pictures on request need to find photos, and what everybody may ask for."""

    table_name: str = value(text)
    distribution_bucket: str = value(text)
    catalogue_table: str = value(text)
    # Where pictures lie for a while that are too large for an answer of Lambda's.
    large_bucket: str = value(text)
    # The ARN of the secret with the key of signed addresses.
    signing_secret: str = value(text)
    # The sizes that need no signature.
    ladder: frozenset[str] = value(_sizes)
    cache_seconds: int = value(whole(1, 86_400))
    # The key of the photo that is shown where there is none; empty: none is.
    fallback_key: str = value(str, "")
