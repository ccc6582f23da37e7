"""The search in a real browser, over a sandbox in which pictures are catalogued: scripts/test-console."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from happypath.console import addresses
from happypath.operations.installation import Installation
from happypath.operations.waiting import wait
from happypath.project import NEWEST, SAMPLES
from tests.console.test_browser import PHOTOS, address, chromium, own, page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["address", "chromium", "own", "page"]
pytestmark = [pytest.mark.console, pytest.mark.timeout(300)]
LICENCES = [SAMPLES / "documents" / f"licence-new-{name}.png" for name in ("york-1", "york-2", "jersey-1")]
REPORT = SAMPLES / "archive" / "report.pdf"
QUERY = 'words:"new york" label:"Driving License" OR label:Dog>80 OR "section of the harbour wall"'


@pytest.fixture(scope="module")
def catalogued(own: Installation) -> Installation:
    """Licences, dogs and a report of the samples, through the workflows."""
    own.set_live(f"{NEWEST} catalogue/=catalogue archive/=document")
    files = {f"catalogue/{each.name}": each for each in (*LICENCES, PHOTOS / "dogs.jpg")}
    files["archive/report.pdf"] = REPORT
    for key, file in files.items():
        own.upload(file.read_bytes(), key)
    for key in files:
        assert wait(own, key, 200, 0.2).status == "PROCESSED"
    return own


def test_what_is_asked_for_is_found_and_leads_to_the_upload(page: Page, catalogued: Installation) -> None:
    from playwright.sync_api import expect

    from tests.console.browser import keep

    page.goto("/uploads")
    page.get_by_role("link", name="Search").click()
    page.get_by_label("What is in the pictures").fill(QUERY)
    page.keyboard.press("Enter")
    hits = page.locator(".hit")
    expect(hits).to_have_count(4)
    expect(hits.filter(has_text="new-jersey")).to_have_count(0)
    report = hits.filter(has_text="report.pdf")
    expect(report.locator("mark")).to_have_text("section of the harbour wall,")
    expect(report.locator("img")).to_have_count(0)
    for hit in hits.filter(has=page.locator("img")).all():
        picture = hit.locator("img")
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        # The boxes lie on the picture, whatever its shape.
        shown, boxes = picture.bounding_box(), hit.locator("svg.boxes").bounding_box()
        assert shown
        assert boxes
        assert shown["width"] > 100
        assert all(abs(shown[side] - boxes[side]) < 1 for side in ("x", "y", "width", "height"))
    keep(page, "search")
    hits.get_by_role("link", name="catalogue/dogs.jpg").click()
    expect(page.locator("h1")).to_have_text("catalogue/dogs.jpg")
    expect(page.locator("rect.box.labels[aria-label^=Dog]").first).to_be_attached()
    page.get_by_label("Views").get_by_role("link", name="Catalogue").click()
    page.get_by_role("link", name="Dog", exact=True).click()
    expect(page).to_have_url(re.compile(r"/search\?q=label%3A%22Dog%22$"))
    expect(hits).to_have_count(1)


def test_it_works_without_scripts_and_says_where_a_query_cannot_be_read(
    chromium: Browser, address: str, catalogued: Installation
) -> None:
    from playwright.sync_api import expect

    from tests.console import browser

    with browser.page(chromium, address, java_script_enabled=False) as page:
        page.goto("/search")
        page.get_by_role("link", name="label:Person>90").click()
        page.get_by_label("What is in the pictures").fill("label:Dog )")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("alert")).to_contain_text("there is no ( for this )")
        expect(page.get_by_role("alert").locator("mark")).to_have_text(")")
        page.get_by_label("What is in the pictures").fill("label:Dog")
        page.keyboard.press("Enter")
        expect(page.locator(".hit")).to_have_count(1)


def test_the_page_keeps_nobody_out_and_fits_a_phone(
    chromium: Browser, address: str, catalogued: Installation
) -> None:
    from tests.console import browser

    upload = f"{addresses.upload_page('catalogue/dogs.jpg')}?view=catalogue"
    for path in ("/search", addresses.search_page(QUERY), addresses.search_page("a OR"), upload):
        for scheme in ("light", "dark"):
            assert browser.barriers(chromium, address, path, color_scheme=scheme) == [], (path, scheme)
        with browser.page(chromium, address, viewport=browser.PHONE) as page:
            page.goto(path)
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= browser.PHONE["width"], path
