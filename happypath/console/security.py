"""Which requests the console answers at all, and what browsers may do with the answers.

The console listens on loopback. Pages of other sites in the same browser can send requests here (CSRF), and
their owners can point names of theirs at this machine (DNS rebinding). So:

- The Host must be a name of this machine.
- An Origin, where the browser sends one, must be the console's own, whatever is asked for. `null` is not.
- A request that is not GET or HEAD must bring the token that only the console's pages have, and the console
  must allow changes.

https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from happypath.console.console import Console

_LOG = logging.getLogger(__name__)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SAFE_METHODS = frozenset({"GET", "HEAD"})
TOKEN_HEADER = "X-Console-Token"  # noqa: S105 (its name)
TOKEN_FIELD = "token"  # noqa: S105 (its name)
# A form is a few fields. A photo comes as the body of a request with a header.
_FORM_BYTES = 100_000

_HEADERS = {
    # No script or style within a page, nothing from elsewhere, no frame, no plug-in.
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "media-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types console",
        )
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    # Other sites cannot show our photos, nor measure them.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Not `no-referrer`: with that browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """ASGI middleware: refuses what no page of ours asks for, and puts the headers onto every answer."""

    def __init__(self, app: ASGIApp, console: Console) -> None:
        self._app = app
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        has_begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        receive, refusal = await self._refusal(scope, receive)
        if refusal is not None:
            await PlainTextResponse(refusal, status_code=403)(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            # A fault of ours: the terminal has all of it, and the page no more than that there is one.
            _LOG.exception("%s %r failed", scope["method"], scope["path"])
            if has_begun:
                raise
            answer = PlainTextResponse(
                "The console failed at this page: its terminal says how.", status_code=500
            )
            await answer(scope, receive, send_with_headers)

    async def _refusal(self, scope: Scope, receive: Receive) -> tuple[Receive, str | None]:
        """What gives the body, and why the request is refused; None if it is not."""
        headers = Headers(scope=scope)
        refusal = _foreign(scope, headers)
        if refusal is not None or scope["method"] in _SAFE_METHODS:
            return receive, refusal
        if not self._console.allow_changes:
            return receive, "This console is read-only: start it with --allow-changes."
        body, receive = await _form(headers, receive)
        if not self._is_ours(headers, body):
            return receive, "The page is of a console that no longer runs: load it again, and repeat."
        return receive, None

    def _is_ours(self, headers: Headers, form: bytes) -> bool:
        given = headers.get(TOKEN_HEADER)
        if given is None:
            fields = parse_qs(form.decode("utf-8", "replace"), max_num_fields=1000)
            given = fields.get(TOKEN_FIELD, [""])[0]
        return secrets.compare_digest(given.encode(), self._console.token.encode())


def _foreign(scope: Scope, headers: Headers) -> str | None:
    """Why a request is none of ours by its Host or Origin; None if it is."""
    hosts = headers.getlist("host")
    if len(hosts) != 1 or _hostname(hosts[0]) not in _LOOPBACK:
        return "The console answers on localhost only: its address is not one of this machine."
    for origin in headers.getlist("origin"):
        if origin.lower() != f"{scope['scheme']}://{hosts[0]}".lower():
            return "The request comes from a page that is not of this console."
    # Browsers say this of requests without an Origin, too. A link from elsewhere may lead here.
    is_visit = scope["method"] in _SAFE_METHODS and headers.get("sec-fetch-mode") == "navigate"
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} and not is_visit:
        return "The request comes from a page that is not of this console."
    return None


def _hostname(host: str) -> str | None:
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname if parts.netloc == host and "@" not in host else None


async def _form(headers: Headers, receive: Receive) -> tuple[bytes, Receive]:
    """The body of a form, and what gives it again to the application; nothing of any other body is read."""
    if headers.get(TOKEN_HEADER) is not None:
        return b"", receive
    if headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        return b"", receive
    body = b""
    more = True
    while more and len(body) <= _FORM_BYTES:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
    if more:
        return b"", receive
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return body, again
