"""A browser's form, read as it comes: its fields, then its file, which is the last that counts.

werkzeug's decoder, given a line break in two pieces, takes a half of it for data, and the network cuts where
it likes.
https://www.rfc-editor.org/rfc/rfc7578
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html
"""

from __future__ import annotations

from werkzeug.http import parse_options_header

FILE = "file"
# What S3 takes before the file, and what is taken here behind it.
MOST_FIELDS_BYTES = 20_000
_BREAK = b"\r\n"
# The longest that the standard allows: https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1
_MOST_BOUNDARY = 70


class MalformedFormError(ValueError):
    """The body is no form."""


class FieldsTooLargeError(ValueError):
    """What is not of the file has more bytes than S3 takes."""


class Form:
    """What has come of a form so far."""

    def __init__(self, content_type: str | None) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get("boundary", "").encode("latin-1", "replace")
        self._delimiter = _BREAK + b"--" + boundary
        self._step = self._between if 0 < len(boundary) <= _MOST_BOUNDARY else self._refuse
        # The first delimiter needs no line before it.
        self._left = bytearray(_BREAK)
        self._taken_bytes = -len(_BREAK)
        self._text: bytearray | None = None
        self._texts: dict[str, bytearray] = {}
        self._in_file = False
        # Where the file begins in the body, once it has begun.
        self.file_at: int | None = None
        self.file_name = ""
        self.file_bytes = 0

    @property
    def fields(self) -> dict[str, str]:
        """The fields before the file, with names in lower case; of those of one name the first."""
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
        self._left += data
        while self._step():
            """Each takes something off what is left."""
        if not data and self._step != self._end:
            raise MalformedFormError
        came_bytes = self._taken_bytes + len(self._left)
        if came_bytes - (self.file_at or 0) - self.file_bytes > MOST_FIELDS_BYTES + len(self._delimiter):
            raise FieldsTooLargeError

    def _take(self, size: int) -> bytes:
        taken = bytes(self._left[:size])
        del self._left[:size]
        self._taken_bytes += size
        return taken

    # Each does a step, and returns whether there may be another with what has come.

    def _between(self) -> bool:
        """Takes data up to the next delimiter, and the delimiter."""
        at = self._left.find(self._delimiter)
        data = self._take(at if at >= 0 else len(self._left) - self._begun())
        if self._in_file:
            self.file_bytes += len(data)
        elif self._text is not None:
            self._text += data
        if at < 0:
            return False
        self._take(len(self._delimiter))
        self._step = self._behind_delimiter
        return True

    def _begun(self) -> int:
        """How many of the last bytes may be the beginning of a delimiter."""
        at = self._left.find(_BREAK[:1], max(0, len(self._left) - len(self._delimiter) + 1))
        while at >= 0 and not self._delimiter.startswith(self._left[at:]):
            at = self._left.find(_BREAK[:1], at + 1)
        return len(self._left) - at if at >= 0 else 0

    def _behind_delimiter(self) -> bool:
        """Takes the end of a delimiter's line, or of the form."""
        if len(self._left) < len(_BREAK):
            return False
        behind = self._take(len(_BREAK))
        if behind not in {_BREAK, b"--"}:
            raise MalformedFormError
        self._step = self._head if behind == _BREAK else self._end
        return True

    def _head(self) -> bool:
        """Takes a part's head."""
        at = self._left.find(2 * _BREAK)
        if at < 0:
            return False
        head = self._take(at + 2 * len(_BREAK))
        lines = (line.partition(":") for line in head.decode(errors="replace").split("\r\n"))
        headers = {name.strip().lower(): value.strip() for name, _, value in lines}
        kind, options = parse_options_header(headers.get("content-disposition"))
        if kind != "form-data" or "name" not in options:
            raise MalformedFormError
        self._begin(options["name"].lower(), options.get("filename", ""))
        self._step = self._between
        return True

    def _begin(self, name: str, file_name: str) -> None:
        self._text, self._in_file = None, False
        if self.file_at is not None or name in self._texts:
            # What comes after the file counts for nothing, and so does a field that is there already.
            return
        if name == FILE:
            self._in_file, self.file_at = True, self._taken_bytes
            self.file_name = file_name.replace("\\", "/").rpartition("/")[2]
            if self.file_at > MOST_FIELDS_BYTES:
                raise FieldsTooLargeError
        else:
            self._text = self._texts[name] = bytearray()

    def _end(self) -> bool:
        """Takes what is behind the form."""
        return bool(self._left) and bool(self._take(len(self._left)))

    def _refuse(self) -> bool:
        raise MalformedFormError


def read(content_type: str | None, body: bytes) -> Form:
    """A form that has come whole.

    Raises:
        MalformedFormError, FieldsTooLargeError: it is none that S3 takes.
    """
    form = Form(content_type)
    form.feed(body)
    form.feed(b"")
    return form
