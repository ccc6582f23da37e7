"""The index: from each term to the uploads that have it, so that a search reads little but what it finds.

What is written for a version is listed first, in a manifest, and what is removed is taken off it last. So an
invocation that dies anywhere leaves nothing that nobody knows of, and one that begins again ends the same.
An item is `index#<key>`, `<generation>#<hash of what it lists>`.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from functions.catalogue import entries
from functions.catalogue.entries import Part
from functions.catalogue.entry import Entry
from functions.catalogue.posting import Posting
from functions.catalogue.tables import Item, Key, Tables
from functions.catalogue.terms import ALL, Term, rejoined, term, words
from functions.decision import Reason, Rejection
from functions.upload import Upload

_PREFIX = "index#"
# As many as there may be of one word: a posting has a byte for each, and an item 400 KB.
MOST_WORDS = 380_000
# Each is a write.
MOST_TERMS = 50_000
# What a manifest's item lists, before it is compressed.
_MOST_LISTED_BYTES = 350_000
# A record with one of these is of an upload that has left nothing to be found.
_LEFT_NOTHING = frozenset({"REJECTED", "DELETED"})


@dataclass(frozen=True)
class Stale:
    """Entries of a version that its key's record does not name any more, or that was refused or deleted."""

    key: str
    generation: str


def index(tables: Tables, upload: Upload, *, parts: int | None = None) -> int:
    """Has an upload found by its entries, and no other version of its key → by how many terms.

    `parts` is one more than the highest that `write_part` made; without it all that are there count. Those
    that an earlier attempt at this version left are removed, as is all that is there of other versions, if
    the record names this one. If it does not, for the upload was replaced or deleted meanwhile, nothing of
    this version stays.

    Raises:
        Rejection: TOO_MANY_WORDS: more than MOST_WORDS, or more than MOST_TERMS different things.
        botocore.exceptions.ClientError, BotoCoreError, ThrottledError: as `Tables`.
    """
    own = entries.generation(upload.bucket, upload.key, upload.version_id)
    # Seen before the record is: what a later version wrote is not among them if the record is still ours.
    others = [each for each in _generations(tables, upload.key) if each != own]
    found = list(entries.read(tables, upload.key, own))
    known = [each for number, each in enumerate(found) if parts is None or number < parts]
    made = postings(known)
    _write(tables, upload.key, own, made)
    tables.delete((entries.PREFIX + upload.key, _part_key(own, each)) for each in found if each not in known)
    if not _is_own(tables, upload):
        _remove(tables, upload.key, own)
    for other in others:
        # A version that is restored takes over from this one, and its items have the same keys each time.
        _remove(tables, upload.key, other, unless=lambda: not _is_own(tables, upload))
    return len(made)


def remove(tables: Tables, key: str, keep: str | None = None) -> None:
    """Removes all that is catalogued of a key, but that of the generation to keep.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError, ThrottledError: as `Tables`.
    """
    for each in _generations(tables, key):
        if each != keep:
            _remove(tables, key, each)


def stale(tables: Tables) -> Iterator[Stale]:
    """What is catalogued and will not be found, for `remove_stale`. Reads the whole catalogue.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: as `Tables`.
    """
    seen: set[Stale] = set()
    for item in tables.scan(_PREFIX, entries.PREFIX, names=("PK", "SK")):
        key = item["PK"]["S"].removeprefix(_PREFIX).removeprefix(entries.PREFIX)
        seen.add(Stale(key, item["SK"]["S"].partition("#")[0]))
    ordered = sorted(seen, key=lambda each: (each.key, each.generation))
    for first in range(0, len(ordered), 100):
        some = ordered[first : first + 100]
        records = tables.records([each.key for each in some])
        yield from (each for each in some if not _is_of(records.get(each.key), each.generation))


def remove_stale(tables: Tables, found: Stale) -> bool:
    """Removes it if it still is stale → whether it is gone."""

    def is_current() -> bool:
        return _is_of(tables.record(found.key), found.generation)

    return _remove(tables, found.key, found.generation, unless=is_current)


def postings(parts: Sequence[Part]) -> list[Posting]:
    """What parts of one version are found by.

    Raises:
        Rejection: TOO_MANY_WORDS.
    """
    found: dict[Term, Posting] = {}
    for a_term, entry, position in _known(parts):
        if a_term not in found:
            if len(found) == MOST_TERMS:
                raise Rejection.because(Reason.TOO_MANY_WORDS, most_terms=MOST_TERMS)
            found[a_term] = Posting.of(parts[0], a_term)
        if entry is not None:
            found[a_term].add(entry, position)
    return list(found.values())


def _known(parts: Sequence[Part]) -> Iterator[tuple[Term, Entry | None, int | None]]:
    """Each term as often as it is there, with its entry and, of a word, its number."""
    lines: list[Entry] = []
    for part in parts:
        yield ALL, None, None
        for what, value in (("place", part.place_id), ("workflow", part.workflow), ("type", part.type)):
            if (named := term(what, value)) is not None:
                yield named, None, None
        lines += (Entry("words", line, page=part.number or None) for line in part.text.splitlines())
        for each in part.entries:
            if each.what == "words":
                lines.append(each)
            # Faces are counted, and shown; nobody looks for one.
            elif each.what != "face" and (named := term(each.what, each.value)) is not None:
                yield named, each, None
    for position, (word, line) in enumerate(_words(lines)):
        if position == MOST_WORDS:
            raise Rejection.because(Reason.TOO_MANY_WORDS, most_words=MOST_WORDS)
        yield ("words", word), line, position


def _words(lines: Sequence[Entry]) -> Iterator[tuple[str, Entry]]:
    for text, line in zip(rejoined([each.value for each in lines]), lines, strict=True):
        for word in words(text):
            yield word, line


def _write(tables: Tables, key: str, generation: str, made: Sequence[Posting]) -> None:
    """Puts postings, and removes those that only an earlier attempt at the same version made."""
    before = {item["SK"]["S"]: _listed(item) for item in _manifest(tables, key, generation)}
    wanted = {each.item_key for each in made}
    manifest = list(_manifest_items(key, generation, sorted(wanted)))
    tables.write(item for item in manifest if item["SK"]["S"] not in before)
    tables.write(each.as_item() for each in made)
    tables.delete(sorted({each for listed in before.values() for each in listed} - wanted))
    now = {item["SK"]["S"] for item in manifest}
    tables.delete((_PREFIX + key, each) for each in before if each not in now)


def _remove(tables: Tables, key: str, generation: str, unless: Callable[[], bool] = lambda: False) -> bool:
    manifest = list(_manifest(tables, key, generation))
    listed = sorted({each for item in manifest for each in _listed(item)})
    parts = [
        (entries.PREFIX + key, item["SK"]["S"])
        for item in tables.items(entries.PREFIX + key, f"{generation}#", names=("SK",))
    ]
    last = [(_PREFIX + key, item["SK"]["S"]) for item in manifest]
    # One after the other: within a batch there is no order.
    return all(tables.delete(each, unless) for each in (listed, parts, last))


def _generations(tables: Tables, key: str) -> list[str]:
    return sorted(
        {
            item["SK"]["S"].partition("#")[0]
            for prefix in (_PREFIX, entries.PREFIX)
            for item in tables.items(prefix + key, names=("SK",))
        }
    )


def _is_own(tables: Tables, upload: Upload) -> bool:
    own = entries.generation(upload.bucket, upload.key, upload.version_id)
    return _is_of(tables.record(upload.record), own)


def _is_of(record: Item | None, generation: str) -> bool:
    """Whether a record names a version, which may be found now or when its execution has ended."""
    if record is None or record["objStatus"]["S"] in _LEFT_NOTHING:
        return False
    version = record["version"]["S"] if "version" in record else None
    return entries.generation(record["bucket"]["S"], record["key"]["S"], version) == generation


def _part_key(generation: str, part: Part) -> str:
    return f"{generation}#{part.number:05}"


def _manifest(tables: Tables, key: str, generation: str) -> Iterator[Item]:
    return tables.items(_PREFIX + key, f"{generation}#")


def _manifest_items(key: str, generation: str, listed: Iterable[Key]) -> Iterator[Item]:
    part: list[Key] = []
    size_bytes = 0
    for each in listed:
        own_bytes = sum(len(text.encode()) for text in each) + 8
        if part and size_bytes + own_bytes > _MOST_LISTED_BYTES:
            yield _manifest_item(key, generation, part)
            part, size_bytes = [], 0
        part.append(each)
        size_bytes += own_bytes
    if part:
        yield _manifest_item(key, generation, part)


def _manifest_item(key: str, generation: str, part: Sequence[Key]) -> Item:
    listed = json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode()
    return {
        "PK": {"S": _PREFIX + key},
        "SK": {"S": f"{generation}#{hashlib.sha256(listed).hexdigest()[:16]}"},
        "postings": {"B": zlib.compress(listed)},
    }


def _listed(item: Item) -> list[Key]:
    return [(pk, sk) for pk, sk in json.loads(zlib.decompress(bytes(item["postings"]["B"])))]
