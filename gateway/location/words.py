"""Words: what tags last said of where they are, for the mates and kin that go by it.

Most tags whose word is asked for are not looked at themselves just now. What they said a moment ago
will do: to weigh them anew each time would cost more than all that is decided by it.
"""

from __future__ import annotations

import numpy as np

from gateway.location.evidence import Bools, Floats, Numbers
from gateway.location.odds import NOWHERE, SILENT, Odds, Zones
from gateway.location.states import NO_ZONE

#: A word that is older than this is asked for anew.
FRESH_US = 2_000_000


class Words:
    """The last odds of tags, by tag number."""

    def __init__(self) -> None:
        self._zones: Zones = np.zeros((0, 1), dtype=np.int16)
        self._logs = np.zeros((0, 1), dtype=np.float32)
        self._live: Bools = np.zeros(0, dtype=bool)
        self._said_us = np.zeros(0, dtype=np.int64)

    def note(self, tags: Numbers, odds: Odds, end_us: int) -> None:
        """Tags have been weighed."""
        width = odds.zones.shape[1]
        self._make_room(int(tags.max()) + 1, width)
        self._zones[tags], self._logs[tags] = NO_ZONE, NOWHERE
        self._zones[tags, :width], self._logs[tags, :width] = odds.zones, odds.logs
        self._live[tags] = odds.looks.heard.max(axis=1) > SILENT
        self._said_us[tags] = end_us

    def stale(self, tags: Numbers, end_us: int) -> Numbers:
        """Those of the tags that have said nothing of late."""
        known = tags[tags < len(self._said_us)]
        unknown = tags[tags >= len(self._said_us)]
        return np.concatenate((known[self._said_us[known] <= end_us - FRESH_US], unknown))

    def of(self, tags: Numbers) -> tuple[Zones, Floats, Bools]:
        """Zones, log-likelihoods and whether they were heard, of tags that have been noted."""
        return self._zones[tags], self._logs[tags].astype(np.float64), self._live[tags]

    def forget(self, tags: Numbers) -> None:
        """Whoever gets these numbers next has said nothing yet."""
        tags = tags[tags < len(self._said_us)]
        for column in (self._zones, self._logs, self._live, self._said_us):
            column[tags] = 0

    def _make_room(self, tags: int, width: int) -> None:
        rows, columns = self._zones.shape
        if tags <= rows and width <= columns:
            return
        if tags > rows:
            tags = max(tags, 2 * rows)
        shape = (max(tags, rows), max(width, columns))
        zones, logs = np.zeros(shape, dtype=np.int16), np.zeros(shape, dtype=np.float32)
        live, said_us = np.zeros(shape[0], dtype=bool), np.zeros(shape[0], dtype=np.int64)
        # Memory that is zero and not touched costs nothing: only those that said something move.
        said = np.flatnonzero(self._said_us)
        zones[said], logs[said] = NO_ZONE, NOWHERE
        zones[said, :columns], logs[said, :columns] = self._zones[said], self._logs[said]
        live[said], said_us[said] = self._live[said], self._said_us[said]
        self._zones, self._logs, self._live, self._said_us = zones, logs, live, said_us
