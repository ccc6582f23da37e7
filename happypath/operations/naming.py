"""How a photo on this machine is named as an upload."""

from __future__ import annotations

import os
from pathlib import Path

from functions.upload import InvalidKeyError, parse_key


def upload_name(photo: Path, place_id: str, before: str) -> tuple[str, str]:
    """The upload id and the key for a photo of a place: the file's own name, with `before` before it.

    So whoever looks for the file's name finds it as a part of the key.

    >>> upload_name(Path("Pictures/a.b.jpg"), "park", "1-")
    ('1-a.b.jpg', 'park/1-a.b.jpg')

    Raises:
        InvalidKeyError: no upload can have that key; the message names the photo.
    """
    # To Python a name is what the locale's encoding makes of its bytes.
    name = os.fsencode(photo.name).decode(errors="surrogateescape")
    key = f"{place_id}/{before}{name}"
    try:
        _, upload_id = parse_key(key)
    except InvalidKeyError as error:
        shown = printable(key if len(key) <= 100 else f"{key[:100]}…")
        raise InvalidKeyError(f"{printable(photo)} cannot be uploaded as {shown}: {error}.") from None
    return upload_id, key


def printable(given: Path | str) -> str:
    r"""What was given on the command line as text, with what of it is not UTF-8 as escapes.

    >>> printable(Path(os.fsdecode(b"caf\xe9.jpg")))
    'caf\\xe9.jpg'
    """
    return os.fsencode(given).decode(errors="backslashreplace")
