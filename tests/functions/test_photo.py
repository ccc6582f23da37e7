from __future__ import annotations

import io
import random
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.decision import Rejection
from functions.platform.aws import PhotoNotFoundError, client, task_error
from functions.platform.source_object import FIRST_BYTES, HEADER_BYTES, WHOLE_BYTES, S3File, open_photo
from functions.upload import Upload
from tests.functions.account import answering

UPLOAD = Upload("uploads", "park/photo.jpg", "park", "photo")
CONTENT = random.Random(7).randbytes(300_000)


@pytest.fixture(autouse=True)
def _bucket() -> None:
    client("s3").create_bucket(Bucket="uploads")


def put(content: bytes) -> str | None:
    return client("s3").put_object(Bucket=UPLOAD.bucket, Key=UPLOAD.key, Body=content).get("VersionId")


def test_nothing_is_fetched_before_it_is_read() -> None:
    with answering("GetObject") as calls:
        photo = open_photo(UPLOAD)
    assert not calls
    assert photo.bytes_fetched == 0
    assert photo.readable()
    assert photo.seekable()


def test_a_header_costs_one_request_of_64_kib() -> None:
    put(CONTENT)
    photo = open_photo(UPLOAD)
    with answering("GetObject") as calls:
        start = photo.read(30)
        photo.seek(60_000)
        later = photo.read(5_536)
    assert (start, later) == (CONTENT[:30], CONTENT[60_000:65_536])
    assert photo.bytes_fetched == FIRST_BYTES == 65_536
    assert photo.size_bytes == len(CONTENT)
    assert [call["Range"] for call in calls] == ["bytes=0-65535"]


def test_what_is_skipped_is_not_fetched() -> None:
    put(CONTENT)
    photo = open_photo(UPLOAD)
    photo.read(12)
    photo.seek(299_000)
    assert photo.read(10) == CONTENT[299_000:299_010]
    assert photo.bytes_fetched == FIRST_BYTES + 1_000


def test_reading_on_takes_fewer_and_larger_requests() -> None:
    content = CONTENT * 4
    put(content)
    photo = open_photo(UPLOAD)
    with answering("GetObject") as calls:
        pieces = list(iter(lambda: photo.read(1_000), b""))
    assert b"".join(pieces) == content
    assert len(calls) == 6
    assert photo.bytes_fetched == len(content)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 200_000),
    st.lists(
        st.tuples(
            st.sampled_from(["set", "by", "end"]), st.integers(-70_000, 210_000), st.integers(0, 90_000)
        )
    ),
)
def test_it_reads_as_a_file_in_memory_does(size: int, steps: list[tuple[str, int, int]]) -> None:
    client("s3").create_bucket(Bucket="uploads")
    put(CONTENT[:size])
    photo, memory = open_photo(UPLOAD), io.BytesIO(CONTENT[:size])
    whence = {"set": io.SEEK_SET, "by": io.SEEK_CUR, "end": io.SEEK_END}
    for how, offset, length in steps:
        start = {"set": 0, "by": memory.tell(), "end": size}[how]
        if start + offset < 0:
            with pytest.raises(ValueError, match="before the file's first byte"):
                photo.seek(offset, whence[how])
        else:
            assert photo.seek(offset, whence[how]) == memory.seek(start + offset)
        assert photo.read(length) == memory.read(length)
        assert photo.tell() == memory.tell()
    assert photo.read() == memory.read()
    assert photo.bytes_fetched <= 2 * size


@pytest.mark.parametrize("version", [False, True])
def test_an_empty_object_is_an_empty_file(version: bool) -> None:
    if version:
        enable_versions()
    photo = S3File(Upload("uploads", UPLOAD.key, "park", "photo", put(b"")))
    assert photo.read(30) == b""
    assert photo.size_bytes == 0
    assert photo.fetch() == b""
    assert photo.bytes_fetched == 0


def test_the_whole_object_is_one_request() -> None:
    put(CONTENT)
    photo = open_photo(UPLOAD)
    with answering("GetObject") as calls:
        assert photo.fetch() == CONTENT
    assert ["Range" in call for call in calls] == [False]


def test_a_small_object_is_fetched_once_for_header_and_whole() -> None:
    put(CONTENT[:1_000])
    photo = open_photo(UPLOAD)
    with answering("GetObject") as calls:
        photo.read(30)
        photo.seek(0)
        assert photo.read() == CONTENT[:1_000]
    assert len(calls) == 1


def test_a_header_that_costs_too_much_is_refused() -> None:
    put(bytes(HEADER_BYTES + 1_000))
    photo = open_photo(UPLOAD)
    photo.read(200_000)
    with pytest.raises(Rejection) as raised:
        list(iter(lambda: photo.read(4_096), b""))
    assert raised.value.decision.reason == "IMAGE_TOO_COMPLEX"
    assert photo.bytes_fetched == HEADER_BYTES
    # It is the reading bit by bit that costs too much, not the photo.
    assert len(photo.fetch()) == HEADER_BYTES + 1_000


def test_a_huge_object_is_refused_unread() -> None:
    put(b"first bytes")

    class Body:
        closed = False

        def close(self) -> None:
            self.closed = True

    body = Body()
    huge: dict[str, Any] = {"ContentLength": WHOLE_BYTES + 1, "ETag": '"x"', "Body": body}
    with answering("GetObject", huge), pytest.raises(Rejection) as raised:
        open_photo(UPLOAD).fetch()
    assert raised.value.decision.reason == "IMAGE_TOO_LARGE"
    assert raised.value.decision.detail == {"size_bytes": 200_000_001, "max_size_bytes": 200_000_000}
    assert body.closed


@pytest.mark.parametrize("then", ["read", "fetch"])
def test_an_object_replaced_while_it_is_read_is_gone(then: str) -> None:
    put(CONTENT)
    photo = open_photo(UPLOAD)
    photo.read(30)
    put(CONTENT[::-1])
    photo.seek(100_000)
    with pytest.raises(ClientError) as raised:
        photo.read(30) if then == "read" else photo.fetch()
    assert isinstance(task_error(raised.value), PhotoNotFoundError)


def test_a_version_stays_readable_when_the_object_is_replaced() -> None:
    enable_versions()
    first = put(CONTENT)
    photo = S3File(Upload("uploads", UPLOAD.key, "park", "photo", first))
    photo.read(30)
    put(CONTENT[::-1])
    photo.seek(100_000)
    assert photo.read(30) == CONTENT[100_000:100_030]
    assert photo.fetch() == CONTENT


def test_an_object_that_is_not_there_is_an_error_of_s3() -> None:
    with pytest.raises(ClientError) as raised:
        open_photo(UPLOAD).read(1)
    assert isinstance(task_error(raised.value), PhotoNotFoundError)


def enable_versions() -> None:
    client("s3").put_bucket_versioning(Bucket="uploads", VersioningConfiguration={"Status": "Enabled"})
