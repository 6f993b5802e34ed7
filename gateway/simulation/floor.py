"""Floor: where every load and mover is, and the calendar of what will happen to them.

What has been planned never changes, so the world at a time depends on that time alone. Everything
that happens at one time happens in the order in which it was entered.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from gateway.model.place import Point
from gateway.simulation.layout import Place
from gateway.simulation.movers import Mover
from gateway.simulation.population import Population
from gateway.simulation.truth import TimedFact, lifting, placement

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

KEPT_US = 2_000_000  # how far back the tracks are kept
BODIES_US = 50_000


class Floor:
    """Positions per tag and a calendar. Times are microseconds from 0 and never go back."""

    def __init__(self, population: Population, start: Sequence[Place]) -> None:
        self.population = population
        self.now_us = 0
        self.facts: list[TimedFact] = []
        #: Where each load will be once everything that is planned has happened.
        self.planned: list[Place] = list(start)
        at = np.array(start, dtype=np.float64).reshape(-1, 3)
        self.xyz_m: Floats = population.offset_m + at[population.load]
        self.velocity_m_per_s: Floats = np.zeros((len(population.epcs), 2))
        #: Counts up for a tag whenever it may have moved.
        self.moved: Ints = np.zeros(len(population.epcs), dtype=np.int64)
        # The tags of a load are neighbours: as slices they are quicker to get at.
        self._rows = [slice(int(t[0]), int(t[-1]) + 1) for t in population.tags_of]
        self._movers: list[Mover] = []
        self._bodies: Floats = np.zeros((0, 5))
        self._bodies_us = -1
        self._tidied_us = 0
        self._calendar: list[tuple[int, int, Callable[[], None]]] = []
        self._entries = 0

    def at(self, time_us: int, happen: Callable[[], None]) -> None:
        """Enter something into the calendar; what is late happens at once."""
        self._entries += 1
        heapq.heappush(self._calendar, (max(time_us, self.now_us), self._entries, happen))

    def advance(self, time_us: int) -> None:
        """Let everything happen up to a time."""
        while self._calendar and self._calendar[0][0] <= time_us:
            self.now_us, _, happen = heapq.heappop(self._calendar)
            happen()
        self.now_us = time_us
        for mover in self._movers:
            if mover.loads:
                x, y, vx, vy = mover.track.at(time_us)
                for load in mover.loads:
                    self._set(load, mover.place_of(load, (x, y)), (vx, vy))
        if time_us - self._tidied_us > KEPT_US:
            self._tidied_us = time_us
            for mover in self._movers:
                mover.track.forget(time_us - KEPT_US)

    def enter(self, mover: Mover) -> Mover:
        """Somebody comes onto the floor."""
        self._movers.append(mover)
        return mover

    def leave(self, mover: Mover) -> None:
        """Somebody leaves the floor."""
        self._movers.remove(mover)

    def bodies(self) -> Floats:
        """What stands in the way of radio: rows of x, y, radius, height, loss in dB.

        As it was at most `BODIES_US` ago: nobody gets far in that time.
        """
        time_us = self.now_us - self.now_us % BODIES_US
        if time_us != self._bodies_us:
            self._bodies_us, rows = time_us, []
            for mover in self._movers:
                if mover.shadow_db > 0:
                    rows += mover.body(time_us)
            self._bodies = np.array(rows, dtype=np.float64).reshape(-1, 5)
        return self._bodies

    def plan_lift(self, time_us: int, mover: Mover, load: int, offset: Point) -> None:
        """At that time a load will be taken up."""
        self.facts.append(lifting(time_us, load, self.population))
        self.at(time_us, lambda: mover.loads.__setitem__(load, offset))

    def plan_put(self, time_us: int, mover: Mover, load: int, at: Place, zone: str) -> None:
        """At that time a load will be put down by who carries it."""
        self.plan_place(time_us, load, at, zone)
        self.at(time_us, lambda: mover.loads.__delitem__(load))

    def plan_place(self, time_us: int, load: int, at: Place, zone: str) -> None:
        """At that time a load will stand somewhere."""
        self.facts += placement(time_us, load, self.population, zone)
        self.planned[load] = at
        self.at(time_us, lambda: self._set(load, at, (0.0, 0.0)))

    def plan_gone(self, time_us: int, load: int, at: Place) -> None:
        """At that time a load will vanish, and be somewhere else."""
        self.facts.append(lifting(time_us, load, self.population))
        self.planned[load] = at
        self.at(time_us, lambda: self._set(load, at, (0.0, 0.0)))

    def place(self, load: int, at: Place) -> None:
        """A load stands there from now on, without a word about it."""
        self.planned[load] = at
        self._set(load, at, (0.0, 0.0))

    def _set(self, load: int, at: Place, velocity: Point) -> None:
        tags = self._rows[load]
        np.add(self.population.offset_m[tags], at, out=self.xyz_m[tags])
        self.velocity_m_per_s[tags] = velocity
        self.moved[tags] += 1
