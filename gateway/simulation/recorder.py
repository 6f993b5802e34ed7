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
from gateway.simulation.truth import dated
from gateway.simulation.warehouse import Batch, World

#: When recordings begin unless told otherwise: 21 November 2026, 08:00 UTC.
START_US = 1_795_248_000_000_000
STEP_US = 1_000_000

#: A line, and when it arrives.
Line = tuple[int, str]


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
    hexes = world.population.hexes
    antennas = [f'"reader": {_json(a.reader)}, "antenna": {a.port}' for a in world.site.antennas]
    up = ({"t": start_us, "reader": reader, "status": "up"} for reader in world.site.readers)
    out.writelines(orjson.dumps(line) + b"\n" for line in up)
    end_us = round(seconds * 1e6)
    for step_us in (*range(STEP_US, end_us, STEP_US), end_us):
        batch = world.advance(step_us)
        lines = _read_lines(batch, hexes, antennas, start_us)
        lines += _sensor_lines(batch, start_us)
        lines += _status_lines(batch, start_us)
        lines.sort(key=lambda line: line[0])
        out.write(b"".join(text.encode() for _, text in lines))
        recorded.reads += len(batch.reads)
        recorded.sensor_events += len(batch.sensors)
        recorded.facts += len(batch.truth)
        if truth is not None:
            for fact in batch.truth:
                truth.write(orjson.dumps(dated(fact, start_us)) + b"\n")
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
    batch: Batch, hexes: tuple[str, ...], antennas: list[str], start_us: int
) -> list[Line]:
    """Reads as the contract has them; what need not be said is left out."""
    reads = batch.reads
    columns = (
        (reads["time_us"] + start_us).tolist(),
        (reads["first_us"] + start_us).tolist(),
        (reads["at_us"] + start_us).tolist(),
        reads["antenna"].tolist(),
        reads["tag"].tolist(),
        (reads["rssi_cdbm"] / 100).tolist(),
        reads["count"].tolist(),
        reads["channel"].tolist(),
        reads["phase_rad"].tolist(),
    )
    lines = []
    for t, first, at, antenna, tag, rssi, count, channel, phase in zip(*columns, strict=True):
        more = "" if at == t else f'"at": {at}, '
        if count > 1:
            more += f'"first": {first}, "count": {count}, '
        seen = f'{{"t": {t}, {antennas[antenna]}, "epc": "{hexes[tag]}", "rssi": {rssi:g}, '
        lines.append((at, f'{seen}{more}"channel": {channel}, "phase": {phase:.4f}}}\n'))
    return lines


def _sensor_lines(batch: Batch, start_us: int) -> list[Line]:
    lines = []
    for event in batch.sensors:
        time_us, value = start_us + event.time_us, "true" if event.value else "false"
        text = f'{{"t": {time_us}, "sensor": {_json(event.sensor)}, "value": {value}}}\n'
        lines.append((time_us, text))
    return lines


def _status_lines(batch: Batch, start_us: int) -> list[Line]:
    lines = []
    for event in batch.statuses:
        time_us, value = start_us + event.time_us, "up" if event.up else "down"
        antenna = "" if event.port is None else f', "antenna": {event.port}'
        who = f'"reader": {_json(event.reader)}, "status": "{value}"'
        lines.append((time_us, f'{{"t": {time_us}, {who}{antenna}}}\n'))
    return lines


def _json(text: str) -> str:
    return orjson.dumps(text).decode()
