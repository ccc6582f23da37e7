"""The page of one upload in a real browser, over a sandbox: scripts/test-console."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from happypath.console import addresses
from happypath.operations.installation import Installation
from happypath.operations.waiting import wait
from happypath.project import SAMPLES
from tests.console.test_browser import address, chromium, own, page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from happypath.sandbox.sandbox import Sandbox

__all__ = ["address", "chromium", "own", "page"]
pytestmark = [pytest.mark.console, pytest.mark.timeout(300)]
PHOTOS = SAMPLES / "photos"
HOSTILE = "sample-park/<img src=x onerror=alert(1)>\"'%2F&#?\u202e.jpg"
# Each photo, where it is uploaded, and how it ends.
ENDS = {
    "sample-restaurant/seen-coffee.jpg": ("coffee.jpg", "PROCESSED"),
    "sample-restaurant/seen-astronaut.jpg": ("astronaut.jpg", "REJECTED"),
    HOSTILE: ("wine.jpg", "REJECTED"),
}


@pytest.fixture(scope="module")
def ended(own: Installation) -> Installation:
    for key, (photo, _) in ENDS.items():
        own.upload((PHOTOS / photo).read_bytes(), key)
    for key, (_, status) in ENDS.items():
        assert wait(own, key, 120, 0.2).status == status
    return own


def go(page: Page, key: str, query: str = "") -> None:
    page.goto(addresses.upload_page(key) + query)


def chosen(page: Page, name: str) -> Any:
    """A state in the graph."""
    return page.locator(f"#graph a.state[data-state='{name}']")


def test_each_state_is_opened_from_the_graph(page: Page, ended: Installation) -> None:
    from playwright.sync_api import expect

    from tests.console.browser import keep

    go(page, "sample-restaurant/seen-astronaut.jpg")
    expect(page.locator("#about")).to_contain_text("The photo shows people; photos of this place must not.")
    page.evaluate("window.same = true")
    for name in page.locator("#graph a.state").evaluate_all("all => all.map((each) => each.dataset.state)"):
        chosen(page, name).click()
        expect(page.locator("#panel h2").first).to_have_text(name)
        expect(chosen(page, name)).to_have_attribute("aria-current", "true")
    # Nothing was loaded anew, and the way back leads through each.
    assert page.evaluate("window.same")
    chosen(page, "Get labels").click()
    panel = page.locator("#panel")
    for heading in ("Attempts", "What it changed", "Log", "Trace", "Cost"):
        expect(panel.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    expect(panel).to_contain_text("$.decision.reason")
    expect(panel.locator("table.lines")).to_contain_text("begun")
    expect(panel.locator("svg.waterfall")).to_contain_text("rekognition DetectLabels")
    expect(panel.locator("table.cost")).to_contain_text("Images that Rekognition looked at")
    keep(page, "state")
    page.go_back()
    expect(page.locator("#panel h2").first).not_to_have_text("Get labels")


def test_boxes_are_on_the_photo_and_pictures_zoom_together(page: Page, ended: Installation) -> None:
    from playwright.sync_api import expect

    from tests.console.browser import keep

    go(page, "sample-restaurant/seen-astronaut.jpg")
    boxes = page.locator("svg.boxes rect.box")
    expect(boxes).to_have_count(1)
    photo, box = page.locator(".uploaded img").bounding_box(), boxes.first.bounding_box()
    assert photo is not None
    assert box is not None
    # Rekognition says where: 0.045 from the left, 0.66 wide.
    assert box["x"] - photo["x"] == pytest.approx(0.045 * photo["width"], abs=4)
    assert box["width"] == pytest.approx(0.66 * photo["width"], abs=6)
    keep(page, "upload")
    page.get_by_role("link", name="Ask Rekognition what it sees").click()
    expect(page.get_by_role("heading", name="Seen", exact=True)).to_be_visible()
    assert page.locator("svg.boxes rect.labels").count() > 1
    page.locator("label.kind.labels input").uncheck()
    expect(page.locator("svg.boxes rect.labels").first).to_be_hidden()
    go(page, "sample-restaurant/seen-coffee.jpg")
    expect(page.locator(".rendition img")).to_have_count(2)
    page.get_by_role("button", name="Zoom in").click()
    scales = page.locator(".zoomed").evaluate_all(
        "all => all.map((each) => getComputedStyle(each).transform)"
    )
    assert scales == ["matrix(1.5, 0, 0, 1.5, 0, 0)"] * 3


def test_the_graph_moves_while_the_execution_runs(page: Page, ended: Installation, sandbox: Sandbox) -> None:
    from playwright.sync_api import expect

    key = "sample-restaurant/moving.jpg"
    # As long as the block lasts.
    with sandbox.faults("state:v4/Get labels=throttle@1-2", "state:v4/Resizer=delay:600"):
        ended.upload((PHOTOS / "coffee.jpg").read_bytes(), key)
        go(page, key)
        page.evaluate("window.same = true")
        expect(chosen(page, "Get labels")).to_have_class(re.compile("succeeded retried"))
        expect(chosen(page, "Get labels")).to_contain_text("3 attempts")
        expect(chosen(page, "Resizer")).to_have_class(re.compile("running"))
    expect(page.locator("#about .status")).to_contain_text("PROCESSED")
    expect(chosen(page, "Publish")).to_have_class(re.compile("succeeded"))
    expect(page.locator(".rendition img")).to_have_count(2)
    assert page.evaluate("window.same")
    expect(page.locator("main")).not_to_have_attribute("data-live", re.compile("."))


def test_a_fault_is_switched_on_from_a_state_and_the_photo_run_again(
    page: Page, ended: Installation, sandbox: Sandbox
) -> None:
    from playwright.sync_api import expect

    from tests.console.browser import keep

    try:
        go(page, "sample-restaurant/seen-coffee.jpg", "?view=state&state=Publish")
        page.get_by_label("What happens").select_option("throttle")
        page.get_by_role("button", name="Switch the fault on").click()
        expect(page.get_by_role("status").first).to_contain_text("state:v4/Publish=throttle@1-2 is on")
        page.get_by_role("button", name="Upload the photo again").click()
        expect(chosen(page, "Publish")).to_contain_text("3 attempts")
        expect(page.locator("#about .status")).to_contain_text("PROCESSED")
        expect(page.locator("#about")).to_contain_text("2 versions of this photo")
        chosen(page, "Publish").click()
        expect(page.locator("#panel")).to_contain_text("Lambda.TooManyRequestsException")
        page.evaluate("scrollTo(0, 0)")
        keep(page, "retries")
        page.get_by_role("button", name="Switch off").click()
        expect(page.get_by_role("status").first).to_contain_text("is off")
    finally:
        sandbox.faults.clear()


def test_the_graph_is_used_with_the_keyboard(page: Page, ended: Installation) -> None:
    from playwright.sync_api import expect

    go(page, "sample-restaurant/seen-coffee.jpg")
    chosen(page, "Resizer").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2").first).to_have_text("Resizer")
    expect(chosen(page, "Resizer")).to_be_focused()
    page.keyboard.press("Tab")
    expect(chosen(page, "Publish")).to_be_focused()


def test_the_definition_and_the_graph_lead_to_each_other(page: Page, ended: Installation) -> None:
    from playwright.sync_api import expect

    go(page, "sample-restaurant/seen-coffee.jpg")
    page.get_by_role("link", name="Definition", exact=True).click()
    page.locator("#panel h3 a", has_text="Check for people").click()
    expect(chosen(page, "Check for people")).to_have_attribute("aria-current", "true")
    expect(page.locator(".definition.chosen")).to_contain_text("BooleanEquals")
    chosen(page, "Moderator").click()
    expect(page.locator(".definition.chosen")).to_contain_text("FAILED_MODERATION")


def test_a_hostile_key_is_text_all_the_way(page: Page, ended: Installation) -> None:
    from playwright.sync_api import expect

    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.goto("/uploads")
    page.get_by_role("link", name="onerror=alert(1)").first.click()
    expect(page.locator("h1")).to_contain_text("<img src=x onerror=alert(1)>\"'%2F&#?\\u202e.jpg")
    expect(page.locator("#about")).to_contain_text("The photo shows something that must not be published.")
    expect(page.locator(".uploaded img")).to_have_js_property("complete", value=True)
    assert page.locator(".uploaded img").evaluate("image => image.naturalWidth") > 0
    for view in ("State", "Log", "Trace", "Definition"):
        page.get_by_role("link", name=view, exact=True).click()
        expect(page.locator("#panel nav a[aria-current]")).to_have_text(view)
    page.locator("dd a[href^='/executions/']").click()
    expect(page.locator("h1")).to_contain_text("onerror=alert(1)")


def test_without_scripts_the_page_is_whole(chromium: Browser, address: str, ended: Installation) -> None:
    from tests.console import browser

    with browser.page(chromium, address, java_script_enabled=False) as page:
        go(page, "sample-restaurant/seen-astronaut.jpg")
        chosen(page, "Get labels").click()
        assert page.locator("#panel h2").first.inner_text() == "Get labels"
        page.get_by_role("link", name="Trace", exact=True).click()
        assert page.locator("svg.waterfall").count() == 1


def test_the_downloaded_graph_looks_like_the_one_on_the_page(page: Page, ended: Installation) -> None:
    go(page, "sample-restaurant/seen-astronaut.jpg")
    with page.expect_download() as found:
        page.get_by_role("link", name="Graph as SVG").click()
    picture = found.value.path().read_text(encoding="utf-8")
    page.goto("about:blank")
    page.set_content(f"<body>{picture.partition('?>')[2]}</body>")
    fill = (
        page.locator("a.state, g.state")
        .first.locator(".outline")
        .evaluate("each => getComputedStyle(each).fill")
    )
    assert fill == "rgb(226, 244, 230)"


VIEWS = [
    "",
    "?look=1",
    "?view=state&state=Get+labels",
    "?view=log",
    "?view=trace",
    "?view=definition&state=Resizer",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_no_view_keeps_anybody_out(
    chromium: Browser, address: str, ended: Installation, view: str, scheme: str
) -> None:
    from tests.console.browser import barriers

    path = f"/uploads/sample-restaurant/seen-astronaut.jpg{view}"
    assert barriers(chromium, address, path, color_scheme=scheme) == []


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_fits_a_phone(chromium: Browser, address: str, ended: Installation, view: str) -> None:
    from tests.console import browser

    for key in ("sample-restaurant/seen-astronaut.jpg", HOSTILE):
        with browser.page(chromium, address, viewport=browser.PHONE) as page:
            go(page, key, view)
            assert page.evaluate("document.documentElement.scrollWidth") <= browser.PHONE["width"]


def test_the_texts_of_a_graph_are_within_their_boxes(page: Page, ended: Installation) -> None:
    """As this browser measures them, with the fonts that there are."""
    page.goto("/workflows/v4")
    time.sleep(0.1)
    go(page, "sample-restaurant/seen-astronaut.jpg")
    beyond = page.locator("#graph .state, #graph .label").evaluate_all(
        """all => all.flatMap((group) => {
            const outline = group.querySelector(".outline, .paper").getBBox();
            return [...group.querySelectorAll("text")].filter((text) => {
                const box = text.getBBox();
                return box.x < outline.x || box.x + box.width > outline.x + outline.width
                    || box.y < outline.y - 2 || box.y + box.height > outline.y + outline.height + 2;
            }).map((text) => text.textContent);
        })"""
    )
    assert beyond == []


def test_an_upload_is_deleted_from_its_page_after_it_said_what_goes(page: Page, own: Installation) -> None:
    from playwright.sync_api import expect

    key = "sample-restaurant/to delete &.jpg"
    own.upload((PHOTOS / "coffee.jpg").read_bytes(), key)
    assert wait(own, key, 120, 0.2).status == "PROCESSED"
    go(page, key)
    page.get_by_role("link", name="Delete the photo").click()
    expect(page.locator("main")).to_contain_text("its item at the place")
    expect(page.locator("main")).to_contain_text(f"{key}/tile.jpg")
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator("main")).to_contain_text("what was published of it goes within seconds")
    # The page follows.
    expect(page.locator("#about")).to_contain_text("The photo was deleted.", timeout=60_000)
    expect(page.get_by_role("link", name="Delete the photo")).to_have_count(0)
    shown = own.client("s3").list_objects_v2(Bucket=own.core["DistributionBucket"], Prefix=f"{key}/")
    assert shown["KeyCount"] == 0
