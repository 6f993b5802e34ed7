"""Recordings: JSON Lines of everything that came in, in order of arrival (docs/contracts.md).

`Recording.batches` gives the inputs with their virtual time, for replay; what writes them down, for
`record`, is in `recording_lines.py`.
"""

from __future__ import annotations

import gzip
import heapq
import math
import zlib
from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice, pairwise
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt
import orjson

from gateway.errors import DriverError
from gateway.model.command import Command
from gateway.model.device import DeviceStatus, ReaderState, SensorReading
from gateway.model.outcome import Inputs
from gateway.model.place import Site
from gateway.model.reads import NO_RSSI_CDBM, READ, Reads, empty_reads
from gateway.model.tags import MAX_EPC_BYTES, NO_TAG, TagIndex

#: A longer line is broken, whatever is in it.
MAX_LINE_BYTES = 64 * 1024
#: Times beyond the year 2200 are somebody's mistake of units.
MAX_TIME_US = 7_258_118_400_000_000
#: So is a line that comes longer than this after the one before it; virtual time must get there.
MAX_GAP_US = 31 * 86_400_000_000

#: Lines that are parsed at once.
BLOCK_LINES = 2_000

Complain = Callable[[str], None]
#: (line number, arrival in microseconds, the line's object)
Entry = tuple[int, int, dict[str, Any]]

#: What a read has when it needs no closer look.
_COMMON_KEYS = frozenset(
    {"t", "at", "reader", "antenna", "epc", "rssi", "tid", "phase", "channel", "count"}
)
#: What a number of such a read is; what is larger is looked at one by one.
_NUMBERS = frozenset({int, float, type(None)})
_PLAIN_NUMBER = 1 << 30
_HEX = frozenset("0123456789ABCDEFabcdef")


@dataclass(slots=True)
class RecordingCounts:
    """What a recording held; `broken` lines were told and skipped."""

    lines: int = 0
    reads: int = 0
    broken: int = 0
    elsewhere: int = 0  # reads of antennas that the site does not have


class _BrokenLineError(ValueError):
    """A line that is not what the format says."""


class Recording:
    """Reads one or more recordings for a site, in order of arrival."""

    def __init__(
        self,
        site: Site,
        tags: TagIndex,
        complain: Complain,
        sensors: Container[str] | None = None,
    ) -> None:
        """`sensors` are those of the site; None takes any."""
        self._readers, self._sensors = frozenset(site.readers), sensors
        self.counts = RecordingCounts()
        self.last_at_us = 0
        self._antennas = site.antenna_numbers
        self._tags = tags
        self._complain = complain
        self._epcs: dict[str, int] = {}
        self._strangers: set[str] = set()

    def batches(self, paths: Iterable[Path], tick_us: int) -> Iterator[tuple[int, Inputs]]:
        """(virtual time, inputs) per span of `tick_us` in which anything arrived."""
        streams = [self._ticks(path, tick_us) for path in paths]
        before = None
        for number, parts in groupby(heapq.merge(*streams, key=itemgetter(0)), itemgetter(0)):
            if before is not None and (number - before) * tick_us > MAX_GAP_US + tick_us:
                raise DriverError("the recordings are far apart in time: replay them one by one")
            before, inputs = number, Inputs()
            for _, part in parts:
                inputs.reads += part.reads
                inputs.sensors += part.sensors
                inputs.statuses += part.statuses
                inputs.commands += part.commands
            yield (number + 1) * tick_us - 1, inputs

    def _ticks(self, path: Path, tick_us: int) -> Iterator[tuple[int, Inputs]]:
        """(tick number, inputs) of one file, each tick whole; arrival never goes back."""
        open_number, open_inputs = -1, Inputs()
        at_us = -1
        for first_line, lines in _blocks(path):
            entries = self._parse(path, first_line, lines)
            if not entries:
                continue
            entries, arrivals = self._within_reach(path, entries, at_us)
            if not entries:
                continue
            at_us = int(arrivals[-1])
            rows, others = self._split(path, entries, arrivals)
            numbers, row_numbers = arrivals // tick_us, rows["at_us"] // tick_us
            for start, end in pairwise([0, *(np.flatnonzero(np.diff(numbers)) + 1), len(entries)]):
                number = int(numbers[start])
                if number != open_number:
                    if open_number >= 0:
                        yield open_number, open_inputs
                    open_number, open_inputs = number, Inputs()
                first, last = np.searchsorted(row_numbers, [number, number + 1])
                if first < last:
                    open_inputs.reads.append(rows[first:last])
                    self.counts.reads += int(last - first)
                for index in others[bisect_left(others, start) : bisect_left(others, end)]:
                    self._enter(path, entries[index], int(arrivals[index]), open_inputs)
                self.last_at_us = max(self.last_at_us, int(arrivals[end - 1]))
        if open_number >= 0:
            yield open_number, open_inputs

    def _parse(self, path: Path, first_line: int, lines: list[bytes]) -> list[Entry]:
        """(line number, arrival, object) of every good line of a block."""
        self.counts.lines += len(lines)
        try:
            # One parse for the whole block is twice as fast, and any mistake sends us the long way.
            objects = orjson.loads(b"[" + b",".join(lines) + b"]")
            arrivals = [e["at"] if "at" in e else e["t"] for e in objects]
            plain = set(map(type, arrivals)) == {int} and min(arrivals) >= 0
            if plain and max(arrivals) < MAX_TIME_US and len(objects) == len(lines):
                numbers = range(first_line, first_line + len(lines))
                return list(zip(numbers, arrivals, objects, strict=True))
        except (orjson.JSONDecodeError, KeyError, TypeError, OverflowError):
            pass
        entries: list[Entry] = []
        for number, line in enumerate(lines, start=first_line):
            try:
                entry = _object(line)
                at = entry.get("at")
                entries.append((number, _time(entry.get("t") if at is None else at), entry))
            except orjson.JSONDecodeError as error:
                if line.strip():
                    self._tell(path, number, f"not JSON: {_plain(error)}")
            except _BrokenLineError as error:
                self._tell(path, number, str(error))
        return entries

    def _within_reach(
        self, path: Path, entries: list[Entry], at_us: int
    ) -> tuple[list[Entry], npt.NDArray[np.int64]]:
        """Entries without those that are too far ahead, and their arrivals, which never go back."""
        arrivals = np.fromiter((a for _, a, _ in entries), np.int64, len(entries))
        before_us = at_us if at_us >= 0 else int(arrivals[0])
        arrivals = np.maximum.accumulate(np.maximum(arrivals, before_us))
        if np.diff(arrivals, prepend=before_us).max() <= MAX_GAP_US:
            return entries, arrivals
        near: list[Entry] = []
        for entry in entries:
            if entry[1] - before_us <= MAX_GAP_US:
                before_us = max(before_us, entry[1])
                near.append(entry)
            else:
                days = (entry[1] - before_us) / 86_400e6
                self._tell(path, entry[0], f"{days:,.0f} days after the line before it")
        arrivals = np.fromiter((a for _, a, _ in near), np.int64, len(near))
        return near, np.maximum.accumulate(np.maximum(arrivals, max(at_us, 0)))

    def _split(
        self, path: Path, entries: list[Entry], at_us: npt.NDArray[np.int64]
    ) -> tuple[Reads, list[int]]:
        """All reads of a block, in order, and which of its entries are something else."""
        reads = np.fromiter(("epc" in entry for _, _, entry in entries), bool, len(entries))
        others = np.flatnonzero(~reads).tolist()
        chosen = entries if not others else [e for e in entries if "epc" in e[2]]
        rows = self._columns([entry for _, _, entry in chosen], at_us[reads])
        if rows is None:
            rows = self._one_by_one(path, chosen, at_us[reads])
        return rows, others

    def _enter(self, path: Path, entry: Entry, at_us: int, inputs: Inputs) -> None:
        """Put what is no read into the inputs of its tick."""
        number, _, told = entry
        try:
            _enter_other(told, at_us, inputs)
        except (_BrokenLineError, KeyError) as error:
            self._tell(path, number, _words(error))
            return
        if "sensor" in told:
            sensor = inputs.sensors[-1].sensor
            if self._sensors is not None and sensor not in self._sensors:
                inputs.sensors.pop()
                self._stranger(f"readings of sensor {sensor!r}", "readers/*.yaml")
        elif "status" in told and told["reader"] not in self._readers:
            inputs.statuses.pop()
            self._stranger(f"statuses of reader {told['reader']!r}", "readers/*.yaml")

    def _columns(self, entries: list[dict[str, Any]], at_us: npt.NDArray[np.int64]) -> Reads | None:
        """All reads at once; None when any of them needs a closer look."""
        known, antennas = self._epcs, self._antennas
        shapes = set(map(tuple, entries))  # the keys that lines have: few, as one program writes
        if not all(map(_COMMON_KEYS.issuperset, shapes)):
            return None
        try:
            places = map(itemgetter("reader", "antenna"), entries)
            numbers = list(map(antennas.__getitem__, places))
            names = list(map(itemgetter("epc"), entries))
            for epc in dict.fromkeys(names):  # in order: tag numbers are the same each time
                if epc not in known:
                    known[epc] = self._tag(epc)
            times = list(map(itemgetter("t"), entries))
            time_us = np.array(times, dtype=np.int64)
            rssi_dbm, phase_rad, channels, counts = (
                _numbers(entries, key, shapes) for key in ("rssi", "phase", "channel", "count")
            )
        except (_BrokenLineError, ValueError, KeyError, TypeError, OverflowError):
            return None
        if not entries:
            return empty_reads()
        if set(map(type, times)) != {int} or time_us.min() < 0 or time_us.max() >= MAX_TIME_US:
            return None
        rows = np.empty(len(entries), dtype=READ)
        rows["time_us"] = rows["first_us"] = time_us
        rows["at_us"], rows["antenna"] = at_us, numbers
        rows["tag"] = list(map(known.__getitem__, names))
        rows["count"] = np.clip(np.nan_to_num(counts, nan=1.0).astype(np.int64), 1, 0xFFFF)
        rows["channel"] = np.nan_to_num(channels).astype(np.int64) & 0xFFFF
        rows["phase_rad"] = phase_rad
        rssi_cdbm = np.clip(np.round(rssi_dbm * 100), NO_RSSI_CDBM, 3_000)
        rows["rssi_cdbm"] = np.where(np.isnan(rssi_cdbm), NO_RSSI_CDBM, rssi_cdbm)
        return rows if NO_TAG not in rows["tag"] else rows[rows["tag"] != NO_TAG]

    def _one_by_one(self, path: Path, entries: list[Entry], at_us: npt.NDArray[np.int64]) -> Reads:
        rows: list[tuple[Any, ...]] = []
        for (number, _, entry), arrival_us in zip(entries, at_us.tolist(), strict=True):
            try:
                row = self._row(entry, arrival_us)
            except (_BrokenLineError, ValueError, KeyError, TypeError, OverflowError) as error:
                self._tell(path, number, _words(error))
            else:
                if row is not None:
                    rows.append(row)
        return np.array(rows, dtype=READ)

    def _row(self, entry: dict[str, Any], at_us: int) -> tuple[Any, ...] | None:
        """One row of READ; None for a read that the site or the TagIndex has no place for."""
        reader, epc = _text(entry["reader"], "reader"), _text(entry["epc"], "epc")
        port = entry["antenna"]
        if not isinstance(port, int | float):
            raise _BrokenLineError("'antenna' must be a number")
        antenna = self._antennas.get((reader, cast("int", port)))
        if antenna is None:
            self.counts.elsewhere += 1
            self._stranger(f"reads of reader {reader!r}, antenna {port!r}", "readers/*.yaml")
            return None
        tag = self._epcs.get(epc)
        if tag is None:
            tag = self._epcs[epc] = self._tag(epc)
        if tag == NO_TAG:
            return None
        time_us = _time(entry.get("t"))
        rssi_dbm, phase_rad = _number(entry, "rssi"), _number(entry, "phase")
        return (
            time_us,
            time_us if entry.get("first") is None else min(_time(entry["first"]), time_us),
            at_us,
            tag,
            antenna,
            max(1, min(int(_number(entry, "count") or 1), 0xFFFF)),
            int(_number(entry, "channel") or 0) & 0xFFFF,
            NO_RSSI_CDBM
            if rssi_dbm is None
            else max(NO_RSSI_CDBM, min(round(rssi_dbm * 100), 3_000)),
            math.nan if phase_rad is None else phase_rad,
        )

    def _tag(self, epc: object) -> int:
        text = _text(epc, "epc")
        if len(text) % 2 or not _HEX.issuperset(text):
            raise _BrokenLineError(f"'epc' must be hex digits, two for each octet, not {text:.40}")
        if len(text) > 2 * MAX_EPC_BYTES:
            raise _BrokenLineError(f"'epc' is longer than {MAX_EPC_BYTES} octets")
        return self._tags.add(bytes.fromhex(text))

    def _stranger(self, what: str, file: str) -> None:
        """Tell once what the site does not have."""
        if what not in self._strangers and len(self._strangers) < 1000:
            self._strangers.add(what)
            self._complain(f"{what} are left out: the site's {file} does not have it")

    def _tell(self, path: Path, number: int, problem: str) -> None:
        self.counts.broken += 1
        self._complain(f"{path}:{number}: skipped: {problem}")


def _enter_other(entry: dict[str, Any], at_us: int, inputs: Inputs) -> None:
    time_us = _time(entry.get("t"))
    if "sensor" in entry:
        value = entry["value"]
        if not isinstance(value, bool | int | float | str):
            raise _BrokenLineError("'value' must be true, false, a number or a text")
        value = float(value) if type(value) is int else value
        sensor = _text(entry["sensor"], "sensor")
        inputs.sensors.append(
            SensorReading(sensor=sensor, value=value, time_us=time_us, at_us=at_us)
        )
    elif "status" in entry:
        inputs.statuses.append(_status(entry, at_us))
    elif isinstance(entry.get("command"), dict):
        inputs.commands.append(Command(time_us=time_us, body=entry["command"]))
    else:
        raise _BrokenLineError("neither a read (epc), a sensor, a status nor a command")


def _object(line: bytes) -> dict[str, Any]:
    entry = orjson.loads(line)
    if not isinstance(entry, dict):
        raise _BrokenLineError("a line is one JSON object")
    return entry


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


def _numbers(
    entries: list[dict[str, Any]], key: str, shapes: set[tuple[str, ...]]
) -> npt.NDArray[np.float64]:
    """One number of each read, NaN where there is none; ValueError if any is out of the usual."""
    if not any(key in shape for shape in shapes):
        return np.full(len(entries), np.nan)
    values = [entry.get(key) for entry in entries]
    if not _NUMBERS.issuperset(map(type, values)):
        raise ValueError(key)
    numbers = np.array(values, dtype=np.float64)
    if np.abs(numbers).max(initial=0.0, where=~np.isnan(numbers)) >= _PLAIN_NUMBER:
        raise ValueError(key)
    return numbers


def _number(entry: dict[str, Any], key: str) -> float | None:
    value = entry.get(key)
    if value is None or type(value) in (int, float):
        return value
    raise _BrokenLineError(f"'{key}' must be a number")


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


def _blocks(path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """(number of the first line, lines) of a file, a block at a time.

    Of a line that is too long only the beginning is given, which does not parse.
    """
    number = 1
    with _open(path) as file:
        try:
            while lines := list(islice(_bounded(file), BLOCK_LINES)):
                yield number, lines
                number += len(lines)
        except (OSError, EOFError, zlib.error) as error:
            raise DriverError(f"{path}: cannot be read to its end: {error}") from error


def _bounded(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(MAX_LINE_BYTES):
        yield line
        while len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_BYTES)


def _words(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"the key {error} is missing"
    return str(error) or type(error).__name__


def _plain(error: orjson.JSONDecodeError) -> str:
    return error.msg.replace("str is not valid UTF-8: surrogates not allowed", "no UTF-8 text")
