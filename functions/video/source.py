"""An uploaded film in S3 as a file, of which only what is read is fetched, and little is kept."""

from __future__ import annotations

import io
from collections import OrderedDict

from botocore.exceptions import ClientError

from functions.platform.aws import client
from functions.platform.observability import subsegment
from functions.platform.source_object import SeekableFile
from functions.upload import Upload

# What one request fetches: read on, a film costs few requests; skipped through, few bytes.
_BLOCK_BYTES = 2 * 1024 * 1024
# Films are read at a few places in turn: an index, pictures, sound.
_BLOCKS = 8


class S3Film(SeekableFile, io.RawIOBase):
    """One version of one S3 object, as a file to read and seek in; 16 MiB of it are kept at most.

    Where the upload names no version, all that is read is of the version that the first answer came from.

    Raises:
        botocore.exceptions.ClientError: while reading: S3 answers with an error; `PreconditionFailed` where
            the object was replaced since the first read.
        botocore.exceptions.BotoCoreError: while reading: S3 could not be reached, or its answer broke off.
    """

    def __init__(self, upload: Upload) -> None:
        self._which = upload.object_version()
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._size = 0
        # A film that is not there shows here in the trace. Of further blocks there would be too many.
        with subsegment("fetch") as work:
            self._block(0)
            work.note(size_bytes=self._size)

    @property
    def size_bytes(self) -> int:
        """The size of the whole object."""
        return self._size

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, as many as are asked for or, at the end of what one request fetches, fewer."""
        if self._position >= self._size:
            return b""
        number, skipped = divmod(self._position, _BLOCK_BYTES)
        block = self._block(number)
        data = block[skipped:] if size < 0 else block[skipped : skipped + size]
        self._position += len(data)
        return data

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        start = number * _BLOCK_BYTES
        try:
            answer = client("s3").get_object(
                **self._which,  # type: ignore[arg-type]  # mypy cannot see the keys
                Range=f"bytes={start}-{start + _BLOCK_BYTES - 1}",
            )
        except ClientError as error:
            # An empty object has no first byte.
            if start or error.response.get("Error", {}).get("Code") != "InvalidRange":
                raise
            return b""
        if "VersionId" not in self._which:
            self._which["IfMatch"] = answer["ETag"]
        # "bytes 0-65535/183584"
        self._size = int(answer["ContentRange"].rpartition("/")[2])
        with answer["Body"] as body:
            self._blocks[number] = body.read()
        if len(self._blocks) > _BLOCKS:
            self._blocks.popitem(last=False)
        return self._blocks[number]
