"""An uploaded photo in S3 as a file, of which only what is read is fetched."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from functions.decision import Reason, Rejection
from functions.platform.aws import client
from functions.platform.observability import subsegment

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

    from functions.upload import Upload

# The header of nearly every photo lies within; a larger first answer would only cost more.
FIRST_BYTES = 64 * 1024
# What is fetched where something was skipped: the next part of a header says where the one after it is.
PART_BYTES = 8 * 1024
# What reading bit by bit may cost, in all. What readers skip costs nothing, so no real header comes near it.
HEADER_BYTES = 8 * 1024 * 1024
# What fetching a photo whole may cost. A photo of 100 megapixels has some 50 MB as a JPEG, 150 MB as a PNG.
WHOLE_BYTES = 200_000_000


def open_photo(upload: Upload) -> S3File:
    """The photo of an upload as a file; nothing is fetched yet."""
    return S3File(upload)


class SeekableFile(io.IOBase):
    """What files that are fetched bit by bit have in common: where the next read begins."""

    _position = 0

    @property
    def size_bytes(self) -> int:
        """The size of the whole object."""
        raise NotImplementedError

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes, without a request."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Sets where the next read begins; beyond the end there is nothing to read."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}
        position = offset + (self.size_bytes if whence == io.SEEK_END else start[whence])
        if position < 0:
            raise ValueError(f"cannot seek to {position}, before the file's first byte")
        self._position = position
        return position


class S3File(SeekableFile, io.BufferedIOBase):
    """One version of one S3 object, as a file to read and seek in.

    The first read fetches 64 KiB; a later one fetches more, only where it needs bytes that are not there yet:
    in growing blocks where it reads on, and 8 KiB where something was skipped. Where the upload names no
    version, all that is read is of the version that the first answer came from.

    Raises:
        Rejection: while reading: IMAGE_TOO_COMPLEX when reading bit by bit has cost 8 MiB, IMAGE_TOO_LARGE
        when
            the whole file has more than 200 MB.
        botocore.exceptions.ClientError: while reading: S3 answers with an error; `PreconditionFailed` where
            the object was replaced since the first read.
        botocore.exceptions.BotoCoreError: while reading: S3 could not be reached, or its answer broke off.
    """

    def __init__(self, upload: Upload) -> None:
        # All bytes that S3 sent, those of repeated reads included.
        self.bytes_fetched = 0
        self._which = upload.object_version()
        self._blocks: list[tuple[int, bytes]] = []
        self._block_bytes = FIRST_BYTES
        self._size: int | None = None
        self._last_modified: datetime | None = None

    @property
    def size_bytes(self) -> int:
        """The size of the whole object; fetches its first bytes when nothing was read yet."""
        if self._size is None:
            self._fetch_block(0, FIRST_BYTES)
        return self._size or 0

    @property
    def last_modified(self) -> datetime:
        """When it was uploaded; fetches its first bytes when nothing was read yet.

        Raises:
            Rejection: CORRUPT_IMAGE: it is empty, of which S3 says nothing when asked for its first bytes.
        """
        if self._last_modified is None:
            self._fetch_block(0, FIRST_BYTES)
        if self._last_modified is None:
            raise Rejection.because(Reason.CORRUPT_IMAGE, message="The file is empty.")
        return self._last_modified

    def read(self, size: int | None = -1, /) -> bytes:
        """The next `size` bytes, fewer only at the end; without a size all that follow, by one request."""
        if size is None or size < 0:
            data = self.fetch()[self._position :]
            self._position += len(data)
            return data
        end = min(self._position + size, self.size_bytes)
        parts = []
        while self._position < end:
            start, block = self._block_at(self._position, end)
            part = block[self._position - start : end - start]
            self._position += len(part)
            parts.append(part)
        return b"".join(parts)

    def fetch(self) -> bytes:
        """The whole object, by one request unless it is there already. It is not kept here."""
        if self._size is not None and sum(len(block) for _, block in self._blocks) == self._size:
            return b"".join(block for _, block in sorted(self._blocks))
        with subsegment("fetch") as work:
            answer = client("s3").get_object(**self._which)  # type: ignore[arg-type]  # mypy cannot see the keys
            size = answer["ContentLength"]
            work.note(size_bytes=size)
            if size > WHOLE_BYTES:
                answer["Body"].close()
                raise Rejection.because(Reason.IMAGE_TOO_LARGE, size_bytes=size, max_size_bytes=WHOLE_BYTES)
            self._remember(answer, size)
            return self._body(answer)

    def _block_at(self, position: int, end: int) -> tuple[int, bytes]:
        """A block that holds the position. If it must be fetched, it reaches to `end` or the next block."""
        for start, block in self._blocks:
            if start <= position < start + len(block):
                return start, block
        until = min([start for start, _ in self._blocks if start > position], default=self.size_bytes)
        wanted = min(end, until) - position
        left = HEADER_BYTES - sum(len(block) for _, block in self._blocks)
        if wanted > left:
            raise Rejection.because(
                Reason.IMAGE_TOO_COMPLEX,
                message=f"The photo's header takes more than {HEADER_BYTES} bytes to read. "
                "Save it anew, without metadata.",
            )
        reads_on = any(start + len(block) == position for start, block in self._blocks)
        usual = self._block_bytes if reads_on else PART_BYTES
        if reads_on:
            self._block_bytes *= 2
        block = self._fetch_block(position, min(max(wanted, usual), until - position, left))
        return position, block

    def _fetch_block(self, start: int, size: int) -> bytes:
        with subsegment("fetch") as work:
            try:
                answer = client("s3").get_object(
                    **self._which,  # type: ignore[arg-type]  # mypy cannot see the keys
                    Range=f"bytes={start}-{start + size - 1}",
                )
            except ClientError as error:
                # An empty object has no first byte.
                if start or error.response.get("Error", {}).get("Code") != "InvalidRange":
                    raise
                self._size = 0
                return b""
            # "bytes 0-65535/183584"
            self._remember(answer, int(answer["ContentRange"].rpartition("/")[2]))
            block = self._body(answer)
            work.note(size_bytes=self._size or 0, bytes_fetched=len(block))
        self._blocks.append((start, block))
        return block

    def _remember(self, answer: GetObjectOutputTypeDef, size: int) -> None:
        self._size = size
        self._last_modified = answer["LastModified"]
        if "VersionId" not in self._which:
            self._which["IfMatch"] = answer["ETag"]

    def _body(self, answer: GetObjectOutputTypeDef) -> bytes:
        with answer["Body"] as body:
            data = body.read()
        self.bytes_fetched += len(data)
        return data
