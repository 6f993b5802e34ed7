"""HTTP sinks behind a real outbox, to a server that refuses some records and fails now and then."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.clock import SystemClock
from gateway.model.delivery import SinkConfig
from gateway.model.movement import Status
from gateway.outbox.dispatchers import Dispatchers
from gateway.outbox.queue import Queue
from gateway.sinks.base import SinkContext
from gateway.sinks.registry import build
from gateway.store.database import Store, open_store
from gateway.store.writer import Writer
from tests.epcis_schema import assert_valid
from tests.http_peer import Answer, HttpPeer, Request
from tests.outcomes import epc_of, movement, outcome
from tests.servers import eventually

TAGS, MOVEMENTS, EVERY_POISON, EVERY_FAILURE = 7, 300, 60, 5


class Receiver:
    """Takes events, but for poison; every few requests it is out of order, before or after."""

    def __init__(self, poison: set[str]) -> None:
        self.poison = poison
        self.told: list[tuple[str, str]] = []  # tag and id, at the first arrival
        self._seen: set[str] = set()
        self._requests = 0

    def __call__(self, request: Request) -> Answer:
        self._requests += 1
        if self._requests % EVERY_FAILURE == 0:
            if self._requests % 2:
                self._take(request)  # taken, though nobody hears of it
            return Answer(None if self._requests % 3 else 503)
        return Answer(204) if self._take(request) else Answer(422, body=b"poison")

    def _take(self, request: Request) -> bool:
        events = [_event(e) for e in _events(request.json)]
        if any(found in self.poison for _, found in events):
            return False
        self.told += [event for event in events if event[1] not in self._seen]
        self._seen.update(found for _, found in events)
        return True


def _events(body: Any) -> list[dict[str, Any]]:
    if isinstance(body, list):
        return body
    events: list[dict[str, Any]] = body["epcisBody"]["eventList"] if "epcisBody" in body else [body]
    return events


def _event(event: dict[str, Any]) -> tuple[str, str]:
    if "epcList" in event:
        return event["epcList"][0], event["eventID"].removeprefix("urn:uuid:")
    return event["subject"], event["id"]


@dataclass(frozen=True)
class Outbox:
    """A store with its writer and the queue of it."""

    store: Store
    writer: Writer
    queue: Queue


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    store = open_store(tmp_path / "state.db")
    writer = Writer(store, lambda _: None)
    queue = Queue(store, writer, SystemClock())
    writer.start()
    yield Outbox(store, writer, queue)
    writer.stop()
    queue.close()
    store.close()


@pytest.mark.parametrize(
    ("kind", "options"),
    [("webhook", {}), ("webhook", {"batch": 40}), ("epcis", {"batch": 40})],
    ids=["webhook", "batches", "epcis"],
)
async def test_every_good_record_arrives_in_order_and_every_bad_one_is_set_aside(
    outbox: Outbox, tmp_path: Path, kind: str, options: dict[str, object]
) -> None:
    moves = [movement(n % TAGS, n) for n in range(1, MOVEMENTS + 1)]
    poison = {move.id for move in moves[::EVERY_POISON]}
    receiver = Receiver(poison)
    async with HttpPeer(receiver) as peer:
        given = {"url": peer.url, "allow": ["127.0.0.1"]} | options
        sinks = build(
            [SinkConfig(name="up", kind=kind, options=given)],
            SinkContext(site="dc-north", data_dir=tmp_path),
        )
        dispatchers = Dispatchers(outbox.queue, sinks, sleep=lambda _: asyncio.sleep(0))
        task = asyncio.create_task(dispatchers.run())
        await eventually(lambda: dispatchers.statuses)
        outbox.writer.submit(outcome(1, moves))
        await asyncio.wrap_future(outbox.writer.run_soon(lambda _: None))
        dispatchers.wake()
        assert await dispatchers.drained(30.0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    with outbox.store.reading() as reader:
        letters = reader.dead_letters(0, 1_000)
    assert {letter.record.id for letter in letters} == poison
    assert all("poison" in letter.reason for letter in letters)
    assert {found for _, found in receiver.told} == {move.id for move in moves} - poison
    for tag in range(TAGS):
        told = [found for key, found in receiver.told if key.endswith(_key_end(kind, tag))]
        assert told == [m.id for m in moves if m.epc == epc_of(tag) and m.id not in poison]


def _key_end(kind: str, tag: int) -> str:
    return f"/21/{0x4E40_0000_0000 % 2**38 + tag}" if kind == "epcis" else epc_of(tag)


async def test_a_movement_that_is_taken_back_reaches_every_sink_twice(
    outbox: Outbox, tmp_path: Path
) -> None:
    told, other = movement(1, 1), movement(2, 1)
    taken_back = replace(told, status=Status.RETRACTED, record_time_us=told.record_time_us + 9)
    async with HttpPeer() as hook, HttpPeer(lambda _: Answer(201)) as repository:
        sinks = build(
            [
                SinkConfig(name="wms", kind="webhook", options=_to(hook)),
                SinkConfig(name="trace", kind="epcis", options=_to(repository)),
                SinkConfig(name="log", kind="file", options={"path": str(tmp_path / "log.jsonl")}),
            ],
            SinkContext(site="dc-north", data_dir=tmp_path),
        )
        dispatchers = Dispatchers(outbox.queue, sinks)
        task = asyncio.create_task(dispatchers.run())
        await eventually(lambda: dispatchers.statuses)
        for number, one in enumerate((told, other, taken_back)):
            outbox.writer.submit(outcome(number, [one]))
            await asyncio.wrap_future(outbox.writer.run_soon(lambda _: None))
            dispatchers.wake()
        assert await dispatchers.drained(30.0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    bodies = [told.to_json(), other.to_json(), taken_back.to_json()]
    assert (tmp_path / "log.jsonl").read_bytes().splitlines() == bodies
    assert [r.json["id"] for r in hook.requests] == [told.id, other.id, f"{told.id}/retracted"]
    documents = [request.json for request in repository.requests]
    for document in documents:
        assert_valid(document)
    first, _, last = [event for document in documents for event in _events(document)]
    declared = last.pop("errorDeclaration")
    assert last == first, "the same event, eventID included, declared to be wrong"
    assert declared["declarationTime"] == orjson.loads(bodies[2])["record_time"]


def _to(peer: HttpPeer) -> dict[str, Any]:
    return {"url": peer.url, "allow": ["127.0.0.1"]}
