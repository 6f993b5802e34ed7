"""Recordings: JSON Lines of everything that came in, in order of arrival (docs/contracts.md).

`Recording.batches` gives the inputs with their virtual time, for replay. How lines become objects
is in `recording_blocks.py`; what writes them down, for `record`, in `recording_lines.py`.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from gateway.drivers.recording_blocks import (
    Block,
    BrokenLineError,
    are_times,
    parse,
    raw_blocks,
    time_of,
    whole_numbers,
)
from gateway.errors import DriverError
from gateway.model.command import Command
from gateway.model.device import DeviceStatus, ReaderState, SensorReading
from gateway.model.outcome import Inputs
from gateway.model.place import Site
from gateway.model.reads import NO_RSSI_CDBM, READ, Reads, empty_reads
from gateway.model.tags import MAX_EPC_BYTES, NO_TAG, TagIndex, TagNumbers

#: A line that comes longer than this after the one before it is a mistake: virtual time must get
#: there.
MAX_GAP_US = 31 * 86_400_000_000

Complain = Callable[[str], None]
#: What a read may tell; the first four it must.
_KEYS = ("t", "reader", "antenna", "epc", "first", "rssi", "phase", "channel", "count")
#: What a number is in reads that need no closer look; what is larger is looked at one by one.
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
                inputs.add(part)
            yield (number + 1) * tick_us - 1, inputs

    def _ticks(self, path: Path, tick_us: int) -> Iterator[tuple[int, Inputs]]:
        """(tick number, inputs) of one file, each tick whole; arrival never goes back."""
        open_number, open_inputs = -1, Inputs()
        at_us = -1
        for first_number, count, lines in raw_blocks(path):
            self.counts.lines += count
            block = parse(lines, first_number, partial(self._tell, path))
            block = self._within_reach(path, block, at_us)
            if not len(block):
                continue
            at_us = int(block.at_us[-1])
            rows, others = self._split(path, block)
            for number, (start, end), (first, last) in _cuts(block, rows, tick_us):
                if number != open_number:
                    if open_number >= 0:
                        yield open_number, open_inputs
                    open_number, open_inputs = number, Inputs()
                if first < last:
                    open_inputs.reads.append(rows[first:last])
                    self.counts.reads += last - first
                for index in others[bisect_left(others, start) : bisect_left(others, end)]:
                    self._enter(path, block, index, open_inputs)
                self.last_at_us = max(self.last_at_us, int(block.at_us[end - 1]))
        if open_number >= 0:
            yield open_number, open_inputs

    def _within_reach(self, path: Path, block: Block, at_us: int) -> Block:
        """A block without lines that are too far ahead, and with arrivals that never go back."""
        if not len(block):
            return block
        before_us = at_us if at_us >= 0 else int(block.at_us[0])
        arrivals = np.maximum.accumulate(np.maximum(block.at_us, before_us))
        if np.diff(arrivals, prepend=before_us).max() <= MAX_GAP_US:
            return replace(block, at_us=arrivals)
        near = np.ones(len(block), np.bool_)
        for index, told_us in enumerate(block.at_us.tolist()):
            if told_us - before_us <= MAX_GAP_US:
                before_us = max(before_us, told_us)
            else:
                near[index] = False
                days = (told_us - before_us) / 86_400e6
                self._tell(
                    path, int(block.numbers[index]), f"{days:,.0f} days after the line before it"
                )
        block = block.only(near)
        return replace(block, at_us=np.maximum.accumulate(np.maximum(block.at_us, max(at_us, 0))))

    def _split(self, path: Path, block: Block) -> tuple[Reads, list[int]]:
        """All reads of a block, in order, and which of its lines are something else."""
        others = [i for i, entry in enumerate(block.objects) if "epc" not in entry]
        if others:
            is_read = np.ones(len(block), np.bool_)
            is_read[others] = False
            block = block.only(is_read)
        rows = self._columns(block)
        return (self._one_by_one(path, block) if rows is None else rows), others

    def _enter(self, path: Path, block: Block, index: int, inputs: Inputs) -> None:
        """Put what is no read into the inputs of its tick."""
        told = block.objects[index]
        try:
            _enter_other(told, int(block.at_us[index]), inputs)
        except (BrokenLineError, KeyError) as error:
            self._tell(path, int(block.numbers[index]), _words(error))
            return
        if "sensor" in told:
            sensor = inputs.sensors[-1].sensor
            if self._sensors is not None and sensor not in self._sensors:
                inputs.sensors.pop()
                self._stranger(f"readings of sensor {sensor!r}", "readers/*.yaml")
        elif "status" in told and told["reader"] not in self._readers:
            inputs.statuses.pop()
            self._stranger(f"statuses of reader {told['reader']!r}", "readers/*.yaml")

    def _columns(self, block: Block) -> Reads | None:
        """All reads at once; None when any of them needs a closer look."""
        if not len(block):
            return empty_reads()
        rows = np.empty(len(block), dtype=READ)
        told = _columns_of(block.objects)
        try:
            places = zip(told["reader"], told["antenna"], strict=True)
            antennas = np.fromiter(map(self._antennas.__getitem__, places), np.int64, len(block))
            time_us = whole_numbers(told["t"])
            first_us = _firsts(told.get("first"), time_us)
            rssi_dbm, phase_rad, channels, counts = (
                _numbers(told.get(key)) for key in ("rssi", "phase", "channel", "count")
            )
            if not are_times(time_us) or not are_times(first_us):
                return None
            tags = self._tags_of(told["epc"])
        except (ValueError, KeyError, TypeError, OverflowError):
            return None
        rows["time_us"], rows["at_us"] = time_us, block.at_us
        rows["first_us"] = np.minimum(first_us, time_us)
        rows["count"] = np.clip(np.nan_to_num(counts, nan=1.0).astype(np.int64), 1, 0xFFFF)
        rows["channel"] = np.nan_to_num(channels).astype(np.int64) & 0xFFFF
        rows["phase_rad"] = phase_rad
        rssi_cdbm = np.clip(np.round(rssi_dbm * 100), NO_RSSI_CDBM, 3_000)
        rows["rssi_cdbm"] = np.where(np.isnan(rssi_cdbm), NO_RSSI_CDBM, rssi_cdbm)
        rows["tag"], rows["antenna"] = tags, antennas
        numbered = tags != NO_TAG
        return rows if numbered.all() else rows.take(np.flatnonzero(numbered))

    def _tags_of(self, epcs: list[str]) -> TagNumbers:
        """The numbers of EPCs; new ones are numbered in their order, the same each time."""
        known = self._epcs
        try:
            return np.fromiter(map(known.__getitem__, epcs), np.uint32, len(epcs))
        except KeyError:
            for epc in dict.fromkeys(epcs):
                if epc not in known:
                    known[epc] = self._tag(epc)
            return np.fromiter(map(known.__getitem__, epcs), np.uint32, len(epcs))

    def _one_by_one(self, path: Path, block: Block) -> Reads:
        rows: list[tuple[Any, ...]] = []
        lines = zip(block.numbers.tolist(), block.objects, block.at_us.tolist(), strict=True)
        for number, entry, arrival_us in lines:
            try:
                row = self._row(entry, arrival_us)
            except (ValueError, KeyError, TypeError, OverflowError) as error:
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
            raise BrokenLineError("'antenna' must be a number")
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
        time_us = time_of(entry.get("t"))
        rssi_dbm, phase_rad = _number(entry, "rssi"), _number(entry, "phase")
        return (
            time_us,
            time_us if entry.get("first") is None else min(time_of(entry["first"]), time_us),
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
            raise BrokenLineError(f"'epc' must be hex digits, two for each octet, not {text:.40}")
        if len(text) > 2 * MAX_EPC_BYTES:
            raise BrokenLineError(f"'epc' is longer than {MAX_EPC_BYTES} octets")
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
    time_us = time_of(entry.get("t"))
    if "sensor" in entry:
        value = entry["value"]
        if not isinstance(value, bool | int | float | str):
            raise BrokenLineError("'value' must be true, false, a number or a text")
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
        raise BrokenLineError("neither a read (epc), a sensor, a status nor a command")


def _status(entry: dict[str, Any], at_us: int) -> DeviceStatus:
    status = entry["status"]
    if status not in ("up", "down"):
        raise BrokenLineError(f"'status' must be up or down, not {status!r}")
    port = entry.get("antenna")
    if port is not None and type(port) is not int:
        raise BrokenLineError("'antenna' must be a number")
    return DeviceStatus(
        reader=_text(entry["reader"], "reader"),
        state=ReaderState.UP if status == "up" else ReaderState.DOWN,
        reason="as recorded",
        time_us=at_us,
        port=port,
    )


def _cuts(
    block: Block, rows: Reads, tick_us: int
) -> Iterator[tuple[int, tuple[int, int], tuple[int, int]]]:
    """(tick number, its part of the block, its part of the reads) of every tick in a block."""
    numbers, row_numbers = block.at_us // tick_us, rows["at_us"] // tick_us
    bounds = np.concatenate(([0], np.flatnonzero(np.diff(numbers)) + 1, [len(block)]))
    ticks = numbers[bounds[:-1]]
    firsts = np.searchsorted(row_numbers, ticks).tolist()
    lasts = np.searchsorted(row_numbers, ticks, side="right").tolist()
    return zip(
        ticks.tolist(), pairwise(bounds.tolist()), zip(firsts, lasts, strict=True), strict=True
    )


def _columns_of(entries: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """What lines tell, by key; of what some of them do not tell it is None."""
    if len(set(map(len, entries))) == 1:
        with suppress(KeyError):
            # As many keys, and all those of the first: they tell the same.
            return {key: [entry[key] for entry in entries] for key in entries[0]}
    return {key: [entry.get(key) for entry in entries] for key in _KEYS}


def _firsts(values: list[Any] | None, time_us: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """When tags were first seen; where that is not told, when they were last."""
    if values is None:
        return time_us
    told = zip(values, time_us.tolist(), strict=True)
    return whole_numbers([at if first is None else first for first, at in told])


def _numbers(values: list[Any] | None) -> npt.NDArray[np.float64] | float:
    """Numbers, NaN where there is none; ValueError if any is out of the usual."""
    if values is None:
        return math.nan
    if not _NUMBERS.issuperset(map(type, values)):
        raise ValueError
    numbers = np.array(values, dtype=np.float64)
    if (np.abs(numbers) >= _PLAIN_NUMBER).any():  # NaN is not
        raise ValueError
    return numbers


def _number(entry: dict[str, Any], key: str) -> float | None:
    value = entry.get(key)
    if value is None or type(value) in (int, float):
        return value
    raise BrokenLineError(f"'{key}' must be a number")


def _text(value: object, key: str) -> str:
    if not isinstance(value, str):
        raise BrokenLineError(f"'{key}' must be a text")
    return value


def _words(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"the key {error} is missing"
    return str(error) or type(error).__name__
