"""Trips: one job of one mover, step by step, planned whole.

Each step is appended to the mover's track, and what happens on the way — lifting, putting down,
breaking a beam, crossing the line — is put into the calendar.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from gateway.model.place import Point
from gateway.simulation.doorways import Carried, Doorway, Run
from gateway.simulation.floor import Floor
from gateway.simulation.layout import Layout, Place
from gateway.simulation.motion import Track
from gateway.simulation.movers import MIDDLE, PERSON, TRUCK, Mover, Shape
from gateway.simulation.scenario_parts import Range, TrafficModel
from gateway.simulation.stations import Stations

SAMPLE_US = 10_000
#: Between these, along y from the door, a mover goes at plate speed.
PLATE_M = 1.2
#: Whoever stops in a door stops between these, along y.
STOP_M: Range = (-0.6, 0.6)
WALK_M_PER_S: Range = (1.0, 1.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hall:
    """What all who plan jobs have in common."""

    floor: Floor
    layout: Layout
    stations: Stations
    doorways: tuple[Doorway, ...]
    traffic: TrafficModel
    shadow_db: Range
    rng: np.random.Generator
    #: Told of every crossing with a load that is planned: door id and time.
    crossing_planned: list[Callable[[str, int], None]] = field(default_factory=list)

    def between(self, limits: Range) -> float:
        """A number drawn evenly from a range."""
        return float(self.rng.uniform(*limits))

    def happens(self, share: float) -> bool:
        """Whether something that happens so often happens now; no draw for what never does."""
        return share > 0 and bool(self.rng.random() < share)

    def every(self, limits: Range, first_s: float, happen: Callable[[], None]) -> None:
        """Let something happen again and again; with (0, 0): never."""
        if limits[1] <= 0:
            return

        def again() -> None:
            self.floor.at(self.floor.now_us + round(self.between(limits) * 1e6), again)
            happen()

        self.floor.at(round(first_s * 1e6), again)

    def truck(self, at: Point) -> Mover:
        """A new truck on the floor."""
        return self._mover(TRUCK, at)

    def person(self, at: Point) -> Mover:
        """A new person on the floor."""
        return self._mover(PERSON, at)

    def _mover(self, shape: Shape, at: Point) -> Mover:
        shadow_db = self.between(self.shadow_db)
        return self.floor.enter(Mover(Track(at, self.floor.now_us), shape, shadow_db))


class Trip:
    """A job that is being planned, from now on."""

    def __init__(self, hall: Hall, mover: Mover) -> None:
        self._hall, self.mover = hall, mover
        self.track = mover.track
        self.track.wait_until(hall.floor.now_us)
        self._start_us = self.track.end_us
        self._carried: list[Carried] = []
        self._on_forks: dict[int, tuple[Point, int]] = {}

    @property
    def end_us(self) -> int:
        """When what has been planned so far is over."""
        return self.track.end_us

    def go(self, to: Point) -> None:
        """Go somewhere at a speed of one's own."""
        self.track.go(to, self._speed())

    def wait(self, seconds: float) -> None:
        """Stand still."""
        self.track.wait(seconds)

    def fetch(self, load: int, offset: Point = MIDDLE, handling_s: float | None = None) -> None:
        """Go to a load and lift it."""
        x, y, _ = self._hall.floor.planned[load]
        self.go((x - offset[0], y - offset[1]))
        self.wait(self._handling_s() if handling_s is None else handling_s)
        self._on_forks[load] = (offset, self.end_us)
        self._hall.floor.plan_lift(self.end_us, self.mover, load, offset)

    def put(self, load: int, at: Place, zone: str, *, for_good: bool = True) -> int:
        """Put a load down somewhere; the time at which it stands."""
        offset, lifted_us = self._on_forks.pop(load)
        self.go((at[0] - offset[0], at[1] - offset[1]))
        self.wait(self._handling_s())
        put_us = self.end_us
        self._carried.append(Carried(load, offset, lifted_us, put_us))
        self._hall.floor.plan_put(put_us, self.mover, load, at, zone)
        if for_good:
            self._hall.floor.at(put_us, lambda: self._hall.stations.put(load))
        return put_us

    def through(
        self, doorway: Doorway, *, outward: bool, lane_m: float = 0.0, at_us: int | None = None
    ) -> int:
        """Go over the dock plate; the time on its line, about `at_us` when that can be had."""
        place, sign = doorway.place, 1.0 if outward else -1.0
        x = place.x + lane_m
        # Who stands on the plate already goes straight on.
        before = (self.track.end[1] - place.y) * sign
        near = (x, place.y + sign * (min(before, PLATE_M) if before > 0 else PLATE_M))
        speed = self._speed()
        plate = self._hall.between(self._hall.traffic.plate_speed_m_per_s)
        if self.mover.shape is PERSON:
            plate = speed
        if at_us is not None:
            needs_s = math.dist(self.track.end, near) / speed + PLATE_M / plate
            self.track.wait_until(at_us - round(needs_s * 1e6))
        self.track.go(near, speed)
        crossed_us = self._over_plate(place.y, x, sign, plate)
        self.mover.outside = outward
        if self._on_forks:
            for tell in self._hall.crossing_planned:
                tell(place.id, crossed_us)
        return crossed_us

    def done(self, *doorways: Doorway) -> None:
        """The job has been planned: enter what these doors will notice of it, keep them open."""
        floor, mover = self._hall.floor, self.mover
        times_us = np.arange(self._start_us, self.end_us + SAMPLE_US, SAMPLE_US, dtype=np.int64)
        x, y = self.track.samples(times_us)
        run = Run(mover=mover, times_us=times_us, x=x, y=y, carried=self._carried)
        for doorway in doorways:
            doorway.record(run)
            doorway.open_for(id(mover))
            if not mover.outside:
                floor.at(self.end_us, partial(doorway.done_for, id(mover)))

    def _over_plate(self, door_y: float, x: float, sign: float, plate: float) -> int:
        """From the near end of the plate to its far end, perhaps with a stop."""
        traffic = self._hall.traffic
        stop_y = None
        if self.mover.shape is TRUCK and self._hall.happens(traffic.stop_in_door):
            stop_y = self._hall.between(STOP_M)
        crossed_us = 0
        for y in sorted({0.0, *([] if stop_y is None else [stop_y])}, reverse=sign > 0):
            self.track.go((x, door_y + y), plate)
            if y == stop_y:
                self.wait(self._hall.between(traffic.stop_s))
            if y == 0.0:
                crossed_us = self.end_us
        self.track.go((x, door_y - sign * PLATE_M), plate)
        return crossed_us

    def _speed(self) -> float:
        walks = self.mover.shape is PERSON
        return self._hall.between(WALK_M_PER_S if walks else self._hall.traffic.speed_m_per_s)

    def _handling_s(self) -> float:
        return self._hall.between(self._hall.traffic.handling_s)
