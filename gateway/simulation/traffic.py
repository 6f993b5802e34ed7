"""Traffic: who moves when — trucks that fetch and carry pallets, one job after the other.

One truck serves each door, one more serves the racks. A job is planned whole when its truck is
free: its way is appended to the truck's track, and everything that will happen on the way (lifting,
putting down, breaking a beam, crossing the line) is put into the calendar. What has been planned
never changes, so the world at a time depends on that time alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.model.place import Point
from gateway.simulation.layout import DoorPlace, Layout
from gateway.simulation.motion import Track
from gateway.simulation.population import Population
from gateway.simulation.scenario import Scenario
from gateway.simulation.sensors import Run, SensorEvent, beam_events, contact_event
from gateway.simulation.stations import FAR_AWAY, Stations
from gateway.simulation.truth import TimedFact, crossings, placement

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SAMPLE_US = 10_000
#: Between these, along y from the door, a truck drives at plate speed.
PLATE_M = (1.2, -1.2)
LOW_STAGED = 2  # fewer than this: the next load comes in
DOOR_CLOSES_AFTER_US = 3_000_000
KEPT_US = 2_000_000  # how far back the tracks are kept


@dataclass(slots=True)
class Truck:
    """A forklift: where its forks are, what is on them, on which side of its door it ends up."""

    track: Track
    door: DoorPlace | None  # None: the racks' truck
    load: int | None = None
    outside: bool = False  # after the last job that was planned


class Traffic:
    """All movement in one warehouse. `advance` moves on; `xyz_m` and the others then are valid."""

    def __init__(
        self,
        layout: Layout,
        stations: Stations,
        population: Population,
        scenario: Scenario,
        rng: np.random.Generator,
    ) -> None:
        self._population, self._scenario, self._rng = population, scenario, rng
        self._doors, self._stations = layout.doors, stations
        self._calendar: list[tuple[int, int, Callable[[], None]]] = []
        self._entries = 0
        self.now_us = 0
        self.sensor_events: list[SensorEvent] = []
        self.facts: list[TimedFact] = []
        self._xy = np.array(self._stations.start, dtype=np.float64).reshape(-1, 2)
        self.open_doors: Flags = np.zeros(len(layout.doors), dtype=np.bool_)
        self._door_uses = [0] * len(layout.doors)
        self.xyz_m: Floats = population.offset_m.copy()
        self.xyz_m[:, :2] += self._xy[population.pallet]
        self.velocity_m_per_s: Floats = np.zeros((len(population.epcs), 2))
        self._door_trucks = [Truck(Track(self._start(d)), d) for d in layout.doors]
        self._rack_truck = Truck(Track((4.0, 9.0)), None)
        for pallet in range(population.pallets):
            self.facts += placement(0, pallet, population, self._stations.zone_of[pallet])
        self._announce_contacts()
        self._begin(bool(layout.bins))

    def advance(self, time_us: int) -> None:
        """Let everything happen up to a time; time never goes back."""
        while self._calendar and self._calendar[0][0] <= time_us:
            self.now_us, _, happen = heapq.heappop(self._calendar)
            happen()
        self.now_us = time_us
        for truck in (*self._door_trucks, self._rack_truck):
            if truck.load is not None:
                x, y, vx, vy = truck.track.at(time_us)
                self._set(truck.load, (x, y), (vx, vy))
            truck.track.forget(time_us - KEPT_US)

    def _start(self, door: DoorPlace) -> Point:
        """A door's truck starts under the pallet that stands nearest to its door."""
        staged = self._stations.staged(door.id)
        return self._stations.start[staged[0]] if staged else (door.x, door.y + 4.0)

    def _begin(self, has_bins: bool) -> None:
        traffic = self._scenario.traffic
        if self._doors:
            self._at(round(traffic.first_job_s * 1e6), lambda: self._dispatch(0))
        if has_bins:
            self._at(round(traffic.first_put_away_s * 1e6), self._put_away)

    def _announce_contacts(self) -> None:
        for door in self._doors:
            if door.contact is not None:
                self.sensor_events.append(SensorEvent(0, door.contact, False))

    def _dispatch(self, number: int) -> None:
        """Give the next door whose truck is free a job, and enter the dispatch after this."""
        turns = range(number, number + len(self._doors))
        ends_us = [self._door_trucks[n % len(self._doors)].track.end_us for n in turns]
        free = next((n for n, end in zip(turns, ends_us, strict=True) if end <= self.now_us), None)
        if free is None:
            self._at(min(ends_us), lambda: self._dispatch(number))
            return
        truck = self._door_trucks[free % len(self._doors)]
        truck.track.wait_until(self.now_us)
        self._door_job(truck, first=number == 0)
        pause_us = self._us(self._scenario.traffic.door_job_every_s)
        self._at(self.now_us + pause_us, lambda: self._dispatch(free + 1))

    def _door_job(self, truck: Truck, *, first: bool) -> None:
        door, stations, traffic = truck.door, self._stations, self._scenario.traffic
        assert door is not None
        staged, arriving = stations.staged(door.id), stations.in_yard()
        inbound = bool(arriving) and stations.has_free_slot(door.id)
        if first and staged:
            self._carry_out(truck, door, staged[0], first=True)
        elif inbound and (truck.outside or len(staged) < LOW_STAGED):
            self._carry_in(truck, door, arriving[0])
        elif staged and not truck.outside and self._rng.random() < traffic.turn_back:
            self._turn_back(truck, door, self._one_of(staged))
        elif staged:
            self._carry_out(truck, door, self._one_of(staged))

    def _carry_out(
        self, truck: Truck, door: DoorPlace, pallet: int, *, first: bool = False
    ) -> None:
        start_us = truck.track.end_us
        if truck.outside:
            self._through(truck, door, outward=False)
        self._fetch(truck, pallet, handling_s=0.2 if first else None)
        lifted_us = truck.track.end_us
        self._through(truck, door, outward=True)
        truck.track.go(self._stations.trailer_spot(door), self._speed())
        put_us = self._put_down(truck, pallet, door.outside)
        stay_us = self._us(self._scenario.traffic.trailer_stay_s)
        self._at(put_us + stay_us, lambda: self._drive_off(pallet))
        if self._rng.random() < self._scenario.traffic.return_empty:
            self._through(truck, door, outward=False)
            truck.track.go((door.x, door.y + 4.0), self._speed())
            truck.outside = False
        self._record(truck, door, start_us, pallet, (lifted_us, put_us))

    def _carry_in(self, truck: Truck, door: DoorPlace, pallet: int) -> None:
        start_us = truck.track.end_us
        self._set(pallet, self._stations.trailer_spot(door), (0.0, 0.0))
        if not truck.outside:
            self._through(truck, door, outward=True)
        self._fetch(truck, pallet)
        lifted_us = truck.track.end_us
        self._through(truck, door, outward=False)
        spot = self._stations.reserve_slot(door.id, pallet)
        truck.track.go(spot, self._speed())
        put_us = self._put_down(truck, pallet, door.inside)
        self._record(truck, door, start_us, pallet, (lifted_us, put_us))

    def _turn_back(self, truck: Truck, door: DoorPlace, pallet: int) -> None:
        """Approach the door with a load, think better of it, and put it down again."""
        start_us = truck.track.end_us
        self._fetch(truck, pallet)
        lifted_us = truck.track.end_us
        truck.track.go((door.x, door.y + float(self._rng.uniform(1.0, 1.7))), self._speed())
        truck.track.wait(float(self._rng.uniform(0.5, 2.5)))
        truck.track.go(self._stations.reserve_slot(door.id, pallet), self._speed())
        put_us = self._put_down(truck, pallet, door.inside)
        self._record(truck, door, start_us, pallet, (lifted_us, put_us))

    def _put_away(self) -> None:
        """Between staging and bins, either way: the bins stay about as full as they were."""
        pause_us = self._us(self._scenario.traffic.put_away_every_s)
        self._at(self.now_us + pause_us, self._put_away)
        truck = self._rack_truck
        move = self._stations.rack_move() if truck.track.end_us <= self.now_us else None
        if move is None:
            return
        pallet, spot, zone = move
        truck.track.wait_until(self.now_us)
        self._fetch(truck, pallet)
        truck.track.go(spot, self._speed())
        self._put_down(truck, pallet, zone)

    def _fetch(self, truck: Truck, pallet: int, handling_s: float | None = None) -> None:
        """Drive to a pallet and lift it."""
        x, y = self._xy[pallet].tolist()
        self._stations.lift(pallet)
        truck.track.go((x, y), self._speed())
        truck.track.wait(self._handling_s() if handling_s is None else handling_s)
        self._at(truck.track.end_us, lambda: self._lifted(truck, pallet))

    def _lifted(self, truck: Truck, pallet: int) -> None:
        truck.load = pallet

    def _put_down(self, truck: Truck, pallet: int, zone: str) -> int:
        """Put the load down where the truck now is; the time at which it stands."""
        truck.track.wait(self._handling_s())
        put_us, spot = truck.track.end_us, truck.track.end
        self.facts += placement(put_us, pallet, self._population, zone)

        def stands() -> None:
            truck.load = None
            self._set(pallet, spot, (0.0, 0.0))
            self._stations.put(pallet)

        self._at(put_us, stands)
        return put_us

    def _drive_off(self, pallet: int) -> None:
        """The trailer leaves: its pallet is out of every reader's reach, until it comes back."""
        self._stations.drive_off(pallet)
        self._set(pallet, FAR_AWAY, (0.0, 0.0))

    def _through(self, truck: Truck, door: DoorPlace, *, outward: bool) -> None:
        """Drive over the dock plate."""
        near, far = PLATE_M if outward else PLATE_M[::-1]
        truck.track.go((door.x, door.y + near), self._speed())
        plate = self._scenario.traffic.plate_speed_m_per_s
        truck.track.go((door.x, door.y + far), float(self._rng.uniform(*plate)))
        truck.outside = outward

    def _record(
        self, truck: Truck, door: DoorPlace, start_us: int, pallet: int, loaded_us: tuple[int, int]
    ) -> None:
        """Work out what sensors will say and what will be true of a job that has been planned."""
        end_us = truck.track.end_us
        times_us = np.arange(start_us, end_us + SAMPLE_US, SAMPLE_US, dtype=np.int64)
        x, y = truck.track.samples(times_us)
        loaded = (times_us >= loaded_us[0]) & (times_us < loaded_us[1])
        run = Run(times_us=times_us, x=x, y=y, loaded=loaded)
        self.sensor_events += beam_events(run, door, self._scenario.faults, self._rng)
        self.facts += crossings(run, pallet, self._population, door.id, door.y)
        self._use_door(door, start_us, None if truck.outside else end_us)

    def _use_door(self, door: DoorPlace, start_us: int, end_us: int | None) -> None:
        """Open the door for a job, and close it some time later unless the truck stays outside."""
        number = self._doors.index(door)
        self._door_uses[number] += 1
        use = self._door_uses[number]
        if not self.open_doors[number]:
            self._set_door(number, start_us, is_open=True)
        if end_us is not None:
            close_us = end_us + DOOR_CLOSES_AFTER_US

            def close() -> None:
                if self._door_uses[number] == use:
                    self._set_door(number, close_us, is_open=False)

            self._at(close_us, close)

    def _set_door(self, number: int, time_us: int, *, is_open: bool) -> None:
        self.open_doors[number] = is_open
        door, faults = self._doors[number], self._scenario.faults
        event = contact_event(door, time_us, is_open=is_open, faults=faults, rng=self._rng)
        if event is not None:
            self.sensor_events.append(event)

    def _set(self, pallet: int, at: Point, velocity: Point) -> None:
        tags = self._population.tags_of[pallet]
        self._xy[pallet] = at
        self.xyz_m[tags, :2] = self._population.offset_m[tags, :2] + at
        self.velocity_m_per_s[tags] = velocity

    def _at(self, time_us: int, happen: Callable[[], None]) -> None:
        self._entries += 1
        heapq.heappush(self._calendar, (time_us, self._entries, happen))

    def _one_of(self, pallets: list[int]) -> int:
        return pallets[int(self._rng.integers(len(pallets)))]

    def _speed(self) -> float:
        return float(self._rng.uniform(*self._scenario.traffic.speed_m_per_s))

    def _handling_s(self) -> float:
        return float(self._rng.uniform(*self._scenario.traffic.handling_s))

    def _us(self, seconds: tuple[float, float]) -> int:
        return round(float(self._rng.uniform(*seconds)) * 1e6)
