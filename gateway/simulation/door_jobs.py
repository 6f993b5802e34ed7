"""Jobs at a door: loads carried out and in, turned back, left standing in its mouth."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from gateway.model.place import Point
from gateway.simulation.doorways import Doorway
from gateway.simulation.layout import Place
from gateway.simulation.movers import MIDDLE, SIDE_BY_SIDE_M, Mover
from gateway.simulation.stations import FAR_AWAY
from gateway.simulation.trips import PLATE_M, Hall, Trip
from gateway.simulation.truth import told_of

#: A load in the mouth stands this far from the middle; who passes it keeps to the other side.
MOUTH_X_M = 0.85
PASSING_LANE_M = 0.75
#: Where a truck waits that has nothing to do, inside.
WAITS_AT_M = 4.0
#: A load that comes back does so after this time, from as far beyond the door as this.
COMES_BACK_AFTER_S = (1.0, 8.0)
COMES_BACK_FROM_M = (2.0, 4.0)
#: Who turns back stands still for so long.
HESITATES_S = (0.5, 2.5)
#: The offsets of loads on the forks: one, or two side by side.
OFFSETS: dict[int, tuple[Point, ...]] = {
    1: (MIDDLE,),
    2: ((-SIDE_BY_SIDE_M / 2, 0.0), (SIDE_BY_SIDE_M / 2, 0.0)),
}


@dataclass(slots=True)
class Post:
    """A door and the trucks that serve it."""

    doorway: Doorway
    trucks: list[Mover]
    in_mouth: list[int] = field(default_factory=list)  # the load that stands in its mouth

    @property
    def free_at_us(self) -> int:
        """When all of its trucks have done what they have been given."""
        return max(truck.track.end_us for truck in self.trucks)

    @property
    def lane_m(self) -> float:
        """Where to pass: in the middle, or beside what stands in the mouth."""
        mouth_x = self.doorway.mouth_x
        if mouth_x is None:
            return 0.0
        return -PASSING_LANE_M if mouth_x > 0 else PASSING_LANE_M


class DoorJobs:
    """Plans jobs. Each returns when its load crosses the line first; None: never."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall

    def carry_out(
        self,
        post: Post,
        truck: Mover,
        loads: list[int],
        *,
        lane_m: float = 0.0,
        at_us: int | None = None,
        handling_s: float | None = None,
    ) -> int:
        """From staging to the trailer; now and then straight back again."""
        hall, doorway, place = self._hall, post.doorway, post.doorway.place
        trip = Trip(hall, truck)
        if truck.outside:
            trip.through(doorway, outward=False, lane_m=lane_m)
        self._take(trip, loads, handling_s)
        crossed_us = trip.through(doorway, outward=True, lane_m=lane_m, at_us=at_us)
        if hall.happens(hall.traffic.come_back):
            self._linger(trip, (place.x, place.y - hall.between(COMES_BACK_FROM_M)))
            trip.through(doorway, outward=False, lane_m=lane_m)
            self._put_in_lane(trip, post, loads)
        else:
            self._put_in_trailer(trip, post, loads)
            if hall.happens(hall.traffic.return_empty):
                trip.through(doorway, outward=False, lane_m=lane_m)
                trip.go((place.x, place.y + WAITS_AT_M))
        trip.done(doorway)
        return crossed_us

    def carry_in(
        self,
        post: Post,
        truck: Mover,
        loads: list[int],
        *,
        lane_m: float = 0.0,
        at_us: int | None = None,
    ) -> int:
        """From the trailer to staging; now and then straight back again."""
        hall, doorway, place = self._hall, post.doorway, post.doorway.place
        trip = self._at_trailer(post, truck, loads, lane_m)
        self._take(trip, loads)
        crossed_us = trip.through(doorway, outward=False, lane_m=lane_m, at_us=at_us)
        if hall.happens(hall.traffic.come_back):
            self._linger(trip, (place.x, place.y + hall.between(COMES_BACK_FROM_M)))
            trip.through(doorway, outward=True, lane_m=lane_m)
            self._put_in_trailer(trip, post, loads)
        else:
            self._put_in_lane(trip, post, loads)
        trip.done(doorway)
        return crossed_us

    def turn_back_inside(self, post: Post, truck: Mover, load: int, lane_m: float) -> None:
        """Approach the door with a load from staging, and put it down in staging again."""
        trip = Trip(self._hall, truck)
        self._take(trip, [load])
        self._turn_back(trip, load, post, lane_m, 1.0)
        self._put_in_lane(trip, post, [load])
        trip.done(post.doorway)

    def turn_back_outside(self, post: Post, truck: Mover, load: int, lane_m: float) -> None:
        """Approach the door with a load from the trailer, and take it away again."""
        trip = self._at_trailer(post, truck, [load], lane_m)
        self._take(trip, [load])
        self._turn_back(trip, load, post, lane_m, -1.0)
        self._put_in_trailer(trip, post, [load])
        trip.done(post.doorway)

    def leave_in_mouth(self, post: Post, truck: Mover, load: int, *, inbound: bool) -> int:
        """Leave a load standing in the mouth of the door, and go; the time from which it stands."""
        hall, doorway, place = self._hall, post.doorway, post.doorway.place
        side = 1.0 if hall.rng.random() < 0.5 else -1.0
        at: Place = (place.x + side * MOUTH_X_M, place.y + hall.between(hall.traffic.mouth_m), 0.0)
        if inbound:
            trip = self._at_trailer(post, truck, [load], 0.0)
            self._take(trip, [load])
            trip.through(doorway, outward=False, lane_m=side * MOUTH_X_M)
        else:
            trip = Trip(hall, truck)
            self._take(trip, [load])
        put_us = trip.put(load, at, place.inside, for_good=False)
        trip.go((place.x, place.y + WAITS_AT_M))
        hall.floor.facts.append(told_of(put_us, load, hall.floor.population, "mouth", place.id))
        post.in_mouth.append(load)
        doorway.mouth_x = side * MOUTH_X_M
        doorway.open_for(load)
        doorway.stand(at[1], put_us)
        trip.done(doorway)
        return put_us

    def fetch_from_mouth(self, post: Post, truck: Mover, *, out: bool) -> None:
        """Take the load in the mouth on its way: out, or into staging."""
        hall, doorway, load = self._hall, post.doorway, post.in_mouth[0]
        trip = Trip(hall, truck)
        if truck.outside:
            trip.through(doorway, outward=False, lane_m=post.lane_m)
        x, y, _ = hall.floor.planned[load]
        # From behind it, and not through it.
        trip.go((x, y + 2 * PLATE_M))
        trip.fetch(load)
        lifted_us = trip.end_us
        doorway.clear(y, lifted_us)
        if out:
            trip.through(doorway, outward=True, lane_m=x - doorway.place.x)
            self._put_in_trailer(trip, post, [load])
        else:
            self._put_in_lane(trip, post, [load])
        trip.done(doorway)
        hall.floor.at(lifted_us, lambda: self._mouth_is_free(post))

    def _mouth_is_free(self, post: Post) -> None:
        load = post.in_mouth.pop()
        post.doorway.mouth_x = None
        post.doorway.done_for(load)

    def _at_trailer(self, post: Post, truck: Mover, loads: list[int], lane_m: float) -> Trip:
        """A trip that begins outside, where the loads stand ready in the trailer."""
        hall = self._hall
        x, y = hall.stations.trailer_spot(post.doorway.place)
        for load, (dx, dy) in zip(loads, OFFSETS[len(loads)], strict=True):
            hall.stations.claim(load)
            hall.floor.place(load, (x + dx, y + dy, 0.0))
        trip = Trip(hall, truck)
        if not truck.outside:
            trip.through(post.doorway, outward=True, lane_m=lane_m)
        return trip

    def _take(self, trip: Trip, loads: list[int], handling_s: float | None = None) -> None:
        for load, offset in zip(loads, OFFSETS[len(loads)], strict=True):
            self._hall.stations.claim(load)
            trip.fetch(load, offset, handling_s)

    def _put_in_lane(self, trip: Trip, post: Post, loads: list[int]) -> None:
        place = post.doorway.place
        for load in loads:
            trip.put(load, self._hall.stations.reserve_slot(place.id, load), place.inside)

    def _put_in_trailer(self, trip: Trip, post: Post, loads: list[int]) -> None:
        hall, place = self._hall, post.doorway.place
        x, y = hall.stations.trailer_spot(place)
        stay_us = round(hall.between(hall.traffic.trailer_stay_s) * 1e6)
        for load, (dx, dy) in zip(loads, OFFSETS[len(loads)], strict=True):
            put_us = trip.put(load, (x + dx, y + dy, 0.0), place.outside)
            hall.floor.at(put_us + stay_us, partial(self._drive_off, load))

    def _drive_off(self, load: int) -> None:
        """The trailer leaves: its pallet is out of every reader's reach, until it comes back."""
        self._hall.stations.drive_off(load)
        self._hall.floor.place(load, FAR_AWAY)

    def _turn_back(self, trip: Trip, load: int, post: Post, lane_m: float, sign: float) -> None:
        """Come near the line, and think better of it."""
        hall, place = self._hall, post.doorway.place
        depth_m = hall.between(hall.traffic.turn_back_m)
        trip.go((place.x + lane_m, place.y + sign * depth_m))
        trip.wait(hall.between(HESITATES_S))
        floor = hall.floor
        floor.facts.append(told_of(trip.end_us, load, floor.population, "turned", place.id))

    def _linger(self, trip: Trip, at: Point) -> None:
        trip.go(at)
        trip.wait(self._hall.between(COMES_BACK_AFTER_S))
