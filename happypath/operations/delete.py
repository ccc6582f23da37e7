"""Uploads are deleted: their object goes, and the stack `deletion` removes what was published of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from happypath.errors import ExpectedError
from happypath.operations.installation import Installation, renditions
from happypath.operations.records import UploadNameError, find, is_there

STACK = "deletion"


class DeletionError(ExpectedError):
    """Something cannot be deleted, or is not gone yet; the message says why, and what to do."""


@dataclass(frozen=True)
class Deletable:
    """An upload as it is before it is deleted, and what goes with it.

    `status` is None while there is no record of it; `renditions` are keys of the distribution bucket.
    """

    key: str
    status: str | None
    version: str | None
    has_item: bool
    renditions: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The element of `delete --json`."""
        return {
            "key": self.key,
            "was": self.status,
            "version": self.version,
            "item": self.has_item,
            "renditions": list(self.renditions),
        }

    def __str__(self) -> str:
        """What goes, in a few words.

        >>> str(Deletable("p/a.jpg", "PROCESSED", "v", True, ("p/a.jpg/tile.jpg",)))
        'its item at the place and 1 rendition'
        """
        number = len(self.renditions)
        parts = ["its item at the place"] if self.has_item else []
        parts += [f"{number} rendition{'s' if number > 1 else ''}"] if number else []
        return " and ".join(parts) or "nothing was published of it"


def look(installation: Installation, name: str) -> Deletable:
    """What goes with an upload, named as `happypath show` takes it, or by the whole key of an object.

    Raises:
        UploadNameError: there is no such upload and no such object, or more than one.
        DeletionError: the object is gone already; or what is published would stay, for want of the stack.
    """
    try:
        record: dict[str, Any] | None = find(installation, name)
    except UploadNameError:
        # It may wait for a workflow, and have no record yet.
        if not is_there(installation, name):
            raise
        record = None
    key = name if record is None else str(record["key"])
    if record is not None and not is_there(installation, key):
        raise DeletionError(_why_gone(key, record))
    if not installation.is_deployed(STACK):
        raise DeletionError(
            f"What is published of {key} would stay: `happypath deploy {STACK}` makes what removes it."
        )
    item = None if record is None else installation.shown(record)
    return Deletable(
        key,
        None if record is None else str(record["objStatus"]),
        None if record is None else record.get("version"),
        item is not None,
        () if record is None else tuple(renditions(record, item).values()),
    )


def _why_gone(key: str, record: dict[str, Any]) -> str:
    if record["objStatus"] in {"DELETED", "REJECTED"} and "deletion" not in record:
        return f"{key} is {'deleted' if record['objStatus'] == 'DELETED' else 'refused and gone'} already."
    return f"The object {key} is gone already; `happypath reconcile --fix` removes what is left of it."


def delete(installation: Installation, upload: Deletable) -> None:
    """Deletes the object: its versions stay as long as the bucket keeps them, and nothing shows them."""
    installation.client("s3").delete_object(Bucket=installation.core["UploadBucket"], Key=upload.key)


def is_gone(installation: Installation, upload: Deletable) -> bool:
    """Whether nothing of an upload is published any longer."""
    record = installation.record(upload.key)
    if record is None:
        # It is never started: when its turn comes it is found gone.
        return upload.status is None
    if record.get("version") != upload.version:
        # Uploaded again meanwhile, or claimed in the moment in which it was deleted.
        return record["objStatus"] == "DELETED" or upload.version is not None
    return record["objStatus"] == "DELETED" and "deletion" not in record


def wait(installation: Installation, upload: Deletable, timeout_s: float, every_s: float = 0.5) -> None:
    """Waits until nothing of a deleted upload is published any longer.

    Raises:
        DeletionError: it took longer.
    """
    deadline = time.monotonic() + timeout_s
    while not is_gone(installation, upload):
        if time.monotonic() > deadline:
            raise DeletionError(
                f"After {timeout_s:g} s not all of {upload.key} is gone: `happypath reconcile` tells of "
                f"deletions that are stuck, and {installation.prefix}-{STACK} in Step Functions why."
            )
        time.sleep(every_s)
