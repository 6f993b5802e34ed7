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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one antenna has read: rows, different tags, and power where it was told."""

    reads: int
    tags: int
    rssi_mean_dbm: float | None
    rssi_max_dbm: float | None


class AntennaReads:
    """`take` is a tap of the core thread; `drain` is for one other thread."""

    def __init__(self, antennas: int) -> None:
        self._antennas = antennas
        self._waiting: deque[tuple[npt.NDArray[np.uint64], npt.NDArray[np.int16]]] = deque()
        self._rows_in = self._rows_out = 0  # each written by one thread only
        self.shed = 0

    def take(self, inputs: Inputs) -> None:
        """Keep of the reads of one tick what is needed here."""
        for reads in inputs.reads:
            if self._rows_in - self._rows_out > MOST_ROWS:
                self.shed += len(reads)
                continue
            antennas = reads["antenna"].astype(np.uint64)
            self._waiting.append(
                (antennas << _ANTENNA_BITS | reads["tag"], reads["rssi_cdbm"].copy())
            )
            self._rows_in += len(reads)

    def drain(self) -> list[Tally]:
        """What every antenna has read since the last time, in the order of the site."""
        batches = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not batches:
            return [_NOTHING] * self._antennas
        seen = np.concatenate([seen for seen, _ in batches])
        rssi_cdbm = np.concatenate([rssi for _, rssi in batches])
        self._rows_out += len(seen)
        antennas = (seen >> _ANTENNA_BITS).astype(np.intp)
        different = (np.unique(seen) >> _ANTENNA_BITS).astype(np.intp)
        told = rssi_cdbm > NO_RSSI_CDBM
        where, power_cdbm = antennas[told], rssi_cdbm[told].astype(np.int64)
        highest = np.full(self._antennas, NO_RSSI_CDBM, np.int64)
        np.maximum.at(highest, where, power_cdbm)
        columns = zip(
            self._count(antennas),
            self._count(different),
            self._count(where),
            np.bincount(where, power_cdbm, minlength=self._antennas).tolist(),
            highest.tolist(),
            strict=True,
        )
        return [_tally(*row) for row in columns]

    def _count(self, antennas: npt.NDArray[np.intp]) -> list[int]:
        counts: list[int] = np.bincount(antennas, minlength=self._antennas).tolist()
        return counts


_NOTHING = Tally(reads=0, tags=0, rssi_mean_dbm=None, rssi_max_dbm=None)


def _tally(reads: int, tags: int, told: int, sum_cdbm: float, max_cdbm: int) -> Tally:
    return Tally(
        reads=reads,
        tags=tags,
        rssi_mean_dbm=round(sum_cdbm / told / 100, 2) if told else None,
        rssi_max_dbm=max_cdbm / 100 if told else None,
    )
