"""Lines of a recording: what a running gateway drained, written down (docs/contracts.md)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import orjson

from gateway.model.outcome import Inputs
from gateway.model.place import Site
from gateway.model.reads import NO_RSSI_CDBM, Reads
from gateway.model.tags import TagIndex


def lines_of(inputs: Inputs, site: Site, tags: TagIndex) -> Iterator[bytes]:
    """One line (with its newline) per read, sensor reading, status and command."""
    for reads in inputs.reads:
        yield from _read_lines(reads, site, tags)
    for reading in inputs.sensors:
        entry = {"t": reading.time_us, "sensor": reading.sensor, "value": reading.value}
        yield _line(entry | {"at": reading.at_us})
    for status in inputs.statuses:
        entry = {"t": status.time_us, "reader": status.reader, "status": status.state.value}
        entry["status"] = "up" if status.up else "down"
        yield _line(entry if status.port is None else entry | {"antenna": status.port})
    for command in inputs.commands:
        yield _line({"t": command.time_us, "command": command.body})


def _read_lines(reads: Reads, site: Site, tags: TagIndex) -> Iterator[bytes]:
    antennas = site.antennas
    for (
        time_us,
        first_us,
        at_us,
        tag,
        number,
        count,
        channel,
        rssi_cdbm,
        phase_rad,
    ) in reads.tolist():
        antenna = antennas[number]
        entry: dict[str, object] = {
            "t": time_us,
            "at": at_us,
            "reader": antenna.reader,
            "antenna": antenna.port,
            "epc": tags.epc(tag).hex().upper(),
        }
        if rssi_cdbm != NO_RSSI_CDBM:
            entry["rssi"] = rssi_cdbm / 100
        if first_us != time_us:
            entry["first"] = first_us
        if count != 1:
            entry["count"] = count
        if channel:
            entry["channel"] = channel
        if not math.isnan(phase_rad):
            entry["phase"] = round(phase_rad, 4)
        yield _line(entry)


def _line(entry: dict[str, Any]) -> bytes:
    return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
