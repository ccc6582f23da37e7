"""Plain text: UTF-8, UTF-16 with a byte order mark, or Windows-1252, which is Latin-1 and a little more."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import IO

from functions.decision import Reason, Rejection
from functions.document.file_type import unsupported
from functions.document.limits import Limits
from functions.document.part import Part, plain, sections

# No program writes these into text; files of other kinds are full of them.
_BINARY = re.compile("[\0-\x06\x0e-\x19\x1c-\x1f]")
_MOST_BYTES_OF_ONE = 4


def parts(file: IO[bytes], kind: str | None, limits: Limits) -> Iterator[Part]:
    """The sections of a text; `kind` is the type that its first bytes are the sign of, if it is none.

    Raises:
        Rejection: UNSUPPORTED_TYPE for what is no text, TOO_MUCH_TEXT.
    """
    most = limits.max_characters * _MOST_BYTES_OF_ONE
    data = file.read(most + 1)
    text = decoded(data[:most], whole=len(data) <= most)
    if text is None:
        raise unsupported(kind)
    if len(data) > most:
        raise Rejection.because(Reason.TOO_MUCH_TEXT, max_characters=limits.max_characters)
    yield from sections(plain(text).split("\n"))


def decoded(data: bytes, *, whole: bool = True) -> str | None:
    r"""A text from its bytes, unless `whole` but for the last character; None if they are none.

    >>> decoded(b"\xff\xfeA\0"), decoded(b"caf\xe9"), decoded(b"\x89PNG\r\n\x1a\n\0")
    ('A', 'café', None)
    """
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return _text(data, encoding, whole)
    # What has no byte order mark, and is not valid as UTF-8, is in all likelihood older than UTF-8.
    text = _text(data, "utf-8", whole)
    return _text(data, "cp1252", whole) if text is None else text


def _text(data: bytes, encoding: str, whole: bool) -> str | None:
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data, whole)
    except UnicodeDecodeError:
        return None
    return None if _BINARY.search(text) else text
