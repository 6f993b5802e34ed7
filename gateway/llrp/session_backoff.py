"""When to try again: exponential back-off with full jitter; slower where a reader is taken."""

from __future__ import annotations

import random

#: The longest wait after the first failure; it doubles with each further one …
FIRST_WAIT_S = 0.5
#: … up to this. 200 readers that come back together are reconnected within about nine seconds.
LONGEST_WAIT_S = 10.0
#: A reader that serves another client is asked again after this long (from, to).
OCCUPIED_WAIT_S = (5.0, 15.0)
#: A connection that has lasted this long makes the failures before it forgotten.
STABLE_AFTER_S = 60.0

#: Doublings beyond this change nothing; without a clamp the power overflows after half an hour.
_MOST_DOUBLINGS = 10


class Backoff:
    """The waits between the attempts to reach one reader (or to start one inventory)."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._failures = 0
        self._up_since_us: int | None = None

    def succeeded(self, now_us: int) -> None:
        """It works since `now_us`."""
        if self._up_since_us is None:
            self._up_since_us = now_us

    def failed(self, now_us: int, *, occupied: bool = False) -> int:
        """Microseconds to wait after a failure at `now_us`."""
        if self._up_since_us is not None:
            if now_us - self._up_since_us >= STABLE_AFTER_S * 1_000_000:
                self._failures = 0
            self._up_since_us = None
        if occupied:
            return round(self._rng.uniform(*OCCUPIED_WAIT_S) * 1_000_000)
        longest_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(self._failures, _MOST_DOUBLINGS))
        self._failures += 1
        return round(self._rng.uniform(0.0, longest_s) * 1_000_000)
