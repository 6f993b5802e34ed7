"""The sink `influxdb` against real databases: what arrives is what the records say, once."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Hold, Retry
from gateway.model.alert import AlertState
from gateway.model.delivery import InfluxConfig, Record, Secret, SinkConfig
from gateway.series.line_protocol import SeriesLines
from gateway.series.points import MEASUREMENTS, READER, READS, SENSOR, ZONE, FieldType, Point
from gateway.sinks.base import SinkContext
from gateway.sinks.influxdb import InfluxSink
from gateway.sinks.influxdb_write import InfluxWriter
from tests import hostile
from tests.databases import Influx1, VictoriaMetrics
from tests.outcomes import NOW_US, alert, epc_of, movement
from tests.servers import POLL_S

pytestmark = pytest.mark.server
#: A time as records tell it, in milliseconds.
MOMENT_US = NOW_US // 1_000 * 1_000


SAMPLES = (
    Point(READS, ("dc", "dock", "1", None, "door-1"), (9, 3, -60.0, -50), NOW_US),
    Point(READS, ("dc", "dock", "2", "bin-a+bin-b", None), (0, 0, None, None), NOW_US),
    Point(ZONE, ("dc", "yard"), (4, 1, 0), NOW_US),
    Point(SENSOR, ("dc", "door-1/temp", "temperature"), (20, None), NOW_US),
    Point(SENSOR, ("dc", "door-1/temp", "temperature"), (1e300, None), NOW_US),
    Point(SENSOR, ("dc", "door-1/inner", "beam"), (None, True), NOW_US),
    Point(READER, ("dc", "dock"), (1, 0, None, 0), NOW_US),
    Point(READER, ("dc", "dock"), (True, 1e-9, -3, 12), NOW_US),
)


def config_for(url: str, **changes: object) -> InfluxConfig:
    values: dict[str, object] = {"api": "v1", "url": url, "database": "rfid"}
    return InfluxConfig(**(values | changes))  # type: ignore[arg-type]


@asynccontextmanager
async def opened(config: InfluxConfig) -> AsyncIterator[InfluxSink]:
    context = SinkContext(site="dc-north", data_dir=Path("/nowhere"), influx=config)
    sink = InfluxSink(SinkConfig(name="influxdb", kind="influxdb"), context)
    await sink.open()
    try:
        yield sink
    finally:
        await sink.close()


def record(seq: int, **changes: object) -> Record:
    made = movement(1, seq, **changes)
    return Record(seq=seq, kind="movement", id=made.id, key=made.epc, body=made.to_json())


def alert_record(seq: int, **changes: object) -> Record:
    made = alert(id=f"alert-{seq}", event_time_us=MOMENT_US, **changes)
    return Record(seq=seq, kind="alert", id=made.id, key=made.group, body=made.to_json())


async def test_a_movement_becomes_the_contracts_point(influx1: Influx1) -> None:
    one = record(
        17, door="door-1", direction="out", confidence=0.5, dwell_s=12.0, event_time_us=MOMENT_US
    )
    async with opened(config_for(influx1.url)) as sink:
        assert await sink.deliver([one]) == {}
    (row,) = await asyncio.to_thread(influx1.rows, "movement")
    assert row == {
        "time": MOMENT_US * 1_000 + 17,
        "site": "dc-north",
        "kind": "moved",
        "to_zone": "yard",
        "door": "door-1",
        "direction": "out",
        "epc": epc_of(1),
        "from_zone": "staging-1",
        "id": movement(1, 17).id,
        "confidence": 0.5,
        "dwell_s": 12.0,
    }
    assert influx1.schema() == {
        "movement": (set(MEASUREMENTS["movement"].tags), set(MEASUREMENTS["movement"].fields))
    }


async def test_an_alert_becomes_the_contracts_point(influx1: Influx1) -> None:
    async with opened(config_for(influx1.url)) as sink:
        assert (
            await sink.deliver([alert_record(1), alert_record(2, state=AlertState.RESOLVED)]) == {}
        )
    rows = await asyncio.to_thread(influx1.rows, "alert")
    assert [row["state"] for row in rows] == ["firing", "resolved"]
    assert rows[0] == {
        "time": MOMENT_US * 1_000 + 1,
        "site": "dc-north",
        "rule": "dwell",
        "severity": "warning",
        "state": "firing",
        "key": "zone=staging-1",
        "id": "alert-1",
    }


async def test_movements_of_the_same_moment_are_points_of_their_own_and_sent_again_the_same(
    influx1: Influx1,
) -> None:
    at_once = [record(seq, event_time_us=MOMENT_US) for seq in range(1, 1_001)]
    async with opened(config_for(influx1.url)) as sink:
        for _ in range(2):
            assert await sink.deliver(at_once) == {}
    rows = await asyncio.to_thread(influx1.rows, "movement")
    assert [row["id"] for row in rows] == [r.id for r in at_once]


async def test_nothing_hostile_makes_a_measurement_a_tag_or_a_field(influx1: Influx1) -> None:
    texts = hostile.movements()
    alerts = [alert_record(n, rule=text) for n, text in enumerate(hostile.TEXTS, 1)]
    async with opened(config_for(influx1.url)) as sink:
        assert await deliver_all(sink, texts + alerts) == {}
    schema = await asyncio.to_thread(influx1.schema)
    assert schema.keys() == {"movement", "alert"}
    for name, (tags, fields) in schema.items():
        assert tags <= set(MEASUREMENTS[name].tags)
        assert fields <= set(MEASUREMENTS[name].fields)
    assert len(await asyncio.to_thread(influx1.rows, "movement")) == len(texts)
    assert len(await asyncio.to_thread(influx1.rows, "alert")) == len(alerts)


async def test_of_many_records_only_the_refused_is_set_aside(influx1: Influx1) -> None:
    influx1.do("CREATE RETENTION POLICY short ON rfid DURATION 1h REPLICATION 1 DEFAULT")
    old = [record(seq) for seq in range(1, 3)]  # outside of the hour
    new = [record(seq, event_time_us=_now_us()) for seq in range(3, 50)]
    unreadable = Record(seq=99, kind="movement", id="x", key="x", body=b"{}")
    async with opened(config_for(influx1.url)) as sink:
        refused = await sink.deliver([*new[:20], old[0], unreadable, *new[20:], old[1]])
    assert refused.keys() == {1, 2, 99}
    assert "retention policy" in refused[1]
    assert "movement cannot be read" in refused[99]
    rows = await asyncio.to_thread(influx1.rows, "movement")
    assert {row["id"] for row in rows} == {r.id for r in new}


async def test_a_batch_too_large_for_the_database_is_sent_in_parts(tmp_path: Path) -> None:
    with Influx1(tmp_path, largest_body=20_000) as database:
        batch = [record(seq) for seq in range(1, 301)]
        async with opened(config_for(database.url, gzip=False)) as sink:
            assert await sink.deliver(batch) == {}
        assert len(await asyncio.to_thread(database.rows, "movement")) == 300


@pytest.mark.parametrize(
    "changes", [{"database": "absent"}, {"retention_policy": "absent"}], ids=["database", "policy"]
)
async def test_what_the_settings_name_wrongly_holds_the_sink(
    influx1: Influx1, changes: dict[str, object]
) -> None:
    async with opened(config_for(influx1.url, **changes)) as sink:
        with pytest.raises(Hold, match="not found"):
            await sink.deliver([record(1)])


async def test_while_the_database_is_away_it_is_tried_again(influx1: Influx1) -> None:
    batch = [record(seq) for seq in range(1, 11)]
    async with opened(config_for(influx1.url)) as sink:
        await sink.deliver(batch[:5])
        await asyncio.to_thread(influx1.kill)
        with pytest.raises(Retry, match="cannot be reached"):
            await sink.deliver(batch)
        await asyncio.to_thread(influx1.start)
        assert await sink.deliver(batch) == {}
    assert len(await asyncio.to_thread(influx1.rows, "movement")) == 10


@pytest.mark.parametrize("api", ["v1", "v2"])
async def test_victoria_metrics_takes_the_numbers_of_both_write_paths(
    victoria_metrics: VictoriaMetrics, api: str
) -> None:
    config = config_for(victoria_metrics.url, api=api, org="dc", token=Secret("any"))
    async with opened(config) as sink:
        sent = record(1, event_time_us=_now_us(), door="door, 1=a", confidence=0.75)
        assert await sink.deliver([sent]) == {}
    found: dict[str, dict[str, Any]] = {}
    async with asyncio.timeout(10.0):
        while "movement_confidence" not in found:
            for series in await asyncio.to_thread(victoria_metrics.series):
                found[series["metric"]["__name__"]] = series
            await asyncio.sleep(POLL_S)
    confidence = found["movement_confidence"]
    assert confidence["values"] == [0.75]
    assert confidence["metric"]["door"] == "door, 1=a"
    assert confidence["metric"]["to_zone"] == "yard"
    invalid = victoria_metrics.get("/metrics").decode()
    assert 'vm_rows_invalid_total{type="influx"} 0' in invalid


async def test_figures_are_of_one_type_for_ever(
    influx1: Influx1, victoria_metrics: VictoriaMetrics
) -> None:
    """Every way in which a point may lack something goes into the same fields."""
    unique = SeriesLines()
    lines = [str(unique.line(point)).encode() for point in SAMPLES]
    for database in (influx1, victoria_metrics):
        writer = InfluxWriter(config_for(database.url))
        assert (await writer.write(lines)).refused == {}
        await writer.close()
    types = {
        (series["name"], name): kind
        for series in influx1.do("SHOW FIELD KEYS")
        for name, kind in series["values"]
    }
    assert types == {
        (m.name, name): "string" if kind is FieldType.TEXT else kind.value
        for m in (READS, ZONE, SENSOR, READER)
        for name, kind in m.fields.items()
    }
    assert 'vm_rows_invalid_total{type="influx"} 0' in victoria_metrics.get("/metrics").decode()


async def test_a_server_that_the_environment_names_takes_everything_hostile() -> None:
    """RFID_GATEWAY_TEST_INFLUX_URL, _API, _ORG, _BUCKET and _TOKEN name a server of one's own."""
    given = {
        key: os.environ.get(f"RFID_GATEWAY_TEST_INFLUX_{key}")
        for key in ("URL", "API", "ORG", "BUCKET", "TOKEN")
    }
    if not given["URL"]:
        pytest.skip("RFID_GATEWAY_TEST_INFLUX_URL names no server")
    config = InfluxConfig(
        api=given["API"] or "v2",
        url=given["URL"],
        database=given["BUCKET"] or "rfid",
        org=given["ORG"],
        token=Secret(given["TOKEN"]) if given["TOKEN"] else None,
    )
    async with opened(config) as sink:
        assert await deliver_all(sink, [record(1, event_time_us=_now_us())]) == {}
        assert await deliver_all(sink, hostile.movements()) == {}


async def deliver_all(sink: InfluxSink, records: Sequence[Record]) -> dict[int, str]:
    refused: dict[int, str] = {}
    for first in range(0, len(records), sink.max_batch):
        refused |= await sink.deliver(records[first : first + sink.max_batch])
    return refused


def _now_us() -> int:
    return time.time_ns() // 1_000_000 * 1_000
