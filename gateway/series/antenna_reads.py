"""What every antenna reads: gathered in the core thread at little cost, summed up elsewhere."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.model.outcome import Inputs
from gateway.model.reads import NO_RSSI_CDBM

#: Rows that may wait to be summed up: half a minute of a hundred busy readers.
MOST_ROWS = 3_000_000
_ANTENNA_BITS = np.uint64(32)

_Column = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one antenna has read: rows, different tags, and power where it was told."""

    reads: int
    tags: int
    rssi_mean_dbm: float | None
    rssi_max_dbm: float | None


class AntennaReads:
    """`take` is a tap of the core thread; `fold` and `drain` are for one other thread."""

    def __init__(self, antennas: int) -> None:
        self.shed = 0
        self._antennas = antennas
        self._waiting: deque[tuple[_Column, _Column, _Column]] = deque()
        self._rows_in = self._rows_out = 0  # each written by one thread only
        self._begin()

    def take(self, inputs: Inputs) -> None:
        """Keep of the reads of one tick what is needed here."""
        for reads in inputs.reads:
            if self._rows_in - self._rows_out > MOST_ROWS:
                self.shed += len(reads)
                continue
            columns = (reads["antenna"].copy(), reads["tag"].copy(), reads["rssi_cdbm"].copy())
            self._waiting.append(columns)
            self._rows_in += len(reads)

    def fold(self) -> None:
        """Sum up what waits; in small portions it holds up no other thread."""
        batches = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not batches:
            return
        antennas, tags, rssi_cdbm = (
            np.concatenate(column) for column in zip(*batches, strict=True)
        )
        self._rows_out += len(antennas)
        self._reads += np.bincount(antennas, minlength=self._antennas)
        self._seen.append(np.unique(antennas.astype(np.uint64) << _ANTENNA_BITS | tags))
        told = rssi_cdbm > NO_RSSI_CDBM
        where, power_cdbm = antennas[told], rssi_cdbm[told].astype(np.int64)
        self._told += np.bincount(where, minlength=self._antennas)
        self._sums_cdbm += np.bincount(where, power_cdbm, minlength=self._antennas)
        np.maximum.at(self._highest_cdbm, where, power_cdbm)

    def drain(self) -> list[Tally]:
        """What every antenna has read since the last time, in the order of the site."""
        self.fold()
        seen = np.unique(np.concatenate(self._seen)) if self._seen else np.zeros(0, np.uint64)
        tags = np.bincount((seen >> _ANTENNA_BITS).astype(np.intp), minlength=self._antennas)
        columns = (self._reads, tags, self._told, self._sums_cdbm, self._highest_cdbm)
        tallies = [_tally(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]
        self._begin()
        return tallies

    def _begin(self) -> None:
        self._reads = np.zeros(self._antennas, np.int64)
        self._told = np.zeros(self._antennas, np.int64)
        self._sums_cdbm = np.zeros(self._antennas, np.float64)
        self._highest_cdbm = np.full(self._antennas, NO_RSSI_CDBM, np.int64)
        self._seen: list[npt.NDArray[np.uint64]] = []


def _tally(reads: int, tags: int, told: int, sum_cdbm: float, max_cdbm: int) -> Tally:
    return Tally(
        reads=reads,
        tags=tags,
        rssi_mean_dbm=round(sum_cdbm / told / 100, 2) if told else None,
        rssi_max_dbm=max_cdbm / 100 if told else None,
    )
