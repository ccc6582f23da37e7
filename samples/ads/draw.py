"""Draws the sample ads, for coffee that nobody sells, from two of the sample photos.

    python samples/ads/draw.py [FOLDER]

The pictures are committed, because the sandbox's labels for them (happypath/sandbox/rekognition/answers.json)
go by their bytes, and another Pillow may write others.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FOLDER = Path(__file__).parent
PHOTOS = FOLDER.parent / "photos"
WIDTH_PX, PHOTO_PX, BAND_PX = 1200, 800, 120


def photo(name: str, box: tuple[int, int, int, int] | None = None) -> Image.Image:
    """A sample photo, or the part of it in a box (left, top, right, bottom) of pixels."""
    with Image.open(PHOTOS / f"{name}.jpg") as picture:
        return picture.crop(box) if box else picture.copy()


def ad(picture: Image.Image, headline: str, line: str) -> Image.Image:
    """A picture above a band with a headline and a smaller line."""
    page = Image.new("RGB", (WIDTH_PX, PHOTO_PX + BAND_PX), (44, 26, 18))
    page.paste(picture, (0, 0))
    draw = ImageDraw.Draw(page)
    for text, size_px, y in ((headline, 50, 52), (line, 28, 98)):
        font = ImageFont.load_default(size_px)
        draw.text((WIDTH_PX / 2, PHOTO_PX + y), text, fill=(250, 240, 225), font=font, anchor="ms")
    return page


def four_times(picture: Image.Image) -> Image.Image:
    """The picture as four small ones."""
    small = picture.resize((WIDTH_PX // 2, PHOTO_PX // 2), Image.Resampling.LANCZOS)
    page = Image.new("RGB", (WIDTH_PX, PHOTO_PX))
    for left in (0, WIDTH_PX // 2):
        for top in (0, PHOTO_PX // 2):
            page.paste(small, (left, top))
    return page


def beside(picture: Image.Image, other: Image.Image, width_px: int) -> Image.Image:
    """The picture with another one on its right edge."""
    page = picture.copy()
    page.paste(other.resize((width_px, PHOTO_PX), Image.Resampling.LANCZOS), (WIDTH_PX - width_px, 0))
    return page


def ads() -> dict[str, Image.Image]:
    """All of them, by the names of their files."""
    coffee = photo("coffee")
    bottle = photo("wine", (930, 440, 1370, 1320))
    return {
        "published.jpg": ad(coffee, "MORNING BLEND", "Roasted slowly. Poured fresh."),
        "refused.jpg": ad(four_times(coffee), "MIRACLE COFFEE", "Sleep less. Results guaranteed."),
        "reviewed.jpg": ad(beside(coffee, bottle, 400), "AFTER DINNER", "With a little something in it."),
    }


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name, picture in ads().items():
        picture.save(target / name, quality=85, optimize=True)
