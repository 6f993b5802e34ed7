"""Backhaul: how the reads of one reader become reports, and when they reach the gateway.

Reads are stamped by the reader's own clock, put together into reports as it has been told, delayed
on the way, held while the link is down, and sent again when the reader is not sure of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.model.reads import Reads, empty_reads
from gateway.simulation.inventory import Slice
from gateway.simulation.scenario_parts import NEVER, Range, Reports

Ints = npt.NDArray[np.int64]

#: What was held is delivered at this pace.
REPLAY_US = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderClock:
    """What a reader's clock says: ahead by an offset at time 0, and drifting."""

    offset_us: int = 0
    drift_ppm: float = 0.0

    def ahead_us(self, time_us: npt.ArrayLike) -> Ints:
        """By how much it is ahead at these times."""
        ahead_us: Ints = (np.asarray(time_us) * (self.drift_ppm * 1e-6)).astype(np.int64)
        return ahead_us + self.offset_us


def reader_clock(reports: Reports, rng: np.random.Generator) -> ReaderClock:
    """A clock that is off by as much as the scenario says, one way or the other."""
    return ReaderClock(
        offset_us=round(_either_way(reports.clock_offset_ms, rng) * 1e3),
        drift_ppm=_either_way(reports.clock_drift_ppm, rng),
    )


class Backhaul:
    """The way of one reader's reads to the gateway. Slices come in order of time."""

    def __init__(self, reports: Reports, clock: ReaderClock, rng: np.random.Generator) -> None:
        self._reports, self._clock, self._rng = reports, clock, rng
        self._every_us = round(reports.report_every_ms * 1e3)
        self._gathers = self._every_us > 0 or reports.report_every_tags > 1
        self._alters = clock != ReaderClock() or reports.delay_ms != NEVER or reports.late > 0
        self._due_us = round(self._every_us * float(rng.random()))
        self._gathered = empty_reads()
        self._held: list[Reads] = []
        self._sent = empty_reads()  # no longer ago than what is sent again
        self._last_at_us = 0

    def carry(self, reads: Reads, cut: Slice, *, delivers: bool) -> Reads:
        """What leaves for the gateway after a slice, with its time of arrival in `at_us`."""
        if self._gathers:
            reads = self._gather(reads, cut.end_us)
        if not delivers:
            if len(reads):
                self._held.append(reads)
            return empty_reads()
        after_interruption = bool(self._held)
        if after_interruption:
            reads = np.concatenate([self._backlog(cut.start_us), reads])
        if len(reads) == 0:
            return reads
        if self._reports.resent_s:
            self._remember(reads, cut.start_us)
        # As long as what was held is on its way, everything else has to wait.
        queues = after_interruption or int(reads["at_us"][0]) < self._last_at_us
        return self._on_the_way(reads) if self._alters or queues else reads

    def _gather(self, reads: Reads, end_us: int) -> Reads:
        """The report that is due at the end of a slice, or nothing yet."""
        if len(reads):
            self._gathered = merged(np.concatenate([self._gathered, reads]))
        full = 0 < self._reports.report_every_tags <= len(self._gathered)
        due = self._every_us > 0 and end_us >= self._due_us
        while due and self._due_us <= end_us:
            self._due_us += self._every_us
        if not full and not due:
            return empty_reads()
        report, self._gathered = self._gathered, empty_reads()
        report["at_us"] = end_us
        return report

    def _backlog(self, now_us: int) -> Reads:
        """What was held, after what was sent last: the reader cannot know that it has arrived."""
        begun_us = int(self._held[0]["at_us"][0]) - round(self._reports.resent_s * 1e6)
        again = self._sent[self._sent["at_us"] >= begun_us]
        backlog: Reads = np.concatenate([again, *self._held])
        self._held.clear()
        backlog["at_us"] = now_us + REPLAY_US * np.arange(len(backlog))
        return backlog

    def _remember(self, reads: Reads, now_us: int) -> None:
        kept = np.concatenate([self._sent, reads])
        self._sent = kept[kept["at_us"] >= now_us - round(self._reports.resent_s * 1e6)]

    def _on_the_way(self, reads: Reads) -> Reads:
        """Reads stamped by the reader's clock, and when they arrive."""
        reads = reads.copy()
        at_us = reads["at_us"] + self._drawn_us(self._reports.delay_ms, len(reads))
        # One connection: what is sent later arrives later.
        at_us = np.maximum.accumulate(np.maximum(at_us, self._last_at_us))
        self._last_at_us = int(at_us[-1])
        if self._reports.late:
            late = self._rng.random(len(reads)) < self._reports.late
            at_us += np.where(late, self._drawn_us(self._reports.late_ms, len(reads)), 0)
        reads["at_us"] = at_us
        for name in ("first_us", "time_us"):
            reads[name] += self._clock.ahead_us(reads[name])
        return reads

    def _drawn_us(self, limits_ms: Range, count: int) -> Ints:
        low, high = limits_ms
        drawn: Ints = np.round((low + (high - low) * self._rng.random(count)) * 1e3).astype(
            np.int64
        )
        return drawn


def merged(reads: Reads) -> Reads:
    """One row per tag and antenna: first and last time, count, most power; by last time."""
    order = np.lexsort((reads["time_us"], reads["antenna"], reads["tag"]))
    ordered = reads[order]
    same = (ordered["tag"][1:] == ordered["tag"][:-1]) & (
        ordered["antenna"][1:] == ordered["antenna"][:-1]
    )
    starts = np.concatenate([[0], np.flatnonzero(~same) + 1])
    last = np.append(starts[1:], len(ordered)) - 1
    rows = ordered[last]  # channel and phase are those of the last read
    rows["first_us"] = np.minimum.reduceat(ordered["first_us"], starts)
    rows["count"] = np.minimum(np.add.reduceat(ordered["count"].astype(np.int64), starts), 0xFFFF)
    rows["rssi_cdbm"] = np.maximum.reduceat(ordered["rssi_cdbm"], starts)
    by_time: Reads = rows[np.argsort(rows["time_us"], kind="stable")]
    return by_time


def _either_way(limits: Range, rng: np.random.Generator) -> float:
    size = float(rng.uniform(*limits))
    return size if rng.random() < 0.5 else -size
