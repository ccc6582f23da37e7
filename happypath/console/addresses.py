"""The addresses of pages and pictures: stable, and the same for whoever is sent one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from starlette.convertors import Convertor, register_url_convertor


class _Key(Convertor[str]):
    """An object's key in a route, `{key:key}`. It may hold any character; a `path` holds no line breaks."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        """The key, from a path that is decoded."""
        return value

    def to_string(self, value: str) -> str:
        """The key as a part of a path."""
        return value


register_url_convertor("key", _Key())


def deletion_page(key: str) -> str:
    """The page that says what goes with an upload, before it is deleted.

    >>> deletion_page("park/a photo?.jpg")
    '/uploads.delete?key=park%2Fa+photo%3F.jpg'
    """
    return f"/uploads.delete?{urlencode({'key': key})}"


def upload_page(key: str) -> str:
    """The page of one upload.

    Browsers take steps such as `..` out of a path before they ask, and a key may hold any: such a key has its
    slashes encoded, and one that is nothing but a step goes behind a question mark.

    >>> upload_page("park/a photo?.jpg")
    '/uploads/park/a%20photo%3F.jpg'
    >>> upload_page("park/../x"), upload_page("..")
    ('/uploads/park%2F..%2Fx', '/uploads?key=..')
    """
    if key in {".", ".."}:
        return f"/uploads?{urlencode({'key': key})}"
    steps = key.split("/")
    return f"/uploads/{quote(key, safe='' if {'', '.', '..'} & set(steps) else '/')}"


def execution_page(name: str) -> str:
    """The page of one execution, by its name."""
    return f"/executions/{quote(name, safe='')}"


def search_page(query: str, cursor: str | None = None) -> str:
    """What is found by a query, from the cursor on.

    >>> search_page('label:Car -words:"new york"')
    '/search?q=label%3ACar+-words%3A%22new+york%22'
    """
    return f"/search?{urlencode({'q': query} | ({'after': cursor} if cursor else {}))}"


def review_page(review_id: str) -> str:
    """The page of one review, by its id."""
    return f"/reviews/{quote(review_id, safe='')}"


def workflow_page(name: str) -> str:
    """The page of one workflow."""
    return f"/workflows/{quote(name, safe='')}"


def photo(key: str, version: str | None = None) -> str:
    """The photo as it was uploaded: this version of it, or the current one."""
    return f"/photo?{urlencode({'key': key} | ({'version': version} if version else {}))}"


def thumbnail(key: str, version: str | None = None, *, large: bool = False) -> str:
    """A small picture of an upload; a `large` one is of the size of a hand, not of a thumb."""
    more = ({"version": version} if version else {}) | ({"large": "1"} if large else {})
    return f"/thumbnail?{urlencode({'key': key} | more)}"


def published(photo: Mapping[str, Any] | None, name: str) -> str | None:
    """Where viewers get a rendition of a place's photo; None where no address of the web is known.

    >>> published({"tileURL": "https://photos.example.com/p/a.jpg/tile.jpg"}, "tile")
    'https://photos.example.com/p/a.jpg/tile.jpg'
    >>> published({"tileURL": "javascript:alert(1)"}, "tile")
    """
    url = str((photo or {}).get(f"{name}URL", ""))
    return url if url.startswith(("https://", "http://")) else None


def rendition(key: str, name: str) -> str:
    """A published rendition of an upload, by its name, such as `tile`."""
    return f"/rendition?{urlencode({'key': key, 'name': name})}"
