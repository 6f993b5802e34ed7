"""A simulated warehouse in real time: reads by LLRP, sensors by MQTT, the truth in a file."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gateway.clock import SystemClock
from gateway.llrp.codec import Message
from gateway.model.device import ReaderConfig, ReaderProfile
from gateway.simulation.live import LiveWarehouse, emulated_readers
from gateway.simulation.mqtt_sensors import MqttSensors
from gateway.simulation.reader import EmulatedReader
from gateway.simulation.scenario import named
from gateway.simulation.warehouse import World
from tests.servers import Mosquitto, eventually, wait_until
from tests.unit.simulation.places import warehouse
from tests.unit.simulation.raw_client import RawClient
from tests.unit.simulation.test_reader_reports import epc
from tests.unit.simulation.test_reader_rospecs import events as wants
from tests.unit.simulation.traffics import world as faulty


@asynccontextmanager
async def running(live: LiveWarehouse, readers: dict[str, EmulatedReader]) -> AsyncIterator[None]:
    for reader in readers.values():
        await reader.listen()
    task = asyncio.create_task(live.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for reader in readers.values():
            await reader.close()


async def test_the_warehouse_starts_when_all_readers_inventory_and_tells_the_truth() -> None:
    world = World(warehouse(), named("demo"), 1)
    readers = emulated_readers(world, ())
    truth, said = io.BytesIO(), []
    live = LiveWarehouse(
        world,
        readers,
        truth=truth,
        speed=10,
        publish=lambda sensor, value: said.append((sensor, value)),
    )
    async with running(live, readers):
        clients = {name: await RawClient.connect(r.port) for name, r in readers.items()}
        await clients["dock-1"].inventory()
        assert truth.getvalue() == b""
        for name in ("dock-2", "aisle"):
            await clients[name].inventory()
        await eventually(lambda: b'"direction"' in truth.getvalue())
        tags = await clients["dock-1"].tags(50)
        assert {epc(t) for t in tags} <= set(world.population.epcs)
        assert {t.all("AntennaID")[0].field("AntennaID") for t in tags} <= {1, 2, 3, 4}
        stamps = [t.all("LastSeenTimestampUTC")[0].field("Microseconds") for t in tags]
        assert stamps == sorted(stamps)
        for client in clients.values():
            await client.__aexit__()
    facts = [json.loads(line) for line in truth.getvalue().splitlines()]
    crossed = next(f for f in facts if "direction" in f)
    # Ten times as fast: what takes 3-4 s in the warehouse is over in 0.4 s.
    assert 0 < crossed["t"] - facts[0]["t"] < 400_000
    assert ("door-1/inner", True) in said


async def test_a_reader_that_goes_down_cuts_its_client_off_and_comes_back_at_its_port() -> None:
    faults = {"outage_every_s": [0.5, 1], "outage_s": [1, 1], "outages_per_reader": 1}
    made = faulty(warehouse(doors=1, bins=0), faults=faults)
    readers = emulated_readers(made, ())
    reader = readers["dock-1"]
    async with running(LiveWarehouse(made, readers), readers):
        port = reader.port
        async with await RawClient.connect(port) as client:
            await client.inventory()
            await client.tags(20)
            await client.closed()
        await eventually(lambda: not reader.listening)
        await eventually(lambda: reader.listening)
        async with await RawClient.connect(port) as client:
            await client.tags(20)


async def test_what_is_read_while_the_link_is_down_is_delivered_afterwards() -> None:
    faults = {
        "outage_every_s": [0.5, 1], "outage_s": [1, 1], "outages_per_reader": 1, "outages_kept": 1,
    }  # fmt: skip
    made = faulty(warehouse(doors=1, bins=0), faults=faults)
    readers = emulated_readers(made, ())
    reader = readers["dock-1"]
    async with running(LiveWarehouse(made, readers), readers):
        async with await RawClient.connect(reader.port) as client:
            await client.inventory()
            await client.closed()
        await eventually(lambda: not reader.listening and reader.flow.kept > 30)
        kept = reader.flow.kept
        await eventually(lambda: reader.listening)
        async with await RawClient.connect(reader.port) as client:
            await client.tags(kept)
            assert reader.flow.dropped == 0


async def test_a_broken_cable_is_an_event_of_its_reader() -> None:
    faults = {"antenna_fault_every_s": [1, 2], "antenna_fault_s": [1, 1]}
    made = faulty(warehouse(doors=1, bins=0), faults=faults)
    readers = emulated_readers(made, ())
    async with (
        running(LiveWarehouse(made, readers), readers),
        await RawClient.connect(readers["dock-1"].port) as client,
    ):
        await client.ask("SET_READER_CONFIG", wants(*range(9)))
        await client.inventory()
        gone = await client.event("AntennaEvent")
        assert gone.field("EventType") == 0
        await client.until(lambda m: antenna_event(m) == (1, gone.field("AntennaID")))


async def test_the_stamps_of_a_reader_are_those_of_its_clock() -> None:
    made = faulty(warehouse(doors=1, bins=0), reports={"clock_offset_ms": [3000, 3000]})
    readers = emulated_readers(made, ())
    clock = SystemClock()
    async with (
        running(LiveWarehouse(made, readers, clock=clock), readers),
        await RawClient.connect(readers["dock-1"].port) as client,
    ):
        await client.inventory()
        tag = (await client.tags(5))[-1]
        stamp_us = tag.all("LastSeenTimestampUTC")[0].field("Microseconds")
    offset_us = made.clocks["dock-1"].offset_us
    assert abs(offset_us) == 3_000_000
    assert abs(clock.now_us() + offset_us - stamp_us) < 1_500_000


def antenna_event(message: Message) -> tuple[int, int] | None:
    """(plugged in, port) of an event about an antenna."""
    data = message.first("ReaderEventNotificationData")
    found = data.first("AntennaEvent") if data is not None else None
    return None if found is None else (found.field("EventType"), found.field("AntennaID"))


def test_each_reader_is_what_its_profile_says() -> None:
    world = World(warehouse(), named("demo"), 1)
    profile = ReaderProfile(id="impinj-speedway", vendor_pen=25882)
    readers = emulated_readers(world, [ReaderConfig(id="dock-2", profile=profile)])
    assert {n: r.personality.name for n, r in readers.items()} == {
        "dock-1": "generic",
        "dock-2": "impinj",
        "aisle": "generic",
    }


@pytest.mark.server
def test_sensors_are_published_at_least_once_as_true_and_false(mosquitto: Mosquitto) -> None:
    heard: list[tuple[str, bytes, int]] = []
    listener = paho.Client(CallbackAPIVersion.VERSION2)
    listener.on_message = lambda _c, _u, m: heard.append((m.topic, bytes(m.payload), m.qos))
    listener.connect(mosquitto.host, mosquitto.port)
    listener.subscribe("dock/#", qos=1)
    listener.loop_start()
    try:
        topics = {"door-1/inner": "dock/1/inner"}
        with MqttSensors(mosquitto.host, mosquitto.port, topics, tell=lambda _: None) as sensors:
            sensors.publish("door-1/inner", True)
            wait_until(lambda: len(heard) == 1)  # said when the broker was there
            sensors.publish("door-1/unknown", True)
            sensors.publish("door-1/inner", False)
            wait_until(lambda: len(heard) == 2)
    finally:
        listener.disconnect()
        wait_until(lambda: listener.socket() is None)
        listener.loop_stop()
    assert heard == [("dock/1/inner", b"true", 1), ("dock/1/inner", b"false", 1)]


@pytest.mark.server
def test_a_broker_that_is_away_is_told_once_and_waited_for(mosquitto: Mosquitto) -> None:
    told: list[str] = []
    mosquitto.stop()
    with MqttSensors(mosquitto.host, mosquitto.port, {"s": "t"}, tell=told.append) as sensors:
        sensors.publish("s", True)
        wait_until(lambda: len(told) == 1)
        mosquitto.start()
        wait_until(lambda: len(told) == 2, deadline_s=10)
    assert told[0].startswith("sensors are not published for now: no MQTT broker answers at")
    assert "is there" in told[1]
