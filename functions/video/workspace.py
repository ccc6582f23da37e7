"""What the tasks of one execution leave for each other: objects below a prefix of a private bucket.

Nobody else reads them. They are removed before the execution ends; what is left of one that failed or was
stopped expires after a week. A dry run has its own.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from functions.platform.aws import client, keeping_work

_PART_BYTES = 1024 * 1024


class Workspace:
    """The objects of one execution.

    All methods raise botocore.exceptions.ClientError or BotoCoreError where S3 fails.
    """

    def __init__(self, bucket: str, execution_arn: str) -> None:
        self._bucket = bucket
        self._prefix = f"{hashlib.sha256(execution_arn.encode()).hexdigest()}/"

    def write(self, name: str, value: Any) -> None:
        """Keeps a JSON value."""
        body = json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
        self._put(name, Body=body, ContentType="application/json")

    def read(self, name: str) -> Any:
        """A JSON value that must be there."""
        return json.loads(self.read_bytes(name))

    def read_bytes(self, name: str) -> bytes:
        """A small file that must be there."""
        answer = client("s3").get_object(Bucket=self._bucket, Key=self._prefix + name)
        with answer["Body"] as body:
            return body.read()

    def names(self, folder: str) -> list[str]:
        """What is kept in a folder, which ends in a slash."""
        pages = client("s3").get_paginator("list_objects_v2")
        return [
            each["Key"].removeprefix(self._prefix)
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + folder)
            for each in page.get("Contents", [])
        ]

    def read_if_any(self, name: str) -> Any:
        """A JSON value; None when there is none."""
        try:
            return self.read(name)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "NoSuchKey":
                raise
            return None

    def put(self, name: str, file: Path) -> None:
        """Keeps a file, which is not read into memory."""
        with file.open("rb") as body:
            self._put(name, Body=body)

    def _put(self, name: str, **more: Any) -> None:
        with keeping_work():
            client("s3").put_object(Bucket=self._bucket, Key=self._prefix + name, **more)

    def get(self, name: str, file: Path) -> None:
        """Writes a file that must be there to disk, part by part."""
        answer = client("s3").get_object(Bucket=self._bucket, Key=self._prefix + name)
        with closing(answer["Body"]) as body, file.open("wb") as written:
            for part in body.iter_chunks(_PART_BYTES):
                written.write(part)

    def clear(self) -> int:
        """Removes all of it; returns how many objects that were."""
        removed = 0
        # What is removed is in no further list.
        while found := client("s3").list_objects_v2(Bucket=self._bucket, Prefix=self._prefix).get("Contents"):
            for each in found:
                with keeping_work():
                    client("s3").delete_object(Bucket=self._bucket, Key=each["Key"])
            removed += len(found)
        return removed
