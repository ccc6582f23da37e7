"""What a request asks for: the operations and the photo that its path names. Everything in it is hostile."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from functions.imaging.variant import QUALITY, Fit, Variant
from functions.platform.values import SIZE
from functions.upload import InvalidKeyError, parse_key

PREFIX = "/i/"
# Of what may be enlarged, in pixels; of `inside`, which is not, `make` says how large it may be.
MOST_SIDE_PX, MOST_MADE_PIXELS = 10_000, 16_000_000
MOST_BLUR_PX = 50
_MOST_SHOWN = 40


class RefusedError(Exception):
    """A request is answered with a status of HTTP and one sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Asked:
    """A photo, and what is to be made of it."""

    key: str
    variant: Variant

    @property
    def path(self) -> str:
        """The one path that says so, encoded: what is signed, and what caches keep it by."""
        return f"{PREFIX}{spelled(self.variant)}/{quote(self.key)}"


def read(path: str) -> Asked:
    """Reads a path, as it was sent, encoded: `/i/cover,300x200,q70/sample-park/mountains.jpg`.

    >>> read("/i/inside,600x/sample-park/a%20b.jpg").key
    'sample-park/a b.jpg'

    Raises:
        RefusedError: 400 for operations that there are not, 404 for what can be no photo.
    """
    operations, slash, rest = path.removeprefix(PREFIX).partition("/")
    if not path.startswith(PREFIX) or not slash:
        raise RefusedError(404, "There is nothing here: ask for /i/<fit>,<width>x<height>/<key>.")
    try:
        key = unquote_to_bytes(rest).decode()
        parse_key(key)
    except (UnicodeDecodeError, InvalidKeyError):
        raise RefusedError(404, "There is no such photo.") from None
    variant = _variant(unquote_to_bytes(operations).decode("latin-1"))
    return Asked(key, variant)


def spelled(variant: Variant) -> str:
    """The operations of a variant, in their usual order.

    >>> spelled(Variant(Fit.COVER, 300, 200, quality=70, gray=True))
    'cover,300x200,q70,gray'
    """
    said = [variant.fit.value, f"{variant.width_px or ''}x{variant.height_px or ''}"]
    if variant.quality != QUALITY:
        said.append(f"q{variant.quality}")
    if variant.blur_px:
        said.append(f"blur{variant.blur_px}")
    if variant.gray:
        said.append("gray")
    if variant.turn_degrees:
        said.append(f"rotate{variant.turn_degrees}")
    return ",".join(said)


def _variant(operations: str) -> Variant:
    fit, _, rest = operations.partition(",")
    size, *others = rest.split(",")
    if fit not in list(Fit):
        raise RefusedError(400, f"The fit must be one of {', '.join(Fit)}, not {_shown(fit)}.")
    width, height = _sides(size)
    if not (width and height) and fit != Fit.INSIDE:
        raise RefusedError(400, f"The size of {fit} needs both sides, such as 300x200.")
    if fit != Fit.INSIDE and (width or 0) * (height or 0) > MOST_MADE_PIXELS:
        raise RefusedError(400, f"The size must have at most {MOST_MADE_PIXELS} pixels.")
    made: dict[str, int | bool] = {}
    for each in others:
        name, value = _operation(each)
        if name in made:
            raise RefusedError(400, f"The operation {_shown(each)} comes twice, or after one of its kind.")
        made[name] = value
    return Variant(Fit(fit), width, height, **made)  # type: ignore[arg-type]  # by their names


def _sides(size: str) -> tuple[int | None, int | None]:
    found = SIZE.fullmatch(size)
    sides = tuple(int(each) if each else None for each in found.groups()) if found else (None, None)
    if not found or any((each or 0) > MOST_SIDE_PX for each in sides):
        raise RefusedError(
            400,
            f"The size must be such as 300x200, each side at most {MOST_SIDE_PX} pixels, not {_shown(size)}.",
        )
    return sides[0], sides[1]


def _number(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[1-9]\d{0,3}", text, re.ASCII) or not least <= int(text) <= most:
        raise ValueError
    return int(text)


def _gray(text: str) -> bool:
    if text:
        raise ValueError
    return True


def _turn(text: str) -> int:
    if text not in {"90", "180", "270"}:
        raise ValueError
    return int(text)


# A beginning → the field of Variant, what reads the rest, and how it is written.
_OPERATIONS: dict[str, tuple[str, Callable[[str], int | bool], str]] = {
    "q": ("quality", lambda text: _number(text, 1, 95), "q1 to q95"),
    "blur": ("blur_px", lambda text: _number(text, 1, MOST_BLUR_PX), f"blur1 to blur{MOST_BLUR_PX}"),
    "gray": ("gray", _gray, "gray"),
    "rotate": ("turn_degrees", _turn, "rotate90, rotate180, rotate270"),
}


def _operation(text: str) -> tuple[str, int | bool]:
    for begins, (name, parse, _) in _OPERATIONS.items():
        if text.startswith(begins):
            try:
                return name, parse(text.removeprefix(begins))
            except ValueError:
                break
    known = ", ".join(written for _, _, written in _OPERATIONS.values())
    raise RefusedError(400, f"There is no operation {_shown(text)}; there are {known}.")


def _shown(text: str) -> str:
    """A text of the caller's in a sentence: not all of a long one, and with nothing that acts."""
    return ascii(text[:_MOST_SHOWN])
