"""Pages of long answers: the next page's token says where it begins."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any, TypeVar

from happypath.sandbox.stepfunctions.errors import StatesError

_Each = TypeVar("_Each")
_SIZE = 100


def page(
    all_of_them: Sequence[_Each], max_results: int | None, token: str | None, *, of: Any
) -> tuple[list[_Each], str | None]:
    """A page, and the token of the next one. 0, or no size, is the operation's own size: 100.

    `of` is what was asked for: a token is good for the same question only.

    Raises:
        StatesError: InvalidToken; the token is not one that was given for this.
    """
    start = _start(token, of) if token else 0
    size = max_results or _SIZE
    end = start + size
    following = _token(end, of) if end < len(all_of_them) else None
    return list(all_of_them[start:end]), following


def _token(start: int, of: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps([start, of]).encode()).decode()


def _start(token: str, of: Any) -> int:
    try:
        start, asked = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError):
        start, asked = None, None
    if asked != of or not isinstance(start, int):
        raise StatesError("InvalidToken", "Invalid Token: 'Invalid token'")
    return start
