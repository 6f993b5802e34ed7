"""Stations: where loads stand or may be put — staging slots, bins, trailers, the yard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gateway.model.place import Point
from gateway.simulation.layout import DoorPlace, Layout, Place
from gateway.simulation.scenario_parts import Stock

#: Beyond the reach of every antenna.
FAR_AWAY: Place = (0.0, -80.0, 0.0)
#: A door's truck leaves at least this many pallets for the racks' truck to take, and that for it.
KEPT_STAGED = 2


@dataclass(slots=True)
class Spot:
    """A place for one load; `load` stands there or is on its way there."""

    at: Place
    zone: str
    door: str | None  # staging of this door; None: a bin
    carton: bool = False  # for a loose carton, not for a pallet
    load: int | None = None


class Move(NamedTuple):
    """A load, and the spot that has been reserved for it."""

    load: int
    at: Place
    zone: str


class Stations:
    """Who stands where: loads by number, pallets and loose cartons alike.

    A load is *busy* from the moment a job has been planned for it until it is put down for good.
    Pallets that stand beside a door for ever are on no spot and never move.
    """

    def __init__(self, layout: Layout, stock: Stock, rng: np.random.Generator) -> None:
        self._layout, self._rng = layout, rng
        self.start: list[Place] = []
        self.zone_of: list[str] = []
        self.is_carton: list[bool] = []
        self._busy: set[int] = set()
        self._yard: list[int] = []
        loose = stock.cartons_per_bin[1] > 0
        self._spots = [
            Spot((*at, 0.0), door.inside, door.id)
            for door in layout.doors
            for at in layout.staging_slots(door)
        ]
        for zone in layout.bins:
            places = layout.carton_places(zone) if loose else [layout.bin_place(zone)]
            self._spots += [Spot(at, zone, None, carton=loose) for at in places]
        self._fill(stock)
        self._stored_wanted = sum(s.load is not None for s in self._spots if s.door is None)

    @property
    def loads(self) -> int:
        """How many pallets and loose cartons there are."""
        return len(self.start)

    def staged(self, door: str) -> list[int]:
        """Pallets that can be taken from a door's staging, the nearest to the door first."""
        return self._standing(lambda spot: spot.door == door)

    def in_yard(self) -> list[int]:
        """Pallets that can come in, the one that has been away longest first."""
        return self._yard

    def free_slots(self, door: str) -> int:
        """How many pallets can be put down in a door's staging."""
        return sum(s.load is None for s in self._spots if s.door == door)

    def trailer_spot(self, door: DoorPlace) -> Point:
        """Some place in the trailer that stands at a door."""
        x, y = self._layout.trailer(door)
        return (
            x + float(self._rng.uniform(-0.3, 0.3)),
            y + float(self._rng.uniform(-1.5, 1.2)),
        )

    def reserve_slot(self, door: str, load: int) -> Place:
        """A free place in a door's staging, kept for a pallet that has been claimed."""
        return self._reserve(load, lambda spot: spot.door == door).at

    def claim(self, load: int) -> None:
        """A job has been planned for a load: its place becomes free, it is busy."""
        self._busy.add(load)
        if load in self._yard:
            self._yard.remove(load)
        for spot in self._spots:
            if spot.load == load:
                spot.load = None

    def put(self, load: int) -> None:
        """A load has been put down on the spot that was reserved for it, or in a trailer."""
        self._busy.discard(load)

    def drive_off(self, load: int) -> None:
        """A pallet is away in the yard."""
        self._yard.append(load)

    def rack_move(self) -> Move | None:
        """A pallet to be moved between staging and bins, either way; its spot is reserved.

        The bins stay about as full as they were in the beginning.
        """
        stored = self._standing(lambda spot: spot.door is None and not spot.carton)
        doors = [d.id for d in self._layout.doors]
        spare = [p for d in doors for p in self.staged(d)[KEPT_STAGED:]]
        room = any(s.door is not None and s.load is None for s in self._spots)
        free = any(s.door is None and not s.carton and s.load is None for s in self._spots)
        fill = spare and free and len(stored) <= self._stored_wanted
        if fill and (self._rng.random() < 0.5 or len(stored) < self._stored_wanted):
            return self._move(spare, lambda spot: spot.door is None)
        if stored and (room or free):
            return self._move(stored, lambda spot: (spot.door is not None) is room)
        return None

    def carton_move(self) -> Move | None:
        """A loose carton to be moved to another bin."""
        cartons = self._standing(lambda spot: spot.carton)
        if not cartons:
            return None
        carton = self._one_of(cartons)
        bin_ = next(s.zone for s in self._spots if s.load == carton)
        return self._move([carton], lambda spot: spot.carton and spot.zone != bin_)

    def lane_move(self) -> Move | None:
        """A pallet to be moved from the staging of one door to that of another."""
        doors = [d.id for d in self._layout.doors]
        spare = [(d, p) for d in doors for p in self.staged(d)[1:]]
        if not spare:
            return None
        door, load = spare[int(self._rng.integers(len(spare)))]
        return self._move([load], lambda spot: spot.door not in (None, door))

    def unseen_move(self) -> Move | None:
        """Anything that stands somewhere, to be moved to any other place of its kind."""
        standing = self._standing(lambda _: True)
        if not standing:
            return None
        load = self._one_of(standing)
        zone = next(s.zone for s in self._spots if s.load == load)
        carton = self.is_carton[load]
        return self._move([load], lambda spot: spot.carton is carton and spot.zone != zone)

    def _move(self, loads: list[int], fits: Callable[[Spot], bool]) -> Move | None:
        if not any(s.load is None and fits(s) for s in self._spots):
            return None
        load = self._one_of(loads)
        self.claim(load)
        spot = self._reserve(load, fits)
        return Move(load, spot.at, spot.zone)

    def _reserve(self, load: int, fits: Callable[[Spot], bool]) -> Spot:
        free = [s for s in self._spots if s.load is None and fits(s)]
        spot = free[int(self._rng.integers(len(free)))]
        spot.load = load
        return spot

    def _standing(self, where: Callable[[Spot], bool]) -> list[int]:
        return [
            s.load
            for s in self._spots
            if s.load is not None and s.load not in self._busy and where(s)
        ]

    def _one_of(self, loads: list[int]) -> int:
        return loads[int(self._rng.integers(len(loads)))]

    def _fill(self, stock: Stock) -> None:
        doors = self._layout.doors
        for door in doors:
            slots = [s for s in self._spots if s.door == door.id]
            fewer = int(self._rng.integers(stock.staged_spread, endpoint=True))
            staged = min(max(0, stock.staged_per_door - fewer), max(1, len(slots) - 1))
            for spot in slots[:staged]:
                self._add(spot.at, spot.zone, spot)
        if stock.cartons_per_bin[1]:
            self._fill_with_cartons(stock)
        else:
            self._fill_with_pallets(stock)
        for door in doors[: stock.parked_beside_doors]:
            self._add((*self._layout.parking_beside(door), 0.0), door.inside, None)
        for n in range(stock.pallets_in_yard if doors else 0):
            self._yard.append(self.loads)
            self._add(FAR_AWAY, doors[n % len(doors)].outside, None)

    def _fill_with_pallets(self, stock: Stock) -> None:
        bins = [s for s in self._spots if s.door is None]
        wanted = min(round(stock.bins_filled * len(bins)), stock.pallets_in_bins)
        for n in self._some(len(bins), wanted):
            self._add(bins[n].at, bins[n].zone, bins[n])

    def _fill_with_cartons(self, stock: Stock) -> None:
        zones = self._layout.bins
        for n in self._some(len(zones), round(stock.bins_filled * len(zones))):
            spots = [s for s in self._spots if s.zone == zones[n]]
            cartons = int(self._rng.integers(*stock.cartons_per_bin, endpoint=True))
            for place in self._some(len(spots), cartons):
                self._add(spots[place].at, zones[n], spots[place])

    def _some(self, count: int, wanted: int) -> list[int]:
        if not wanted:
            return []
        return sorted(self._rng.choice(count, size=wanted, replace=False).tolist())

    def _add(self, at: Place, zone: str, spot: Spot | None) -> None:
        if spot is not None:
            spot.load = self.loads
        self.start.append(at)
        self.zone_of.append(zone)
        self.is_carton.append(spot is not None and spot.carton)
