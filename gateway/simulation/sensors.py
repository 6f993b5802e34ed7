"""Photo-eyes and door contacts: what they say about what stands or passes, and their faults."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gateway.simulation.floor import Floor
from gateway.simulation.scenario_parts import Faults
from gateway.simulation.truth import TimedFact

#: Where the beams cross the opening, along y from the door.
INNER_BEAM_M = 0.5
OUTER_BEAM_M = -0.5


class SensorEvent(NamedTuple):
    """A sensor's value has changed."""

    time_us: int
    sensor: str
    value: bool


class Switch:
    """A sensor with two values that follows what happens a little later, until it sticks."""

    def __init__(self, sensor: str, floor: Floor, faults: Faults, rng: np.random.Generator) -> None:
        self.sensor = sensor
        self._floor, self._faults, self._rng = floor, faults, rng
        self._value = self._stuck = False
        self._last_us = -1
        self.events: list[SensorEvent] = []

    def say(self, value: bool) -> None:
        """Things are like this now."""
        if self._stuck or value is self._value:
            return
        late_us = round(float(self._rng.uniform(*self._faults.beam_jitter_ms)) * 1e3)
        self._last_us = max(self._floor.now_us + late_us, self._last_us + 1)
        self._value = value
        self.events.append(SensorEvent(self._last_us, self.sensor, value))

    def stick(self, value: bool) -> None:
        """Say this once more, then nothing else for ever."""
        self.say(value)
        self._stuck = True

    def may_stick(self, share: float, value: bool, fault: str) -> TimedFact | None:
        """Decide whether it will stick at a value, and when: as what is true of it."""
        sticks = self._rng.random() < share
        time_us = round(float(self._rng.uniform(*self._faults.sticks_after_s)) * 1e6)
        if not sticks or self._stuck:
            return None
        self._floor.at(time_us, lambda: self.stick(value))
        return (time_us, {"t": time_us, "fault": fault, "sensor": self.sensor})


class Beam(Switch):
    """A photo-eye across the opening: broken while anything stands in it."""

    def __init__(
        self,
        sensor: str,
        offset_m: float,
        floor: Floor,
        faults: Faults,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(sensor, floor, faults, rng)
        self.offset_m = offset_m
        self._things = 0

    def plan(self, from_us: int, to_us: int) -> None:
        """Something will stand in it from one time to another; now and then that is missed."""
        if self._rng.random() >= self._faults.missed_beams:
            self._floor.at(from_us, self.enter)
            self._floor.at(to_us, self.leave)

    def enter(self) -> None:
        """One thing more stands in it."""
        self._things += 1
        self.say(True)

    def leave(self) -> None:
        """One thing less stands in it."""
        self._things -= 1
        self.say(self._things > 0)
