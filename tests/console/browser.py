"""A real browser, for tests: the system's Chromium, driven by Playwright, which downloads none."""

from __future__ import annotations

import base64
import mimetypes
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from happypath.project import ROOT

AXE = ROOT / "scripts" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = ROOT / "docs" / "console"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
_COLOURS = 128
# What is not there, as a thumbnail of what is no picture; and what a test has done on purpose.
_NO_FAULTS = ("404", "418", "ERR_INTERNET_DISCONNECTED")
# A machine that does much else at the same time takes longer than a person would wait.
_PATIENCE_MS = 90_000


@contextmanager
def browser() -> Iterator[Browser]:
    """The browser, without a window."""
    expect.set_options(timeout=_PATIENCE_MS)
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        # In a container there is no other sandbox to put it into.
        yield playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--force-prefers-reduced-motion"]
        )


@contextmanager
def page(browser: Browser, address: str, **options: Any) -> Iterator[Page]:
    """A page of the console; what its scripts and its policy complain of fails the test."""
    complaints: list[str] = []

    def complain(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(each in message.text for each in _NO_FAULTS):
            complaints.append(message.text)

    context = browser.new_context(base_url=address, viewport=options.pop("viewport", DESKTOP), **options)
    opened = context.new_page()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", complain)
    opened.set_default_timeout(30_000)
    yield opened
    context.close()
    assert complaints == [], complaints


def drop(page: Page, selector: str, *files: Path) -> None:
    """Drops files on an element, as a person does with the mouse."""
    given = [
        {
            "name": file.name,
            "type": mimetypes.guess_type(file)[0] or "",
            "content": base64.b64encode(file.read_bytes()).decode(),
        }
        for file in files
    ]
    transfer = page.evaluate_handle(
        """(files) => {
            const transfer = new DataTransfer();
            for (const { name, type, content } of files) {
                const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
                transfer.items.add(new File([bytes], name, { type }));
            }
            return transfer;
        }""",
        given,
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event(selector, event, {"dataTransfer": transfer})


def barriers(browser: Browser, address: str, path: str, **options: Any) -> list[str]:
    """What axe-core finds on a page that keeps people out, by rule and element."""
    # axe is put into the page from outside, which the page's own policy would not allow.
    with page(browser, address, bypass_csp=True, **options) as opened:
        opened.goto(path)
        opened.wait_for_load_state("load")
        opened.evaluate(AXE.read_text(encoding="utf-8"))
        found = opened.evaluate(
            """async () => (await axe.run(document, {
                runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
            })).violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html}`))"""
        )
    assert isinstance(found, list)
    return found


def keep(page: Page, name: str, *, whole: bool = False) -> None:
    """Keeps a small picture of the page for the documentation: where there is none, or SCREENSHOTS is set."""
    path = SCREENSHOTS / f"{name}.png"
    if path.exists() and not os.environ.get("SCREENSHOTS"):
        return
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with Image.open(BytesIO(page.screenshot(full_page=whole))) as image:
        few = image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
