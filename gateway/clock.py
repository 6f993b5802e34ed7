"""Time as an argument: the one seam through which the gateway learns what time it is.

Inside, times are integer microseconds since the Unix epoch (`…_us`); durations of the daemon are
taken from a clock that never steps.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

#: The most that the daemon's clock is slewed toward the host's, in parts per million.
SLEW_PPM = 500
#: How often the daemon's clock looks at the host's.
LOOK_US = 1_000_000


class Clock(Protocol):
    """Where the time comes from."""

    def now_us(self) -> int:
        """Microseconds since the Unix epoch; never goes back."""


class SystemClock:
    """The host's time, but steady: anchored once and carried by the monotonic clock.

    When the host's clock is stepped or drifts, this clock follows by running at most `SLEW_PPM`
    faster or slower, so that no duration inside the gateway jumps. `behind_us` tells how far it has
    to go. Any thread may ask.
    """

    def __init__(
        self,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        host_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._monotonic_ns, self._host_ns = monotonic_ns, host_ns
        self._lock = threading.Lock()
        self._looked_ns, self._looked_us = monotonic_ns(), host_ns() // 1_000
        self._rate_ppm = 0
        self.behind_us = 0

    def now_us(self) -> int:
        """Microseconds since the Unix epoch; never goes back."""
        with self._lock:
            elapsed_us = (self._monotonic_ns() - self._looked_ns) // 1_000
            slewed_us = min(elapsed_us, LOOK_US) * self._rate_ppm // 1_000_000
            now_us = self._looked_us + elapsed_us + slewed_us
            if elapsed_us >= LOOK_US:
                self._look(now_us, elapsed_us)
            return now_us

    def _look(self, now_us: int, elapsed_us: int) -> None:
        """Choose the rate until the next look; the time itself goes on from where it is."""
        self._looked_ns += elapsed_us * 1_000
        self._looked_us = now_us
        self.behind_us = self._host_ns() // 1_000 - now_us
        wanted_ppm = self.behind_us * 1_000_000 // LOOK_US
        self._rate_ppm = max(-SLEW_PPM, min(SLEW_PPM, wanted_ppm))


class ManualClock:
    """A clock that moves only when told to: replay, simulation, tests."""

    def __init__(self, now_us: int = 0) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        """The time that was last set."""
        return self._now_us

    def set_us(self, now_us: int) -> None:
        """Move to `now_us`; going back is ignored, as real clocks here never go back."""
        self._now_us = max(self._now_us, now_us)

    def advance_s(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        self._now_us += round(seconds * 1_000_000)
