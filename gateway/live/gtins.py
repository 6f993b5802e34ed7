"""GtinColumn: the trade item of every tag by tag number, so that all tags of a GTIN are found.

It is made when it is first asked for and kept up from then on, in steps: a site that never asks
pays nothing, and one that asks with a million tags does not hold up the event loop.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from gateway.model.tags import TagIndex

_SGTIN_96 = 0x30
_PARTITIONS = 7
_PREFIX_DIGITS = np.array([12, 11, 10, 9, 8, 7, 6, 0], np.int64)
_PREFIX_BITS = np.array([40, 37, 34, 30, 27, 24, 20, 0], np.uint64)
_ITEM_BITS = np.uint64(44) - _PREFIX_BITS  # company prefix and item take 44 bits together
_NO_SGTIN = bytes(8)


class GtinColumn:
    """13 digits (GTIN-14 without check digit) per tag as a number; 0 where there is none."""

    def __init__(self, tags: TagIndex) -> None:
        self._tags = tags
        self._column = np.zeros(0, np.int64)
        self._rows = 0
        self._renewed: list[int] = []

    @property
    def behind(self) -> int:
        """How many tags are still to be looked at."""
        return len(self._tags) - self._rows + len(self._renewed)

    def renew(self, number: int) -> None:
        """A number may stand for another tag than when it was looked at."""
        if number < self._rows:
            self._renewed.append(number)

    def extend(self, rows: int = 20_000) -> None:
        """Look at the next `rows` tags; about 8 ms for 20,000."""
        renewed, self._renewed = self._renewed[:rows], self._renewed[rows:]
        self._column[renewed] = self._of(renewed)
        end = min(self._rows + rows, len(self._tags))
        if end > len(self._column):
            longer = np.zeros(max(end, len(self._tags)) + rows, np.int64)
            longer[: self._rows] = self._column[: self._rows]
            self._column = longer
        self._column[self._rows : end] = self._of(range(self._rows, end))
        self._rows = end

    def equal(self, gtin: str, rows: int) -> npt.NDArray[np.bool_]:
        """Which of the first `rows` tags carry this GTIN (14 digits)."""
        while self._renewed or (self._rows < rows and self.behind):
            self.extend()
        same = np.zeros(rows, np.bool_)
        known = min(rows, self._rows)
        same[:known] = self._column[:known] == int(gtin[:13])
        return same

    def _of(self, numbers: Iterable[int]) -> npt.NDArray[np.int64]:
        epcs = map(self._tags.epc, numbers)
        heads = b"".join([epc[:8] if len(epc) == 12 else _NO_SGTIN for epc in epcs])
        return _gtins(np.frombuffer(heads, ">u8").astype(np.uint64))


def _gtins(heads: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """From the first 64 bits: header 8, filter 3, partition 3, prefix and item 44, serial 6."""
    partition = (heads >> np.uint64(50) & np.uint64(7)).astype(np.intp)
    both = heads >> np.uint64(6) & np.uint64((1 << 44) - 1)
    item_bits = _ITEM_BITS[partition]
    prefix = (both >> item_bits).astype(np.int64)
    item = (both & ((np.uint64(1) << item_bits) - np.uint64(1))).astype(np.int64)
    digits = _PREFIX_DIGITS[partition]
    rest = np.int64(10) ** (12 - digits)  # of the item reference without its indicator digit
    sound = (heads >> np.uint64(56)) == _SGTIN_96
    sound &= partition < _PARTITIONS
    sound &= (prefix < np.int64(10) ** digits) & (item < 10 * rest)
    gtins = item // rest * np.int64(10**12) + prefix * rest + item % rest
    return np.where(sound, gtins, 0)
