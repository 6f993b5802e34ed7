"""The API over a small live view, for tests: asked directly, or served on loopback."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from fastapi import FastAPI

from gateway.api.app import create_app
from gateway.api.context import Ask, Context, Outbox, Subscribe
from gateway.api.server import listen, serve
from gateway.api.streams import Streams
from gateway.live import LiveView
from gateway.telemetry.health import Health
from gateway.telemetry.metrics import Metrics
from tests.unit.live.world import SGTIN, movement, new_view, outcome, row


@dataclass(frozen=True)
class StoredMovement:
    """As the store gives it back."""

    cursor: int
    body: bytes


#: Who hears every tag.
HEARD = {
    "antenna": "dock-1/2",
    "door": "door-1",
    "side": "outside",
    "reads": 12,
    "rssi_max_dbm": -51.0,
    "rssi_mean_dbm": -55.2,
    "first": "2024-11-21T15:39:58.000Z",
    "last": "2024-11-21T15:40:00.123Z",
}


@dataclass
class FakeHistory:
    """What was committed: (EPC, body) in order; the cursor is the position from 1."""

    records: list[tuple[bytes, bytes]] = field(default_factory=list)
    fails_with: Exception | None = None

    def movements_after(self, cursor: int, limit: int) -> list[StoredMovement]:
        """As the store's."""
        if self.fails_with is not None:
            raise self.fails_with
        rows = [StoredMovement(n, body) for n, (_, body) in enumerate(self.records, 1)]
        return rows[cursor:][:limit]

    def movements_of(self, epc: bytes, limit: int) -> list[StoredMovement]:
        """As the store's."""
        numbered = enumerate(self.records, 1)
        rows = [StoredMovement(n, body) for n, (of, body) in numbered if of == epc]
        return rows[::-1][:limit]


@dataclass
class Gateway:
    """Everything that the API works with."""

    live: LiveView
    history: FakeHistory
    health: Health
    metrics: Metrics
    streams: Streams
    app: FastAPI

    def move(self, epc: bytes = SGTIN, seq: int = 1) -> None:
        """The tag goes from staging-1 to yard: committed, on record, and told."""
        told = movement(epc, seq)
        self.history.records.append((epc, told.to_json()))
        self.live.apply(outcome(tags=[row(epc, "yard", seq=seq)], movements=[told]))


def new_context(
    *epcs: bytes,
    inputs: Subscribe | None = None,
    streams: Streams | None = None,
    outbox: Outbox | None = None,
    figures: Ask | None = None,
) -> Context:
    """What the API works with: a gateway that has numbered these tags and committed nothing yet."""
    return Context(
        live=new_view(*epcs, first_event_id=1_000, reads_of=lambda _: [HEARD]),
        history=FakeHistory(),
        metrics=Metrics(readers=["dock-1", "bins-1"]),
        health=Health(time.monotonic),
        streams=streams or Streams(),
        inputs=inputs,
        outbox=outbox,
        figures=figures,
    )


def new_gateway(
    *epcs: bytes,
    inputs: Subscribe | None = None,
    streams: Streams | None = None,
    outbox: Outbox | None = None,
    figures: Ask | None = None,
) -> Gateway:
    """The same, with the application."""
    of = new_context(*epcs, inputs=inputs, streams=streams, outbox=outbox, figures=figures)
    assert isinstance(of.history, FakeHistory)
    return Gateway(of.live, of.history, of.health, of.metrics, of.streams, create_app(of))


@asynccontextmanager
async def asking(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a network between."""
    transport = httpx.ASGITransport(gateway.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


@asynccontextmanager
async def served(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a real server on loopback."""
    listener = listen("127.0.0.1", 0)
    async with (
        serve(gateway.app, listener, gateway.streams) as url,
        httpx.AsyncClient(base_url=url, timeout=5) as client,
    ):
        yield client
