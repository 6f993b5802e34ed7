"""The API from its first moment on, while most of it is still being loaded.

What those who keep the gateway running ask (`/healthz`, `/readyz`, `/metrics`) is answered at once.
The rest takes a third of a second of a processor to load: that is done in a thread, beside the
gateway's work and not before it, and whoever asks meanwhile waits that long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.api.context import Context
from gateway.api.guard import Guard
from gateway.api.operations import operation_routes


class Front:
    """An ASGI application; `load` makes the whole one, which answers everything from then on."""

    def __init__(self, context: Context, whole: Callable[[Context], ASGIApp]) -> None:
        self._context, self._make = context, whole
        self._loaded = asyncio.Event()
        routes = operation_routes(context)
        self._early_paths = frozenset(route.path for route in routes)
        self._early: ASGIApp = Guard(Router(routes), streams=frozenset())
        self._whole: ASGIApp | None = None

    async def load(self) -> None:
        """Make the whole application, once."""
        self._whole = await asyncio.to_thread(self._make, self._context)
        self._loaded.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._whole is None:
            if scope.get("method") == "GET" and scope["path"] in self._early_paths:
                await self._early(scope, receive, send)
                return
            await self._loaded.wait()
        assert self._whole is not None
        await self._whole(scope, receive, send)
