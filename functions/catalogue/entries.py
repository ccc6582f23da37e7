"""The entries of an upload, part by part, as the tasks that look leave them: what the index is made of.

An item for each part: PK `upload#<key>`, SK `<generation>#<part>`. A document has a part for each page,
counted from 1; a picture has part 0 alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from functions.catalogue.entry import Entry
from functions.catalogue.tables import Item, Tables
from functions.decision import Reason, Rejection
from functions.ingest.record import fingerprint, timestamp
from functions.upload import Upload

PREFIX = "upload#"
# Of a part's text and entries together, as UTF-8: an item of DynamoDB has 400 KB at most.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MOST_PART_BYTES = 380_000
MOST_PARTS = 99_999


@dataclass(frozen=True)
class Part:
    """What is known of a part of an upload. `at` is ISO 8601, UTC, milliseconds."""

    bucket: str
    key: str
    version: str | None
    place_id: str
    workflow: str
    at: str
    type: str
    number: int
    entries: tuple[Entry, ...] = ()
    text: str = ""

    def as_item(self) -> Item:
        """As the table has it.

        Raises:
            Rejection: TOO_MANY_WORDS: as `write_part`.
        """
        if not 0 <= self.number <= MOST_PARTS:
            raise Rejection.because(Reason.TOO_MANY_WORDS, part=self.number, most_parts=MOST_PARTS)
        found = [each.as_json() for each in self.entries]
        listed = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        # Half of a pair is no character, and cannot be stored.
        listed, text = (each.encode("utf-8", "replace").decode() for each in (listed, self.text))
        size_bytes = len(listed.encode()) + len(text.encode())
        if size_bytes > MOST_PART_BYTES:
            raise Rejection.because(
                Reason.TOO_MANY_WORDS, part=self.number, size_bytes=size_bytes, most_bytes=MOST_PART_BYTES
            )
        known = {
            "PK": PREFIX + self.key,
            "SK": f"{generation(self.bucket, self.key, self.version)}#{self.number:05}",
            "bucket": self.bucket,
            "key": self.key,
            "version": self.version,
            "placeId": self.place_id,
            "workflow": self.workflow,
            "at": self.at,
            "type": self.type,
            "entries": listed,
            "text": text or None,
        }
        return {name: {"S": each} for name, each in known.items() if each is not None}


def generation(bucket: str, key: str, version: str | None) -> str:
    """What the items of one version of an upload have in common."""
    return fingerprint(bucket, key, version or "")[:32]


def version_of(record: Item) -> str | None:
    """The version that a workflow record names; None in a bucket without versions."""
    return record["version"]["S"] if "version" in record else None


def generation_of(record: Item) -> str:
    """The generation of the version that a workflow record names."""
    return generation(record["bucket"]["S"], record["key"]["S"], version_of(record))


def write_part(
    tables: Tables,
    upload: Upload,
    part: int,
    entries: Sequence[Entry],
    text: str = "",
    *,
    workflow: str,
    at: datetime,
    type: str,  # noqa: A002  # as the item has it
) -> None:
    """Leaves what is known of a part of an upload; written again, it replaces what was there.

    `workflow` is the one that `workflow:` finds it by, `at` when it was taken or, if nobody knows, uploaded:
    the same for all parts of an upload; `type` what the bytes say, such as `jpg`.

    Raises:
        Rejection: TOO_MANY_WORDS: text and entries are more than MOST_PART_BYTES, or parts than MOST_PARTS.
    """
    moment = timestamp(at.replace(tzinfo=UTC) if at.tzinfo is None else at)
    whole = Part(
        upload.bucket,
        upload.key,
        upload.version_id,
        upload.place_id,
        workflow,
        moment,
        type,
        part,
        tuple(entries),
        text,
    )
    tables.put(whole.as_item())


def read(tables: Tables, key: str, generation: str, number: int | None = None) -> Iterator[Part]:
    """The parts of one version of an upload, in their order, as they are now; or the one of this number."""
    for item in tables.items(PREFIX + key, f"{generation}#{'' if number is None else f'{number:05}'}"):
        yield _part(item)


def _part(item: Item) -> Part:
    plain = {name: each["S"] for name, each in item.items()}
    return Part(
        bucket=plain["bucket"],
        key=plain["key"],
        version=plain.get("version"),
        place_id=plain["placeId"],
        workflow=plain["workflow"],
        at=plain["at"],
        type=plain["type"],
        number=int(plain["SK"].rpartition("#")[2]),
        entries=tuple(map(Entry.from_json, json.loads(plain["entries"]))),
        text=plain.get("text", ""),
    )
