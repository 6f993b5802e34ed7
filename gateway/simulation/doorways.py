"""Doorways: the doors of a site at work — open or closed, their sensors, who passes."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.model.place import Point
from gateway.simulation.floor import Floor
from gateway.simulation.layout import DoorPlace
from gateway.simulation.movers import Mover
from gateway.simulation.population import LOAD_HALF_M
from gateway.simulation.scenario_parts import Faults
from gateway.simulation.sensors import INNER_BEAM_M, OUTER_BEAM_M, Beam, SensorEvent, Switch
from gateway.simulation.truth import crossings, empty_crossing, sign_changes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

CLOSES_AFTER_US = 3_000_000
#: A beam that is broken again by the same thing within this time was never free for the sensor.
MERGE_US = 100_000
#: A load that changes from the floor to the forks, or back, keeps the beam broken.
HAND_OVER_US = 50_000


class Carried(NamedTuple):
    """A load on the forks from one time to another, at its place from the forks."""

    load: int
    offset: Point
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A mover's way during one job, sampled: where its forks are, what they carry."""

    mover: Mover
    times_us: Ints
    x: Floats
    y: Floats
    carried: list[Carried]

    def loaded(self, more_us: int = 0) -> Flags:
        """When anything is carried, and for some time longer."""
        loaded = np.zeros(len(self.times_us), dtype=np.bool_)
        for item in self.carried:
            loaded |= (self.times_us >= item.from_us) & (self.times_us < item.to_us + more_us)
        return loaded


class Doorway:
    """One door. It is open while anybody has a reason to keep it so, and a little longer."""

    def __init__(
        self, place: DoorPlace, floor: Floor, faults: Faults, rng: np.random.Generator
    ) -> None:
        self.place = place
        self.is_open = False
        #: Where a load stands in its mouth, along x from the middle; None: nowhere.
        self.mouth_x: float | None = None
        self._floor = floor
        self._reasons: set[Hashable] = set()
        self._uses = 0
        ends = ((place.inner_beam, INNER_BEAM_M), (place.outer_beam, OUTER_BEAM_M))
        self._beams = [Beam(name, m, floor, faults, rng) for name, m in ends if name is not None]
        self._contact = None if place.contact is None else Switch(place.contact, floor, faults, rng)
        self._plan_faults(faults)

    def open_for(self, reason: Hashable) -> None:
        """Open, and stay so until `done_for` of the same reason."""
        self._reasons.add(reason)
        self._uses += 1
        self._set_open(True)

    def done_for(self, reason: Hashable) -> None:
        """One reason less to be open."""
        self._reasons.discard(reason)
        use = self._uses

        def close() -> None:
            if not self._reasons and self._uses == use:
                self._set_open(False)

        self._floor.at(self._floor.now_us + CLOSES_AFTER_US, close)

    def record(self, run: Run) -> None:
        """Work out what the beams will say, and what will be true, of a way that is planned."""
        for beam in self._beams:
            for from_us, to_us in self._breaks(run, self.place.y + beam.offset_m):
                beam.plan(from_us, to_us)
        y = run.y - self.place.y
        for item in run.carried:
            rows = (run.times_us >= item.from_us) & (run.times_us < item.to_us)
            if rows.any():
                there = y[rows] + item.offset[1]
                times_us, population = run.times_us[rows], self._floor.population
                facts = crossings(times_us, there, item.load, population, self.place.id)
                self._floor.facts += facts
        loaded = dict(zip(run.times_us.tolist(), run.loaded().tolist(), strict=True))
        self._floor.facts += [
            empty_crossing(change, run.mover.shape.kind, self.place.id)
            for change in sign_changes(run.times_us, y)
            if not loaded[change[0]]
        ]

    def stand(self, y: float, from_us: int) -> None:
        """A load will stand in the mouth from that time on."""
        for beam in self._beams_at(y):
            self._floor.at(from_us, beam.enter)

    def clear(self, y: float, at_us: int) -> None:
        """The load that stands there will be taken away."""
        for beam in self._beams_at(y):
            self._floor.at(at_us + HAND_OVER_US, beam.leave)

    def announce(self) -> None:
        """Say that the door is closed."""
        if self._contact is not None:
            event = SensorEvent(self._floor.now_us, self._contact.sensor, False)
            self._contact.events.append(event)

    def take_events(self) -> list[SensorEvent]:
        """What its sensors have said since the last call."""
        switches = [*self._beams, *([] if self._contact is None else [self._contact])]
        events = [event for switch in switches for event in switch.events]
        for switch in switches:
            switch.events.clear()
        return events

    def _beams_at(self, y: float) -> list[Beam]:
        return [b for b in self._beams if abs(y - self.place.y - b.offset_m) <= LOAD_HALF_M]

    def _set_open(self, is_open: bool) -> None:
        self.is_open = is_open
        if self._contact is not None:
            self._contact.say(is_open)

    def _plan_faults(self, faults: Faults) -> None:
        planned = [
            beam.may_stick(faults.beams_stuck_broken, True, "stuck broken")
            or beam.may_stick(faults.beams_stuck_free, False, "stuck free")
            for beam in self._beams
        ]
        if self._contact is not None:
            share = faults.contacts_stuck_closed
            planned.append(self._contact.may_stick(share, False, "stuck closed"))
        self._floor.facts += [fact for fact in planned if fact is not None]

    def _breaks(self, run: Run, beam_y: float) -> list[tuple[int, int]]:
        """When a mover or its load stands in a beam: (broken, free) times."""
        shape = run.mover.shape
        front = np.where(run.loaded(HAND_OVER_US), -LOAD_HALF_M, shape.front_m)
        broken = (
            (run.y + front <= beam_y)
            & (beam_y <= run.y + shape.rear_m)
            & (np.abs(run.x - self.place.x) < self.place.half_width)
        )
        edges = np.flatnonzero(np.diff(np.concatenate([[False], broken, [False]]).astype(np.int8)))
        last = len(run.times_us) - 1
        breaks: list[tuple[int, int]] = []
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            broken_us, free_us = int(run.times_us[start]), int(run.times_us[min(end, last)])
            if breaks and broken_us - breaks[-1][1] < MERGE_US:
                breaks[-1] = (breaks[-1][0], free_us)
            else:
                breaks.append((broken_us, free_us))
        return breaks
