"""Load: tags that lie still, read in turn at a constant rate — as many reads as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from gateway.clock import Clock, SystemClock
from gateway.model.reads import READ, Reads
from gateway.simulation.epcs import sgtin_96
from gateway.simulation.reader import EmulatedReader

#: Reads go out in bursts of this length: enough of them that each costs next to nothing.
BURST_S = 0.02
#: What is overdue by more than this is given up: the rate falls, memory does not grow.
LATE_S = 0.5
_ITEM = 812_345
_CHANNELS = 50
_NOISE_CDBM = 150


def static_epcs(count: int) -> list[bytes]:
    """The EPCs of `count` cartons."""
    return [sgtin_96(item=_ITEM, serial=1 + n) for n in range(count)]


class StaticTags:
    """The reads of one emulated reader: all of its tags in turn, over its antennas."""

    def __init__(self, reader: EmulatedReader, *, tags: int, reads_per_s: float, seed: int) -> None:
        self._reader = reader
        self._us_per_read = 1e6 / reads_per_s
        self._ring = _ring(tags, reader.personality.antennas, np.random.default_rng(seed))
        self._start_us: float | None = None
        self._given = 0

    def emit(self, now_us: int) -> None:
        """Offer every read that is due."""
        if not self._reader.inventorying:
            self._start_us = None
            return
        if self._start_us is None:
            self._start_us, self._given = float(now_us), 0
        due = int((now_us - self._start_us) / self._us_per_read) - self._given
        late = due - int(LATE_S * 1e6 / self._us_per_read) - 1
        if late > 0:
            self._start_us += late * self._us_per_read
            due -= late
        if due <= 0:
            return
        numbers = np.arange(self._given, self._given + due)
        reads = self._ring[numbers % len(self._ring)]
        times_us = self._start_us + (numbers + 1) * self._us_per_read
        reads["time_us"] = times_us
        reads["first_us"] = reads["time_us"]
        self._given += due
        self._reader.offer(reads)


class Load:
    """Many readers under load, all driven from one task."""

    def __init__(
        self,
        readers: Sequence[EmulatedReader],
        *,
        tags: int,
        reads_per_s: float,
        seed: int = 1,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._sources = [
            StaticTags(reader, tags=tags, reads_per_s=reads_per_s, seed=seed + n)
            for n, reader in enumerate(readers)
        ]

    async def run(self) -> None:
        """Emit at the asked rate until cancelled."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            now_us = self._clock.now_us()
            for source in self._sources:
                source.emit(now_us)
            due_s = max(due_s + BURST_S, loop.time())
            await asyncio.sleep(due_s - loop.time())


def _ring(tags: int, antennas: int, rng: np.random.Generator) -> Reads:
    """Every tag at every antenna once, in one order that then repeats."""
    ring = np.zeros(tags * antennas, dtype=READ)
    turn = np.arange(len(ring))
    ring["tag"] = turn % tags
    ring["antenna"] = 1 + turn // tags % antennas
    ring["count"] = 1
    ring["channel"] = rng.integers(1, _CHANNELS, size=len(ring), endpoint=True)
    power = rng.integers(-7_000, -4_500, size=tags)[ring["tag"]]
    ring["rssi_cdbm"] = power + rng.integers(-_NOISE_CDBM, _NOISE_CDBM, size=len(ring))
    ring["phase_rad"] = rng.uniform(0, 2 * np.pi, size=len(ring))
    return ring
