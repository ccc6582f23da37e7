"""The objects of the upload bucket, any number of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from functions.upload import DRY_RUN, InvalidKeyError, parse_key, without_extension
from happypath.operations.installation import Installation
from happypath.operations.records import BATCH


@dataclass(frozen=True)
class StoredObject:
    """The current version of a key. `version` is None where the bucket kept none when it was uploaded."""

    bucket: str
    key: str
    version: str | None
    modified: datetime

    @property
    def former_sort_keys(self) -> tuple[str, ...]:
        """Where its record may be if it was made when ids had no extensions."""
        try:
            place_id, upload_id = parse_key(self.key)
        except InvalidKeyError:
            return (f"/{self.key}",)
        return without_extension(upload_id), f"{place_id}/{without_extension(upload_id)}"


def current_objects(
    installation: Installation, until: datetime | None = None, prefix: str = ""
) -> Iterator[StoredObject]:
    """What lies in the bucket, in the order of its keys; `until`: what was uploaded then or before.

    What `happypath compare` puts there for a while is left out.
    """
    bucket = installation.core["UploadBucket"]
    pages = installation.client("s3").get_paginator("list_object_versions")
    listed = pages.paginate(Bucket=bucket, Prefix=prefix)
    for version in (version for page in listed for version in page.get("Versions", [])):
        if not version["IsLatest"] or (until is not None and version["LastModified"] > until):
            continue
        key = version["Key"]
        if key.startswith(f"{DRY_RUN}/"):
            continue
        # "null" is the version of what was uploaded while the bucket kept none.
        version_id = None if version["VersionId"] == "null" else version["VersionId"]
        yield StoredObject(bucket, key, version_id, version["LastModified"])


def batches(objects: Iterable[StoredObject]) -> Iterator[list[StoredObject]]:
    """As many at once as `batch_get` takes."""
    rest = iter(objects)
    while batch := list(islice(rest, BATCH)):
        yield batch


def head(installation: Installation, bucket: str, key: str) -> Any:
    """The head of a key's current version; None if it is gone."""
    try:
        return installation.client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
