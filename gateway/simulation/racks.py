"""Racks: pallets put away and fetched, cartons picked, and what nobody sees move."""

from __future__ import annotations

from gateway.model.place import Point
from gateway.simulation.stations import FAR_AWAY
from gateway.simulation.trips import Hall, Trip

#: Where the racks' truck and a picker stand before a bin, and how high cartons are carried.
BEFORE_BIN_M = 3.0
ARM_M = 0.7
CARRIED_AT_M = 0.9
#: How long something is away that is moved and not seen.
UNSEEN_S = (20.0, 60.0)


class Racks:
    """Everything that happens between staging and bins, or from bin to bin."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        traffic, bins = hall.traffic, hall.layout.bins
        hall.every(
            traffic.unseen_move_every_s, hall.between(traffic.unseen_move_every_s), self._unseen
        )
        if not bins:
            return
        x, y, _ = hall.layout.bin_place(bins[0])
        self._waits_at: Point = (x, y - BEFORE_BIN_M)
        self._truck = hall.truck(self._waits_at)
        self._truck.back = (0.0, -1.0)
        self._picker = hall.person(self._waits_at)
        self._picker.carries_at_m = CARRIED_AT_M
        hall.every(traffic.put_away_every_s, traffic.first_put_away_s, self._put_away)
        hall.every(traffic.pick_every_s, traffic.first_put_away_s, self._pick)

    def _put_away(self) -> None:
        """A pallet between staging and bins, either way."""
        hall = self._hall
        if self._truck.track.end_us > hall.floor.now_us:
            return
        move = hall.stations.rack_move()
        if move is not None:
            trip = Trip(hall, self._truck)
            trip.fetch(move.load)
            trip.put(move.load, move.at, move.zone)
            trip.go(self._waits_at)

    def _pick(self) -> None:
        """A loose carton from one bin to another, carried in the arms."""
        hall = self._hall
        if self._picker.track.end_us > hall.floor.now_us:
            return
        move = hall.stations.carton_move()
        if move is None:
            return
        offset: Point = (0.0, ARM_M)
        trip = Trip(hall, self._picker)
        trip.fetch(move.load, offset)
        x, y = self._picker.track.end
        trip.go((x, y - ARM_M))
        trip.go((move.at[0], y - ARM_M))
        trip.put(move.load, move.at, move.zone)
        trip.go(self._waits_at)

    def _unseen(self) -> None:
        """Something is gone, and stands elsewhere some time later."""
        hall = self._hall
        move = hall.stations.unseen_move()
        if move is None:
            return
        floor = hall.floor
        floor.plan_gone(floor.now_us, move.load, FAR_AWAY)
        back_us = floor.now_us + round(hall.between(UNSEEN_S) * 1e6)
        floor.plan_place(back_us, move.load, move.at, move.zone)
        floor.at(back_us, lambda: hall.stations.put(move.load))
