"""Of two executions that publish under the same keys, the one that owns the record has its files there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.platform.aws import ServiceUnavailableError, client
from functions.publish import distribution
from functions.upload import Upload
from tests.functions.account import TABLE, answering, error, make_table, put

UPLOAD = Upload("uploads", "p/u.jpg", "p", "u.jpg", "version")
OLDER, NEWER = "arn:execution:older", "arn:execution:newer"
KEYS = ("p/u.jpg/tile.jpg", "p/u.jpg/scaled.jpg")


@pytest.fixture(autouse=True)
def _account() -> None:
    client("s3").create_bucket(Bucket="distribution")
    make_table()
    own(OLDER)


def own(execution: str) -> None:
    put("workflow", "p/u.jpg", executionArn=execution)


def publish(execution: str) -> bool:
    jpegs = {key: f"{execution} {key}".encode() for key in KEYS}
    return distribution.publish(UPLOAD, execution, jpegs, bucket="distribution", table_name=TABLE)


def publishers() -> set[str]:
    """Whose files there are."""
    listed = client("s3").list_objects_v2(Bucket="distribution").get("Contents", [])
    bodies = (
        client("s3").get_object(Bucket="distribution", Key=each["Key"])["Body"].read() for each in listed
    )
    return {body.decode().partition(" ")[0] for body in bodies}


def meanwhile(happens: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Something happens once, right after an execution was told that it owns the record."""
    owns = distribution._owns
    done: list[bool] = []

    def owns_and_then(*arguments: str) -> bool:
        answer = owns(*arguments)  # type: ignore[arg-type]
        if not done:
            done.append(True)
            happens()
        return answer

    monkeypatch.setattr(distribution, "_owns", owns_and_then)


def test_the_owner_publishes_and_may_do_so_again() -> None:
    assert publish(OLDER)
    assert publish(OLDER)

    assert publishers() == {OLDER}
    head = client("s3").head_object(Bucket="distribution", Key=KEYS[0])
    assert (head["ContentType"], head["CacheControl"]) == ("image/jpeg", "public, max-age=3600")


@pytest.mark.parametrize("key", ["p/u.jpg/redacted.html", "p/u.jpg/redacted.svg", "p/u.jpg/redacted"])
def test_what_a_browser_could_run_is_never_published(key: str) -> None:
    with pytest.raises(ValueError, match="Nothing is published as"):
        distribution.publish(UPLOAD, OLDER, {key: b"<script>"}, bucket="distribution", table_name=TABLE)
    assert not publishers()


def test_the_record_is_read_as_it_is_now_and_not_as_it_was_a_moment_ago() -> None:
    asked: list[dict[str, Any]] = []
    events = client("dynamodb").meta.events
    listener = "provide-client-params.dynamodb.GetItem"
    events.register(listener, remember := lambda params, **_: asked.append(params))
    try:
        publish(OLDER)
    finally:
        events.unregister(listener, remember)

    assert [each["ConsistentRead"] for each in asked] == [True]


def test_who_does_not_own_the_record_publishes_nothing() -> None:
    assert not publish(NEWER)
    client("dynamodb").delete_item(TableName=TABLE, Key={"PK": {"S": "workflow"}, "SK": {"S": "p/u.jpg"}})
    assert not publish(OLDER)

    assert publishers() == set()


def test_a_newer_upload_replaces_what_an_older_one_published() -> None:
    publish(OLDER)
    own(NEWER)
    assert publish(NEWER)
    assert not publish(OLDER)

    assert publishers() == {NEWER}


@pytest.mark.parametrize("was_there", [False, True])
def test_an_older_one_that_asked_in_time_does_not_write_over_a_newer_one(
    was_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if was_there:
        publish(OLDER)

    def take_over() -> None:
        own(NEWER)
        assert publish(NEWER)

    meanwhile(take_over, monkeypatch)
    assert not publish(OLDER)

    assert publishers() == {NEWER}


def test_what_an_older_one_writes_at_the_last_moment_does_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    own(NEWER)

    def write_late() -> None:
        own(OLDER)
        assert publish(OLDER)
        own(NEWER)

    meanwhile(write_late, monkeypatch)
    assert publish(NEWER)

    assert publishers() == {NEWER}


def test_what_is_gone_by_the_time_it_is_replaced_is_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    publish(OLDER)
    own(NEWER)
    with answering("PutObject", error("NoSuchKey", "PutObject", 404)):
        assert publish(NEWER)

    assert publishers() == {NEWER}


def test_there_is_an_end_to_trying() -> None:
    conflict = error("ConditionalRequestConflict", "PutObject", 409)
    with (
        answering("PutObject", *[conflict] * 20),
        pytest.raises(ServiceUnavailableError, match="5 times"),
    ):
        publish(OLDER)


def test_what_is_refused_is_told() -> None:
    with (
        answering("PutObject", error("AccessDenied", "PutObject", 403)),
        pytest.raises(ClientError, match="AccessDenied"),
    ):
        publish(OLDER)


def test_an_execution_whose_upload_was_deleted_writes_nothing_more() -> None:
    put("workflow", "p/u.jpg", executionArn=OLDER, objStatus="DELETED")
    assert not publish(OLDER)
    assert publishers() == set()
