"""An uploaded photo: which object it is, whose it is, and the workflow record that it fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

# Where `happypath compare` puts its photos, of which no event tells.
DRY_RUN = ".dry-run"
# Names that already mean something where a place or an upload would stand: that one; the partition of the
# workflow records and the sort key of a place's own item in the table; a step up or none in the address of a
# photo.
_RESERVED_PLACES = {"workflow", ".", "..", DRY_RUN}
_RESERVED_UPLOADS = {"listing", ".", ".."}
# S3's limit, and DynamoDB's for a sort key. The keys of the renditions are longer than the upload's own.
KEY_BYTES = 1024
RENDITION_NAME_BYTES = 16
_MOST_BYTES = KEY_BYTES - RENDITION_NAME_BYTES - len("/.jpg")


class InvalidKeyError(ValueError):
    """An object key is not `<placeId>/<uploadId>`; the message says what is wrong with it."""


def is_key(text: str) -> bool:
    """Whether S3 can have an object of this key, or the table a record of it, whatever it means.

    An argument that is not UTF-8 comes with surrogates in place of its bytes: no key has any.
    """
    try:
        return 0 < len(text.encode()) <= KEY_BYTES
    except UnicodeEncodeError:
        return False


def parse_key(key: str) -> tuple[str, str]:
    """Splits a key (not URL-encoded) into place id and upload id.

    The upload id is all that follows the first slash, the extension and its case too, so that no two keys
    have one in common: `IMG_1.JPG`, `IMG_1.jpg` and `IMG_1.JPG.xmp` are three uploads of a place.

    >>> parse_key("central-park/2026.05.01 picnic.jpg")
    ('central-park', '2026.05.01 picnic.jpg')
    >>> parse_key("avatars/player-1/me.jpg")
    ('avatars', 'player-1/me.jpg')

    Raises:
        InvalidKeyError: the key has no place or no upload id, or an empty part between slashes; one of its
            parts is a name that is needed for something else; or the key leaves no room for the renditions'
            longer ones.
    """
    place_id, slash, upload_id = key.partition("/")
    if not slash:
        raise InvalidKeyError("it has no folder: expected <placeId>/<uploadId>")
    parts = upload_id.split("/")
    if not place_id or not all(parts):
        raise InvalidKeyError("a part of it is empty: expected <placeId>/<uploadId>")
    if place_id in _RESERVED_PLACES or not _RESERVED_UPLOADS.isdisjoint(parts):
        raise InvalidKeyError("a part of it is a reserved name: choose another one")
    try:
        size_bytes = len(key.encode())
    except UnicodeEncodeError:
        raise InvalidKeyError("it is not Unicode text") from None
    if size_bytes > _MOST_BYTES:
        raise InvalidKeyError(
            f"it is too long: at most {_MOST_BYTES} bytes leave room for its renditions' keys"
        )
    return place_id, upload_id


def rendition_key(key: str, rendition: str, extension: str = "jpg") -> str:
    """Where a rendition of the photo with this key, such as `tile`, is published.

    What was published of an upload is in its record; nobody works it out from the names there.

    >>> rendition_key("central-park/picnic.jpg", "tile")
    'central-park/picnic.jpg/tile.jpg'
    >>> rendition_key("central-park/picnic.jpg", "redacted", "webp")
    'central-park/picnic.jpg/redacted.webp'
    """
    return f"{key}/{rendition}.{extension}"


def published_url(distribution_url: str, key: str) -> str:
    """The address under which a rendition is served.

    >>> published_url("https://photos.example.com/", "central-park/a b.jpg/tile.jpg")
    'https://photos.example.com/central-park/a%20b.jpg/tile.jpg'
    """
    return f"{distribution_url.rstrip('/')}/{quote(key)}"


def published_renditions(distribution_url: str, keys: Mapping[str, str]) -> list[dict[str, str]]:
    """The names and addresses of renditions, by their keys: `name` and `url`."""
    return [{"name": name, "url": published_url(distribution_url, keys[name])} for name in sorted(keys)]


def without_extension(upload_id: str) -> str:
    """What an upload id was before extensions were part of it, and still is in some events.

    >>> without_extension("2026.05.01 picnic.jpg")
    '2026.05.01 picnic'
    """
    stem, dot, _ = upload_id.rpartition(".")
    return stem if dot else upload_id


@dataclass(frozen=True)
class Upload:
    """One version of one uploaded object, as the state machine's `detail` describes it."""

    bucket: str
    key: str
    place_id: str
    upload_id: str
    # The S3 version id; None in a bucket without versions.
    version_id: str | None = None
    # The sort key of the workflow record, which is the key. Only an execution that was started when ids had
    # no extensions names another.
    record: str = ""
    # A rehearsal: it is decided as any other, and nothing is published, recorded or counted.
    dry_run: bool = False
    # The workflow that it went to, where an execution's input says so.
    workflow: str = ""

    def __post_init__(self) -> None:
        if not self.record:
            object.__setattr__(self, "record", self.key)

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any]) -> Upload:
        """Reads the `detail` that `start_execution` put into the execution's input."""
        return cls(
            bucket=detail["bucket"],
            key=detail["key"],
            place_id=detail["placeId"],
            upload_id=detail["ID"],
            version_id=detail.get("version"),
            record=detail.get("record") or "",
            dry_run=detail.get("dryRun") is True,
            workflow=detail.get("workflow") or "",
        )

    def as_detail(self) -> dict[str, Any]:
        """The `detail` of an execution's input."""
        return {
            "bucket": self.bucket,
            "key": self.key,
            "placeId": self.place_id,
            "ID": self.upload_id,
            "version": self.version_id,
            "record": self.record,
        }

    def rendition_key(self, rendition: str, extension: str = "jpg") -> str:
        """Where a rendition of this photo, such as `tile`, is published."""
        return rendition_key(self.key, rendition, extension)

    def object_version(self) -> dict[str, str]:
        """The arguments by which S3 names exactly this version."""
        arguments = {"Bucket": self.bucket, "Key": self.key}
        return arguments if self.version_id is None else {**arguments, "VersionId": self.version_id}
