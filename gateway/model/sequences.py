"""Sequences: the numbers of each tag's movements. Ids are made of them, so none is given twice.

What is forgotten of a tag is how many movements it has had. So that a tag that comes back does not
use a number again, numbers of tags that nothing is known of begin above `start`, and that is above
every number of every tag that was forgotten.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Tags = npt.NDArray[np.integer]
Counts = npt.NDArray[np.uint32]


class Sequences:
    """Where the numbers of each tag begin, by tag number; the engine counts the movements."""

    def __init__(self) -> None:
        self.start = 0
        self._begins = np.zeros(0, np.uint32)  # the first number, 0: not begun

    def restore(self, tags: Tags, floor: int, start: int) -> None:
        """Go on with numbers of these tags that count from `floor`; others begin above `start`."""
        self.start = max(floor, start)
        if len(tags):
            self._fit(int(tags.max()))
            self._begins[tags] = floor + 1

    def number(self, tag: int, count: int) -> int:
        """The number of the `count`-th movement of a tag since it is known."""
        self._fit(tag)
        if not self._begins[tag]:
            self._begins[tag] = self.start + 1
        return int(self._begins[tag]) - 1 + count

    def begun(self, tags: Tags) -> npt.NDArray[np.bool_]:
        """Which of these tags have ever been given a number."""
        if not len(tags):
            return np.zeros(0, np.bool_)
        self._fit(int(tags.max()))
        return np.asarray(self._begins[tags] > 0)

    def forget(self, tags: Tags, counts: Counts) -> None:
        """These tags have had so many movements, and are not known any more."""
        if not len(tags):
            return
        self._fit(int(tags.max()))
        last = self._begins[tags].astype(np.int64) - 1 + counts
        self.start = max(self.start, int(last.max()))
        self._begins[tags] = 0

    def _fit(self, tag: int) -> None:
        rows = len(self._begins)
        if tag >= rows:
            longer = np.zeros(max(tag + 1, 2 * rows, 1024), np.uint32)
            longer[:rows] = self._begins
            self._begins = longer
