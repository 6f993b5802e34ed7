"""Health: whether the gateway makes progress, and whether it can do its work.

Alive means that every part that has to move has moved of late. It is shown by beats, one for each
step that a part completes, never by a timer of its own: a thread that hangs must look hung.
Ready means that nothing is known that keeps the gateway from doing its job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

DEFAULT_STALL_AFTER_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How one part is: when it last moved, how often so far, and what keeps it from being ready."""

    name: str
    age_s: float
    beats: int
    stalled: bool
    not_ready: str | None  # a sentence


class Health:
    """Beats and readiness of the gateway's parts. `beat` may be called from any thread.

    `clock_s` is a clock that never steps, such as `time.monotonic`. A part counts as moving from
    the start, so that start-up has `stall_after_s` to get going.
    """

    def __init__(
        self,
        clock_s: Callable[[], float],
        parts: Iterable[str] = ("core", "store"),
        stall_after_s: float = DEFAULT_STALL_AFTER_S,
    ) -> None:
        self._clock_s = clock_s
        self._stall_after_s = stall_after_s
        now_s = clock_s()
        # Each part is written by the one thread that moves it.
        self._beats = dict.fromkeys(parts, 0)
        self._last_s = dict.fromkeys(self._beats, now_s)
        self._not_ready: dict[str, str] = {"gateway": "The gateway is starting."}
        self._alarms: dict[str, str] = {}

    def beat(self, part: str) -> None:
        """`part` has completed a step."""
        self._beats[part] += 1
        self._last_s[part] = self._clock_s()

    def beats(self) -> dict[str, int]:
        """Steps that each part has completed."""
        return dict(self._beats)

    def ready(self, part: str) -> None:
        """Nothing keeps `part` from doing its work. `ready("gateway")` ends the start-up."""
        self._not_ready.pop(part, None)

    def not_ready(self, part: str, reason: str) -> None:
        """`part` cannot do its work; `reason` is a sentence for the user."""
        self._not_ready[part] = reason

    def reasons(self) -> dict[str, str]:
        """What keeps the gateway from being ready, by part; empty when it is."""
        return dict(self._not_ready)

    def alarm(self, part: str, reason: str) -> None:
        """`part` works, but somebody has to look; `reason` is a sentence. Until the next start."""
        self._alarms[part] = reason

    def alarms(self) -> dict[str, str]:
        """What somebody has to look at, by part; empty as a rule."""
        return dict(self._alarms)

    def stalled(self) -> dict[str, float]:
        """Parts that have not moved for too long, and for how many seconds."""
        return {p.name: p.age_s for p in self.parts() if p.stalled}

    def parts(self) -> list[Part]:
        """Every part that beats."""
        now_s = self._clock_s()
        return [
            Part(
                name=name,
                age_s=(age_s := max(0.0, now_s - self._last_s[name])),
                beats=beats,
                stalled=age_s > self._stall_after_s,
                not_ready=self._not_ready.get(name),
            )
            for name, beats in self._beats.items()
        ]
