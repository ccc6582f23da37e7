"""What is catalogued goes with its upload, whatever dies in between, and nothing else goes."""

from __future__ import annotations

from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any

import pytest

from functions.catalogue import index, removal
from functions.catalogue.entries import generation
from functions.catalogue.entry import Entry
from functions.catalogue.index import Left, are_whole, left
from functions.catalogue.tables import Tables
from functions.decision import Rejection
from functions.platform.aws import ThrottledError, client
from functions.upload import Upload
from tests.functions import catalogue
from tests.functions.catalogue import catalogued, found, items, record, upload, write

DELETION = "arn:aws:states:us-east-1:123456789012:execution:happypath-deletion:1"
OLD, NEW = upload(version="1"), upload(version="2")
OTHER = upload("park/another.jpg")
PERSON = [Entry("label", "Person", 95.0)]
# More than one batch of terms.
PAGE = " ".join(f"word{number}" for number in range(30))


@pytest.fixture
def tables() -> Tables:
    return catalogue.make()


class Killed(BaseException):
    """The process is gone."""


def events(of: Upload) -> dict[str, Any]:
    return {
        "detail": {"bucket": {"name": of.bucket}, "object": {"key": of.key}},
        "executionArn": DELETION,
    }


def removed(of: Upload, *remaining_ms: int) -> dict[str, bool]:
    """One invocation, whose time is at each question what is given, the last for ever."""
    times = chain(remaining_ms, repeat(remaining_ms[-1] if remaining_ms else 60_000))
    context = SimpleNamespace(aws_request_id="1", get_remaining_time_in_millis=lambda: next(times))
    return removal.handler(events(of), context)


def lock(of: Upload, deletion: str = DELETION) -> None:
    """As the state machine of deletions does."""
    client("dynamodb").update_item(
        TableName=catalogue.RECORDS,
        Key={"PK": {"S": "workflow"}, "SK": {"S": of.key}},
        UpdateExpression="SET objStatus = :deleted, deletion = :deletion",
        ExpressionAttributeValues={":deleted": {"S": "DELETED"}, ":deletion": {"S": deletion}},
    )


def keys() -> set[str]:
    """The uploads that anything is catalogued of."""
    return {item["key"]["S"] if "key" in item else item["PK"]["S"].partition("#")[2] for item in items()}


def test_of_a_deleted_upload_nothing_remains_and_nothing_of_another_goes(tables: Tables) -> None:
    for each in (OLD, OTHER):
        catalogued(tables, each, PERSON)
    catalogued(tables, NEW, PAGE, PAGE)
    before = [item for item in items() if OTHER.key in str(item)]
    assert keys() == {NEW.key, OTHER.key}
    lock(NEW)

    assert removed(NEW) == {"left": False, "locked": True}
    assert list(items()) == before
    assert removed(NEW) == {"left": False, "locked": True}
    assert (found(tables, "label:Person"), found(tables, "word7")) == ([OTHER.key], [])


def test_the_version_that_the_record_names_stays_and_older_ones_go(tables: Tables) -> None:
    write(tables, OLD, PAGE)
    record(OLD, "RECEIVED")
    index.index(tables, OLD)
    catalogued(tables, OTHER, PERSON)
    # The newer one was accepted by a workflow that catalogues nothing; or is only going to be catalogued.
    record(NEW)
    write(tables, NEW, PERSON)

    assert removed(NEW) == {"left": False, "locked": False}
    versions = {item["version"]["S"] for item in items() if item.get("key") == {"S": NEW.key}}
    assert versions == {"2"}
    index.index(tables, NEW)
    assert set(found(tables, "label:Person")) == {NEW.key, OTHER.key}


def test_a_call_ends_in_time_and_the_next_goes_on(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    # Some fifteen terms in each part of the manifest.
    monkeypatch.setattr(index, "_MOST_LISTED_BYTES", 1_200)
    catalogued(tables, OLD, PAGE, PAGE.replace("word", "other"))
    lock(OLD)
    sizes = [len(list(items()))]
    # Each has time for four batches.
    while removed(OLD, *[60_000] * 4, 1_000)["left"]:
        assert len(sizes) < 50
        sizes.append(len(list(items())))

    assert list(items()) == []
    assert len(sizes) > 2
    assert sizes == sorted(set(sizes), reverse=True)


def dying(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """The process dies after so many batches, in the middle of one."""
    write_batch = client("dynamodb").batch_write_item
    number = iter(range(after + 1))

    def write(RequestItems: Any) -> Any:  # noqa: N803  # as the client has it
        if next(number) == after:
            for table, requests in RequestItems.items():
                write_batch(RequestItems={table: requests[: len(requests) // 2 or 1]})
            raise Killed
        return write_batch(RequestItems=RequestItems)

    monkeypatch.setattr(client("dynamodb"), "batch_write_item", write)


def test_wherever_removing_dies_the_next_ends_it(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    for after in range(100):
        catalogued(tables, OLD, PAGE)
        lock(OLD)
        with monkeypatch.context() as patch:
            dying(patch, after)
            try:
                removed(OLD)
            except Killed:
                # It is known that something is left, unless nothing is.
                assert [each.key for each in left(tables)] == ([OLD.key] if list(items()) else [])
            else:
                break
        assert removed(OLD) == {"left": False, "locked": True}
        assert list(items()) == []
    assert after > 4


def test_wherever_indexing_dies_it_is_known_and_the_next_ends_it(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogued(tables, OTHER, PERSON)
    died = [0, 0]
    for after in range(100):
        version = upload(version=str(after))
        write(tables, version, PAGE)
        # By another workflow, as if it was catalogued beside that.
        record(version)
        with monkeypatch.context() as patch:
            dying(patch, after)
            try:
                index.index(tables, version)
            except Killed:
                half = Left(OLD.key, generation("uploads", OLD.key, str(after)), is_current=True)
                # All of it may be written, and not all that is older be gone.
                is_whole = version.key in are_whole(tables, [version, OTHER])
                assert (half in left(tables)) is not is_whole
                died[is_whole] += 1
            else:
                break
        index.index(tables, version)
        assert are_whole(tables, [version]) == {version.key}
        assert found(tables, "word7 word29") == [version.key]
    assert died[False] > 2
    assert list(left(tables)) == []


def test_what_comes_back_while_it_is_removed_stays(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogued(tables, OLD, PAGE)
    record(OLD, "DELETED")
    delete = tables.delete

    def restored(keys: Any, unless: Any = lambda: False) -> bool:
        record(OLD, "RECEIVED")
        return delete(keys, unless)

    monkeypatch.setattr(tables, "delete", restored)
    count = len(list(items()))
    assert index.remove(tables, OLD.key)
    assert len(list(items())) == count


@pytest.mark.parametrize("status", ["REJECTED", "DELETED"])
def test_a_run_that_lost_its_upload_leaves_nothing(tables: Tables, status: str) -> None:
    write(tables, OLD, PAGE)
    record(OLD, status)
    index.index(tables, OLD)
    assert list(items()) == []


def test_a_version_with_too_many_words_is_refused_each_time_and_what_is_left_of_it_is_known(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "MOST_TERMS", 5)
    write(tables, OLD, PAGE)
    record(OLD, "RECEIVED")
    for _ in range(2):
        with pytest.raises(Rejection, match="most_terms"):
            index.index(tables, OLD)
    record(OLD, "REJECTED")
    assert [each.key for each in index.left(tables)] == [OLD.key]
    index.remove(tables, OLD.key)
    assert list(items()) == []


def test_what_is_throttled_is_an_error_that_is_tried_again(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogued(tables, OLD, PERSON)
    lock(OLD)
    # These do not wait.
    monkeypatch.setattr(removal, "Tables", lambda *_: tables)
    monkeypatch.setattr(
        client("dynamodb"), "batch_write_item", lambda **asked: {"UnprocessedItems": asked["RequestItems"]}
    )
    with pytest.raises(ThrottledError):
        removed(OLD)
