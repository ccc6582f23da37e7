"""A page of another origin uploads by the API, as docs/api.md says, in a real browser."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import pytest

from happypath.operations.installation import Installation
from happypath.operations.waiting import wait
from happypath.project import ROOT
from happypath.sandbox.sandbox import ORIGINS
from tests.console.test_browser import PHOTOS, chromium, own
from tests.workflows.api import Person

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from happypath.sandbox.sandbox import Sandbox

__all__ = ["chromium", "own"]
pytestmark = [pytest.mark.console, pytest.mark.timeout(300)]
(SCRIPT,) = re.findall(r"^```js\n(.*?)^```$", (ROOT / "docs" / "api.md").read_text("utf-8"), re.M | re.S)


def upload(chromium: Browser, origin: str, person: Person, photo: bytes) -> dict[str, Any]:
    """What the script of the page makes of a photo, in a page of an origin."""
    # A page that no server of this machine sent asks for more than one that it did.
    context = chromium.new_context(permissions=["local-network-access"])
    try:
        page = context.new_page()
        # The page is of its origin, whoever serves it.
        page.route(f"{origin}/", lambda route: route.fulfill(body="<title>A page</title>"))
        page.goto(f"{origin}/")
        found: dict[str, Any] = page.evaluate(
            f"""async ([api, token, photo]) => {{
                const bytes = Uint8Array.from(atob(photo), (each) => each.charCodeAt(0));
                const file = new File([bytes], "größer 1.jpg", {{ type: "image/jpeg" }});
                {SCRIPT}
                return {{ status: sent.status, upload }};
            }}""",
            [
                person.url,
                person.headers["authorization"].removeprefix("Bearer "),
                base64.b64encode(photo).decode(),
            ],
        )
        return found
    finally:
        context.close()


@pytest.mark.parametrize("origin", ORIGINS.split(","))
def test_a_page_uploads_a_photo(chromium: Browser, own: Installation, sandbox: Sandbox, origin: str) -> None:
    person = Person(sandbox)
    found = upload(chromium, origin, person, (PHOTOS / "dogs.jpg").read_bytes())
    assert found["status"] == 204
    # A slow browser asks when all is done.
    assert found["upload"]["status"] in {"RECEIVED", "PROCESSED"}
    upload_id = found["upload"]["uploadId"]
    assert upload_id.endswith("-größer_1.jpg")
    assert wait(own, upload_id, 120, 0.2).status == "PROCESSED"
    assert len(person.ended(upload_id)["renditions"]) == 2


def test_a_page_of_an_origin_that_is_not_named_gets_nothing(
    chromium: Browser, own: Installation, sandbox: Sandbox
) -> None:
    from playwright.sync_api import Error

    with pytest.raises(Error, match="Failed to fetch"):
        upload(chromium, "http://localhost:8001", Person(sandbox), b"x")
