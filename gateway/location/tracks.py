"""Tracks: what a tag's power did at one door over the last seconds, on both sides.

One track per (tag, door) that is being seen: a ring of quarter-second bins per side, and what is
usual for the tag there. Tracks come with the first sighting and go when the tag has not been seen
at the door for a while. Columns are by row; rows are reused, `key` and `row` keep them in order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gateway.location.coverage import Coverage
from gateway.location.sightings import Sightings

BIN_US = 250_000
BINS = 48  # twelve seconds
IDLE_US = 15_000_000
FORGET_EVERY_US = 1_000_000
#: Power of an empty bin, in dBm: below anything a reader reports.
SILENT_DBM = np.float32(-120.0)
#: Before a tag has a level of its own it is taken to come from out of range.
FAR_DBM = np.float32(-75.0)
#: A track stands out at this much over what is usual for it, on either side.
OPEN_DB = np.float32(4.0)
#: What is usual is learnt block by block (three seconds) from bins that are at least so old: a
#: passage must not become its own baseline. It is a mean of the blocks' peaks over the last ones.
BLOCK_BINS, OLD_BINS, MOST_BLOCKS = 12, 24, 8
#: One block moves what is usual by no more than this: a drive past is not a new place.
MOST_STEP_DB = np.float32(6.0)
#: Of a first sight that is taken for usual: so much more will be usual, too.
FIRST_SPREAD_DB = np.float32(3.0)
#: How long a door listens until it knows what stands there.
FIRST_SIGHT_US = 3_000_000
NOT_YET_US = 1 << 62
FIRST_ROWS = 256

Numbers = npt.NDArray[np.intp]
Power = npt.NDArray[np.float32]
Times = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Column → what an unused row holds, and the type.
_COLUMNS = {
    "tag": (0, np.intp),
    "door": (0, np.intp),
    "power_dbm": (SILENT_DBM, np.float32),
    "usual_dbm": (FAR_DBM, np.float32),
    "blocks": (0, np.float32),
    "often": (0, np.float32),
    "last_us": (0, np.int64),
    "first_us": (0, np.int64),
    "stood_us": (0, np.int64),
    "settled_us": (0, np.int64),
    "announced": (0, np.int8),
    "waiting": (0, np.int8),
    "sure_way": (0, np.int8),
    "sure_us": (0, np.int64),
}
_BY_SIDE = ("usual_dbm", "blocks", "often", "last_us", "first_us")
_SHAPES: dict[str, tuple[int, ...]] = {"power_dbm": (BINS, 2)} | dict.fromkeys(_BY_SIDE, (2,))


class Tracks:
    """Columns of the live tracks, by row; an unused row has no `stood_us` and no `last_us`."""

    tag: Numbers
    door: Numbers
    power_dbm: Power  # (bins, sides, rows)
    usual_dbm: Power  # (sides, rows)
    blocks: Power  # (sides, rows): from how many blocks it was learnt what is usual
    often: Power  # (sides, rows): share of bins in which it is read
    last_us: Times  # (sides, rows)
    first_us: Times  # (sides, rows): when it was first heard, 0 if never
    stood_us: Times  # when it last stood out
    settled_us: Times  # no new case from what was before this
    held: Bools  # by door, see `hold`
    announced: npt.NDArray[np.int8]  # provisional: +1 out, -1 in, 0 nothing
    waiting: npt.NDArray[np.int8]  # sure of a way, but its load stands in the door; as above
    sure_way: npt.NDArray[np.int8]  # which way it surely went when it was last asked; 0: not sure …
    sure_us: Times  # … and since when that has been so

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage
        self._doors = max(1, len(coverage.site.doors))
        self._bin = -1
        self._forgot_us = 0
        self.held = np.zeros(self._doors, dtype=bool)
        self._began_us = np.full(self._doors, NOT_YET_US, dtype=np.int64)
        self.key = np.zeros(0, dtype=np.int64)  # tag × doors + door, in order …
        self.row: Numbers = np.zeros(0, dtype=np.intp)  # … and the row of each
        self._free: list[int] = []
        self._make_room(FIRST_ROWS)

    def __len__(self) -> int:
        return len(self.key)

    def _make_room(self, rows: int) -> None:
        old = len(getattr(self, "tag", ()))
        for name, (blank, kind) in _COLUMNS.items():
            column = np.full((*_SHAPES.get(name, ()), rows), blank, dtype=kind)
            if old:
                column[..., :old] = getattr(self, name)
            setattr(self, name, column)
        self._free += range(rows - 1, old - 1, -1)

    def row_of(self, tag: int, door: int) -> int | None:
        """The row of a tag's track at a door, None if it has none."""
        key = tag * self._doors + door
        at = int(np.searchsorted(self.key, key))
        return int(self.row[at]) if at < len(self.key) and self.key[at] == key else None

    def spans(self, tags: Numbers) -> tuple[Numbers, Numbers]:
        """Where in `row` the tracks of each of these tags begin and end."""
        first = tags.astype(np.int64) * self._doors
        return np.searchsorted(self.key, first), np.searchsorted(self.key, first + self._doors)

    def in_order(self, rows: Numbers) -> Numbers:
        """The same rows, ordered by tag and door."""
        return rows[np.argsort(self.tag[rows] * self._doors + self.door[rows])]

    def advance(self, end_us: int) -> None:
        """Move the ring to the bin of `end_us`."""
        current = (end_us - 1) // BIN_US
        if self._bin < 0:
            self._bin = current
        passed = range(max(self._bin + 1, current - BINS + 1), current + 1)
        for number in passed if len(self) else ():
            if number % BLOCK_BINS == 0:
                self._learn(number - OLD_BINS)
            self.power_dbm[number % BINS] = SILENT_DBM
        self._bin = max(self._bin, current)

    def hold(self, doors: Sequence[int]) -> None:
        """Until it is told again: what stands at `doors` means to go on. It is not usual there."""
        self.held[:] = False
        self.held[doors] = True

    def add(self, sightings: Sightings) -> None:
        """Enter those of the sightings of one or several epochs that door antennas made."""
        doors = self._coverage.door[sightings["antenna"]]
        at_doors = np.flatnonzero(doors >= 0)
        if not len(at_doors):
            return
        sightings, doors = sightings[at_doors], doors[at_doors].astype(np.intp)
        last_us = sightings["last_us"]
        keys = sightings["tag"].astype(np.int64) * self._doors + doors
        rows = self._rows(keys)
        sides = self._coverage.side[sightings["antenna"]].astype(np.intp)
        dbm = (sightings["peak_cdbm"] / 100.0).astype(np.float32)
        self._notice_first(rows, sides, doors, sightings, dbm)
        bins = last_us // BIN_US
        capacity = len(self.tag)
        spots = sides * capacity + rows
        cells = (bins % BINS).astype(np.intp) * (2 * capacity) + spots
        fresh = np.flatnonzero(bins > self._bin - BINS)
        if len(fresh) < len(bins):
            cells, dbm, spots = cells[fresh], dbm[fresh], spots[fresh]
            rows, last_us = rows[fresh], last_us[fresh]
        np.maximum.at(self.power_dbm.reshape(-1), cells, dbm)
        np.maximum.at(self.last_us.reshape(-1), spots, last_us)
        stands = dbm >= self.usual_dbm.reshape(-1)[spots] + OPEN_DB
        np.maximum.at(self.stood_us, rows[stands], last_us[stands])

    def _notice_first(
        self,
        rows: Numbers,
        sides: Numbers,
        doors: Numbers,
        sightings: Sightings,
        dbm: Power,
    ) -> None:
        """Take what a door hears when it begins to listen for usual.

        What stands there already must not look as if it had come. Later, whatever is new has come.
        """
        new = np.flatnonzero(self.last_us[sides, rows] == 0)
        if not len(new):
            return
        _, track = np.unique(2 * rows[new] + sides[new], return_inverse=True)
        first_epoch = np.full(len(new), np.iinfo(np.uint16).max, dtype=np.uint16)
        np.minimum.at(first_epoch, track, sightings["epoch"][new])
        new = new[sightings["epoch"][new] == first_epoch[track]]
        first_us = sightings["first_us"]
        self.first_us[sides[new], rows[new]] = first_us[new]
        np.minimum.at(self._began_us, doors[new], first_us[new])
        new = new[first_us[new] - self._began_us[doors[new]] <= FIRST_SIGHT_US]
        spots = (sides[new], rows[new])
        np.maximum.at(self.usual_dbm, spots, dbm[new] + FIRST_SPREAD_DB)

    def _rows(self, keys: Times) -> Numbers:
        """The rows of these keys; new ones get one."""
        at = np.searchsorted(self.key, keys)
        known = len(self.key) > 0 and (self.key[np.minimum(at, len(self.key) - 1)] == keys)
        if not np.all(known):
            self._open(np.unique(keys[~known] if np.ndim(known) else keys))
            at = np.searchsorted(self.key, keys)
        return np.asarray(self.row[at])

    def _open(self, keys: Times) -> None:
        while len(self._free) < len(keys):
            self._make_room(2 * len(self.tag))
        rows = np.array([self._free.pop() for _ in range(len(keys))], dtype=np.intp)
        at = np.searchsorted(self.key, keys)
        self.key, self.row = np.insert(self.key, at, keys), np.insert(self.row, at, rows)
        self.tag[rows], self.door[rows] = keys // self._doors, keys % self._doors
        self.power_dbm[:, :, rows] = SILENT_DBM
        self.usual_dbm[:, rows] = FAR_DBM
        self.blocks[:, rows] = self.often[:, rows] = 0.0
        self.first_us[:, rows] = 0
        self.settled_us[rows] = self.announced[rows] = self.waiting[rows] = self.sure_way[rows] = 0

    def forget(self, end_us: int) -> None:
        """Forget tracks that went quiet, about once a second."""
        if end_us - self._forgot_us < FORGET_EVERY_US:
            return
        self._forgot_us = end_us - end_us % FORGET_EVERY_US
        idle = self.last_us[:, self.row].max(axis=0, initial=0) < end_us - IDLE_US
        if not idle.any():
            return
        gone = self.row[idle]
        self.stood_us[gone] = 0
        self.last_us[:, gone] = 0
        self._free += gone.tolist()
        self.key, self.row = self.key[~idle], self.row[~idle]

    def _learn(self, number: int) -> None:
        """Take the block of bins that ends before `number` into the picture of what is usual."""
        numbers = np.arange(number - BLOCK_BINS, number)
        block = self.power_dbm[numbers % BINS]
        # What was before a passage says nothing about the place after it.
        old = (numbers * BIN_US)[:, None] <= self.settled_us
        np.copyto(block, SILENT_DBM, where=old[:, None, :])
        block[:, :, self.held[self.door]] = SILENT_DBM
        heard = block > SILENT_DBM
        peak, share = block.max(axis=0), heard.mean(axis=0, dtype=np.float32)
        any_heard = peak > SILENT_DBM
        self.blocks += any_heard * (self.blocks < MOST_BLOCKS)
        gain = any_heard / np.maximum(self.blocks, 1.0)
        step = (peak - self.usual_dbm) * gain
        limited = np.clip(step, -MOST_STEP_DB, MOST_STEP_DB)
        step = np.where(self.blocks == 1.0, step, limited)
        self.usual_dbm += step
        # How often it is read while it is: silence must not become what is usual.
        self.often += (share - self.often) * gain

    def settle(self, rows: Numbers, end_us: int, *, moved: bool) -> None:
        """Close the cases of these tracks; a tag that moved has another usual level from now on."""
        self.settled_us[rows] = end_us
        self.announced[rows] = self.waiting[rows] = self.sure_way[rows] = 0
        if moved:
            self.blocks[:, rows] = 0.0

    def sure_for_s(
        self, rows: Numbers, outward: Bools, sure: Bools, end_us: int
    ) -> npt.NDArray[np.float64]:
        """For how long these tracks have been sure of one way, given what they are now."""
        ways = np.where(sure, np.where(outward, 1, -1), 0)
        same = sure & (self.sure_way[rows] == ways)
        self.sure_us[rows] = np.where(same, self.sure_us[rows], end_us)
        self.sure_way.fill(0)  # what is no case now is not sure of anything
        self.sure_way[rows] = ways
        return np.asarray((end_us - self.sure_us[rows]) / 1e6)

    def window(
        self, rows: Numbers, end_us: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
        """Power per (bin, side, row) in order of time, and the bins' ages at `end_us` in seconds.

        Bins before a row's `settled_us` are silent: they belong to a case that is closed.
        """
        numbers = np.arange(self._bin - BINS + 1, self._bin + 1)
        times_us = numbers * BIN_US + BIN_US // 2
        # By columns of a plain table: indexing all three axes at once takes several times as long.
        table = self.power_dbm.reshape(2 * BINS, -1).take(rows, axis=1)
        power = table.reshape(BINS, 2, len(rows))[numbers % BINS]
        settled_us = self.settled_us[rows]
        if len(rows) and settled_us.max() > times_us[0]:
            closed = times_us[:, None] <= settled_us
            np.copyto(power, SILENT_DBM, where=closed[:, None, :])
        return power, (times_us - end_us) / 1e6

    def is_strange(self, rows: Numbers, since_us: Times) -> Bools:
        """Tracks that had been heard before these times, of which it is not known what is usual."""
        heard = self.first_us[:, rows] > 0
        before = (heard & (self.first_us[:, rows] < since_us)).any(axis=0)
        return np.asarray(before & (self.blocks[:, rows].max(axis=0) == 0.0))

    def most_between(self, rows: Numbers, since_us: Times, until_us: Times) -> Power:
        """(2, rows): the most that was heard on each side in bins between these times.

        Whatever was decided meanwhile, and `SILENT_DBM` where nothing was heard.
        """
        numbers = np.arange(self._bin - BINS + 1, self._bin + 1)
        times_us = (numbers * BIN_US + BIN_US // 2)[:, None]
        within = (times_us > since_us) & (times_us < until_us)
        table = self.power_dbm.reshape(2 * BINS, -1).take(rows, axis=1)
        power = table.reshape(BINS, 2, len(rows))[numbers % BINS]
        return np.asarray(np.where(within[:, None, :], power, SILENT_DBM).max(axis=0))

    def loudest(self, rows: Numbers, at: Numbers, reach: int) -> Power:
        """The most that was heard of each track, on either side, up to `reach` bins around `at`."""
        ring = (np.arange(BINS) + self._bin + 1) % BINS * (2 * len(self.tag))
        cells = ring.take(bins_around(at, reach)) + rows
        flat = self.power_dbm.reshape(-1)
        return np.asarray(
            np.maximum(flat.take(cells), flat.take(cells + len(self.tag))).max(axis=0)
        )


def bins_around(at: Numbers, reach: int) -> Numbers:
    """(bins, …): each of these bins of a window and up to `reach` before and after it."""
    bins = at + np.arange(-reach, reach + 1)[:, None]
    return np.asarray(np.minimum(np.maximum(bins, 0), BINS - 1))
