"""An uploaded photo: which object it is, whose it is, and the workflow record that it fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Where `happypath compare` puts its photos, of which no event tells.
SHADOW = ".shadow"
# Names that already mean something where a place or an upload would stand: that one; the partition of the
# workflow records and the sort key of a place's own item in the table; a step up or none in the address of a
# photo.
_RESERVED_PLACES = {"workflow", ".", "..", SHADOW}
_RESERVED_UPLOADS = {"listing"}
# S3's limit. The keys of the renditions are longer than the upload's own.
_KEY_BYTES = 1024


class InvalidKeyError(ValueError):
    """An object key is not `<placeId>/<uploadId>.<ext>`; the message says what is wrong with it."""


def parse_key(key: str) -> tuple[str, str]:
    """Splits a key (not URL-encoded) into place id and upload id.

    The extension is what follows the last dot, and may be missing; an upload id may hold dots itself.

    >>> parse_key("central-park/2026.05.01 picnic.jpg")
    ('central-park', '2026.05.01 picnic')

    Raises:
        InvalidKeyError: the key has no place, no upload id, or more than one slash; one of them is a name
            that the table needs for itself; or the key leaves no room for the renditions' longer ones.
    """
    place_id, slash, name = key.partition("/")
    if not slash:
        raise InvalidKeyError("it has no folder: expected <placeId>/<uploadId>.<ext>")
    if "/" in name:
        raise InvalidKeyError("it has more than one slash: expected <placeId>/<uploadId>.<ext>")
    stem, dot, _ = name.rpartition(".")
    upload_id = stem if dot else name
    if not place_id or not upload_id:
        raise InvalidKeyError("its place or upload id is empty: expected <placeId>/<uploadId>.<ext>")
    if place_id in _RESERVED_PLACES or upload_id in _RESERVED_UPLOADS:
        raise InvalidKeyError("its place or upload id is a reserved name: choose another one")
    if len(f"{place_id}/{upload_id}-scaled.jpg".encode()) > _KEY_BYTES:
        raise InvalidKeyError(f"it is too long: its renditions' keys would have more than {_KEY_BYTES} bytes")
    return place_id, upload_id


@dataclass(frozen=True)
class Upload:
    """One version of one uploaded object, as the state machine's `detail` describes it."""

    bucket: str
    key: str
    place_id: str
    upload_id: str
    # The S3 version id; None in a bucket without versions.
    version_id: str | None = None
    # The sort key of the workflow record: the upload id, unless another place's upload took it first.
    record: str = ""
    # A rehearsal: it is decided as any other, and nothing is published, recorded or counted.
    shadow: bool = False

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any]) -> Upload:
        """Reads the `detail` that `start_execution` put into the execution's input."""
        return cls(
            bucket=detail["bucket"],
            key=detail["key"],
            place_id=detail["placeId"],
            upload_id=detail["ID"],
            version_id=detail.get("version"),
            record=detail.get("record") or detail["ID"],
            shadow=detail.get("shadow") is True,
        )

    def as_detail(self) -> dict[str, Any]:
        """The `detail` of an execution's input."""
        return {
            "bucket": self.bucket,
            "key": self.key,
            "placeId": self.place_id,
            "ID": self.upload_id,
            "version": self.version_id,
            "record": self.record or self.upload_id,
        }

    def rendition_key(self, rendition: str) -> str:
        """Where a rendition (`tile` or `scaled`) of this photo is published."""
        return f"{self.place_id}/{self.upload_id}-{rendition}.jpg"

    def object_version(self) -> dict[str, str]:
        """The arguments by which S3 names exactly this version."""
        arguments = {"Bucket": self.bucket, "Key": self.key}
        return arguments if self.version_id is None else {**arguments, "VersionId": self.version_id}
