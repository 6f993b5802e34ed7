"""Time as an argument: the one seam through which the gateway learns what time it is.

Inside, times are integer microseconds since the Unix epoch (`…_us`); durations of the daemon are
taken from a clock that never steps.
"""

from __future__ import annotations

import time
from typing import Protocol

#: The most that the daemon's clock is slewed toward the host's, in parts per million.
SLEW_PPM = 500


class Clock(Protocol):
    """Where the time comes from."""

    def now_us(self) -> int:
        """Microseconds since the Unix epoch; never goes back."""


class SystemClock:
    """The host's time, but steady: anchored once and carried by the monotonic clock.

    When the host's clock is stepped or drifts, this clock follows by slewing at most `SLEW_PPM`,
    so that no duration inside the gateway jumps. `behind_us` tells how far it has to go.
    """

    def __init__(self) -> None:
        # One tuple, replaced whole: several threads ask for the time.
        self._anchor = (time.monotonic_ns(), time.time_ns() // 1_000)
        self.behind_us = 0

    def now_us(self) -> int:
        """Microseconds since the Unix epoch; never goes back."""
        anchor_ns, anchor_us = self._anchor
        mono_ns = time.monotonic_ns()
        elapsed_us = (mono_ns - anchor_ns) // 1_000
        now_us = anchor_us + elapsed_us
        if elapsed_us > 1_000_000:
            self.behind_us = time.time_ns() // 1_000 - now_us
            limit_us = elapsed_us * SLEW_PPM // 1_000_000
            now_us += max(-limit_us, min(limit_us, self.behind_us))
            self._anchor = (mono_ns, now_us)
        return now_us


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
