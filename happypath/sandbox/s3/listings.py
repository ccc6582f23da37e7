"""Keys in XML: any character can be in a key, and some cannot be in XML.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

# Elements of listings that hold keys, or parts of them.
_KEYS = ("Key", "Prefix", "Delimiter", "KeyMarker", "NextKeyMarker", "Marker", "NextMarker", "StartAfter")
_LISTS = ("Contents", "CommonPrefixes", "Versions", "DeleteMarkers", "Uploads")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def encode(listing: Any) -> None:
    """Encodes the keys of a listing as in addresses, unless they are."""
    if (
        not isinstance(listing, dict)
        or "EncodingType" in listing
        or not any(each in listing for each in _LISTS)
    ):
        return
    listing["EncodingType"] = "url"
    for part in [listing, *(item for name in _LISTS for item in listing.get(name) or ())]:
        for name in _KEYS:
            if isinstance(part.get(name), str):
                part[name] = quote(part[name], safe="/~")


def as_xml(body: Any) -> Any:
    """A body whose characters XML does not know are written as references, as S3 does.

    >>> as_xml("<Key>a\\x01</Key>")
    '<Key>a&#x1;</Key>'
    """
    text = body.decode() if isinstance(body, bytes) else body
    return _NO_XML.sub(lambda found: f"&#x{ord(found[0]):x};", text) if isinstance(text, str) else body
