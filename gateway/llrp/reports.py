"""RO_ACCESS_REPORT at speed: bytes of many readers in, rows of `REPORT` and EPCs out.

`feed` does no more per chunk than find the frames in it; `take` decodes everything that came in
since the last call, across messages and readers, in columns. What does not fit into columns is
read one by one, with the same result.
"""

from __future__ import annotations

import struct
from array import array
from collections import Counter, deque
from collections.abc import Callable

import numpy as np

from gateway.llrp.framing import (
    HEADER_BYTES,
    LEAD,
    LEADING_VERSIONS,
    MAX_FRAME_BYTES,
    TYPE_MASK,
    VERSION_MASK,
    bad_header,
)
from gateway.llrp.report_columns import ColumnDecoder
from gateway.llrp.report_epcs import EpcColumn, epc_list
from gateway.llrp.report_rows import NO_RSSI_CDBM, REPORT, Rows

__all__ = ["NO_RSSI_CDBM", "REPORT", "EpcColumn", "ReportIntake", "Rows"]

RO_ACCESS_REPORT = 61
#: Tag reports of one message are told apart by this many bits, which bounds the frame's size.
MOST_FRAME_BYTES = 64 * 1024 * 1024
SOURCES = 65_536
#: Longer messages with results are counted, but not kept.
MOST_RESULT_BYTES = 65_536
#: Chunks of sound reports whose like is taken in without a look at each of its frames …
SHAPES_KEPT = 1024
#: … if these are not many: a long chunk is cut in no time anyway.
MOST_FRAMES_OF_A_SHAPE = 64
_START_BYTES = LEAD.size
#: What tells that a chunk holds nothing but reports that start alike: the length of each, and how
#: to get their first bytes, with what these have to be (None: there is one, the chunk itself).
_Shape = tuple[int, Callable[[bytes], tuple[bytes, ...]] | None, tuple[bytes, ...]]


class _Partial:
    """The unfinished frame of one source."""

    __slots__ = ("buffer", "needed", "since_us")

    def __init__(self, start: bytes, needed: int, since_us: int) -> None:
        self.buffer = bytearray(start)
        self.needed = needed
        self.since_us = since_us


class ReportIntake:
    """One for all readers: frames their bytes, keeps the reports for the next `take`.

    A source is the caller's number of a connection, below 65,536. Holds at most one unfinished
    frame per source (`max_frame_bytes`), and whatever was fed since the last `take`.

    Counters: `frames` and their `bytes` (complete messages; reports count when they are taken),
    `reports` (rows), `irregular` (rows that were read one by one, as few or none were laid out
    alike), `skipped` per source (malformed messages or tag reports that were passed over) with
    `last_errors` per source, and `result_frames`: messages that carried results of access
    operations or RF surveys. Of these, `results` keeps the newest (source, frame) for
    `codec.decode`, unless they are large.
    """

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        if not HEADER_BYTES <= max_frame_bytes <= MOST_FRAME_BYTES:
            raise ValueError(
                f"max_frame_bytes is {max_frame_bytes}; "
                f"expected {HEADER_BYTES} to {MOST_FRAME_BYTES}"
            )
        self.bytes = 0
        self.frames = 0
        self.reports = 0
        self.irregular = 0
        self.skipped: Counter[int] = Counter()
        self.last_errors: dict[int, str] = {}
        self.result_frames = 0
        self.results: deque[tuple[int, bytes]] = deque(maxlen=256)
        self._max_frame_bytes = max_frame_bytes
        self._partials: dict[int, _Partial] = {}
        self._shapes: dict[tuple[bytes, int], _Shape] = {}  # by first bytes and size of the chunk
        self._antennas = np.zeros(SOURCES, np.uint16)
        self._decoder = ColumnDecoder()
        self._clear()

    def _clear(self) -> None:
        """Begin a new harvest. A run is one or more report frames of one length in one piece."""
        self._runs: list[tuple[bytes, int, int]] = []  # with the length of its frames, and when
        self._run_sources = array("H")

    def feed(self, source: int, data: bytes, at_us: int) -> list[bytes]:
        """Take in a chunk as it was received; gives every complete frame that is not a report.

        Raises FrameError for a header that cannot be true: the source's unfinished bytes are
        dropped, and the caller closes the connection. Reports before it in the chunk are kept.
        The error's offset counts from the first byte that was not yet part of a complete frame.
        """
        shape = self._shapes.get((data[:_START_BYTES], len(data)))
        if shape is not None and source not in self._partials:
            length, starts, expected = shape
            if starts is None or starts(data) == expected:
                self._run_sources.append(source)  # first, as it may be out of range
                self._runs.append((data, length, at_us))
                return []
        return self._cut(source, data, at_us)

    def _cut(self, source: int, data: bytes, at_us: int) -> list[bytes]:
        """Cut a chunk, and what was left of the last one, into runs of reports and other frames."""
        since_us = at_us
        partial = self._partials.get(source)
        if partial is not None:
            partial.buffer += data
            if len(partial.buffer) < partial.needed:
                return []
            since_us = partial.since_us
            data = bytes(partial.buffer)
            del self._partials[source]
        others: list[bytes] = []
        at = 0
        needed = LEAD.size
        while at + LEAD.size <= len(data):
            lead, length = LEAD.unpack_from(data, at)
            if (
                not HEADER_BYTES <= length <= self._max_frame_bytes
                or lead & VERSION_MASK not in LEADING_VERSIONS
            ):
                raise bad_header(data, at, at, self._max_frame_bytes)
            end = at + length
            if end > len(data):
                needed = length
                break
            if lead & TYPE_MASK == RO_ACCESS_REPORT:
                end = _run_end(data, at, length)
                self._run_sources.append(source)
                self._runs.append((data[at:end], length, at_us))
                if end - at == len(data):
                    self._remember_shape(data, length)
            else:
                others.append(data[at:end])
                self.frames += 1
                self.bytes += length
            at = end
        if at < len(data):
            self._partials[source] = _Partial(data[at:], needed, at_us if at else since_us)
        return others

    def _remember_shape(self, data: bytes, length: int) -> None:
        """Chunks of sound reports like this one are not cut again."""
        count, first = len(data) // length, data[:_START_BYTES]
        if count > MOST_FRAMES_OF_A_SHAPE:
            return
        if len(self._shapes) >= SHAPES_KEPT:
            self._shapes.clear()
        each = struct.Struct(f"{_START_BYTES}s{length - _START_BYTES}x" * count)
        starts = each.unpack if count > 1 else None
        self._shapes[first, len(data)] = (length, starts, (first,) * count)

    def forget(self, source: int) -> None:
        """The connection ended: drop its unfinished frame, and what was carried over."""
        self._partials.pop(source, None)
        self._antennas[source] = 0

    def partial_since_us(self, source: int) -> int | None:
        """When the first byte of the source's unfinished frame came in; None if there is none."""
        partial = self._partials.get(source)
        return None if partial is None else partial.since_us

    def take(self) -> tuple[Rows, list[bytes]]:
        """Decode what was fed since the last call: rows in order of arrival, and their EPCs."""
        rows, columns = self.take_columns()
        return rows, epc_list(columns, len(rows))

    def take_columns(self) -> tuple[Rows, list[EpcColumn]]:
        """Like `take`, with the EPCs as columns of octets: quicker where none is needed as bytes.

        Every row's EPC is in exactly one of the columns.
        """
        if not self._runs:
            return np.zeros(0, REPORT), []
        runs, lengths, at_us = zip(*self._runs, strict=True)
        sources = self._run_sources
        self._clear()
        sizes = np.fromiter(map(len, runs), np.int64, len(runs))
        counts = sizes // (lengths[0] if len(set(lengths)) == 1 else np.array(lengths))
        harvest = self._decoder.decode(runs, lengths, counts)
        run_of_message = np.repeat(np.arange(len(runs)), counts)
        run_of_row = run_of_message[harvest.messages]
        rows = harvest.rows
        rows["source"] = np.frombuffer(sources, np.uint16)[run_of_row]
        rows["at_us"] = at_us[0] if len(set(at_us)) == 1 else np.array(at_us)[run_of_row]
        self._carry_antennas(rows)
        self.bytes += int(sizes.sum())
        self.frames += len(run_of_message)
        self.reports += len(rows)
        self.irregular += harvest.irregular
        for number, faults in harvest.faults.items():
            source = sources[run_of_message[number]]
            self.skipped[source] += faults
            self.last_errors[source] = harvest.fault_texts[number]
        for number in sorted(harvest.with_results):
            run = int(run_of_message[number])
            first = int(np.searchsorted(run_of_message, run))
            self._keep_results(sources[run], runs[run], number - first, lengths[run])
        return rows, harvest.epcs

    def _keep_results(self, source: int, run: bytes, index: int, length: int) -> None:
        """Keep the message at `index` of a run for whoever asked for its results."""
        self.result_frames += 1
        if length <= MOST_RESULT_BYTES:
            self.results.append((source, run[index * length : (index + 1) * length]))

    def _carry_antennas(self, rows: Rows) -> None:
        """Where no antenna was sent, it is the one that the source sent last (LLRP 13.2.3)."""
        antennas, sources = rows["antenna"], rows["source"]
        if not antennas.all():
            for source in np.unique(sources[antennas == 0]).tolist():
                at = np.flatnonzero(sources == source)
                sent = np.concatenate((self._antennas[source : source + 1], antennas[at]))
                newest = np.maximum.accumulate(np.where(sent != 0, np.arange(len(sent)), 0))
                antennas[at] = sent[newest][1:]
        self._antennas[sources] = antennas


def _run_end(data: bytes, at: int, length: int) -> int:
    """Where the run of whole frames ends that start like the one at `data[at:]`."""
    last = at + (len(data) - at) // length * length
    # Only once per chunk, so that the time stays linear whatever the chunk holds.
    if at == 0 and _all_start_alike(data, last, length):
        return last
    first = data[at : at + _START_BYTES]
    end = at + length
    while end < last and data.startswith(first, end):
        end += length
    return end


def _all_start_alike(data: bytes, end: int, length: int) -> bool:
    """Whether all frames in `data[:end]` have the same version, type and length as the first.

    Six strided comparisons, however many frames there are.
    """
    count = end // length
    return all(data[i:end:length] == data[i : i + 1] * count for i in range(_START_BYTES))
