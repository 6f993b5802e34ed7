"""Recordings of a simulated warehouse: the contract's JSON Lines, and the truth beside them.

Written in virtual time, as fast as it goes. The same world gives the same bytes.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import orjson

from gateway.errors import Unavailable
from gateway.simulation.warehouse import Batch, World

#: When recordings begin unless told otherwise: 21 November 2026, 08:00 UTC.
START_US = 1_795_248_000_000_000
STEP_US = 1_000_000


@dataclass(slots=True)
class Recorded:
    """What a recording holds."""

    reads: int = 0
    sensor_events: int = 0
    facts: int = 0


def record(
    world: World, *, seconds: float, out: BinaryIO, truth: BinaryIO | None, start_us: int = START_US
) -> Recorded:
    """Run a world that has just been made for some seconds, and write down what happens."""
    recorded = Recorded()
    epcs = [epc.hex().upper() for epc in world.population.epcs]
    antennas = [f'"reader": {_json(a.reader)}, "antenna": {a.port}' for a in world.site.antennas]
    up = ({"t": start_us, "reader": reader, "status": "up"} for reader in world.site.readers)
    out.writelines(orjson.dumps(line) + b"\n" for line in up)
    end_us = round(seconds * 1e6)
    for step_us in (*range(STEP_US, end_us, STEP_US), end_us):
        batch = world.advance(step_us)
        lines = _read_lines(batch, epcs, antennas, start_us)
        lines += _sensor_lines(batch, start_us)
        lines.sort(key=lambda line: line[0])
        out.write(b"".join(text.encode() for _, text in lines))
        recorded.reads += len(batch.reads)
        recorded.sensor_events += len(batch.sensors)
        recorded.facts += len(batch.truth)
        if truth is not None:
            for fact in batch.truth:
                truth.write(orjson.dumps({**fact, "t": start_us + fact["t"]}) + b"\n")
    return recorded


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, gzipped when its name ends in .gz (without the time of day in it)."""
    try:
        plain = path.open("wb")
    except OSError as error:
        raise Unavailable(f"cannot write {path}: {error.strerror}") from error
    with plain:
        if path.suffix != ".gz":
            yield plain
            return
        with gzip.GzipFile(filename="", mode="wb", fileobj=plain, mtime=0) as packed:
            yield cast("BinaryIO", packed)


def _read_lines(
    batch: Batch, epcs: list[str], antennas: list[str], start_us: int
) -> list[tuple[int, str]]:
    reads = batch.reads
    columns = (
        (reads["time_us"] + start_us).tolist(),
        reads["antenna"].tolist(),
        reads["tag"].tolist(),
        (reads["rssi_cdbm"] / 100).tolist(),
        reads["channel"].tolist(),
        reads["phase_rad"].tolist(),
    )
    lines = []
    for time_us, antenna, tag, rssi, channel, phase in zip(*columns, strict=True):
        seen = f'{{"t": {time_us}, {antennas[antenna]}, "epc": "{epcs[tag]}", "rssi": {rssi:g}, '
        lines.append((time_us, f'{seen}"channel": {channel}, "phase": {phase:.4f}}}\n'))
    return lines


def _sensor_lines(batch: Batch, start_us: int) -> list[tuple[int, str]]:
    lines = []
    for event in batch.sensors:
        time_us, value = start_us + event.time_us, "true" if event.value else "false"
        text = f'{{"t": {time_us}, "sensor": {_json(event.sensor)}, "value": {value}}}\n'
        lines.append((time_us, text))
    return lines


def _json(text: str) -> str:
    return orjson.dumps(text).decode()
