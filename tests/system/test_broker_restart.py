"""A real broker restarts in mid-stream: sensor readings come in, movements go out, none is lost.

Everything but the location engine is the daemon's own: each reading of a scanner becomes one
movement here, so that what came in can be compared with what went out, one by one.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from gateway.clock import SystemClock
from gateway.drivers.base import DriverContext
from gateway.drivers.mqtt import MqttSensors
from gateway.model.delivery import BrokerConfig, SinkConfig
from gateway.model.device import SensorConfig, SensorKind
from gateway.model.movement import movement_id
from gateway.model.outcome import Inputs, Outcome
from gateway.model.place import Site
from gateway.model.tags import TagIndex
from gateway.outbox.dispatchers import Dispatchers
from gateway.outbox.queue import Queue
from gateway.sinks.base import SinkContext
from gateway.sinks.registry import build
from gateway.store.database import open_store
from gateway.store.writer import Writer
from tests.mqtt_peer import MqttPeer
from tests.outcomes import SITE, movement, outcome
from tests.servers import Mosquitto, eventually

READINGS = 2_000
RESTARTS = 3
TAGS = 20
TICK_S = 0.02
#: Readings that may come twice: the scanner repeats its window of 20 to a broker that has restarted
#: (for the broker these are new messages), and acknowledgements on their way are lost with it.
MOST_REPEATED = 100 * RESTARTS


class Gateway:
    """Driver, core, store, outbox and sink, put together as the service does it."""

    def __init__(self, folder: Path, port: int) -> None:
        broker = BrokerConfig(port=port, prefix="rfid/dc", client_id="gw")
        scanner = SensorConfig(id="scanner", kind=SensorKind.BARCODE, topic="scanner")
        self.driver = MqttSensors(
            DriverContext(
                site=Site(id=SITE),
                tags=TagIndex(),
                clock=SystemClock(),
                sensors=(scanner,),
                broker=broker,
            )
        )
        self.store = open_store(folder / "state.db")
        self.seqs = [0] * TAGS
        self.sources: dict[str, str] = {}  # movement id → barcode
        self.writer = Writer(self.store, self._committed)
        self.queue = Queue(self.store, self.writer, SystemClock())
        context = SinkContext(site=SITE, data_dir=folder, broker=broker)
        sinks = build([SinkConfig(name="plant", kind="mqtt")], context)
        self.dispatchers = Dispatchers(self.queue, sinks)
        self._ended = threading.Event()
        self._core = threading.Thread(target=self._tick, name="core")

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        self.writer.start()
        self.driver.start()
        self._core.start()
        try:
            yield
        finally:
            self._ended.set()
            self._core.join()
            self.driver.close()
            self.writer.stop()
            self.queue.close()
            self.store.close()

    def _tick(self) -> None:
        number = 0
        while not self._ended.wait(TICK_S):
            inputs = Inputs()
            self.driver.drain(inputs, 0)
            number += 1
            moved = []
            for reading in inputs.sensors:
                tag = int(str(reading.value)) % TAGS
                self.seqs[tag] += 1
                one = movement(tag, self.seqs[tag], evidence={"barcode": reading.value})
                self.sources[one.id] = str(reading.value)
                moved.append(one)
            acks = [reading.ack for reading in inputs.sensors if reading.ack is not None]
            if moved:
                self.writer.submit(outcome(number, moved, acks=acks))

    def _committed(self, _: list[Outcome]) -> None:
        self.dispatchers.wake()


@pytest.mark.server
async def test_a_broker_restarted_in_mid_stream_loses_nothing(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    gateway = Gateway(tmp_path, mosquitto.port)
    with (
        MqttPeer(mosquitto.port, "rfid/dc/movements", client_id="wms") as receiver,
        MqttPeer(mosquitto.port, client_id="scanner") as scanner,
        gateway.running(),
    ):
        delivery = asyncio.create_task(gateway.dispatchers.run())
        await eventually(lambda: gateway.driver._connection.connected)
        every = READINGS // (RESTARTS + 1)
        for n in range(READINGS):
            scanner.send("scanner", str(n))
            if n % 20 == 0:
                await asyncio.sleep(0.005)  # a stream, not one burst
            if n % every == every - 1 and n < READINGS - every:
                await eventually(lambda: receiver.messages)
                await asyncio.to_thread(mosquitto.restart)
        await eventually(lambda: set(gateway.sources.values()) == _all_readings(), 60.0)
        await eventually(lambda: _ids(receiver) == set(gateway.sources), 60.0)
        await eventually(lambda: not gateway.dispatchers.statuses[0].pending)
        delivery.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await delivery
    _check(gateway, receiver)


def _all_readings() -> set[str]:
    return {str(n) for n in range(READINGS)}


def _ids(receiver: MqttPeer) -> set[str]:
    return {orjson.loads(payload)["id"] for payload in receiver.payloads}


def _check(gateway: Gateway, receiver: MqttPeer) -> None:
    bodies: dict[str, bytes] = {}
    for payload in receiver.payloads:
        assert bodies.setdefault(orjson.loads(payload)["id"], payload) == payload
    last: dict[str, int] = {}
    for body in bodies.values():  # in the order of their first arrival
        told = orjson.loads(body)
        assert told["seq"] == last.get(told["epc"], 0) + 1, "out of order"
        assert told["id"] == movement_id(SITE, told["epc"], told["seq"])
        last[told["epc"]] = told["seq"]
    barcodes = list(gateway.sources.values())
    assert len(barcodes) - len(set(barcodes)) <= MOST_REPEATED
