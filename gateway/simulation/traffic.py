"""Traffic: all movement in one warehouse, and what its sensors say of it."""

from __future__ import annotations

import numpy as np

from gateway.model.place import Point
from gateway.simulation.dispatch import Dispatcher
from gateway.simulation.door_jobs import WAITS_AT_M, Post
from gateway.simulation.doorways import Doorway
from gateway.simulation.floor import Floor
from gateway.simulation.layout import DoorPlace, Layout
from gateway.simulation.passers import Passers
from gateway.simulation.population import Population
from gateway.simulation.racks import Racks
from gateway.simulation.scenario import Scenario
from gateway.simulation.sensors import SensorEvent
from gateway.simulation.stations import Stations
from gateway.simulation.trips import Hall
from gateway.simulation.truth import TimedFact, placement


class Traffic:
    """Moves everything on `floor`. `advance` moves on; positions there then are valid."""

    def __init__(
        self,
        layout: Layout,
        stations: Stations,
        population: Population,
        scenario: Scenario,
        rng: np.random.Generator,
    ) -> None:
        self.floor = Floor(population, stations.start)
        for load in range(population.loads):
            self.floor.facts += placement(0, load, population, stations.zone_of[load])
        self.doorways = tuple(
            Doorway(door, self.floor, scenario.faults, rng) for door in layout.doors
        )
        self.hall = Hall(
            floor=self.floor,
            layout=layout,
            stations=stations,
            doorways=self.doorways,
            traffic=scenario.traffic,
            shadow_db=scenario.radio.shadow_db,
            rng=rng,
        )
        self._stations = stations
        for doorway in self.doorways:
            doorway.announce()
        Dispatcher(self.hall, [self._post(d) for d in self.doorways])
        Racks(self.hall)
        Passers(self.hall)

    @property
    def open_doors(self) -> tuple[bool, ...]:
        """Which doors are open now."""
        return tuple([doorway.is_open for doorway in self.doorways])

    def advance(self, time_us: int) -> None:
        """Let everything happen up to a time; time never goes back."""
        self.floor.advance(time_us)

    def take_events(self) -> list[SensorEvent]:
        """What sensors will say, planned or happened since the last call."""
        return [event for doorway in self.doorways for event in doorway.take_events()]

    def take_facts(self) -> list[TimedFact]:
        """What is true, planned or happened since the last call."""
        facts = self.floor.facts.copy()
        self.floor.facts.clear()
        return facts

    def _post(self, doorway: Doorway) -> Post:
        count = self.hall.traffic.trucks_per_door
        return Post(doorway, [self.hall.truck(self._start(doorway.place, n)) for n in range(count)])

    def _start(self, door: DoorPlace, number: int) -> Point:
        """A door's first truck starts under the pallet that stands nearest to its door."""
        staged = self._stations.staged(door.id)
        if not staged or number:
            return (door.x, door.y + WAITS_AT_M)
        x, y, _ = self.floor.planned[staged[0]]
        return (x, y)
