"""The truth: who is where and when, worked out from a seed and from nothing else.

Tags stay in a zone, go to another one, or are taken away for a while. A stay is long enough for any
decision, and what a reader would tell of it can be asked for any span of time: a gateway that was
dead meanwhile has not heard it.
"""

from __future__ import annotations

import bisect
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gateway.model.reads import READ, Reads
from gateway.model.tags import TagIndex

S = 1_000_000


@dataclass(frozen=True, slots=True)
class Episode:
    """A tag is in one zone, or nowhere (`zone` is None), for a while."""

    zone: int | None
    begin_us: int
    end_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How tags behave, in seconds."""

    stay_s: tuple[float, float] = (60.0, 300.0)
    gap_s: tuple[float, float] = (0.5, 12.0)  # on the way, read by nobody
    absence_s: tuple[float, float] = (900.0, 3_600.0)
    absences: float = 0.0  # share of the stays that are followed by an absence
    every_s: float = 0.5  # between two reads of a tag that has just come into view
    settled_after_s: float = math.inf  # in view for so long, a tag is read more rarely
    settled_every_s: float = 60.0

    @property
    def often_us(self) -> int:
        """How long a tag that comes into view is read often."""
        return round(min(self.settled_after_s, 1e9) * S)

    @property
    def silence_us(self) -> int:
        """The longest that a tag that is in view is not read."""
        settles = self.settled_after_s < math.inf
        return round((self.settled_every_s if settles else self.every_s) * S)


@dataclass(slots=True)
class World:
    """Tags 0 … `tags` - 1 and zones 0 … `zones` - 1, from `start_us` on."""

    seed: int
    tags: int
    zones: int
    start_us: int
    habits: Habits = field(default_factory=Habits)
    _episodes: list[list[Episode]] = field(default_factory=list)
    _rngs: list[random.Random] = field(default_factory=list)

    def __post_init__(self) -> None:
        for tag in range(self.tags):
            rng = random.Random(f"{self.seed}/{tag}")
            first_us = self.start_us + round(rng.uniform(0.0, self.habits.stay_s[0]) * S)
            self._rngs.append(rng)
            self._episodes.append([Episode(None, self.start_us, first_us)])

    def epc(self, tag: int) -> bytes:
        """Twelve octets for a tag."""
        return b"\x30\x34\x25\x7b\xf7\x19" + tag.to_bytes(6, "big")

    def episodes(self, tag: int, upto_us: int) -> list[Episode]:
        """What one tag does, at least up to a time; each begins after the one before has ended."""
        known = self._episodes[tag]
        while known[-1].end_us < upto_us:
            self._go_on(known, self._rngs[tag])
        return known

    def reads(
        self,
        index: TagIndex,
        since_us: int,
        upto_us: int,
        in_view_since_us: Sequence[int | None],
    ) -> Reads:
        """What the readers tell of (since, upto]; `in_view_since_us` by zone, None: out of order.

        Antenna n watches zone n. Ordered by time.
        """
        rows: list[tuple[int, int, int]] = []
        for tag in range(self.tags):
            number = None
            for episode in self._between(tag, since_us, upto_us):
                zone = episode.zone
                begun_us = None if zone is None else in_view_since_us[zone]
                if zone is None or begun_us is None:
                    continue
                number = index.add(self.epc(tag)) if number is None else number
                begun_us = max(begun_us, episode.begin_us)
                last_us = min(upto_us, episode.end_us)
                rows += [
                    (time_us, number, zone)
                    for time_us in self._times(tag, begun_us, max(since_us, begun_us), last_us)
                ]
        rows.sort()
        reads = np.zeros(len(rows), dtype=READ)
        if rows:
            columns = np.array(rows, dtype=np.int64)
            reads["time_us"] = reads["first_us"] = reads["at_us"] = columns[:, 0]
            reads["tag"], reads["antenna"] = columns[:, 1], columns[:, 2]
            reads["count"], reads["phase_rad"] = 1, math.nan
            reads["rssi_cdbm"] = -5_500
        return reads

    def _between(self, tag: int, since_us: int, upto_us: int) -> list[Episode]:
        episodes = self.episodes(tag, upto_us)
        first = bisect.bisect_right(episodes, since_us, key=lambda e: e.end_us)
        last = bisect.bisect_right(episodes, upto_us, key=lambda e: e.begin_us)
        return episodes[first:last]

    def _times(self, tag: int, begun_us: int, since_us: int, upto_us: int) -> list[int]:
        """When a tag that came into view at `begun_us` is read in (since, upto]."""
        habits = self.habits
        settled_us = upto_us
        if habits.settled_after_s < math.inf:
            settled_us = begun_us + round(habits.settled_after_s * S)
        often = _grid(tag, habits.every_s, since_us, min(upto_us, settled_us))
        return often + _grid(tag, habits.settled_every_s, max(since_us, settled_us), upto_us)

    def _go_on(self, known: list[Episode], rng: random.Random) -> None:
        habits, before = self.habits, known[-1]
        zones = [zone for zone in range(self.zones) if zone != before.zone]
        begin_us = before.end_us + round(rng.uniform(*habits.gap_s) * S)
        end_us = begin_us + round(rng.uniform(*habits.stay_s) * S)
        known.append(Episode(rng.choice(zones), begin_us, end_us))
        if rng.random() < habits.absences:
            back_us = end_us + round(rng.uniform(*habits.absence_s) * S)
            known.append(Episode(None, end_us, back_us))


def _grid(tag: int, every_s: float, since_us: int, upto_us: int) -> list[int]:
    """Times in (since, upto] at a tag's own phase."""
    every_us = round(every_s * S)
    phase_us = tag * 7_919 % every_us
    first = (since_us - phase_us) // every_us + 1
    last = (upto_us - phase_us) // every_us
    return [phase_us + number * every_us for number in range(first, last + 1)]
