"""What sensors measured, a window at a time, from the readings to the EPCIS repository."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import orjson

from gateway.clock import SystemClock
from gateway.model.delivery import SinkConfig
from gateway.model.device import SensorConfig, SensorKind, SensorReading
from gateway.model.outcome import Outcome
from gateway.model.place import Door, Site, Zone
from gateway.outbox.dispatchers import Dispatchers
from gateway.outbox.queue import Queue
from gateway.series.windows import SensorWindows
from gateway.sinks.base import SinkContext
from gateway.sinks.registry import build
from gateway.store.database import open_store
from gateway.store.writer import Writer
from tests.epcis_schema import assert_valid
from tests.http_peer import Answer, HttpPeer
from tests.outcomes import NOW_US
from tests.servers import eventually

SITE = Site(
    id="dc-north",
    zones=(Zone(id="staging-1"), Zone(id="yard")),
    doors=(Door(id="door-1", inside="staging-1", outside="yard"),),
)
SENSORS = (
    SensorConfig(id="door-1/temp", kind=SensorKind.TEMPERATURE, options={"unit": "C"}),
    SensorConfig(id="cold-store", kind=SensorKind.HUMIDITY),
    SensorConfig(id="door-1/inner", kind=SensorKind.BEAM),
)


def tick(
    windows: SensorWindows, after_s: float, *values: tuple[str, float | bool | str]
) -> Outcome:
    at_us = NOW_US + round(after_s * 1e6)
    readings = [
        SensorReading(sensor=sensor, value=value, time_us=at_us, at_us=at_us)
        for sensor, value in values
    ]
    outcome = Outcome(number=0, now_us=at_us, sensors=readings)
    windows.add(outcome)
    return outcome


def test_a_window_holds_least_most_and_mean_of_its_time() -> None:
    windows = SensorWindows(SITE, SENSORS, 60.0)
    for second, value in enumerate((4.0, 8.0, 6.0)):
        assert tick(windows, second * 10, ("door-1/temp", value)).measured == []
    outcome = tick(windows, 60.0)
    (measured,) = outcome.measured
    assert outcome.durable
    body = orjson.loads(measured.body)
    assert (body["min"], body["max"], body["mean"], body["count"]) == (4.0, 8.0, 6.0, 3)
    assert (body["sensor"], body["kind"], body["unit"]) == ("door-1/temp", "temperature", "C")
    assert body["zone"] == "staging-1"
    assert tick(windows, 200.0).measured == [], "no readings, no window"


def test_what_measures_nothing_has_no_windows() -> None:
    windows = SensorWindows(SITE, SENSORS, 1.0)
    tick(windows, 0.0, ("door-1/inner", True), ("unknown", 3.0), ("cold-store", "wet"))
    assert tick(windows, 10.0).measured == []


async def test_windows_reach_the_repository_as_sensor_events(tmp_path: Path) -> None:
    windows = SensorWindows(SITE, SENSORS, 60.0)
    store = open_store(tmp_path / "state.db")
    writer = Writer(store, lambda _: None)
    queue = Queue(store, writer, SystemClock())
    writer.start()
    async with HttpPeer(lambda _: Answer(201)) as peer:
        options = {"url": peer.url, "allow": ["127.0.0.1"], "sensors": True, "sensors_every": 60.0}
        sinks = build(
            [
                SinkConfig(name="trace", kind="epcis", options=options),
                SinkConfig(name="log", kind="file", options={"path": str(tmp_path / "log")}),
            ],
            SinkContext(site="dc-north", data_dir=tmp_path, layout=SITE),
        )
        dispatchers = Dispatchers(queue, sinks)
        task = asyncio.create_task(dispatchers.run())
        await eventually(lambda: dispatchers.statuses)
        tick(windows, 0.0, ("door-1/temp", 4.0), ("cold-store", 55.0))
        tick(windows, 5.0, ("door-1/temp", 5.0))
        writer.submit(tick(windows, 60.0))
        await asyncio.wrap_future(writer.run_soon(lambda _: None))
        dispatchers.wake()
        assert await dispatchers.drained(30.0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    writer.stop()
    queue.close()
    store.close()
    (document,) = [request.json for request in peer.requests]
    assert_valid(document)
    first, second = document["epcisBody"]["eventList"]
    (report,) = first["sensorElementList"][0]["sensorReport"]
    assert (report["type"], report["minValue"], report["maxValue"]) == ("Temperature", 4.0, 5.0)
    assert report["uom"] == "CEL"
    assert first["bizLocation"] == {"id": "urn:rfid-gateway:dc-north:staging-1"}
    (report,) = second["sensorElementList"][0]["sensorReport"]
    assert (report["type"], report["value"]) == ("RelativeHumidity", 55.0)
    assert (tmp_path / "log").read_bytes() == b"", "who did not ask for readings gets none"
