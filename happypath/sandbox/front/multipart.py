"""A browser's form, read as it comes: its fields, then its file, which is the last that counts.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html
"""

from __future__ import annotations

from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Field, File, MultipartDecoder, NeedData

FILE = "file"


class MalformedFormError(ValueError):
    """The body is no form."""


class FieldsTooLargeError(ValueError):
    """The fields before the file have more than S3 takes."""


# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html
MOST_FIELDS_BYTES = 20_000


class Form:
    """What has come of a form so far."""

    def __init__(self, content_type: str | None) -> None:
        _, options = parse_options_header(content_type)
        self._decoder = MultipartDecoder(options.get("boundary", "").encode())
        self._name: str | None = None
        self._texts: dict[str, bytearray] = {}
        self._came_bytes = 0
        # Where the file begins in the body, once it has begun.
        self.file_at: int | None = None
        self.file_name = ""
        self.file_bytes = 0

    @property
    def fields(self) -> dict[str, str]:
        """The fields before the file, with names in lower case."""
        return {name: bytes(text).decode(errors="replace") for name, text in self._texts.items()}

    def file(self, body: bytes) -> bytes:
        """The file, from the body that has come."""
        start = self.file_at or 0
        return body[start : start + self.file_bytes]

    def feed(self, data: bytes) -> None:
        """Takes what came next; nothing more, at the end.

        Raises:
            MalformedFormError: this is no form.
            FieldsTooLargeError: it has too many fields, or too large ones.
        """
        self._came_bytes += len(data)
        self._decoder.receive_data(data or None)
        try:
            while not isinstance(event := self._decoder.next_event(), NeedData):
                if isinstance(event, Field | File):
                    self._begin(event)
                elif isinstance(event, Data):
                    self._take(event.data)
                elif not data:
                    return
        except ValueError as error:
            if isinstance(error, FieldsTooLargeError):
                raise
            raise MalformedFormError from error
        if self.file_at is None and self._came_bytes > MOST_FIELDS_BYTES:
            raise FieldsTooLargeError

    def _begin(self, part: Field | File) -> None:
        self._name = (part.name or "").lower()
        if self._name == FILE and self.file_at is None:
            # What ends the part's head is still to be taken.
            left = self._decoder.buffer
            self.file_at = self._came_bytes - len(left) + (2 if left.startswith(b"\r\n") else 1)
            if isinstance(part, File):
                self.file_name = part.filename.replace("\\", "/").rpartition("/")[2]
            if self.file_at > MOST_FIELDS_BYTES:
                raise FieldsTooLargeError
        elif self.file_at is not None or self._name in self._texts:
            # What comes after the file counts for nothing, and so does a field that is there already.
            self._name = None
        else:
            self._texts[self._name] = bytearray()

    def _take(self, data: bytes) -> None:
        if self._name == FILE:
            self.file_bytes += len(data)
        elif self._name is not None:
            self._texts[self._name] += data


def read(content_type: str | None, body: bytes) -> Form:
    """A form that has come whole.

    Raises:
        MalformedFormError, FieldsTooLargeError: it is none that S3 takes.
    """
    form = Form(content_type)
    form.feed(body)
    form.feed(b"")
    return form
