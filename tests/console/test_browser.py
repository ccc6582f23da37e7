"""The console in a real browser, over a sandbox: scripts/test-console."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from happypath import samples
from happypath.operations.installation import Installation
from happypath.project import NEWEST, SAMPLES, WORKFLOWS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from happypath.sandbox.sandbox import Sandbox

pytestmark = [pytest.mark.console, pytest.mark.timeout(300)]
PHOTOS = SAMPLES / "photos"


@pytest.fixture(scope="module")
def own(sandbox: Sandbox) -> Installation:
    """The sandbox with the newest version live, and the places of the samples."""
    found = Installation(sandbox.client, sandbox.prefix)
    for photo in (photo for each in WORKFLOWS for photo in samples.of(each).photos):
        found.put_place(photo.place_id, photo.place_type, f"A {photo.place_type}")
    found.set_live(NEWEST)
    return found


@pytest.fixture(scope="module")
def address(sandbox: Sandbox, own: Installation) -> Iterator[str]:
    from happypath.console.console import Console
    from happypath.console.server import serving

    with serving(Console(own, allow_changes=True, faults=sandbox.faults), 0) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    from tests.console.browser import browser

    with browser() as found:
        yield found


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    from tests.console import browser

    with browser.page(chromium, address) as found:
        yield found


def row(page: Page, name: str) -> str:
    """The row of the list that has such an upload."""
    return f"tr:has(th:has-text('{name}'))"


def upload(page: Page, place: str, *photos: Path) -> None:
    from tests.console.browser import drop

    page.goto("/uploads")
    page.get_by_label("Place", exact=True).first.fill(place)
    drop(page, "main", *photos)


def test_photos_that_are_dropped_are_seen_going_through(page: Page) -> None:
    from playwright.sync_api import expect

    from tests.console.browser import keep

    upload(page, "sample-park", PHOTOS / "mountains.jpg", PHOTOS / "cat.jpg", PHOTOS / "wine.jpg")
    # Nobody loads the page anew: it moves.
    expect(page.locator(row(page, "mountains.jpg"))).to_contain_text("PROCESSED")
    expect(page.locator(row(page, "cat.jpg"))).to_contain_text("IMAGE_TOO_SMALL")
    expect(page.locator(row(page, "wine.jpg"))).to_contain_text("FAILED_MODERATION")
    expect(page.locator("[data-tray] li")).to_have_count(0)
    upload(page, "sample-restaurant", PHOTOS / "astronaut.jpg", PHOTOS / "coffee.jpg")
    expect(page.locator(row(page, "coffee.jpg"))).to_contain_text("PROCESSED")
    expect(page.locator(row(page, "astronaut.jpg"))).to_contain_text("NO_PEOPLE_ALLOWED")
    page.wait_for_function("[...document.images].every((each) => each.complete)")
    keep(page, "uploads")


def test_the_list_is_filtered_and_the_filter_has_an_address(page: Page) -> None:
    from playwright.sync_api import expect

    page.goto("/uploads")
    page.get_by_label("Status").select_option("REJECTED")
    page.get_by_label("Place", exact=True).last.fill("sample-restaurant")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "status=REJECTED" in page.url
    assert "place=sample-restaurant" in page.url
    page.get_by_role("link", name="Clear").click()
    expect(page.locator("tbody tr")).to_have_count(5)


def test_what_is_live_is_switched_split_held_routed_and_switched_back(page: Page, own: Installation) -> None:
    from playwright.sync_api import expect

    from happypath.operations.live import changes
    from tests.console.browser import keep

    live = page.locator(".headline code")
    page.goto("/workflows")
    page.get_by_role("button", name="Switch to v3").click()
    expect(live).to_have_text("v3")
    page.get_by_label("of them to").select_option("v4")
    page.get_by_role("button", name="Split").click()
    expect(live).to_have_text("v3=90 v4=10")
    page.get_by_label("Keys that begin with").fill("documents/")
    page.get_by_label("go to").select_option("matcher")
    page.get_by_role("button", name="Route", exact=True).click()
    expect(live).to_have_text("v3=90 v4=10 documents/=matcher")
    keep(page, "workflows")
    page.get_by_role("button", name="Hold uploads").click()
    expect(live).to_have_text("none documents/=matcher")
    page.get_by_role("button", name="Back to v3=90").click()
    expect(live).to_have_text("v3=90 v4=10 documents/=matcher")
    page.get_by_role("button", name="Remove the route").click()
    expect(live).to_have_text("v3=90 v4=10")
    page.get_by_label("As for happypath live").fill("v9")
    page.get_by_role("button", name="Make live").click()
    expect(page.get_by_text("v9 is not deployed")).to_be_visible()
    page.get_by_label("As for happypath live").fill(NEWEST)
    page.get_by_role("button", name="Make live").click()
    expect(live).to_have_text(NEWEST)
    assert changes(own)[0].value == NEWEST


def test_a_fault_is_switched_on_and_off_and_what_failed_is_redriven(page: Page) -> None:
    from playwright.sync_api import expect

    from tests.console.browser import keep

    page.goto("/faults?target=state:v4/Resizer")
    page.locator("[name=kind]").select_option("denied")
    page.locator("[name=when]").select_option("")
    page.get_by_role("button", name="Switch on").first.click()
    expect(page.get_by_role("cell", name="state:v4/Resizer=denied")).to_be_visible()
    keep(page, "faults")
    upload(page, "sample-park", PHOTOS / "dandelion.jpg")
    expect(page.locator(row(page, "dandelion.jpg"))).to_contain_text("FAILED")
    page.goto("/uploads?order=failed")
    expect(page.locator("tbody tr").first).to_contain_text("dandelion.jpg")

    page.goto("/faults")
    page.get_by_role("button", name="Switch off state:v4/Resizer=denied").click()
    expect(page.get_by_text("None: every call does what it should.")).to_be_visible()

    page.goto("/operations")
    expect(page.locator(".legend")).to_contain_text("FAILED 1")
    keep(page, "operations", whole=True)
    page.get_by_role("link", name="Redrive all that failed").click()
    expect(page.get_by_text("1 uploads ended as FAILED")).to_be_visible()
    page.get_by_role("button", name="Redrive them").click()
    expect(page.get_by_text("In the queue, as attempt 2")).to_be_visible()
    page.goto("/uploads")
    expect(page.locator(row(page, "dandelion.jpg"))).to_contain_text("PROCESSED")
    expect(page.locator(row(page, "dandelion.jpg"))).to_contain_text("attempt 2")


def test_a_place_is_added_and_changed(page: Page) -> None:
    from playwright.sync_api import expect

    page.goto("/places")
    page.get_by_label("Id", exact=True).fill("corner-bar")
    page.get_by_label("Type").fill("bar")
    page.get_by_label("Name").fill("The corner")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("tbody")).to_contain_text("corner-bar")
    page.get_by_role("link", name="Change corner-bar").click()
    page.get_by_label("Name").fill("The old corner")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("tbody")).to_contain_text("The old corner")


def test_two_workflows_are_compared_by_their_graphs_and_by_photos(page: Page) -> None:
    from playwright.sync_api import expect

    from tests.console.browser import keep

    page.goto("/workflows.compare?one=v3&other=v4")
    expect(page.locator("svg.graph")).to_have_count(2)
    expect(page.get_by_role("row", name="Place type?")).to_contain_text("Only in v4")
    keep(page, "compare")
    form = page.locator("[data-compare]")
    form.get_by_label("Place of the photos").fill("sample-restaurant")
    form.locator("[type=file]").set_input_files([PHOTOS / "astronaut.jpg", PHOTOS / "coffee.jpg"])
    form.get_by_role("button", name="Compare with photos").click()
    expect(page.get_by_text("2 of 2 photos are compared; 1 end differently.")).to_be_visible()
    differing = page.locator("tr.differs")
    expect(differing).to_contain_text("astronaut.jpg")
    expect(differing).to_contain_text("NO_PEOPLE_ALLOWED")
    keep(page, "comparison")


def test_labelled_pictures_are_measured_and_their_errors_drawn(
    page: Page, chromium: Browser, address: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    from tests.console.browser import barriers, keep
    from tests.workflows.photos import drawn

    lines = ["photo,accepted"]
    for number in range(16):
        bad, confidence = number % 2 == 0, 20.0 + 5 * number if number % 5 else 97.5 - 4 * number
        labels = [{"Name": "Alcohol", "ParentName": "", "Confidence": confidence}]
        picture = drawn("PNG") + str(number).encode()
        answer = {"ModerationLabels": labels, "ModerationModelVersion": "7.0"}
        sandbox.rekognition.record(picture, {"DetectModerationLabels": answer})
        (tmp_path / f"{number}.png").write_bytes(picture)
        lines.append(f"{number}.png,{'no' if bad else 'yes'}")
    (tmp_path / "truth.csv").write_text("\n".join(lines), encoding="utf-8")
    page.goto("/workflows")
    page.get_by_role("link", name="How often are they right?").click()
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("A person was asked about")).to_be_visible()
    form = page.locator("[data-compare]")
    form.get_by_label("Workflow").select_option(NEWEST)
    form.get_by_label("Place of the pictures").fill("sample-park")
    form.get_by_label("At most false acceptances").fill("25")
    form.locator("[data-photos]").set_input_files(sorted(tmp_path.glob("*.png")))
    form.locator("[data-text]").set_input_files(tmp_path / "truth.csv")
    expect(form.get_by_label("Labels, as CSV")).to_have_value("\n".join(lines))
    form.get_by_role("button", name="Measure").click()
    expect(page.get_by_text("16 of 16 pictures are looked at.")).to_be_visible()
    expect(page.locator("svg.curves")).to_have_count(1)
    expect(page.locator("svg.curves .said")).to_have_text("today 80")
    expect(page.get_by_text("False acceptances as wanted: by a threshold of")).to_be_visible()
    keep(page, "accuracy", whole=True)
    for scheme in ("light", "dark"):
        assert barriers(chromium, address, page.url, color_scheme=scheme) == []


def test_the_theme_is_chosen_and_kept(page: Page) -> None:
    page.goto("/workflows")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    switch = page.get_by_role("button", name="theme")
    switch.click()
    switch.click()
    assert switch.inner_text().split() == ["Dark", "theme"]
    assert page.evaluate(ground) != light
    page.goto("/places")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


PATHS = [
    "/uploads",
    "/uploads?status=DELETED",
    "/workflows",
    "/workflows/v4",
    "/workflows/v4?state=Resizer",
    "/workflows.compare?one=v3&other=v4",
    "/accuracy?days=30",
    "/operations",
    "/operations/failed",
    "/operations/reconcile",
    "/places",
    "/places?id=sample-park",
    "/faults",
    "/no-such-page",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_no_page_keeps_anybody_out(chromium: Browser, address: str, path: str, scheme: str) -> None:
    from tests.console.browser import barriers

    assert barriers(chromium, address, path, color_scheme=scheme) == []


@pytest.mark.parametrize("path", PATHS)
def test_every_page_fits_a_phone(chromium: Browser, address: str, path: str) -> None:
    from tests.console import browser

    with browser.page(chromium, address, viewport=browser.PHONE) as page:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= browser.PHONE["width"]
        if path == "/uploads":
            browser.keep(page, "phone")


def test_every_link_and_button_is_reached_and_seen_with_the_keyboard(page: Page) -> None:
    page.goto("/uploads")
    count = page.evaluate(
        "document.querySelectorAll('a, button:not([hidden]), input:not([hidden]), select').length"
    )
    seen = set()
    for _ in range(count + 5):
        page.keyboard.press("Tab")
        shown = page.evaluate(
            """() => {
                const on = document.activeElement;
                return [on.outerHTML.slice(0, 200), getComputedStyle(on).outlineStyle];
            }"""
        )
        seen.add(shown[0])
        assert shown[1] != "none" or shown[0].startswith("<body"), shown[0]
    assert len(seen) > 15


def test_the_page_moves_again_after_the_console_was_away(page: Page, own: Installation) -> None:
    from playwright.sync_api import expect

    page.goto("/uploads")
    key = f"sample-park/{time.time_ns()}-coffee-small.jpg"
    page.context.set_offline(True)
    time.sleep(1)
    page.context.set_offline(False)
    own.upload((PHOTOS / "coffee-small.jpg").read_bytes(), key)
    expect(page.locator(row(page, key.partition("/")[2]))).to_contain_text("REJECTED")


def test_a_page_and_a_stream_that_are_refused_once_come_again(page: Page, own: Installation) -> None:
    from playwright.sync_api import expect

    def once(pattern: str) -> None:
        page.route(pattern, lambda route: route.fulfill(status=418), times=1)

    once("**/uploads.events*")
    page.goto("/uploads")
    once("**/uploads")
    key = f"sample-park/{time.time_ns()}-coffee-small.jpg"
    own.upload((PHOTOS / "coffee-small.jpg").read_bytes(), key)
    expect(page.locator(row(page, key.partition("/")[2]))).to_contain_text("REJECTED")


def test_a_page_that_is_gone_back_to_moves(page: Page, own: Installation) -> None:
    from playwright.sync_api import expect

    page.goto("/uploads")
    page.goto("/places")
    page.go_back()
    key = f"sample-park/{time.time_ns()}-coffee-small.jpg"
    own.upload((PHOTOS / "coffee-small.jpg").read_bytes(), key)
    expect(page.locator(row(page, key.partition("/")[2]))).to_contain_text("REJECTED")
