"""How a photo on this machine is named as an upload."""

from __future__ import annotations

from pathlib import Path

from functions.upload import InvalidKeyError, parse_key


def upload_name(photo: Path, place_id: str, *, before: str = "", after: str = "") -> tuple[str, str]:
    """The upload id and the key for a photo of a place; `before` and `after` go around the file's own name.

    >>> upload_name(Path("Pictures/a.b.jpg"), "park", before="1-")
    ('1-a.b', 'park/1-a.b.jpg')

    Raises:
        InvalidKeyError: no upload can have that key; the message names the photo.
    """
    stem, dot, extension = photo.name.rpartition(".")
    if not dot:
        stem, extension = extension, ""
    key = f"{place_id}/{before}{stem}{after}{dot}{extension}"
    try:
        _, upload_id = parse_key(key)
    except InvalidKeyError as error:
        shown = key if len(key) <= 100 else f"{key[:100]}…"
        raise InvalidKeyError(f"{photo} cannot be uploaded as {shown}: {error}.") from None
    return upload_id, key
