from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.upload import RENDITION_NAME_BYTES, InvalidKeyError, Upload, parse_key

# Names of one path segment, such as people give their files.
NAMES = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("key", "place_id", "upload_id"),
    [
        ("central-park/picnic.jpg", "central-park", "picnic.jpg"),
        ("central-park/picnic.JPG", "central-park", "picnic.JPG"),
        ("central-park/2026.05.01 picnic.jpeg", "central-park", "2026.05.01 picnic.jpeg"),
        ("central-park/no-extension", "central-park", "no-extension"),
        ("central-park/.jpg", "central-park", ".jpg"),
        ("café du coin/100%+crème brûlée.PNG", "café du coin", "100%+crème brûlée.PNG"),
        ("a%2Fb/c.jpg", "a%2Fb", "c.jpg"),
        ("place/..jpg", "place", "..jpg"),
        ("place/...", "place", "..."),
        ("place/trailing.", "place", "trailing."),
        ("Workflow/Listing", "Workflow", "Listing"),
        # The table's own name is `listing` and no longer.
        ("central-park/listing.jpg", "central-park", "listing.jpg"),
        ("p/" + "x" * 1001, "p", "x" * 1001),
        ("avatars/player-1/me.jpg", "avatars", "player-1/me.jpg"),
        ("a/b/c/d.jpg", "a", "b/c/d.jpg"),
    ],
)
def test_all_of_a_key_after_its_first_slash_is_the_upload_id(key: str, place_id: str, upload_id: str) -> None:
    assert parse_key(key) == (place_id, upload_id)


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        ("picnic.jpg", "no folder"),
        ("", "no folder"),
        ("place/folder/", "empty"),
        ("place//picnic.jpg", "empty"),
        ("place/", "empty"),
        ("/picnic.jpg", "empty"),
        # These would be read as, or written over, other items of the table.
        ("workflow/picnic.jpg", "reserved"),
        (".dry-run/picnic.jpg", "reserved"),
        ("central-park/listing", "reserved"),
        # These would be resolved away in the photo's address.
        ("../picnic.jpg", "reserved"),
        ("./picnic.jpg", "reserved"),
        ("central-park/..", "reserved"),
        ("central-park/.", "reserved"),
        ("central-park/../picnic.jpg", "reserved"),
        ("central-park/a/../../b.jpg", "reserved"),
        ("avatars/listing/me.jpg", "reserved"),
        ("p/" + "x" * 1002, "too long"),
        ("p/" + "é" * 501, "too long"),
        # As the name of a file that is not UTF-8.
        ("p/caf\udce9.jpg", "not Unicode"),
    ],
)
def test_what_is_no_upload_is_refused_with_the_reason(key: str, complaint: str) -> None:
    with pytest.raises(InvalidKeyError, match=complaint):
        parse_key(key)


@given(
    place_id=NAMES.filter(lambda name: name not in {"workflow", ".", "..", ".dry-run"}),
    upload_id=NAMES.filter(lambda name: name not in {"listing", ".", ".."}),
)
def test_any_names_survive_the_round_trip(place_id: str, upload_id: str) -> None:
    assert parse_key(f"{place_id}/{upload_id}") == (place_id, upload_id)


@given(key=st.text(st.characters(exclude_categories=["Cs"]), max_size=1100))
def test_whatever_is_accepted_leaves_room_for_its_renditions(key: str) -> None:
    try:
        place_id, upload_id = parse_key(key)
    except InvalidKeyError:
        return
    upload = Upload("bucket", key, place_id, upload_id)
    assert len(upload.rendition_key("x" * RENDITION_NAME_BYTES).encode()) <= 1024


@given(key=NAMES, place_id=NAMES, upload_id=NAMES, version_id=st.none() | NAMES, record=NAMES)
def test_an_upload_survives_its_way_through_the_state_machine(
    key: str, place_id: str, upload_id: str, version_id: str | None, record: str
) -> None:
    upload = Upload("bucket", key, place_id, upload_id, version_id, record)
    assert Upload.from_detail(json.loads(json.dumps(upload.as_detail()))) == upload


def test_the_record_is_the_keys_unless_said_otherwise() -> None:
    detail = {"bucket": "b", "key": "p/u.jpg", "placeId": "p", "ID": "u.jpg"}
    assert Upload.from_detail(detail).record == "p/u.jpg"
    assert Upload("b", "p/u.jpg", "p", "u.jpg").as_detail()["record"] == "p/u.jpg"
    # As in an execution that was started when ids had no extensions.
    assert Upload.from_detail({**detail, "ID": "u", "record": "u"}).record == "u"


def test_s3_is_asked_for_exactly_the_version() -> None:
    upload = Upload("bucket", "p/u.jpg", "p", "u")
    assert upload.object_version() == {"Bucket": "bucket", "Key": "p/u.jpg"}
    versioned = Upload("bucket", "p/u.jpg", "p", "u", "v1")
    assert versioned.object_version() == {"Bucket": "bucket", "Key": "p/u.jpg", "VersionId": "v1"}


def test_no_two_keys_share_a_rendition() -> None:
    keys = ("p/a.jpg", "p/a.JPG", "p/a", "p/a.jpg.jpg", "p/a.jpg-tile", "p/a.jpg/tile.jpg", "q/a.jpg")
    uploads = [Upload("b", key, *parse_key(key)) for key in keys]
    assert uploads[0].rendition_key("tile") == "p/a.jpg/tile.jpg"
    assert len({each.rendition_key(name) for each in uploads for name in ("tile", "scaled")}) == 2 * len(keys)
