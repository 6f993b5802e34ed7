"""Recordings: JSON Lines of everything that came in, in order of arrival (docs/contracts.md).

`read_recording` gives batches of inputs with their virtual time, for replay; `lines_of` writes what
a running gateway drained, for `record`.
"""

from __future__ import annotations

import gzip
import heapq
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import orjson

from gateway.errors import DriverError
from gateway.model.device import DeviceStatus, ReaderState, SensorReading
from gateway.model.outcome import Inputs
from gateway.model.place import Site
from gateway.model.reads import NO_RSSI_CDBM, READ, Reads
from gateway.model.tags import MAX_EPC_BYTES, NO_TAG, TagIndex

#: A longer line is broken, whatever is in it.
MAX_LINE_BYTES = 64 * 1024
#: Times beyond the year 2200 are somebody's mistake of units.
MAX_TIME_US = 7_258_118_400_000_000

Row = tuple[int, ...]
Complain = Callable[[str], None]


@dataclass(slots=True)
class RecordingCounts:
    """What a recording held; `broken` lines were told and skipped."""

    lines: int = 0
    reads: int = 0
    broken: int = 0
    elsewhere: int = 0  # reads of antennas that the site does not have


@dataclass(slots=True)
class _Batch:
    """Inputs of one span of arrival time, still as rows."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    inputs: Inputs = field(default_factory=Inputs)


class _BrokenLineError(ValueError):
    """A line that is not what the format says."""


class Recording:
    """Reads one or more recordings for a site, in order of arrival."""

    def __init__(self, site: Site, tags: TagIndex, complain: Complain) -> None:
        self.counts = RecordingCounts()
        self.last_at_us = 0
        self._antennas = site.antenna_numbers
        self._tags = tags
        self._complain = complain
        self._epcs: dict[str, int] = {}
        self._strangers: set[tuple[object, object]] = set()

    def batches(self, paths: Iterable[Path], tick_us: int) -> Iterator[tuple[int, Inputs]]:
        """(virtual time, inputs) per span of `tick_us` in which anything arrived."""
        streams = [self._objects(path) for path in paths]
        merged = streams[0] if len(streams) == 1 else heapq.merge(*streams, key=itemgetter(0))
        batch, end_us = _Batch(), None
        for at_us, where, entry in merged:
            if end_us is None or at_us >= end_us:
                if end_us is not None:
                    yield end_us - 1, self._finish(batch)
                    batch = _Batch()
                end_us = (at_us // tick_us + 1) * tick_us
            self.last_at_us = at_us
            try:
                self._enter(entry, at_us, batch)
            except (_BrokenLineError, ValueError, KeyError, TypeError, OverflowError) as error:
                self._tell(where, str(error) or type(error).__name__)
        if end_us is not None:
            yield max(self.last_at_us, end_us - 1), self._finish(batch)

    def _objects(self, path: Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """(arrival, place, object) of each good line; arrival never goes back."""
        at_us = 0
        with _open(path) as lines:
            for number, line in enumerate(_bounded(lines), start=1):
                self.counts.lines += 1
                where = f"{path}:{number}"
                try:
                    entry = _object(line)
                    at_us = max(at_us, _time(entry.get("at", entry.get("t"))))
                except (_BrokenLineError, orjson.JSONDecodeError) as error:
                    if line.strip():
                        self._tell(where, str(error))
                    continue
                yield at_us, where, entry

    def _enter(self, entry: dict[str, Any], at_us: int, batch: _Batch) -> None:
        time_us = _time(entry.get("t"))
        if "epc" in entry:
            self._enter_read(entry, time_us, at_us, batch)
        elif "sensor" in entry:
            value = entry["value"]
            if not isinstance(value, bool | int | float | str):
                raise _BrokenLineError("'value' must be true, false, a number or a text")
            value = float(value) if type(value) is int else value
            reading = SensorReading(
                sensor=_text(entry["sensor"], "sensor"), value=value, time_us=time_us, at_us=at_us
            )
            batch.inputs.sensors.append(reading)
        elif "status" in entry:
            batch.inputs.statuses.append(_status(entry, at_us))
        elif "command" in entry:
            batch.inputs.commands.append(entry["command"])
        else:
            raise _BrokenLineError("neither a read (epc), a sensor, a status nor a command")

    def _enter_read(self, entry: dict[str, Any], time_us: int, at_us: int, batch: _Batch) -> None:
        antenna = self._antennas.get((entry["reader"], entry["antenna"]))
        if antenna is None:
            self._stranger(entry["reader"], entry["antenna"])
            return
        epc = entry["epc"]
        tag = self._epcs.get(epc)
        if tag is None:
            tag = self._epcs[epc] = self._tag(epc)
        if tag == NO_TAG:
            return
        rssi_dbm = entry.get("rssi")
        phase_rad = entry.get("phase")
        batch.rows.append(
            (
                time_us,
                min(_time(entry["first"]), time_us) if "first" in entry else time_us,
                at_us,
                tag,
                antenna,
                max(1, min(int(entry.get("count") or 1), 0xFFFF)),
                int(entry.get("channel") or 0) & 0xFFFF,
                NO_RSSI_CDBM
                if rssi_dbm is None
                else max(-12_000, min(round(rssi_dbm * 100), 3_000)),
                math.nan if phase_rad is None else float(phase_rad),
            )
        )
        self.counts.reads += 1

    def _tag(self, epc: object) -> int:
        raw = bytes.fromhex(_text(epc, "epc"))
        if len(raw) > MAX_EPC_BYTES:
            raise _BrokenLineError(f"'epc' is longer than {MAX_EPC_BYTES} octets")
        return self._tags.add(raw)

    def _finish(self, batch: _Batch) -> Inputs:
        if batch.rows:
            batch.inputs.reads.append(np.array(batch.rows, dtype=READ))
        return batch.inputs

    def _stranger(self, reader: object, antenna: object) -> None:
        self.counts.elsewhere += 1
        if (reader, antenna) not in self._strangers and len(self._strangers) < 1000:
            self._strangers.add((reader, antenna))
            self._complain(
                f"reads of reader {reader!r}, antenna {antenna!r} are left out: "
                "the site's readers/*.yaml does not have it"
            )

    def _tell(self, where: str, problem: str) -> None:
        self.counts.broken += 1
        self._complain(f"{where}: skipped: {problem}")


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
        yield _line({"t": command.get("t", 0), "command": command})


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


def _object(line: bytes) -> dict[str, Any]:
    entry = orjson.loads(line)
    if not isinstance(entry, dict):
        raise _BrokenLineError("a line is one JSON object")
    return entry


def _line(entry: dict[str, Any]) -> bytes:
    return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)


def _status(entry: dict[str, Any], at_us: int) -> DeviceStatus:
    status = entry["status"]
    if status not in ("up", "down"):
        raise _BrokenLineError(f"'status' must be up or down, not {status!r}")
    port = entry.get("antenna")
    if port is not None and type(port) is not int:
        raise _BrokenLineError("'antenna' must be a number")
    return DeviceStatus(
        reader=_text(entry["reader"], "reader"),
        state=ReaderState.UP if status == "up" else ReaderState.DOWN,
        reason="as recorded",
        time_us=at_us,
        port=port,
    )


def _time(value: object) -> int:
    if type(value) is not int or not 0 <= value < MAX_TIME_US:
        raise _BrokenLineError("times are whole microseconds since 1970 ('t', 'at', 'first')")
    return value


def _text(value: object, key: str) -> str:
    if not isinstance(value, str):
        raise _BrokenLineError(f"'{key}' must be a text")
    return value


def _open(path: Path) -> IO[bytes]:
    try:
        if path.suffix == ".gz":
            return cast("IO[bytes]", gzip.open(path, "rb"))
        return path.open("rb")
    except OSError as error:
        raise DriverError(f"{path}: cannot be read: {error.strerror or error}") from error


def _bounded(lines: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file; of one that is too long only the beginning, which does not parse."""
    try:
        while line := lines.readline(MAX_LINE_BYTES):
            yield line
            while len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                line = lines.readline(MAX_LINE_BYTES)
    except (OSError, EOFError) as error:
        raise DriverError(f"{lines.name}: cannot be read to its end: {error}") from error
