"""The fields of a form, as browsers send them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from starlette.requests import Request


def typed(form: Mapping[str, str], name: str) -> str:
    """A field that a person has typed, without space around; "" if there is none."""
    return form.get(name, "").strip()


async def fields(request: Request) -> dict[str, str]:
    """The fields of a form, by name, as they are; of one that comes twice the last counts."""
    body = (await request.body()).decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(body, keep_blank_values=True).items()}
