"""The gateway's inputs as they come in: a stream of JSON Lines, in the format of recordings."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.context import Context, Subscribe
from gateway.api.problems import Problem
from gateway.api.streams import StreamResponse


def input_routes(context: Context) -> list[Route]:
    """`GET /api/v1/inputs`."""

    async def inputs(_: Request) -> Response:
        if context.inputs is None:
            raise Problem(503, "This gateway does not hand on its inputs.")
        return StreamResponse(
            context.streams, _lines(context.inputs), "application/x-ndjson; charset=utf-8"
        )

    return [Route("/api/v1/inputs", inputs)]


async def _lines(subscribe: Subscribe) -> AsyncGenerator[bytes, None]:
    subscription = subscribe()
    try:
        async for lines in subscription:
            yield lines
    finally:
        if isinstance(subscription, AsyncGenerator):
            await subscription.aclose()
