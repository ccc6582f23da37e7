"""Draws the sample documents: invoices and driving licences that nobody ever issued.

    python samples/documents/draw.py [FOLDER]

All names, numbers and addresses are made up. The pictures are committed, because the sandbox's labels for
them (happypath/sandbox/rekognition/answers.json) go by their bytes, and another Pillow may write others.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

Colour: TypeAlias = tuple[int, int, int]

FOLDER = Path(__file__).parent
INK: Colour = (34, 38, 46)
GREY: Colour = (118, 124, 134)
LINE: Colour = (214, 218, 224)
PAPER: Colour = (255, 255, 255)


@dataclass(frozen=True)
class Vendor:
    """Who writes invoices."""

    name: str
    street: str
    city: str
    colour: Colour


@dataclass(frozen=True)
class Invoice:
    """One invoice; each item has a name, how many, and the price of one in cents."""

    vendor: Vendor
    number: str
    date: str
    account: str
    customer: tuple[str, ...]
    items: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Licence:
    """One driving licence; `skin`, `hair` and `shirt` are the colours of the portrait."""

    state: str
    motto: str
    number: str
    name: tuple[str, str]
    address: tuple[str, str]
    born: str
    colour: Colour
    skin: Colour
    hair: Colour
    shirt: Colour


LARKSPUR = Vendor("Larkspur Paper Co.", "8 Mill Lane", "Dunmore Falls", (44, 96, 150))
TIDEWATER = Vendor("Tidewater Tools", "210 Harbor Street", "New York", (32, 116, 104))
QUILLON = Vendor("Quillon Foods", "5 Orchard Way", "Saltmarsh", (168, 84, 44))

INVOICES = {
    "invoice-larkspur-1": Invoice(
        LARKSPUR,
        "LP-20931",
        "March 3, 2026",
        "4711-0815",
        ("Bramble Books", "17 Church Row", "Elmsworth"),
        (("Copy paper, white", 40, 495), ("Envelopes, large", 12, 850), ("Card stock", 6, 1275)),
    ),
    "invoice-larkspur-2": Invoice(
        LARKSPUR,
        "LP-21077",
        "April 7, 2026",
        "4711-0815",
        ("Bramble Books", "17 Church Row", "Elmsworth"),
        (("Wrapping paper, rolls", 25, 620), ("Copy paper, white", 20, 495)),
    ),
    # The same vendor, and another customer's account.
    "invoice-larkspur-3": Invoice(
        LARKSPUR,
        "LP-21102",
        "April 9, 2026",
        "4711-0915",
        ("Pellworth School", "2 Hill Road", "Saltmarsh"),
        (("Drawing pads", 60, 320), ("Card stock", 10, 1275)),
    ),
    # Larkspur again, as the customer.
    "invoice-tidewater-1": Invoice(
        TIDEWATER,
        "T-5540",
        "March 19, 2026",
        "20-448-1",
        ("Larkspur Paper Co.", "8 Mill Lane", "Dunmore Falls"),
        (("Torque wrench", 2, 8900), ("Machine oil, gallon", 5, 2340)),
    ),
    "invoice-quillon-1": Invoice(
        QUILLON,
        "QF/118",
        "April 1, 2026",
        "0815-4711",
        ("Cafe Meridian", "9 Market Square", "Elmsworth"),
        (("Apple juice, case", 14, 1860), ("Oat flour, sack", 8, 2215), ("Honey, jar", 24, 540)),
    ),
}
LICENCES = {
    "licence-new-york-1": Licence(
        "New York",
        "Empire of samples",
        "000 111 001",
        ("Marlow", "Ada"),
        ("77 Lantern St, Apt 4", "Albany NY"),
        "02/11/1990",
        (38, 84, 160),
        (232, 190, 160),
        (92, 58, 38),
        (70, 98, 140),
    ),
    "licence-new-york-2": Licence(
        "New York",
        "Empire of samples",
        "000 111 002",
        ("Okonjo", "Felix"),
        ("3 Ferry Landing", "Buffalo NY"),
        "09/30/1984",
        (38, 84, 160),
        (140, 92, 64),
        (30, 26, 26),
        (160, 66, 60),
    ),
    # A street that begins as a state does.
    "licence-new-jersey-1": Licence(
        "New Jersey",
        "Garden of samples",
        "J0000 22222",
        ("Castellane", "Rita"),
        ("14 New Yorkshire Rd", "Trenton NJ"),
        "06/17/1978",
        (150, 104, 30),
        (216, 166, 132),
        (120, 120, 124),
        (88, 122, 84),
    ),
    "licence-california-1": Licence(
        "California",
        "Golden samples",
        "X0000033",
        ("Tamura", "Ken"),
        ("900 Poppy Blvd", "Fresno CA"),
        "12/05/1995",
        (176, 58, 66),
        (234, 200, 168),
        (36, 32, 34),
        (60, 66, 90),
    ),
}


@cache
def font(size_px: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font, which is the same wherever Pillow is."""
    found = ImageFont.load_default(size_px)
    if not isinstance(found, ImageFont.FreeTypeFont):
        raise SystemExit("This Pillow was built without FreeType, and has no font of a size to choose.")
    return found


class Page:
    """A picture to write on."""

    def __init__(self, width_px: int, height_px: int, background: Colour) -> None:
        self.image = Image.new("RGB", (width_px, height_px), background)
        self.draw = ImageDraw.Draw(self.image)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size_px: int,
        *,
        colour: Colour = INK,
        bold: bool = False,
        anchor: str = "ls",
    ) -> None:
        """Writes text with its base line's begin at a point, or anchored there as Pillow's anchors say."""
        # Small letters would run into each other.
        weight = size_px // 28 if bold else 0
        self.draw.text(
            (x, y),
            text,
            fill=colour,
            font=font(size_px),
            anchor=anchor,
            stroke_width=weight,
            stroke_fill=colour,
        )

    def rule(self, x: float, y: float, to_x: float, colour: Colour = LINE, width_px: int = 2) -> None:
        """Draws a line across."""
        self.draw.line((x, y, to_x, y), fill=colour, width=width_px)


def invoice(content: Invoice) -> Image.Image:
    """A page of A4 at 120 pixels an inch."""
    page = Page(992, 1403, PAPER)
    vendor, left, right = content.vendor, 84, 908
    page.draw.rectangle((0, 0, 992, 18), fill=vendor.colour)
    page.draw.rounded_rectangle((left, 76, left + 84, 160), 18, fill=vendor.colour)
    page.text(left + 42, 134, vendor.name[0], 56, colour=PAPER, bold=True, anchor="ms")
    page.text(left + 108, 114, vendor.name, 38, bold=True)
    page.text(left + 108, 152, f"{vendor.street}, {vendor.city}", 22, colour=GREY)
    page.text(left, 272, "INVOICE", 52, colour=vendor.colour, bold=True)

    for row, (label, value) in enumerate(
        (("Invoice number", content.number), ("Date", content.date), ("Account number", content.account))
    ):
        page.text(500, 246 + 44 * row, label, 22, colour=GREY)
        page.text(right, 246 + 44 * row, value, 24, bold=row == 2, anchor="rs")
    page.text(left, 334, "Bill to", 22, colour=GREY)
    for row, line in enumerate(content.customer):
        page.text(left, 372 + 36 * row, line, 26, bold=row == 0)

    top = 530
    page.draw.rectangle((left, top, right, top + 52), fill=vendor.colour)
    for x, title, anchor in (
        (left + 18, "Item", "ls"),
        (620, "Quantity", "rs"),
        (760, "Price", "rs"),
        (right - 18, "Amount", "rs"),
    ):
        page.text(x, top + 36, title, 22, colour=PAPER, bold=True, anchor=anchor)
    y = top + 52
    for name, quantity, cents in content.items:
        page.text(left + 18, y + 42, name, 24)
        for x, value in ((620, str(quantity)), (760, money(cents)), (right - 18, money(quantity * cents))):
            page.text(x, y + 42, value, 24, anchor="rs")
        y += 66
        page.rule(left, y, right)
    total = sum(quantity * cents for _, quantity, cents in content.items)
    page.text(620, y + 66, "Total due", 28, bold=True, anchor="rs")
    page.text(right - 18, y + 66, f"${money(total)}", 32, colour=vendor.colour, bold=True, anchor="rs")

    page.text(left, 1180, "Please pay within 30 days and quote your account number.", 22, colour=GREY)
    page.rule(left, 1280, right)
    page.text(left, 1322, "Sample document. Nothing in it is real.", 20, colour=GREY)
    return page.image


def money(cents: int) -> str:
    """An amount of dollars.

    >>> money(123450)
    '1,234.50'
    """
    return f"{cents / 100:,.2f}"


def licence(content: Licence) -> Image.Image:
    """A card of 85.6 by 54 millimetres, at 300 pixels an inch."""
    page = Page(1012, 638, _tint(content.colour, 0.88))
    _guilloche(page, content.colour)
    page.draw.rectangle((0, 0, 1012, 112), fill=content.colour)
    page.text(36, 66, content.state.upper(), 54, colour=PAPER, bold=True)
    page.text(38, 98, content.motto, 20, colour=_tint(content.colour, 0.75))
    page.text(976, 66, "DRIVER LICENSE", 34, colour=PAPER, bold=True, anchor="rs")
    page.image.paste(portrait(content), (36, 148))
    page.draw.rounded_rectangle((35, 147, 301, 485), 10, outline=content.colour, width=3)

    family, given = content.name
    fields = (
        ("Number", content.number),
        ("Name", f"{family.upper()}, {given.upper()}"),
        ("Address", content.address[0].upper()),
        ("", content.address[1].upper()),
        ("Born", content.born),
        ("Class", "D"),
    )
    y = 184
    for label, value in fields:
        page.text(336, y, label, 20, colour=content.colour)
        page.text(446, y, value, 30, bold=label in {"Number", "Name"})
        y += 46 if label != "Address" else 40
    page.rule(36, 560, 976, content.colour)
    page.text(36, 600, "SPECIMEN: fictional, not a license", 24, colour=content.colour, bold=True)
    return _rounded(page.image)


def portrait(content: Licence) -> Image.Image:
    """Head and shoulders, drawn at four times the size for smooth edges."""
    width, height, scale = 264, 336, 4
    page = Page(width * scale, height * scale, _tint(content.colour, 0.62))

    def oval(middle_x: float, middle_y: float, radius_x: float, radius_y: float, colour: Colour) -> None:
        left, top = (middle_x - radius_x) * scale, (middle_y - radius_y) * scale
        right, bottom = (middle_x + radius_x) * scale, (middle_y + radius_y) * scale
        page.draw.ellipse((left, top, right, bottom), fill=colour)

    dark = _tint((0, 0, 0), 0.15)
    oval(132, 350, 124, 104, content.shirt)
    oval(132, 262, 42, 40, _shade(content.skin, 0.9))
    oval(132, 142, 86, 96, content.hair)
    oval(132, 168, 70, 88, content.skin)
    page.draw.chord((62 * scale, 72 * scale, 202 * scale, 196 * scale), 180, 360, fill=content.hair)
    for side in (-1, 1):
        oval(132 + side * 28, 164, 11, 7, PAPER)
        oval(132 + side * 28, 164, 5.5, 6.5, dark)
        page.draw.line(
            ((132 + side * 14) * scale, 146 * scale, (132 + side * 42) * scale, 143 * scale),
            fill=_shade(content.hair, 0.8),
            width=5 * scale,
        )
    page.draw.line(
        (132 * scale, 168 * scale, 128 * scale, 196 * scale), fill=_shade(content.skin, 0.8), width=3 * scale
    )
    page.draw.arc(
        (106 * scale, 186 * scale, 158 * scale, 228 * scale), 25, 155, fill=(168, 72, 72), width=5 * scale
    )
    return page.image.resize((width, height), Image.Resampling.LANCZOS)


def _guilloche(page: Page, colour: Colour) -> None:
    """Fine lines, as on papers that are not to be copied."""
    for offset in range(0, 700, 22):
        points = [(x, 120 + offset + 10 * ((x // 46) % 2)) for x in range(0, 1013, 46)]
        page.draw.line(points, fill=_tint(colour, 0.8), width=1)


def _rounded(card: Image.Image) -> Image.Image:
    """The card with round corners, on a table."""
    mask = Image.new("L", (card.width * 2, card.height * 2), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, card.width * 2 - 1, card.height * 2 - 1), 64, fill=255)
    table = Image.new("RGB", (card.width + 120, card.height + 120), (226, 221, 212))
    table.paste(card, (60, 60), mask.resize(card.size, Image.Resampling.LANCZOS))
    return table


def _tint(colour: Colour, towards_white: float) -> Colour:
    red, green, blue = (round(part + (255 - part) * towards_white) for part in colour)
    return red, green, blue


def _shade(colour: Colour, light: float) -> Colour:
    red, green, blue = (round(part * light) for part in colour)
    return red, green, blue


def documents() -> dict[str, Image.Image]:
    """All of them, by the names of their files."""
    drawn = {name: invoice(content) for name, content in INVOICES.items()}
    drawn |= {name: licence(content) for name, content in LICENCES.items()}
    return {f"{name}.png": picture for name, picture in drawn.items()}


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name, picture in documents().items():
        picture.save(target / name, optimize=True)
