"""Traffic without radio, for tests of who moves where: quick, and every position at hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gateway.model.place import Site
from gateway.simulation.layout import Layout
from gateway.simulation.population import populate
from gateway.simulation.scenario import Scenario, from_mapping
from gateway.simulation.sensors import SensorEvent
from gateway.simulation.stations import Stations
from gateway.simulation.traffic import Traffic
from gateway.simulation.warehouse import World
from tests.unit.simulation.places import warehouse

SECOND_US = 1_000_000
#: One job after the other, nothing special about any of them.
CALM = {
    "door_job_every_s": [8, 12],
    "put_away_every_s": [1000, 1000],
    "turn_back": 0,
    "return_empty": 0,
}


def scenario(**parts: dict[str, Any]) -> Scenario:
    """The reference with calm traffic and faultless sensors, changed as given."""
    traffic = CALM | parts.pop("traffic", {})
    faults = {"missed_beams": 0} | parts.pop("faults", {})
    return from_mapping(
        {"like": "reference", "traffic": traffic, "faults": faults, **parts}, name="test"
    )


def world(site: Site | None = None, seed: int = 1, **parts: dict[str, Any]) -> World:
    """A world of such a scenario."""
    return World(site or warehouse(), scenario(**parts), seed)


@dataclass(slots=True)
class Watched:
    """What a traffic has done: facts, sensor events, and places of all loads, sampled."""

    traffic: Traffic
    facts: list[dict[str, Any]] = field(default_factory=list)
    events: list[SensorEvent] = field(default_factory=list)
    times_us: list[int] = field(default_factory=list)
    places: list[Any] = field(default_factory=list)  # per time: (load, 3)
    bodies: list[Any] = field(default_factory=list)

    def crossings(self, key: str = "pallet") -> list[dict[str, Any]]:
        """Facts about crossings, of pallets unless told otherwise."""
        return [f for f in self.facts if key in f and "door" in f]

    def lifts(self) -> list[dict[str, Any]]:
        """Facts about loads that were lifted."""
        return [f for f in self.facts if "lifted" in f]

    def place(self, pallet: str) -> Any:
        """Where a pallet was at all times: rows of x, y, z."""
        population = self.traffic.floor.population
        names = [population.name(n) for n in range(population.loads)]
        return np.array(self.places)[:, names.index(pallet)]


def watched(
    site: Site | None = None,
    *,
    seconds: int = 300,
    seed: int = 1,
    step_us: int = 200_000,
    **parts: dict[str, Any],
) -> Watched:
    """Let traffic run for some time and watch it."""
    described, rng = scenario(**parts), np.random.default_rng(seed)
    layout = Layout(site or warehouse())
    stations = Stations(layout, described.stock, rng)
    population = populate(stations.is_carton, described.stock, described.radio, rng)
    traffic = Traffic(layout, stations, population, described, rng)
    seen = Watched(traffic)
    facts = traffic.take_facts()
    first = np.array([tags[0] for tags in population.tags_of], dtype=np.int64)
    for time_us in range(0, seconds * SECOND_US, step_us):
        traffic.advance(time_us)
        facts += traffic.take_facts()
        seen.events += traffic.take_events()
        seen.times_us.append(time_us)
        seen.places.append(traffic.floor.xyz_m[first] - population.offset_m[first])
        seen.bodies.append(traffic.floor.bodies())
    end_us = seconds * SECOND_US
    seen.facts = [f for t, f in sorted(facts, key=lambda fact: fact[0]) if t <= end_us]
    seen.events.sort()
    return seen


def still_at(seen: Watched, places: Any) -> Any:
    """At which of the watched times a load did not move since the time before."""
    moved = np.abs(np.diff(places, axis=0)).max(axis=1) > 0
    return np.concatenate([[True], ~moved])
