"""Intake: what was read since the last turn, to be entered at once when something is to be decided.

Reads say nothing before somebody asks. Entering those of several epochs together gives the same,
epoch by epoch, for a fraction of the price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gateway.location.epochs import EPOCH_US, Epoch
from gateway.location.sightings import Sightings, reduce
from gateway.location.times import Times
from gateway.model.reads import Reads, joined
from gateway.model.tags import TagNumbers


@dataclass(frozen=True, slots=True)
class Taken:
    """Sightings of some epochs: `fresh` and `late` ones, and both together; `ends_us` by epoch.

    Late are those of reads from before their epoch: one for each tag and antenna, of the last.
    """

    sightings: Sightings
    fresh: Sightings
    late: Sightings
    ends_us: Times


class Intake:
    """Reads that wait to be entered."""

    def __init__(self) -> None:
        self._reads: list[Reads] = []
        self._counts: list[int] = []
        self._ends_us: list[int] = []

    def __len__(self) -> int:
        return len(self._ends_us)

    def hold(self, epoch: Epoch) -> None:
        """Keep the reads of an epoch that has some."""
        self._reads += epoch.reads
        self._counts.append(sum(map(len, epoch.reads)))
        self._ends_us.append(epoch.end_us)

    def tags(self) -> TagNumbers:
        """The tags of the reads that are held."""
        return np.asarray(joined(self._reads)["tag"], dtype=np.uint32)

    def take(self) -> Taken:
        """Everything that is held; it must be something."""
        reads, ends_us = joined(self._reads), np.array(self._ends_us, dtype=np.int64)
        epochs = np.repeat(np.arange(len(ends_us), dtype=np.uint16), self._counts)
        self._reads, self._counts, self._ends_us = [], [], []
        sightings = reduce(reads, epochs)
        is_late = reads["time_us"] < ends_us[epochs] - EPOCH_US
        if not is_late.any():
            return Taken(sightings, sightings, sightings[:0], ends_us)
        in_time, late = np.flatnonzero(~is_late), np.flatnonzero(is_late)
        last = np.full(len(late), len(ends_us) - 1, dtype=np.uint16)
        fresh = reduce(reads.take(in_time), epochs[in_time])
        return Taken(sightings, fresh, reduce(reads.take(late), last), ends_us)
