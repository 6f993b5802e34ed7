"""SMURF (Jeffery, Garofalakis, Franklin, VLDB 2006): adaptive smoothing, a stream for each side.

Per tag and antenna side a window of epochs is kept. Of the epochs in it that hold reads, S in
number, the mean read rate is p; the window wants to be ln(1/delta)/p epochs long. It grows by up to
two epochs at a time; when it is long enough and S is off what a binomial of p would give by more
than two standard deviations, it is halved; an empty window is one epoch long. A tag is present on a
side while its window holds a read.

The paper smooths readings and stops there. What is left open was decided in SMURF's favour:
a tag stays where it is while it is present there, and then moves to the side that read it most;
the movement is dated to the last read on the side that it left; delta is 0.05; and an epoch of
0.25 s, as in the paper, holds five interrogation cycles, in each of which a tag is read or not (the
best of seven divisions that were tried).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.bench.baselines.places import Places
from gateway.bench.calls import Call
from gateway.model.place import Site
from gateway.model.reads import Reads

CYCLE_US = 50_000
CYCLES = 5
EPOCH_US = CYCLES * CYCLE_US
DELTA = 0.05
#: The lowest rate that can be seen wants a window of this many epochs.
LONGEST = math.ceil(math.log(1 / DELTA) * CYCLES)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Windows:
    """The windows of many streams; a row for each."""

    def __init__(self, rows: int = 0) -> None:
        self.epochs: Ints = np.ones(rows, dtype=np.int64)
        self.seen: Ints = np.zeros(rows, dtype=np.int64)  # epochs with reads in the window
        self.rate: Floats = np.zeros(rows)  # their sum
        self._rates: Floats = np.zeros((rows, LONGEST))  # a ring of the last epochs
        self._number = -1

    def fit(self, rows: int) -> None:
        """Make room for so many streams."""
        more = rows - len(self.epochs)
        if more <= 0:
            return
        fresh = Windows(max(more, len(self.epochs)))
        for name in ("epochs", "seen", "rate", "_rates"):
            setattr(self, name, np.concatenate([getattr(self, name), getattr(fresh, name)]))

    def step(self, rates: Floats) -> None:
        """Take the read rates of the next epoch, 0 to 1, one for each stream."""
        self._number += 1
        at = self._number % LONGEST
        self._rates[:, at] = rates
        ages = (at - np.arange(LONGEST)) % LONGEST
        inside = np.where(ages < self.epochs[:, None], self._rates, 0.0)
        self.seen = np.count_nonzero(inside, axis=1)
        self.rate = inside.sum(axis=1)
        self._adapt()

    def _adapt(self) -> None:
        empty = self.seen == 0
        p = np.where(empty, 1.0, self.rate / np.maximum(self.seen, 1))
        wanted = np.ceil(math.log(1 / DELTA) / p).astype(np.int64)
        expected = self.epochs * p
        off = np.abs(self.seen - expected) > 2 * np.sqrt(expected * (1 - p))
        grown = np.minimum(self.epochs + 2, wanted)
        halved = np.maximum(np.minimum(self.epochs // 2, wanted), 1)
        adapted = np.where(wanted > self.epochs, grown, np.where(off, halved, self.epochs))
        self.epochs = np.where(empty, 1, adapted)


class Smurf:
    """Tags on the side where their smoothed stream says that they are."""

    def __init__(self, site: Site) -> None:
        self._places = Places(site, any_antenna=True)
        self._sides = np.array(self._places.side, dtype=np.int64)
        self._windows = Windows()
        self._streams: dict[tuple[int, int], int] = {}
        self._tag_of: list[int] = []
        self._side_of: list[int] = []
        self._last_us: list[int] = []
        self._stream: dict[int, int] = {}  # where each tag is
        self._waiting: list[Reads] = []
        self._epoch: int | None = None

    def feed(self, reads: Reads, to_us: int) -> list[Call]:
        """Take the reads of a stretch of event time."""
        if len(reads):
            self._waiting.append(reads)
        if self._epoch is None:
            if not len(reads):
                return []
            self._epoch = int(reads["time_us"][0]) // EPOCH_US
        calls: list[Call] = []
        if (self._epoch + 1) * EPOCH_US <= to_us:
            waiting = np.concatenate(self._waiting) if self._waiting else reads
            while (end_us := (self._epoch + 1) * EPOCH_US) <= to_us:
                ready = int(np.searchsorted(waiting["time_us"], end_us))
                calls += self._step(waiting[:ready], end_us)
                waiting = waiting[ready:]
                self._epoch += 1
            self._waiting = [waiting] if len(waiting) else []
        return calls

    def _step(self, reads: Reads, end_us: int) -> list[Call]:
        """One epoch."""
        sides = self._sides[reads["antenna"]]
        columns = (reads["tag"].tolist(), sides.tolist(), reads["time_us"].tolist())
        rows = [self._row(tag, side, us) for tag, side, us in zip(*columns, strict=True)]
        self._windows.fit(len(self._tag_of))
        read = np.zeros((len(self._windows.epochs), CYCLES), dtype=bool)
        read[rows, reads["time_us"] // CYCLE_US % CYCLES] = True
        self._windows.step(read.mean(axis=1))
        return self._moves(end_us)

    def _row(self, tag: int, side: int, time_us: int) -> int:
        row = self._streams.get((tag, side))
        if row is None:
            row = self._streams[tag, side] = len(self._tag_of)
            self._tag_of.append(tag)
            self._side_of.append(side)
            self._last_us.append(time_us)
        self._last_us[row] = time_us
        return row

    def _moves(self, end_us: int) -> list[Call]:
        """Tags whose side has lost them, and that are present on another one."""
        windows = self._windows
        best: dict[int, int] = {}
        for row in np.flatnonzero(windows.seen).tolist():
            tag = self._tag_of[row]
            here = self._stream.get(tag)
            lost = here is None or windows.seen[here] == 0
            if lost and (tag not in best or windows.rate[row] > windows.rate[best[tag]]):
                best[tag] = row
        calls: list[Any] = [self._move(tag, row, end_us) for tag, row in best.items()]
        return [call for call in calls if call is not None]

    def _move(self, tag: int, row: int, end_us: int) -> Call | None:
        places, here = self._places, self._stream.get(tag)
        self._stream[tag] = row
        zone, door = (of[self._side_of[row]] for of in (places.zone_of_side, places.door_of_side))
        if here is None:
            return places.call(tag, None, zone, door, self._last_us[row], end_us)
        before = places.zone_of_side[self._side_of[here]]
        if before == zone:
            return None
        return places.call(tag, before, zone, door, self._last_us[here], end_us)
