"""The event stream over a real connection: in order, resumable, bounded, ended in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import orjson
import pytest

from gateway.api import events
from gateway.api.streams import Streams
from gateway.live import EventKind
from gateway.model.movement import Status
from tests.servers import eventually
from tests.unit.api.serving import Gateway, new_gateway, served
from tests.unit.live.world import SGTIN, movement, outcome, passage, status


@dataclass(frozen=True)
class Seen:
    """One event, as a browser would see it."""

    id: str
    kind: str
    data: str


async def _events(response: httpx.Response) -> AsyncIterator[Seen]:
    last_id, kind, data = "", "message", ""
    async for line in response.aiter_lines():
        name, _, value = line.partition(": ")
        if name == "id":
            last_id = value
        elif name == "event":
            kind = value
        elif name == "data":
            data = value
        elif not line and data:
            yield Seen(last_id, kind, data)
            kind, data = "message", ""


@asynccontextmanager
async def _listening(
    client: httpx.AsyncClient, query: str = "", **headers: str
) -> AsyncIterator[AsyncIterator[Seen]]:
    async with client.stream("GET", f"/api/v1/events{query}", headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield _events(response)


async def _next(stream: AsyncIterator[Seen]) -> Seen:
    async with asyncio.timeout(5):
        return await anext(stream)


@pytest.fixture
def gateway() -> Gateway:
    return new_gateway(SGTIN)


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with served(gateway) as client:
        yield client


async def _open(gateway: Gateway, count: int = 1) -> None:
    await eventually(lambda: gateway.streams.count == count)


async def test_movements_passages_and_readers_come_as_they_happen(
    gateway: Gateway, client: httpx.AsyncClient
) -> None:
    async with _listening(client) as stream:
        await _open(gateway)
        gateway.move()
        gateway.live.apply(outcome(passages=[passage()], statuses=[status()]))
        first = await _next(stream)
        assert (first.id, first.kind) == ("1000", "movement")
        assert orjson.loads(first.data) == orjson.loads(movement().to_json())
        assert [(await _next(stream)).kind for _ in range(2)] == ["reader", "passage"]


async def test_provisional_movements_come_only_to_those_who_ask(
    gateway: Gateway, client: httpx.AsyncClient
) -> None:
    guess = movement(status=Status.PROVISIONAL)
    async with (
        _listening(client) as usual,
        _listening(client, "?kind=movement,provisional") as eager,
    ):
        await _open(gateway, 2)
        gateway.live.apply(outcome(provisional=[guess]))
        gateway.move()
        assert (await _next(usual)).kind == "movement"
        assert [(await _next(eager)).kind for _ in range(2)] == ["provisional", "movement"]


async def test_a_zone_filters_what_concerns_it(gateway: Gateway, client: httpx.AsyncClient) -> None:
    async with (
        _listening(client, "?zone=bin-a-01") as bins,
        _listening(client, "?zone=yard&kind=reader&kind=passage") as yard,
    ):
        await _open(gateway, 2)
        gateway.move()
        gateway.live.apply(outcome(statuses=[status(), status("bins-1")], passages=[passage()]))
        assert orjson.loads((await _next(bins)).data)["reader"] == "bins-1"
        assert orjson.loads((await _next(yard)).data)["reader"] == "dock-1"
        assert (await _next(yard)).kind == "passage"


async def test_a_listener_that_comes_back_goes_on_where_it_was(
    gateway: Gateway, client: httpx.AsyncClient
) -> None:
    for seq in range(1, 6):
        gateway.move(SGTIN, seq)
    async with _listening(client, **{"Last-Event-ID": "1001"}) as stream:
        seqs = [orjson.loads((await _next(stream)).data)["seq"] for _ in range(3)]
    assert seqs == [3, 4, 5]
    async with _listening(client, "?last_event_id=1003") as stream:
        assert orjson.loads((await _next(stream)).data)["seq"] == 5


@pytest.mark.parametrize("last_id", ["7", "99999", "9" * 30, "abc", "-5"])
async def test_a_listener_that_was_away_too_long_is_told_and_goes_on(
    gateway: Gateway, client: httpx.AsyncClient, last_id: str
) -> None:
    gateway.move()
    async with _listening(client, **{"Last-Event-ID": last_id}) as stream:
        reset = await _next(stream)
        assert (reset.kind, reset.id) == ("reset", "1000")
        gateway.move(SGTIN, 2)
        assert (await _next(stream)).id == "1001"


async def test_a_stream_that_is_silent_still_beats_and_keeps_its_place(
    gateway: Gateway, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.02)
    async with client.stream("GET", "/api/v1/events?kind=passage") as response:
        lines = response.aiter_lines()
        await _open(gateway)
        gateway.move()
        async with asyncio.timeout(5):
            async for line in lines:
                if line == "id: 1000":  # the movement itself was of no interest
                    break


async def test_what_is_asked_for_has_to_exist(client: httpx.AsyncClient) -> None:
    kind = await client.get("/api/v1/events?kind=movment")
    assert (kind.status_code, "Did you mean 'movement'?" in kind.json()["detail"]) == (400, True)
    zone = await client.get("/api/v1/events?zone=yad")
    assert (zone.status_code, "Did you mean 'yard'?" in zone.json()["detail"]) == (404, True)


async def test_listeners_are_counted_and_leave(gateway: Gateway) -> None:
    gateway.streams.limit = 1
    async with served(gateway) as client:
        async with _listening(client):
            await _open(gateway)
            refused = await client.get("/api/v1/events")
            assert refused.status_code == 503
            assert "1 streams are open" in refused.json()["detail"]
        await _open(gateway, 0)
        async with _listening(client):
            await _open(gateway)


async def test_a_listener_that_takes_nothing_is_let_go() -> None:
    gateway = new_gateway(SGTIN, streams=Streams(send_deadline_s=0.1))
    async with served(gateway) as client:
        port = client.base_url.port
        assert port is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_024)
        writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        await writer.drain()
        await _open(gateway)
        body = b'"' + b"x" * 1_000_000 + b'"'

        def crowded() -> bool:
            if gateway.streams.count:
                gateway.live.events.append(EventKind.MOVEMENT, (), body)
            return not gateway.streams.count

        await eventually(crowded)
        writer.close()
        del reader


async def test_listeners_hear_the_end_when_the_gateway_stops(gateway: Gateway) -> None:
    async with httpx.AsyncClient() as listener:
        async with served(gateway) as client:
            url = f"{client.base_url}/api/v1/events"
            response = await listener.send(listener.build_request("GET", url), stream=True)
            await _open(gateway)
        async with asyncio.timeout(2):
            await response.aread()
        await response.aclose()


async def test_a_gateway_that_stops_begins_no_new_streams(
    gateway: Gateway, client: httpx.AsyncClient
) -> None:
    gateway.streams.end()
    refused = await client.get("/api/v1/events")
    assert refused.status_code == 503
    assert refused.json()["detail"] == "The gateway is stopping."
