"""How long to wait before the next try: full jitter under a growing, capped bound."""

from __future__ import annotations

import random

#: 2**16 times any first delay is beyond any cap; more would overflow a float after days of trying.
MAX_DOUBLINGS = 16


class Backoff:
    """Delays between `first_s / 2` and `most_s`, random so that a herd spreads out."""

    def __init__(self, first_s: float, most_s: float, rng: random.Random | None = None) -> None:
        self.first_s = first_s
        self.most_s = most_s
        self._rng = rng or random.Random()
        self._tries = 0

    def next_s(self) -> float:
        """The delay before the next try; each call counts as one more failure."""
        bound_s = min(self.most_s, self.first_s * 2.0 ** min(self._tries, MAX_DOUBLINGS))
        self._tries += 1
        return self._rng.uniform(min(self.first_s / 2, bound_s), bound_s)

    def reset(self) -> None:
        """Something worked: begin with short delays again."""
        self._tries = 0
