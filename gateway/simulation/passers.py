"""Passers: trucks that drive past the doors, and people who walk through them."""

from __future__ import annotations

from gateway.simulation.movers import Mover
from gateway.simulation.trips import Hall, Trip

#: Beyond the reach of every antenna: where those come from who are not at work in the hall.
DEEP_M = 22.0
BESIDE_M = 16.0
WORKER_M = (6.0, 12.0)  # how far in the hall a worker starts
WORKER_LANE_M = (-0.9, 0.9)
OUTSIDE_M = 4.0


class Passers:
    """Everybody who comes, passes, and is gone."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        if not hall.doorways:
            return
        traffic = hall.traffic
        hall.every(traffic.cross_every_s, hall.between(traffic.cross_every_s) / 2, self._cross)
        hall.every(traffic.worker_every_s, hall.between(traffic.worker_every_s) / 2, self._walk)

    def _cross(self) -> None:
        """A truck drives past the doors, with a pallet from one staging to another or without."""
        hall = self._hall
        move = hall.stations.lane_move() if hall.happens(hall.traffic.cross_loaded) else None
        y = hall.doorways[0].place.y + hall.between(hall.traffic.cross_m)
        speed = hall.between(hall.traffic.cross_speed_m_per_s)
        sign = 1.0 if hall.rng.random() < 0.5 else -1.0
        if move is None:
            left, right = hall.layout.reach_x
            ends = (left - BESIDE_M, right + BESIDE_M)
            from_x, to_x = ends if sign > 0 else ends[::-1]
            truck = hall.truck((from_x, y))
            truck.back = (-sign, 0.0)
            truck.track.go((to_x, y), speed)
        else:
            from_x, to_x = hall.floor.planned[move.load][0], move.at[0]
            truck = hall.truck((from_x, DEEP_M))
            trip = Trip(hall, truck)
            trip.fetch(move.load)
            truck.track.go((from_x, y), speed)
            self._turn(truck, 1.0 if to_x > from_x else -1.0)
            truck.track.go((to_x, y), speed)
            self._turn(truck, 0.0)
            trip.put(move.load, move.at, move.zone)
            trip.go((to_x, DEEP_M))
        hall.floor.at(truck.track.end_us, lambda: hall.floor.leave(truck))

    def _turn(self, truck: Mover, sign: float) -> None:
        """At this point of its way the truck turns along the doors, or (0) toward them."""
        back = (-sign, 0.0) if sign else (0.0, 1.0)
        self._hall.floor.at(truck.track.end_us, lambda: setattr(truck, "back", back))

    def _walk(self) -> None:
        """Somebody walks out through a door, or in."""
        hall = self._hall
        doorway = hall.doorways[int(hall.rng.integers(len(hall.doorways)))]
        place, outward = doorway.place, bool(hall.rng.random() < 0.5)
        lane_m = hall.between(WORKER_LANE_M)
        inside = (place.x + 3 * lane_m, place.y + hall.between(WORKER_M))
        outside = (place.x + lane_m, place.y - OUTSIDE_M)
        person = hall.person(inside if outward else outside)
        trip = Trip(hall, person)
        trip.through(doorway, outward=outward, lane_m=lane_m)
        trip.go(outside if outward else inside)
        person.outside = False  # whoever is through does not keep the door open
        trip.done(doorway)
        hall.floor.at(trip.end_us, lambda: hall.floor.leave(person))
