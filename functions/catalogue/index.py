"""The index: from each term to the uploads that have it, so that a search reads little but what it finds.

What is written for a version is listed first, in a manifest, and what is removed is taken off it last. So an
invocation that dies anywhere leaves nothing that nobody knows of, and one that begins again ends the same.
An item is `index#<key>`, `<generation>#<hash of what it lists>`; one at `<generation>` says that all of it is
written.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

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
# What a manifest's item lists, before it is compressed: some 30 batches, so that a removal that is cut short
# has come some of the way.
_MOST_LISTED_BYTES = 50_000
# How many versions are asked about at once.
_SOME = 100
# A record with one of these is of an upload that has left nothing to be found.
_LEFT_NOTHING = frozenset({"REJECTED", "DELETED"})


@dataclass(frozen=True)
class Left:
    """What is catalogued of a version, and not as it is to be.

    It is not `is_current` if its key's record names another version, or was refused or deleted; else the
    record is PROCESSED, and not all of its index was written.
    """

    key: str
    generation: str
    is_current: bool


def index(tables: Tables, upload: Upload, *, parts: int | None = None) -> int:
    """Makes an upload found by its entries, and no other version of its key → by how many terms.

    `parts` says how many of those that `write_part` left count, in their order; without it all do. The
    others, of an earlier attempt at this version or not approved of, are removed, as is all that is there of
    other versions, if the record names this one. If it does not, for the upload was replaced or deleted
    meanwhile, nothing of this version stays.

    Raises:
        Rejection: TOO_MANY_WORDS: more than MOST_WORDS, or more than MOST_TERMS different things.
        botocore.exceptions.ClientError, BotoCoreError, ThrottledError: as `Tables`.
    """
    own = entries.generation(upload.bucket, upload.key, upload.version_id)
    # Seen before the record is: what a later version wrote is not among them if the record is still ours.
    others = [each for each in _generations(tables, upload.key) if each != own]
    found = list(entries.read(tables, upload.key, own))
    known = found[:parts]
    rest = found[len(known) :]
    # What is refused stays until the key's next run, its deletion or `reconcile`: an attempt that removed it
    # and died before it said so would have the next one find nothing, and accept that.
    made = postings(known)
    _write(tables, upload.key, own, made)
    tables.delete((entries.PREFIX + upload.key, _part_key(own, each)) for each in rest)
    if not _is_own(tables, upload):
        _remove(tables, upload.key, own, unless=lambda: _is_own(tables, upload))
    for other in others:
        # A version that is restored takes over from this one, and its items have the same keys each time.
        _remove(tables, upload.key, other, unless=lambda: not _is_own(tables, upload))
    return len(made)


def remove(tables: Tables, key: str, is_late: Callable[[], bool] = lambda: False) -> bool:
    """Removes what is catalogued of a key, but for the version of its record if that may be found.

    `is_late` is asked before each batch, and ends it. Returns whether all is removed.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError, ThrottledError: as `Tables`.
    """

    def stays(generation: str) -> bool:
        # Asked after the versions were listed: what a later one writes is not among them.
        return is_late() or _is_of(tables.record(key), generation)

    for each in _generations(tables, key):
        if not _remove(tables, key, each, unless=partial(stays, each)) and is_late():
            return False
    return True


def are_whole(tables: Tables, uploads: Collection[Upload]) -> set[str]:
    """The keys of those uploads whose index is written, all of it, in this version.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError, ThrottledError: as `Tables`.
    """
    ends = {
        _end(each.key, entries.generation(each.bucket, each.key, each.version_id)): each.key
        for each in uploads
    }
    return {ends[each] for each in tables.existing(ends)}


def left(tables: Tables, looked: Callable[[int], None] = lambda _: None) -> Iterator[Left]:
    """What is catalogued and not as it is to be.

    Reads the whole catalogue, some of it at a time; `looked` is called with how many versions were in it.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError, ThrottledError: as `Tables`.
    """
    told: set[Left] = set()
    for some in _versions(tables):
        looked(len(some))
        records = tables.records({key for key, _ in some})
        whole = tables.existing([_end(*each) for each in some])
        for key, generation in some:
            record = records.get(key)
            is_current = record is not None and _is_of(record, generation)
            is_done = record is not None and record["objStatus"]["S"] == "PROCESSED"
            found = Left(key, generation, is_current)
            if (not is_current or (is_done and _end(key, generation) not in whole)) and found not in told:
                # Not many, or there is work to do.
                told.add(found)
                yield found


def _versions(tables: Tables) -> Iterator[list[tuple[str, str]]]:
    """Each version that anything is catalogued of, by key and generation, some at a time; perhaps twice."""
    some: dict[tuple[str, str], None] = {}
    for item in tables.scan(_PREFIX, entries.PREFIX, names=("PK", "SK")):
        key = item["PK"]["S"].removeprefix(_PREFIX).removeprefix(entries.PREFIX)
        some[key, item["SK"]["S"].partition("#")[0]] = None
        if len(some) == _SOME:
            yield list(some)
            some = {}
    if some:
        yield list(some)


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
    if before:
        tables.delete([_end(key, generation)])
    tables.write(item for item in manifest if item["SK"]["S"] not in before)
    tables.write(each.as_item() for each in made)
    tables.delete(sorted({each for listed in before.values() for each in listed} - wanted))
    now = {item["SK"]["S"] for item in manifest}
    tables.delete((_PREFIX + key, each) for each in before if each not in now)
    pk, sk = _end(key, generation)
    tables.write([{"PK": {"S": pk}, "SK": {"S": sk}}])


def _remove(tables: Tables, key: str, generation: str, unless: Callable[[], bool] = lambda: False) -> bool:
    """Removes a version, a part of the manifest after the other: cut short it has come some of the way."""
    if not tables.delete([_end(key, generation)], unless):
        return False
    # One after the other: within a batch there is no order.
    for item in _manifest(tables, key, generation):
        listed, itself = _listed(item), (_PREFIX + key, item["SK"]["S"])
        if not (tables.delete(listed, unless) and tables.delete([itself], unless)):
            return False
    parts = tables.items(entries.PREFIX + key, f"{generation}#", names=("SK",))
    return tables.delete(((entries.PREFIX + key, item["SK"]["S"]) for item in parts), unless)


def _end(key: str, generation: str) -> Key:
    """What says that all of a version's index is written."""
    return _PREFIX + key, generation


def _generations(tables: Tables, key: str) -> list[str]:
    """The versions that anything is catalogued of."""
    return sorted({each for prefix in (_PREFIX, entries.PREFIX) for each in tables.groups(prefix + key)})


def _is_own(tables: Tables, upload: Upload) -> bool:
    own = entries.generation(upload.bucket, upload.key, upload.version_id)
    return _is_of(tables.record(upload.record), own)


def _is_of(record: Item | None, generation: str) -> bool:
    """Whether a record names a version, which may be found now or when its execution has ended."""
    if record is None or record["objStatus"]["S"] in _LEFT_NOTHING:
        return False
    return entries.generation_of(record) == generation


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
