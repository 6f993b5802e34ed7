"""What every sink promises, asked of each: taken means taken, in order, byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from gateway.errors import Hold, Retry
from gateway.model.delivery import BrokerConfig, Record, Sink, SinkConfig
from gateway.sinks.base import SinkContext
from gateway.sinks.registry import build
from tests.http_peer import Answer, HttpPeer, Request
from tests.mqtt_peer import MqttPeer
from tests.outcomes import epc_of, movement, passage
from tests.servers import Mosquitto, eventually


@dataclass
class Bench:
    """A sink with what is on its other side."""

    sink: Sink
    received: Callable[[], list[bytes]]  # bodies, in order of arrival
    break_it: Callable[[], object]
    mend_it: Callable[[], object]


@pytest.fixture(params=["file", "webhook", pytest.param("mqtt", marks=pytest.mark.server)])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    if request.param == "file":
        yield file_bench(tmp_path)
        return
    if request.param == "webhook":
        async with HttpPeer() as peer:
            yield webhook_bench(tmp_path, peer)
        return
    mosquitto: Mosquitto = request.getfixturevalue("mosquitto")
    context = SinkContext(
        site="s", data_dir=tmp_path, broker=BrokerConfig(port=mosquitto.port, prefix="rfid/s")
    )
    (sink,) = build([SinkConfig(name="plant", kind="mqtt")], context)
    with MqttPeer(mosquitto.port, "rfid/s/movements", "rfid/s/passages/#", client_id="o") as peer:
        yield Bench(sink, lambda: peer.payloads, mosquitto.stop, mosquitto.start)


def file_bench(folder: Path) -> Bench:
    path = folder / "logs" / "out.jsonl"
    config = SinkConfig(
        name="log",
        kind="file",
        options={"path": "logs/out.jsonl", "kinds": ["movement", "passage"]},
    )
    (sink,) = build([config], SinkContext(site="s", data_dir=folder))

    def break_it() -> None:
        path.rename(path.with_name("moved"))
        path.mkdir()

    return Bench(
        sink,
        lambda: path.read_bytes().splitlines() if path.is_file() else [],
        break_it,
        path.rmdir,
    )


def webhook_bench(folder: Path, peer: HttpPeer) -> Bench:
    options = {"url": peer.url, "allow": ["127.0.0.1"], "kinds": ["movement", "passage"]}
    config = SinkConfig(name="wms", kind="webhook", options=options)
    (sink,) = build([config], SinkContext(site="s", data_dir=folder))
    taken: list[bytes] = []

    def take(request: Request) -> Answer:
        taken.append(orjson.dumps(request.json["data"]))
        return Answer()

    def break_it() -> None:
        peer.rule = lambda _: Answer(503)

    def mend_it() -> None:
        peer.rule = take

    mend_it()
    return Bench(sink, lambda: taken, break_it, mend_it)


def records(first: int, count: int) -> list[Record]:
    return [
        Record(
            seq=n,
            kind="movement",
            id=movement(1, n).id,
            key=epc_of(1),
            body=movement(1, n).to_json(),
        )
        for n in range(first, first + count)
    ]


async def test_what_is_taken_is_there_in_order_byte_for_byte(bench: Bench) -> None:
    await bench.sink.open()
    sent: list[Record] = []
    for first, count in ((1, 1), (2, bench.sink.max_batch), (1_000, 7)):
        batch = records(first, count)
        assert await bench.sink.deliver(batch) == {}
        sent += batch
    await eventually(lambda: len(bench.received()) == len(sent))
    assert bench.received() == [record.body for record in sent]
    await bench.sink.close()


async def test_other_kinds_arrive_too(bench: Bench) -> None:
    await bench.sink.open()
    body = passage(1).to_json()
    one = Record(seq=1, kind="passage", id="passage-1", key="door-1", body=body)
    assert await bench.sink.deliver([one]) == {}
    await eventually(lambda: bench.received() == [body])
    await bench.sink.close()


async def test_it_can_be_opened_closed_and_closed_again(bench: Bench) -> None:
    await bench.sink.close()
    await bench.sink.open()
    await bench.sink.open()
    await bench.sink.close()
    await bench.sink.close()


async def test_a_fault_on_the_other_side_is_retry_or_hold_and_passes(bench: Bench) -> None:
    await bench.sink.open()
    await bench.sink.deliver(records(1, 3))
    await asyncio.to_thread(bench.break_it)
    with pytest.raises((Retry, Hold)) as failure:
        await deliver_for_ever(bench.sink, records(4, 3))
    assert str(failure.value)
    await asyncio.to_thread(bench.mend_it)
    await deliver_until_taken(bench.sink, records(4, 3))
    await eventually(lambda: bench.received()[-3:] == [r.body for r in records(4, 3)])
    await bench.sink.close()


async def test_names_and_kinds_are_those_of_the_settings(bench: Bench) -> None:
    assert bench.sink.name in ("log", "plant", "wms")
    assert bench.sink.kinds >= {"movement", "passage"}
    assert bench.sink.max_batch > 0


async def deliver_for_ever(sink: Sink, batch: list[Record]) -> None:
    while True:
        await sink.deliver(batch)


async def deliver_until_taken(sink: Sink, batch: list[Record], deadline_s: float = 20.0) -> None:
    async with asyncio.timeout(deadline_s):
        while True:
            try:
                assert await sink.deliver(batch) == {}
            except (Retry, Hold):
                await asyncio.sleep(0.05)
            else:
                return
