"""Reviews in a real browser, over a sandbox: scripts/test-console."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from happypath.operations.installation import Installation
from happypath.operations.review import ReviewQueue
from happypath.project import SAMPLES
from tests.console.test_browser import PHOTOS, address, chromium, own, page
from tests.workflows.asked import Asked, ask

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["address", "chromium", "own", "page"]
pytestmark = [pytest.mark.console, pytest.mark.timeout(300)]
AD = SAMPLES / "ads" / "reviewed.jpg"
# As the ad workflow says it of that one.
SEEN = {
    "verdict": "review",
    "score": 0.6076,
    "publish_from": 0.85,
    "refuse_below": 0.4,
    "reasons": [],
    "signals": [
        {
            "name": "moderation",
            "score": 0.645,
            "confidence": 68.4,
            "reason": None,
            "detail": {"labels": [{"name": "Alcoholic Beverages", "confidence": 68.4, "parent": "Alcohol"}]},
        },
        {
            "name": "product",
            "score": 0.9727,
            "confidence": 98.91,
            "reason": None,
            "detail": {
                "found": [
                    {
                        "name": "Cup",
                        "confidence": 98.91,
                        "boxes": [{"left": 0.29, "top": 0.039, "width": 0.39, "height": 0.635}],
                    }
                ]
            },
        },
        {"name": "words", "score": 1, "confidence": None, "reason": None, "detail": {"refused": []}},
    ],
}


def asked(own: Installation, photo: Path) -> Asked:
    name = f"{photo.stem}-{secrets.token_hex(4)}"
    return ask(own, f"ads/{name}.jpg", photo.read_bytes(), name, SEEN)


def press(page: Page, key: str) -> None:
    """Presses a key once the page takes any."""
    from playwright.sync_api import expect

    expect(page.locator("main[data-keys]")).to_have_count(1)
    expect(page.locator("[data-photo]")).to_have_js_property("complete", True)
    page.keyboard.press(key)


def test_a_person_decides_with_the_mouse_and_with_keys_one_after_the_other(
    page: Page, own: Installation
) -> None:
    from playwright.sync_api import expect

    from tests.console.browser import keep

    first = asked(own, AD)
    page.goto("/reviews")
    expect(page.locator("tbody tr")).to_have_count(1)
    second, third = (asked(own, PHOTOS / name) for name in ("dogs.jpg", "dandelion.jpg"))
    # Nobody loads the page anew: it moves.
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_role("link", name=first.key).click()
    expect(page.locator("#standing")).to_contain_text("It waits for a person.")
    expect(page.locator("[data-photo]")).to_have_js_property("complete", True)
    keep(page, "review")
    page.get_by_role("button", name="Claim").click()
    expect(page.locator("#standing")).to_contain_text("It is yours to decide.")
    press(page, "p")
    expect(page.locator("h1")).to_have_text(second.key)
    press(page, "k")
    expect(page.locator("h1")).to_have_text(first.key)
    # In a field keys are letters.
    press(page, "r")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("a cap")
    page.get_by_label("Note").fill("japc")
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_text(f"{first.key} is refused.")).to_be_visible()
    expect(page.locator("h1")).to_have_text(second.key)
    decision = first.decision(own)
    assert decision["reason"] == "REFUSED_BY_REVIEWER"
    assert (decision["detail"]["reason"], decision["detail"]["note"]) == ("A_CAP", "japc")

    page.get_by_label("Keys press").uncheck()
    press(page, "a")
    page.reload()
    expect(page.get_by_label("Keys press")).not_to_be_checked()
    assert ReviewQueue(own).show(second.id).is_open
    page.get_by_label("Keys press").check()
    press(page, "a")
    expect(page.get_by_text(f"{second.key} is approved.")).to_be_visible()
    assert second.decision(own)["accepted"]

    # Somebody else decides meanwhile.
    expect(page.locator("h1")).to_have_text(third.key)
    page.get_by_label("Note").fill("unsent")
    ReviewQueue(own, "ann").claim(third.id)
    expect(page.locator("#decide")).to_contain_text("It is theirs to decide")
    ReviewQueue(own, "ann").approve(third.id)
    expect(page.locator("#standing")).to_contain_text("Approved by ann")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    page.goto("/reviews")
    expect(page.get_by_text("Nothing waits for a person")).to_be_visible()


def test_a_verdict_that_comes_too_late_is_said(page: Page, own: Installation) -> None:
    from playwright.sync_api import expect

    review = asked(own, AD)
    page.route("**/reviews.events*", lambda route: route.fulfill(status=418))
    page.goto(f"/reviews/{review.id}")
    ReviewQueue(own, "ann").refuse(review.id, "too dark")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text(f"{review.key} was refused by ann")).to_be_visible()
    assert not review.decision(own)["accepted"]


def test_the_pages_keep_nobody_out_and_fit_a_phone(
    chromium: Browser, address: str, own: Installation
) -> None:
    from tests.console import browser

    review, queue = asked(own, AD), ReviewQueue(own, "ann")

    def look(*paths: str) -> None:
        for path in paths:
            for scheme in ("light", "dark"):
                assert browser.barriers(chromium, address, path, color_scheme=scheme) == [], (path, scheme)
            with browser.page(chromium, address, viewport=browser.PHONE) as page:
                page.goto(path)
                width = page.evaluate("document.documentElement.scrollWidth")
                assert width <= browser.PHONE["width"], path

    look("/reviews", f"/reviews/{review.id}")
    queue.claim(review.id)
    look("/reviews", f"/reviews/{review.id}")
    queue.refuse(review.id, "too dark", "<b>n</b>" * 100)
    look("/reviews", f"/reviews/{review.id}")
    review.decision(own)
