"""The fields of a form, as browsers send them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from starlette.requests import Request


async def fields(request: Request) -> dict[str, str]:
    """The fields of a form, by name, without space around; of one that comes twice the last counts."""
    body = (await request.body()).decode("utf-8", "replace")
    return {name: values[-1].strip() for name, values in parse_qs(body, keep_blank_values=True).items()}
