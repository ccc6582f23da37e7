"""Pages from templates. Every value is escaped, and what would not be seen in it is made visible."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from happypath.console import addresses
from happypath.console.security import TOKEN_FIELD
from happypath.operations.visible import visible as visible_text

if TYPE_CHECKING:
    from starlette.requests import Request

    from happypath.console.console import Console
    from happypath.console.parts import Parts

HERE = Path(__file__).parent
STATIC = HERE / "static"


def visible(value: Any) -> Any:
    r"""A text with escapes in place of what is not seen, or would turn what is around it; other values as is.

    >>> visible("photo\u202egpj.exe")
    'photo\\u202egpj.exe'
    """
    return value if not isinstance(value, str) or isinstance(value, Markup) else visible_text(value)


def exact(value: str) -> Markup:
    """A text as it is, escaped: for attributes that come back in requests, not for people."""
    return escape(value)


def clock(moment: datetime | None) -> str:
    """A time on this machine's clock, to the second."""
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago a time is, in the greatest unit that fits.

    >>> ago(datetime(2026, 5, 1, 12, tzinfo=UTC), datetime(2026, 5, 1, 14, 30, tzinfo=UTC))
    '2 h ago'
    """
    if moment is None:
        return ""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now" if seconds < 5 else f"{int(seconds)} s ago"


def moment(text: str) -> datetime:
    """A time as records have it.

    >>> moment("2026-05-01T12:30:00.000Z").hour
    12
    """
    return datetime.fromisoformat(text)


def lasting(seconds: float | None) -> str:
    """A duration as people say it.

    >>> lasting(0.0421), lasting(3.21), lasting(75), lasting(7500), lasting(None)
    ('42 ms', '3.2 s', '1 min 15 s', '2 h 5 min', '')
    """
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"


def as_json_text(value: Any) -> str:
    """A value as indented JSON, for people to read."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


@cache
def static(name: str) -> str:
    """The address of a file in `static/`, which changes with its content."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def environment(console: Console) -> Environment:
    """The templates of a console."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        exact=exact,
        clock=clock,
        ago=ago,
        lasting=lasting,
        moment=moment,
        json_text=as_json_text,
        visible=visible,
    )
    found.globals.update(addresses=addresses, console=console, static=static, token_field=TOKEN_FIELD)
    return found


def page(
    request: Request,
    template: str,
    parts: Parts | None = None,
    *,
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """A page, and above it what it lacks, and what the last request did."""
    console: Console = request.app.state.console
    found = request.app.state.templates.get_template(template)
    return HTMLResponse(
        found.render(
            path=request.url.path,
            missing=parts.missing if parts else [],
            notice=console.notice(request.query_params.get("notice", "")),
            **values,
        ),
        status_code=status,
    )
