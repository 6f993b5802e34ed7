"""Benchmark: points of time series per CPU-second of ours, from what happened to bytes on the wire.

`sampled` is the way of what is sampled: reads and sensor values to points, lines, the spool, and
out of it as compressed requests. `recorded` is that of movements: records of the outbox to lines.
With `url` (an InfluxDB 1.x that has the database `rfid`) requests are really sent, else only made.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from gateway.bench.commit import movement
from gateway.model.delivery import InfluxConfig, Record
from gateway.model.device import SensorConfig, SensorKind, SensorReading
from gateway.model.outcome import Outcome
from gateway.model.place import Antenna, Site, Zone
from gateway.series.antenna_reads import Tally
from gateway.series.history import History, levels
from gateway.series.line_protocol import SeriesLines
from gateway.series.sampler import WINDOW_US, Sampler
from gateway.series.spool import BLOCK_LINES, Spool
from gateway.sinks.influxdb_lines import line_of
from gateway.sinks.influxdb_write import InfluxWriter, request_body

READERS, ANTENNAS, SENSORS = 100, 4, 100
_NOW_US = 1_795_262_400_000_000
_TALLY = Tally(reads=412, tags=17, rssi_mean_dbm=-61.25, rssi_max_dbm=-48.5)


def run(*, points: int = 200_000, url: str | None = None) -> dict[str, Any]:
    """Measure about so many points of either kind."""
    with tempfile.TemporaryDirectory() as folder:
        return {
            "points": points,
            **_sampled(Path(folder), points, url),
            **_recorded(points, url),
        }


def _sampled(folder: Path, points: int, url: str | None) -> dict[str, Any]:
    sampler, lines = _sampler(), SeriesLines()
    spool = Spool(folder / "spool", 1_000_000_000)
    history = History(folder / "series.db", levels(1e6, 1e7, 1e8), 1_000_000_000)
    spooled = kept_cpu_s = 0.0
    begun_s, now_us = time.process_time(), _NOW_US
    sampler.window_due(now_us)
    while spooled < points:
        now_us += WINDOW_US
        sampler.apply(_readings(now_us))
        made = sampler.survey(now_us) + sampler.window(now_us, [_TALLY] * READERS * ANTENNAS)
        spool.append([line.encode() for p in made if (line := lines.line(p)) is not None])
        spooled += len(made)
        before_s = time.process_time()
        history.add(made)
        history.flush(now_us)
        kept_cpu_s += time.process_time() - before_s
    made_cpu_s = time.process_time() - begun_s - kept_cpu_s
    size_bytes = spool.size_bytes
    begun_s = time.process_time()
    asyncio.run(_drain(spool, url))
    sent_cpu_s = time.process_time() - begun_s
    spool.close()
    history.close()
    return {
        "sampled_points_per_cpu_s": round(spooled / (made_cpu_s + sent_cpu_s)),
        "history_points_per_cpu_s": round(spooled / kept_cpu_s),
        "spool_bytes_per_point": round(size_bytes / spooled, 1),
    }


def _recorded(points: int, url: str | None) -> dict[str, Any]:
    bodies = [movement(n) for n in range(points)]
    records = [
        Record(seq=n, kind="movement", id=m.id, key=m.epc, body=m.to_json())
        for n, m in enumerate(bodies)
    ]
    begun_s = time.process_time()
    batches = (
        [line_of(record).encode() for record in records[first : first + BLOCK_LINES]]
        for first in range(0, points, BLOCK_LINES)
    )
    asyncio.run(_send(batches, url))
    return {"movements_per_cpu_s": round(points / (time.process_time() - begun_s))}


async def _drain(spool: Spool, url: str | None) -> None:
    def batches() -> Any:
        while (batch := spool.read(BLOCK_LINES)) is not None:
            yield batch.lines
            spool.settle(batch)

    await _send(batches(), url)


async def _send(batches: Any, url: str | None) -> None:
    if url is None:
        for lines in batches:
            request_body(lines, gzip=True)
        return
    writer = InfluxWriter(InfluxConfig(api="v1", url=url, database="rfid", timeout_s=60.0))
    try:
        for lines in batches:
            refused = (await writer.write(lines)).refused
            assert not refused, refused
    finally:
        await writer.close()


def _sampler() -> Sampler:
    names = [f"reader-{n}" for n in range(READERS)]
    site = Site(
        id="bench",
        zones=tuple(Zone(id=f"zone-{n}") for n in range(READERS)),
        antennas=tuple(
            Antenna(reader=name, port=port, zones=(f"zone-{n}",))
            for n, name in enumerate(names)
            for port in range(1, ANTENNAS + 1)
        ),
    )
    sensors = [
        SensorConfig(id=f"door-{n}/temp", kind=SensorKind.TEMPERATURE) for n in range(SENSORS)
    ]
    return Sampler(site, names, sensors, lambda zone: zone)


def _readings(now_us: int) -> Outcome:
    """Ten values of each sensor."""
    return Outcome(
        number=0,
        now_us=now_us,
        sensors=[
            SensorReading(
                sensor=f"door-{n}/temp", value=18.5 + n / 7, time_us=now_us + second, at_us=now_us
            )
            for n in range(SENSORS)
            for second in range(10)
        ],
    )
