"""Guard: what every request has to keep to before anything is done for it, and safe headers."""

from __future__ import annotations

import asyncio

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.problems import Problem

MAX_BODY_BYTES = 1_000_000
MAX_TARGET_CHARACTERS = 2_000  # of the path, and of the query
MAX_REQUESTS_AT_ONCE = 64
BODY_DEADLINE_S = 15.0

_HEADERS = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}


class Guard:
    """Bounds the sizes, the time and the number of requests.

    `streams` are paths whose answers last: they are counted elsewhere.
    """

    def __init__(
        self, app: ASGIApp, streams: frozenset[str], at_once: int = MAX_REQUESTS_AT_ONCE
    ) -> None:
        self._app = app
        self._streams = streams
        self._at_once = at_once
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        problem = self._refusal(scope)
        if problem is not None:
            await problem.response()(scope, receive, send_with_headers)
            return
        counted = scope["path"] not in self._streams
        self._under_way += counted
        try:
            await self._app(scope, _bounded(receive), send_with_headers)
        finally:
            self._under_way -= counted

    def _refusal(self, scope: Scope) -> Problem | None:
        if max(len(scope["path"]), len(scope["query_string"])) > MAX_TARGET_CHARACTERS:
            return Problem(
                414, f"Path and query may have {MAX_TARGET_CHARACTERS:,} characters each."
            )
        length = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        if not length.isdigit() or len(length) > 18 or int(length) > MAX_BODY_BYTES:
            return _too_large()
        if self._under_way >= self._at_once and scope["path"] not in self._streams:
            return Problem(
                503,
                f"{self._at_once} requests are under way; try again in a moment.",
                {"retry-after": "1"},
            )
        return None


def _bounded(receive: Receive) -> Receive:
    """`receive` that counts the body itself, and does not wait for it forever."""
    taken = 0
    complete = False

    async def bounded() -> Message:
        nonlocal taken, complete
        if complete:
            return await receive()
        try:
            async with asyncio.timeout(BODY_DEADLINE_S):
                message = await receive()
        except TimeoutError:
            raise Problem(408, f"No body within {BODY_DEADLINE_S:g} s.") from None
        taken += len(message.get("body", b""))
        if taken > MAX_BODY_BYTES:
            raise _too_large()
        complete = not message.get("more_body", False)
        return message

    return bounded


def _too_large() -> Problem:
    return Problem(413, f"A body may have {MAX_BODY_BYTES:,} octets; ask for less at a time.")
