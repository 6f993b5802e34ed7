"""What readers' clocks are ahead of ours, learned from the stamps that they send.

A stamp can only be late, never early, when it arrives: of all that came in the last minute, the
one that is furthest ahead tells the offset best.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: Stamps are remembered over this and the span before it.
SPAN_US = 30_000_000

_NEVER = np.int64(-(1 << 62))


class ClockOffsets:
    """One clock of each source; `ahead_us` is what it is ahead of ours, where `known`."""

    def __init__(self, sources: int) -> None:
        self.ahead_us = np.zeros(sources, np.int64)
        self.known = np.zeros(sources, np.bool_)
        self._newer = np.full(sources, _NEVER)
        self._older = np.full(sources, _NEVER)
        self._span_ends_us = 0

    def restart(self, source: int, ahead_us: int) -> None:
        """A stamp that is certainly fresh, on a new connection: what was before does not count."""
        self._older[source] = _NEVER
        self._newer[source] = self.ahead_us[source] = ahead_us
        self.known[source] = True

    def forget(self, source: int) -> None:
        """The clock may have begun anew: nothing is known of it."""
        self._older[source] = self._newer[source] = _NEVER
        self.known[source] = False

    def observe(
        self, sources: npt.NDArray[np.integer], ahead_us: npt.NDArray[np.int64], now_us: int
    ) -> None:
        """Stamps less the times of their arrival at `now_us`, with the sources they are from."""
        if now_us >= self._span_ends_us:
            self._span_ends_us = now_us + SPAN_US
            self._older, self._newer = self._newer, np.full(len(self._newer), _NEVER)
        np.maximum.at(self._newer, sources, ahead_us)
        most = np.maximum(self._newer, self._older)
        seen = most != _NEVER
        self.ahead_us[seen] = most[seen]
        self.known |= seen
