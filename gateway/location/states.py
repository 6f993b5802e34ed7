"""TagStates: what is believed of every tag, as columns by tag number.

About 380 bytes a tag that is read; of one that is only known most of it is never touched. `slot_…`
columns hold the fading evidence of up to `SLOTS` antennas.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.model.movement import Presence

#: Antennas remembered per tag; the one that has been silent longest makes room for a new one.
SLOTS = 8
NO_ZONE = -1
NO_ANTENNA = -1
NO_MATES = 0


class TagStates:
    """Columns that grow by doubling. Row n belongs to tag number n."""

    def __init__(self, capacity: int = 1024) -> None:
        self.zone = np.full(capacity, NO_ZONE, dtype=np.int16)
        self.presence = np.full(capacity, Presence.NEW, dtype=np.uint8)
        self.since_us = np.zeros(capacity, dtype=np.int64)
        self.first_us = np.zeros(capacity, dtype=np.int64)  # first read since it was last nowhere
        self.last_us = np.zeros(capacity, dtype=np.int64)  # last read anywhere
        # Last read at its own zone, as far as no slot tells it.
        self.home_us = np.zeros(capacity, dtype=np.int64)
        self.case_us = np.zeros(capacity, dtype=np.int64)  # where it is has been open since, or 0
        self.fed_us = np.zeros(capacity, dtype=np.int64)  # … and reads last gave reason to ask
        self.rival = np.full(capacity, NO_ZONE, dtype=np.int16)  # zone whose evidence is ahead
        self.rival_us = np.zeros(capacity, dtype=np.int64)  # … since then
        self.turn = np.zeros(capacity, dtype=np.uint8)  # when it is its turn to be looked at
        self.mates = np.zeros(capacity, dtype=np.int32)  # the group that it travels in
        self.seq = np.zeros(capacity, dtype=np.uint32)
        self.confidence = np.zeros(capacity, dtype=np.float32)
        self.recent_slot = np.zeros(capacity, dtype=np.uint8)  # where to look first
        self.slot_antenna = np.full((capacity, SLOTS), NO_ANTENNA, dtype=np.int16)
        self.slot_weight = np.zeros((capacity, SLOTS), dtype=np.float32)  # looks, as of slot_us
        self.slot_dbm = np.zeros((capacity, SLOTS), dtype=np.float32)
        self.slot_first_us = np.zeros((capacity, SLOTS), dtype=np.int64)  # of this run of reads
        self.slot_us = np.zeros((capacity, SLOTS), dtype=np.int64)  # last read
        # Of this run of reads, to be told: how many there were, the strongest, and how long after
        # the first that came.
        self.slot_reads = np.zeros((capacity, SLOTS), dtype=np.uint32)
        self.slot_peak_cdbm = np.zeros((capacity, SLOTS), dtype=np.int16)
        self.slot_peak_ms = np.zeros((capacity, SLOTS), dtype=np.uint32)

    def __len__(self) -> int:
        return len(self.zone)

    def forget(self, tags: npt.NDArray[np.intp]) -> None:
        """Let these rows be as if nothing had ever been known of them."""
        for name, column in vars(self).items():
            column[tags] = _blank(name)

    def fit(self, tags: int) -> None:
        """Make room for tag numbers below `tags`."""
        capacity = len(self)
        if tags <= capacity:
            return
        while capacity < tags:
            capacity *= 2
        fresh = TagStates(0)
        for name, column in vars(self).items():
            empty = _empty_like(name, column, capacity)
            empty[: len(column)] = column
            setattr(fresh, name, empty)
        vars(self).update(vars(fresh))


def _empty_like(name: str, column: npt.NDArray[np.generic], rows: int) -> npt.NDArray[np.generic]:
    shape = (rows, *column.shape[1:])
    if _blank(name):
        return np.full(shape, _blank(name), dtype=column.dtype)
    # Zeroed memory is not touched: evidence of tags that are known but not read costs nothing.
    return np.zeros(shape, dtype=column.dtype)


def _blank(name: str) -> int:
    """What a row holds of which nothing is known."""
    return -1 if name in ("zone", "rival", "slot_antenna") else 0
