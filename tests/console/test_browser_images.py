"""A page of twelve sizes of one photo, in a real browser: each picture comes, in the type that it prefers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from happypath.operations import images
from happypath.operations.installation import Installation
from happypath.operations.naming import upload_name
from happypath.operations.waiting import wait
from tests.console.test_browser import PHOTOS, chromium, own

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["chromium", "own"]
pytestmark = [pytest.mark.console, pytest.mark.timeout(300)]
WIDTHS = range(50, 650, 50)


def test_twelve_sizes_of_one_photo_are_shown(chromium: Browser, own: Installation) -> None:
    _, key = upload_name(PHOTOS / "dogs.jpg", "sample-park", "twelve-")
    own.upload((PHOTOS / "dogs.jpg").read_bytes(), key)
    assert wait(own, key, 120, 0.2).status == "PROCESSED"
    addresses = [
        images.sign(own, f"/i/cover,{width}x{width}/{key}", timedelta(minutes=5)) for width in WIDTHS
    ]
    context = chromium.new_context(permissions=["local-network-access"])
    try:
        page = context.new_page()
        types: dict[str, str] = {}
        page.on("response", lambda each: types.update({each.url: each.headers.get("content-type", "")}))
        shown = "".join(f'<img src="{each}" alt="">' for each in addresses).replace("&", "&amp;")
        page.route(
            "http://localhost:8000/", lambda route: route.fulfill(body=f"<title>A page</title>{shown}")
        )
        page.goto("http://localhost:8000/", wait_until="load")
        sizes: list[list[Any]] = page.evaluate(
            "[...document.images].map((each) => [each.naturalWidth, each.naturalHeight])"
        )
    finally:
        context.close()
    assert sizes == [[width, width] for width in WIDTHS]
    assert {types[each] for each in addresses} == {"image/avif"}
