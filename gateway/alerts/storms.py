"""The storm guard: a rule that raises too many alerts at once is told as one alert."""

from __future__ import annotations

from collections import deque

#: New alerts of one rule that are told within a minute of event time.
MOST_PER_MINUTE = 100
MINUTE_US = 60_000_000
#: The group of the alert that stands for a storm.
STORM = "storm"


class Storms:
    """Counts new alerts per rule."""

    def __init__(self, most: int = MOST_PER_MINUTE) -> None:
        self._most = most
        self._new: dict[str, deque[int]] = {}
        self.suppressed: dict[str, int] = {}  # rule → alerts of the storm that is on

    def admit(self, rule: str, at_us: int) -> bool:
        """Whether one more new alert of this rule is told by itself."""
        times = self._new.setdefault(rule, deque(maxlen=self._most))
        full = len(times) == self._most and at_us - times[0] < MINUTE_US
        times.append(at_us)
        if full:
            self.suppressed[rule] = self.suppressed.get(rule, 0) + 1
        return not full

    def resume(self, rule: str, at_us: int) -> None:
        """A storm was on when the gateway ended."""
        self._new.setdefault(rule, deque(maxlen=self._most)).append(at_us)
        self.suppressed.setdefault(rule, 0)

    def over(self, time_us: int) -> list[str]:
        """Rules whose storm has passed: no new alert for a minute."""
        done = [r for r in self.suppressed if time_us - self._new[r][-1] >= MINUTE_US]
        for rule in done:
            del self.suppressed[rule]
        return done

    @property
    def ends_us(self) -> int | None:
        """When the first storm may be over."""
        return min((self._new[rule][-1] + MINUTE_US for rule in self.suppressed), default=None)
