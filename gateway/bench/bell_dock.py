"""A dock out of a textbook: a tag's power is a bell over its distance from each antenna.

Written for tests of other people's making: nothing of it is shared with the warehouse simulator or
with anything that the engine was trained on. Each door has loads of its own, moved one at a time:
out, in, or up to the door and back; some load stands for ever beside the opening.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.bench.sites import dock
from gateway.model.device import SensorReading
from gateway.model.outcome import Inputs
from gateway.model.place import Door, Side
from gateway.model.reads import Reads, empty_reads
from gateway.model.tags import TagIndex
from gateway.simulation.recorder import START_US

STEP_S = 0.05
STEP_US = 50_000
OUTER_M = -6.0
TRUCK_M = 1.2  # a truck with its load breaks a beam over this length

Fact = dict[str, Any]
Floats = npt.NDArray[np.float64]


class BellDock:
    """One dock; `run` can be asked once."""

    def __init__(self, seed: int) -> None:
        self._rng = rng = np.random.default_rng([seed, 4711])
        doors = int(rng.integers(2, 5))
        self.site = dock(doors, rng.uniform(3.5, 4.5))
        self.tags = TagIndex()
        places = [a.position_m or () for a in self.site.antennas]
        self._antenna_m = np.array([place[:2] for place in places])
        self._top_dbm = rng.uniform(-50.0, -44.0) + rng.normal(0.0, 1.5, len(places))
        self._width_m = rng.uniform(1.0, 1.6)
        self._fall_db = rng.uniform(28.0, 34.0)
        self._through_wall_db = rng.uniform(3.0, 8.0)
        self._noise_db = rng.uniform(1.0, 2.0)
        self._reads_per_s = rng.uniform(4.0, 10.0)  # of a tag at an antenna nearby
        self._outer = np.array([a.side is Side.OUTSIDE for a in self.site.antennas])
        self._loads = [self._load(door, number) for door in self.site.doors for number in range(5)]

    def _load(self, door: Door, number: int) -> _Load:
        rng = self._rng
        epcs = [rng.bytes(12) for _ in range(int(rng.integers(4, 16)))]
        x_m = (door.position_m or (0.0, 0.0))[0]
        parked = number == 0
        return _Load(
            door=door,
            epcs=[epc.hex().upper() for epc in epcs],
            tags=np.array([self.tags.add(epc) for epc in epcs]),
            offset_m=rng.uniform(-0.5, 0.5, (len(epcs), 2)),
            loss_db=np.abs(rng.normal(0.0, 3.0, len(epcs))),
            x_m=x_m + (1.3 if parked else rng.uniform(-0.4, 0.4)),
            y_m=1.3 if parked else (OUTER_M if number >= 3 else rng.uniform(3.0, 6.0)),
            parked=parked,
        )

    def run(self, seconds: float) -> Iterator[tuple[Inputs, list[Fact]]]:
        """What is read in each 50 ms, and what happened."""
        jobs = {door.id: self._rng.uniform(12.0, 20.0) for door in self.site.doors}
        moving: dict[str, tuple[_Load, Iterator[float]]] = {}
        facts = [fact for load in self._loads for fact in load.stands(START_US)]
        for step in range(1, round(seconds / STEP_S) + 1):
            end_us = START_US + step * STEP_US
            sensors: list[SensorReading] = []
            for door in self.site.doors:
                if door.id not in moving and step * STEP_S >= jobs[door.id]:
                    load = self._next(door)
                    moving[door.id] = (load, self._way(load))
                    facts.append({"t": end_us, "pallet": load.epcs[0], "lifted": True})
                if door.id in moving:
                    load, way = moving[door.id]
                    y_m = next(way, None)
                    if y_m is None:
                        facts += load.stands(end_us)
                        del moving[door.id]
                        jobs[door.id] = step * STEP_S + self._rng.uniform(4.0, 15.0)
                    else:
                        sensors += load.breaks(y_m, end_us)
                        facts += load.moves(y_m, end_us)
            yield Inputs(reads=[self._reads(end_us)], sensors=sensors), facts
            facts = []

    def _next(self, door: Door) -> _Load:
        choices = [load for load in self._loads if load.door is door and not load.parked]
        return choices[int(self._rng.integers(len(choices)))]

    def _way(self, load: _Load) -> Iterator[float]:
        """Where the middle of a moving load is, step by step."""
        rng, speed = self._rng, self._rng.uniform(0.7, 2.5)
        inside = load.y_m > 0.0
        turns = inside and rng.random() < 0.2
        stops = [OUTER_M if inside else rng.uniform(3.0, 6.0)]
        if turns:
            stops = [rng.uniform(1.4, 2.5), load.y_m]
        y_m = load.y_m
        for stop_m in stops:
            steps = max(1, round(abs(stop_m - y_m) / (speed * STEP_S)))
            yield from np.linspace(y_m, stop_m, steps + 1)[1:].tolist()
            y_m = stop_m

    def _reads(self, end_us: int) -> Reads:
        rng = self._rng
        tags = np.concatenate([load.tags for load in self._loads])
        at_m = np.concatenate([load.at_m for load in self._loads])
        loss_db = np.concatenate([load.loss_db for load in self._loads])
        squared_m = ((at_m[:, None, :] - self._antenna_m[None, :, :]) ** 2).sum(axis=2)
        bell = np.exp(-squared_m / (2 * self._width_m**2))
        power = self._top_dbm - loss_db[:, None] - self._fall_db * (1.0 - bell)
        behind = (at_m[:, 1] < 0.0)[:, None] != self._outer[None, :]
        power = power - np.where(behind, self._through_wall_db, 0.0)
        power = power + rng.normal(0.0, self._noise_db, power.shape)
        chance = self._reads_per_s * STEP_S / (1.0 + np.exp(-(power + 70.0)))
        row, antenna = np.nonzero(rng.random(power.shape) < chance)
        reads = empty_reads(len(row))
        reads["time_us"] = np.sort(end_us - rng.integers(0, STEP_US, len(row)))
        reads["first_us"] = reads["at_us"] = reads["time_us"]
        reads["tag"], reads["antenna"], reads["count"] = tags[row], antenna, 1
        reads["rssi_cdbm"] = np.round(power[row, antenna] * 2) * 50
        reads["phase_rad"] = np.nan
        return reads


@dataclass(slots=True, kw_only=True)
class _Load:
    """Tags that move as one; `y_m` is how far inside the line their middle is."""

    door: Door
    epcs: list[str]
    tags: npt.NDArray[np.int64]
    offset_m: Floats
    loss_db: Floats
    x_m: float
    y_m: float
    parked: bool

    @property
    def at_m(self) -> Floats:
        """Where its tags are."""
        return np.array([self.x_m, self.y_m]) + self.offset_m

    def stands(self, time_us: int) -> list[Fact]:
        """It stands where it is from now on."""
        zone = self.door.inside if self.y_m >= 0.0 else self.door.outside
        pallet = {"t": time_us, "pallet": self.epcs[0], "zone": zone, "epcs": self.epcs}
        return [pallet, *({"t": time_us, "epc": epc, "zone": zone} for epc in self.epcs)]

    def moves(self, y_m: float, time_us: int) -> list[Fact]:
        """Its middle goes to `y_m`; what has crossed the line."""
        before_m, was_m = self.at_m[:, 1], self.y_m
        self.y_m = y_m
        through = {
            "t": time_us, "door": self.door.id, "direction": "in" if y_m > was_m else "out",
        }  # fmt: skip
        crossed = np.flatnonzero((before_m >= 0.0) != (self.at_m[:, 1] >= 0.0)).tolist()
        facts: list[Fact] = [through | {"epc": self.epcs[n]} for n in crossed]
        if (was_m >= 0.0) != (y_m >= 0.0):
            facts.append(through | {"pallet": self.epcs[0], "epcs": self.epcs})
        return facts

    def breaks(self, y_m: float, time_us: int) -> list[SensorReading]:
        """What the beams tell of its going to `y_m`."""
        found = []
        for sensor, beam_m in ((self.door.inner_beam, 0.3), (self.door.outer_beam, -0.3)):
            was, now = (abs(m - beam_m) <= TRUCK_M / 2 for m in (self.y_m, y_m))
            if sensor is not None and was != now:
                found.append(
                    SensorReading(sensor=sensor, value=now, time_us=time_us, at_us=time_us)
                )
        return found
