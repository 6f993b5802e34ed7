"""The API while most of it is still being loaded."""

from __future__ import annotations

import asyncio
import threading

import httpx
from starlette.types import ASGIApp

from gateway.api.app import create_app
from gateway.api.context import Context
from gateway.api.front import Front
from tests.unit.api.serving import new_context
from tests.unit.live.world import SGTIN


async def test_readiness_is_told_at_once_and_everything_else_once_it_is_loaded() -> None:
    go_on = threading.Event()

    def make(context: Context) -> ASGIApp:
        assert go_on.wait(10.0)
        return create_app(context)

    context = new_context(SGTIN)
    front = Front(context, make)
    transport = httpx.ASGITransport(front)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        loading = asyncio.create_task(front.load())
        zones = asyncio.create_task(client.get("/api/v1/zones"))
        posted = asyncio.create_task(client.post("/healthz"))
        early = await client.get("/readyz")
        context.health.ready("gateway")
        ready = await client.get("/readyz")
        assert (early.status_code, ready.status_code) == (503, 200)
        assert early.headers["x-content-type-options"] == "nosniff"
        assert not zones.done()
        go_on.set()
        await loading
        assert (await zones).status_code == 200
        assert (await posted).json()["detail"].startswith("POST is not possible here")
        assert (await client.get("/readyz")).json() == ready.json()
