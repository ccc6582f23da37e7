"""An address leads to what it was made of."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Match, Route

from happypath.console import addresses


@given(st.text(min_size=1, max_size=200))
def test_every_key_has_a_page_whose_path_browsers_leave_as_it_is(key: str) -> None:
    try:
        key.encode()
    except UnicodeEncodeError:
        return
    path = urlsplit(addresses.upload_page(key)).path
    assert not {".", "..", ""} & set(path.split("/")[1:])
    assert path.isascii()


@pytest.mark.parametrize("key", ["a/b", "a/../b", "/a", "a//b", "a/", "%2F", "a?b#c", "é/ü", "a\nb", "a\n"])
def test_a_page_gets_the_key(key: str) -> None:
    from urllib.parse import unquote

    route = Route("/uploads/{key:key}", lambda _: None)
    path = unquote(urlsplit(addresses.upload_page(key)).path)
    match, found = route.matches({"type": "http", "method": "GET", "path": path, "headers": []})
    assert match is Match.FULL
    assert found["path_params"] == {"key": key}
