from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.upload import InvalidKeyError, Upload, parse_key

# Names of one path segment, such as people give their files.
NAMES = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("key", "place_id", "upload_id"),
    [
        ("central-park/picnic.jpg", "central-park", "picnic"),
        ("central-park/2026.05.01 picnic.jpeg", "central-park", "2026.05.01 picnic"),
        ("central-park/no-extension", "central-park", "no-extension"),
        ("café du coin/100%+crème brûlée.PNG", "café du coin", "100%+crème brûlée"),
        ("a%2Fb/c.jpg", "a%2Fb", "c"),
        ("place/..jpg", "place", "."),
        ("place/trailing.", "place", "trailing"),
        ("Workflow/Listing.jpg", "Workflow", "Listing"),
    ],
)
def test_a_key_is_split_at_its_slash_and_its_last_dot(key: str, place_id: str, upload_id: str) -> None:
    assert parse_key(key) == (place_id, upload_id)


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        ("picnic.jpg", "no folder"),
        ("", "no folder"),
        ("a/b/c.jpg", "more than one slash"),
        ("place/folder/", "more than one slash"),
        ("place/", "empty"),
        ("/picnic.jpg", "empty"),
        ("place/.jpg", "empty"),
        # These would be read as, or written over, other items of the table.
        ("workflow/picnic.jpg", "reserved"),
        (".shadow/picnic.jpg", "reserved"),
        ("central-park/listing.jpg", "reserved"),
        # These would be resolved away in the photo's address.
        ("../picnic.jpg", "reserved"),
        ("./picnic.jpg", "reserved"),
        ("p/" + "x" * 1018 + ".jpg", "too long"),
    ],
)
def test_what_is_no_upload_is_refused_with_the_reason(key: str, complaint: str) -> None:
    with pytest.raises(InvalidKeyError, match=complaint):
        parse_key(key)


@given(
    place_id=NAMES.filter(lambda name: name not in {"workflow", ".", "..", ".shadow"}),
    upload_id=NAMES.filter(lambda name: name != "listing"),
    extension=st.sampled_from(["jpg", "JPG", "png", "webp", ""]),
)
def test_any_names_survive_the_round_trip(place_id: str, upload_id: str, extension: str) -> None:
    assert parse_key(f"{place_id}/{upload_id}.{extension}") == (place_id, upload_id)


@given(key=st.text(st.characters(exclude_categories=["Cs"]), max_size=1100))
def test_whatever_is_accepted_leaves_room_for_its_renditions(key: str) -> None:
    try:
        place_id, upload_id = parse_key(key)
    except InvalidKeyError:
        return
    upload = Upload("bucket", key, place_id, upload_id)
    for rendition in ("tile", "scaled"):
        assert len(upload.rendition_key(rendition).encode()) <= 1024


@given(key=NAMES, place_id=NAMES, upload_id=NAMES, version_id=st.none() | NAMES, record=NAMES)
def test_an_upload_survives_its_way_through_the_state_machine(
    key: str, place_id: str, upload_id: str, version_id: str | None, record: str
) -> None:
    upload = Upload("bucket", key, place_id, upload_id, version_id, record)
    assert Upload.from_detail(json.loads(json.dumps(upload.as_detail()))) == upload


def test_the_record_is_the_upload_id_unless_said_otherwise() -> None:
    detail = {"bucket": "b", "key": "p/u.jpg", "placeId": "p", "ID": "u"}
    assert Upload.from_detail(detail).record == "u"
    assert Upload("b", "p/u.jpg", "p", "u").as_detail()["record"] == "u"
    assert Upload.from_detail({**detail, "record": "p/u"}).record == "p/u"


def test_s3_is_asked_for_exactly_the_version() -> None:
    upload = Upload("bucket", "p/u.jpg", "p", "u")
    assert upload.object_version() == {"Bucket": "bucket", "Key": "p/u.jpg"}
    versioned = Upload("bucket", "p/u.jpg", "p", "u", "v1")
    assert versioned.object_version() == {"Bucket": "bucket", "Key": "p/u.jpg", "VersionId": "v1"}


def test_a_rendition_keeps_the_dots_of_its_upload() -> None:
    assert Upload("b", "p/a.b.jpg", "p", "a.b").rendition_key("tile") == "p/a.b-tile.jpg"
