"""Measured: power per tag and antenna over a while, out of all reads of some recordings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gateway.calibration.tape import Tape
from gateway.calibration.walks import fits
from gateway.location.epochs import EPOCH_US
from gateway.model.reads import NO_RSSI_CDBM

Floats = npt.NDArray[np.float64]


class Measured:
    """All reads of a tape, ordered by tag and time."""

    def __init__(self, tape: Tape) -> None:
        reads = tape.in_order()
        reads = reads[reads["rssi_cdbm"] > NO_RSSI_CDBM]
        reads = reads[np.lexsort((reads["time_us"], reads["tag"]))]
        self._tag = reads["tag"].astype(np.int64)
        self._time_us = reads["time_us"].copy()
        self._antenna = reads["antenna"].astype(np.int64)
        self._dbm = reads["rssi_cdbm"] / 100.0
        self._antennas = len(tape.site.antennas)
        self._epcs = [tape.tags.epc(n).hex().upper() for n in np.unique(self._tag).tolist()]
        self._numbers = np.unique(self._tag).tolist()
        self._by_patterns: dict[tuple[str, ...], list[int]] = {}

    @property
    def weakest_dbm(self) -> float:
        """What hardly can be heard."""
        return float(np.quantile(self._dbm, 0.01)) if len(self._dbm) else -85.0

    def tags(self, patterns: Sequence[str]) -> list[int]:
        """Numbers of the tags that were read and are meant by any of the patterns."""
        key = tuple(patterns)
        if key not in self._by_patterns:
            pairs = zip(self._numbers, self._epcs, strict=True)
            self._by_patterns[key] = [n for n, epc in pairs if fits(epc, key)]
        return self._by_patterns[key]

    def peaks_dbm(self, tag: int, begin_us: int, end_us: int) -> Floats:
        """The most that each antenna heard of a tag; NaN for those that did not."""
        rows = self._rows(tag, begin_us, end_us)
        peaks = np.full(self._antennas, -np.inf)
        np.maximum.at(peaks, self._antenna[rows], self._dbm[rows])
        return np.where(np.isfinite(peaks), peaks, np.nan)

    def means_dbm(self, tag: int, begin_us: int, end_us: int) -> tuple[Floats, Floats]:
        """What each antenna heard of a tag on average, NaN for those that did not; looks a second.

        A look is what an antenna read within an epoch, however often, as the engine has it.
        """
        rows = self._rows(tag, begin_us, end_us)
        epochs = self._time_us[rows] // EPOCH_US * self._antennas + self._antenna[rows]
        looks, of_look = np.unique(epochs, return_inverse=True)
        peaks = np.full(len(looks), -np.inf)
        np.maximum.at(peaks, of_look, self._dbm[rows])
        antennas = looks % self._antennas
        counts = np.bincount(antennas, minlength=self._antennas)
        sums = np.bincount(antennas, peaks, minlength=self._antennas)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        return means, counts / (max(end_us - begin_us, 1) / 1e6)

    def reads(self, tag: int, begin_us: int, end_us: int) -> int:
        """How often a tag was read, with a power."""
        rows = self._rows(tag, begin_us, end_us)
        return int(rows.stop - rows.start)

    def _rows(self, tag: int, begin_us: int, end_us: int) -> slice:
        first, last = np.searchsorted(self._tag, [tag, tag + 1])
        start, end = np.searchsorted(self._time_us[first:last], [begin_us, end_us])
        return slice(int(first + start), int(first + end))
