"""Stations: where pallets stand or may be put — staging slots, bins, trailers, the yard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gateway.model.place import Point
from gateway.simulation.layout import DoorPlace, Layout
from gateway.simulation.scenario import Stock

#: Beyond the reach of every antenna.
FAR_AWAY: Point = (0.0, -80.0)
#: A door's truck leaves at least this many pallets for the racks' truck to take, and that for it.
KEPT_STAGED = 2


@dataclass(slots=True)
class Spot:
    """A place for one pallet; `pallet` stands there or is on its way there."""

    at: Point
    zone: str
    door: str | None  # staging of this door; None: a bin
    pallet: int | None = None


class Stations:
    """Who stands where. Pallets that stand beside a door for ever are on no spot and never move.

    A pallet is *busy* from the moment a job has been planned for it until it is put down.
    """

    def __init__(self, layout: Layout, stock: Stock, rng: np.random.Generator) -> None:
        self._layout, self._rng = layout, rng
        self.start: list[Point] = []
        self.zone_of: list[str] = []
        self._busy: set[int] = set()
        self._yard: list[int] = []
        self._spots = [
            Spot(at, door.inside, door.id)
            for door in layout.doors
            for at in layout.staging_slots(door)
        ]
        self._spots += [Spot(layout.bin_place(zone), zone, None) for zone in layout.bins]
        self._fill(stock)
        self._bins_wanted = sum(s.pallet is not None for s in self._spots if s.door is None)

    @property
    def pallets(self) -> int:
        """How many pallets there are."""
        return len(self.start)

    def staged(self, door: str) -> list[int]:
        """Pallets that can be taken from a door's staging, the nearest to the door first."""
        return self._standing(door)

    def in_yard(self) -> list[int]:
        """Pallets that can come in, the one that has been away longest first."""
        return self._yard

    def has_free_slot(self, door: str) -> bool:
        """Whether something can be put down in a door's staging."""
        return any(s.pallet is None for s in self._spots if s.door == door)

    def trailer_spot(self, door: DoorPlace) -> Point:
        """Some place in the trailer that stands at a door."""
        x, y = self._layout.trailer(door)
        return (
            x + float(self._rng.uniform(-0.6, 0.6)),
            y + float(self._rng.uniform(-1.5, 1.2)),
        )

    def reserve_slot(self, door: str, pallet: int) -> Point:
        """A free place in a door's staging, kept for a pallet that is on its way."""
        free = [s for s in self._spots if s.door == door and s.pallet is None]
        spot = free[int(self._rng.integers(len(free)))]
        spot.pallet = pallet
        return spot.at

    def lift(self, pallet: int) -> None:
        """A job has been planned for a pallet: its place becomes free, it is busy."""
        self._busy.add(pallet)
        if pallet in self._yard:
            self._yard.remove(pallet)
        for spot in self._spots:
            if spot.pallet == pallet:
                spot.pallet = None

    def put(self, pallet: int) -> None:
        """A pallet has been put down on the spot that was reserved for it, or in a trailer."""
        self._busy.discard(pallet)

    def drive_off(self, pallet: int) -> None:
        """A pallet is away in the yard."""
        self._yard.append(pallet)

    def rack_move(self) -> tuple[int, Point, str] | None:
        """A pallet to move between staging and bins, where to, and that place's zone; reserved.

        The bins stay about as full as they were in the beginning.
        """
        stored = self._standing(None)
        doors = [d.id for d in self._layout.doors]
        spare = [p for d in doors for p in self.staged(d)[KEPT_STAGED:]]
        room = [s for s in self._spots if s.door is not None and s.pallet is None]
        free = [s for s in self._spots if s.door is None and s.pallet is None]
        fill = spare and free and len(stored) <= self._bins_wanted
        if fill and (self._rng.random() < 0.5 or len(stored) < self._bins_wanted):
            pallets, spots = spare, free
        elif stored and room:
            pallets, spots = stored, room
        elif stored and free:
            pallets, spots = stored, free
        else:
            return None
        pallet = pallets[int(self._rng.integers(len(pallets)))]
        spot = spots[int(self._rng.integers(len(spots)))]
        self.lift(pallet)
        spot.pallet = pallet
        return pallet, spot.at, spot.zone

    def _standing(self, door: str | None) -> list[int]:
        return [
            s.pallet
            for s in self._spots
            if s.door == door and s.pallet is not None and s.pallet not in self._busy
        ]

    def _fill(self, stock: Stock) -> None:
        doors = self._layout.doors
        for door in doors:
            slots = [s for s in self._spots if s.door == door.id]
            for spot in slots[: min(stock.staged_per_door, max(1, len(slots) - 1))]:
                self._add(spot.at, spot.zone, spot)
        bins = [s for s in self._spots if s.door is None]
        wanted = min(round(stock.bins_filled * len(bins)), stock.pallets_in_bins)
        for n in sorted(self._rng.choice(len(bins), size=wanted, replace=False)) if wanted else ():
            self._add(bins[n].at, bins[n].zone, bins[n])
        for door in doors[: stock.parked_beside_doors]:
            self._add(self._layout.parking_beside(door), door.inside, None)
        for n in range(stock.pallets_in_yard if doors else 0):
            self._yard.append(self.pallets)
            self._add(FAR_AWAY, doors[n % len(doors)].outside, None)

    def _add(self, at: Point, zone: str, spot: Spot | None) -> None:
        if spot is not None:
            spot.pallet = self.pallets
        self.start.append(at)
        self.zone_of.append(zone)
