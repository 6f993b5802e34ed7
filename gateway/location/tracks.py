"""Tracks: what a tag's power did at one door over the last seconds, on both sides.

One row per (tag, door) that is being seen, with a ring of quarter-second bins per side. Rows come
with the first sighting and go when the tag has not been seen at the door for a while.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.location.coverage import Coverage
from gateway.location.sightings import Sightings

BIN_US = 250_000
BINS = 48  # twelve seconds
IDLE_US = 15_000_000
#: Power of an empty bin, in dBm: below anything a reader reports.
SILENT_DBM = np.float32(-120.0)
#: Before a tag has a baseline of its own it is taken to come from out of range.
FAR_DBM = np.float32(-75.0)
#: A bin counts toward what is usual for a tag once it is this old …
OLD_BINS = 24
#: … and then as much as this: what is usual is a mean over about fifteen seconds with reads.
LEARNING = np.float32(1.0 / 60.0)
#: What a tag's power varies by before anything is known of it (standard deviation squared).
FIRST_SPREAD_DB2 = np.float32(9.0)
#: A tag stands out above its mean and this many standard deviations.
SPREADS = 1.5
#: How long a door listens until it knows what stands there.
FIRST_SIGHT_US = 3_000_000
NOT_YET_US = 1 << 62

Numbers = npt.NDArray[np.intp]


class Tracks:
    """Columns of the live tracks, ordered by key = tag × doors + door."""

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage
        self._doors = max(1, len(coverage.site.doors))
        self._bin = -1
        self._began_us = np.full(self._doors, NOT_YET_US, dtype=np.int64)
        self.key = np.zeros(0, dtype=np.int64)
        self.peak_dbm = np.zeros((0, 2, BINS), dtype=np.float32)
        self.baseline_dbm = np.zeros((0, 2), dtype=np.float32)
        self.spread_db2 = np.zeros((0, 2), dtype=np.float32)
        self.last_us = np.zeros((0, 2), dtype=np.int64)
        self.first_us = np.zeros(0, dtype=np.int64)
        self.settled_us = np.zeros(0, dtype=np.int64)  # no new case from what was before this
        self.announced = np.zeros(0, dtype=np.int8)  # provisional: +1 out, -1 in, 0 nothing

    def __len__(self) -> int:
        return len(self.key)

    @property
    def tag(self) -> Numbers:
        """Tag number of each row."""
        return (self.key // self._doors).astype(np.intp)

    @property
    def door(self) -> Numbers:
        """Door number of each row."""
        return (self.key % self._doors).astype(np.intp)

    def row_of(self, tag: int, door: int) -> int | None:
        """The row of a tag's track at a door, None if it has none."""
        key = tag * self._doors + door
        row = int(np.searchsorted(self.key, key))
        return row if row < len(self.key) and self.key[row] == key else None

    def advance(self, end_us: int) -> None:
        """Move the ring to the bin of `end_us` and forget tracks that went quiet."""
        current = (end_us - 1) // BIN_US
        if self._bin < 0:
            self._bin = current
        passed = range(max(self._bin + 1, current - BINS + 1), current + 1)
        for number in passed if len(self.key) else ():
            self._learn(number - OLD_BINS)
            self.peak_dbm[:, :, number % BINS] = SILENT_DBM
        self._bin = max(self._bin, current)
        idle = self.last_us.max(axis=1, initial=0) < end_us - IDLE_US
        if idle.any():
            self._keep(~idle)

    def add(self, sightings: Sightings) -> None:
        """Enter the sightings of one epoch that were made by door antennas."""
        doors = self._coverage.door[sightings["antenna"]]
        rows = sightings[doors >= 0]
        if not len(rows):
            return
        keys = rows["tag"].astype(np.int64) * self._doors + doors[doors >= 0]
        self._open(np.setdiff1d(keys, self.key), int(rows["first_us"].min()))
        index = np.searchsorted(self.key, keys)
        sides = self._coverage.side[rows["antenna"]].astype(np.intp)
        last_us, peak_dbm = rows["last_us"], (rows["peak_cdbm"] / 100.0).astype(np.float32)
        bins = last_us // BIN_US
        in_ring = bins > self._bin - BINS
        place = (index[in_ring], sides[in_ring], (bins[in_ring] % BINS).astype(np.intp))
        # What a door hears when it begins to listen is taken for usual: what stands there already
        # must not look as if it had come. Later, whatever is new has come.
        spot_doors = doors[doors >= 0]
        began_us = self._began_us[spot_doors]
        np.minimum.at(self._began_us, spot_doors, rows["first_us"])
        fresh = rows["first_us"] - np.minimum(began_us, rows["first_us"]) <= FIRST_SIGHT_US
        new = np.flatnonzero((self.last_us[index, sides] == 0) & fresh)
        self.baseline_dbm[index[new], sides[new]] = np.maximum(peak_dbm[new], FAR_DBM)
        np.maximum.at(self.peak_dbm, place, peak_dbm[in_ring])
        np.maximum.at(self.last_us, (index, sides), last_us)

    def _learn(self, number: int) -> None:
        """Take the bin that has just become old into the picture of what is usual.

        What is new is left out: a passage must not become its own baseline.
        """
        power = self.peak_dbm[:, :, number % BINS]
        heard = power > SILENT_DBM
        step = power - self.baseline_dbm
        self.baseline_dbm += np.where(heard, LEARNING * step, np.float32(0.0))
        spread = (1.0 - LEARNING) * (self.spread_db2 + LEARNING * step * step)
        self.spread_db2 = np.where(heard, spread, self.spread_db2).astype(np.float32)

    def _open(self, keys: npt.NDArray[np.int64], first_us: int) -> None:
        if not len(keys):
            return
        at = np.searchsorted(self.key, keys)
        self.key = np.insert(self.key, at, keys)
        self.peak_dbm = np.insert(self.peak_dbm, at, SILENT_DBM, axis=0)
        self.baseline_dbm = np.insert(self.baseline_dbm, at, FAR_DBM, axis=0)
        self.spread_db2 = np.insert(self.spread_db2, at, FIRST_SPREAD_DB2, axis=0)
        self.last_us = np.insert(self.last_us, at, 0, axis=0)
        self.first_us = np.insert(self.first_us, at, first_us)
        self.settled_us = np.insert(self.settled_us, at, 0)
        self.announced = np.insert(self.announced, at, 0)

    def _keep(self, rows: npt.NDArray[np.bool_]) -> None:
        for name in (
            "key", "peak_dbm", "baseline_dbm", "spread_db2",
            "last_us", "first_us", "settled_us", "announced",
        ):  # fmt: skip
            setattr(self, name, getattr(self, name)[rows])

    def usual_dbm(self, rows: Numbers) -> npt.NDArray[np.float32]:
        """(rows, 2): the most that a tag's power usually comes to on each side."""
        spread_db = np.sqrt(self.spread_db2[rows])
        return np.asarray(self.baseline_dbm[rows] + SPREADS * spread_db, dtype=np.float32)

    def recent(self, rows: Numbers) -> npt.NDArray[np.float32]:
        """Power per (row, side, bin) in order of time."""
        numbers = np.arange(self._bin - BINS + 1, self._bin + 1)
        return np.asarray(self.peak_dbm[rows][:, :, numbers % BINS])

    def window(
        self, rows: Numbers, end_us: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
        """Power per (row, side, bin) in order of time, and the bins' ages at `end_us` in seconds.

        Bins before a row's `settled_us` are silent: they belong to a case that is closed.
        """
        numbers = np.arange(self._bin - BINS + 1, self._bin + 1)
        times_us = numbers * BIN_US + BIN_US // 2
        power = self.recent(rows)
        closed = times_us[None, :] <= self.settled_us[rows][:, None]
        return np.where(closed[:, None, :], SILENT_DBM, power), (times_us - end_us) / 1e6
