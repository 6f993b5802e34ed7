"""Duplicates: reads that a reader sends again after a reconnect, word for word, count once.

Only what arrives well after it was read can be a copy, so that a stream in good time costs no more
than the noting of its reads: they are put into the table of what is known when a late one asks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.model.reads import Reads

#: A copy arrives at least this long after the read.
LATE_US = 100_000
#: So many reads are remembered, in a table where each has one place and newcomers take it.
PLACE_BITS = 18
_MIX_PLACE = np.uint64(0x9E37_79B9_7F4A_7C15)
_MIX_TIME = np.uint64(0xC2B2_AE3D_27D4_EB4F)

Keys = npt.NDArray[np.uint64]


class Duplicates:
    """Remembers the last reads: tag, antenna, power and the reader's own stamp."""

    def __init__(self) -> None:
        self._places = np.zeros(1 << PLACE_BITS, dtype=np.uint64)
        self._noted: list[Keys] = []
        self._noted_rows = 0

    def keys(self, reads: Reads) -> Keys:
        """What tells reads apart; to be taken before their times are corrected."""
        what = reads["tag"].astype(np.uint64) << np.uint64(16) | reads["antenna"]
        what |= reads["rssi_cdbm"].astype(np.uint64) << np.uint64(48)
        return np.asarray(reads["time_us"].view(np.uint64) * _MIX_TIME ^ what * _MIX_PLACE)

    def drop(self, reads: Reads, keys: Keys) -> Reads:
        """The reads without the copies of earlier ones; times are the gateway's."""
        late = reads["at_us"] - reads["time_us"] > LATE_US
        if not late.any():
            self._note(keys)
            return reads
        self._enter()
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
        again = first[group] != np.arange(len(keys))
        copies = late & (again | (self._places[_place(keys)] == keys))
        self._note(keys)
        return reads.take(np.flatnonzero(~copies)) if copies.any() else reads

    def _note(self, keys: Keys) -> None:
        self._noted.append(keys)
        self._noted_rows += len(keys)
        if self._noted_rows > len(self._places):
            self._enter()

    def _enter(self) -> None:
        for keys in self._noted:
            self._places[_place(keys)] = keys
        self._noted.clear()
        self._noted_rows = 0


def _place(keys: Keys) -> npt.NDArray[np.intp]:
    return (keys * _MIX_PLACE >> np.uint64(64 - PLACE_BITS)).astype(np.intp)
