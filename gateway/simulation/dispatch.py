"""Dispatch: which truck of which door gets which job, and when; who moves at the same moment."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.simulation.door_jobs import PASSING_LANE_M, DoorJobs, Post
from gateway.simulation.movers import Mover
from gateway.simulation.trips import Hall

LOW_STAGED = 2  # fewer than this: the next load comes in
#: The second of two trucks crosses so much after the first, in seconds.
FOLLOWS_AFTER_S = (1.8, 4.5)
MEETS_WITHIN_S = (-1.5, 1.5)
BESIDE_WITHIN_S = (-1.0, 1.0)


class Dispatcher:
    """Gives the doors' trucks their jobs."""

    def __init__(self, hall: Hall, posts: Sequence[Post]) -> None:
        self._hall, self._posts = hall, list(posts)
        self._jobs = DoorJobs(hall)
        traffic = hall.traffic
        if posts:
            hall.floor.at(round(traffic.first_job_s * 1e6), lambda: self._dispatch(0))
            first_s = hall.between(traffic.mouth_every_s) / 4
            hall.every(traffic.mouth_every_s, first_s, self._fill_a_mouth)

    def _dispatch(self, number: int) -> None:
        """Give the next door whose trucks are free a job, and enter the dispatch after this."""
        floor, count = self._hall.floor, len(self._posts)
        turns = range(number, number + count)
        free = next((n for n in turns if self._is_free(self._posts[n % count])), None)
        if free is None:
            ends_us = min(post.free_at_us for post in self._posts)
            floor.at(max(ends_us, floor.now_us + 1), lambda: self._dispatch(number))
            return
        self._send(free % count, first=number == 0)
        pause_us = round(self._hall.between(self._hall.traffic.door_job_every_s) * 1e6)
        floor.at(floor.now_us + pause_us, lambda: self._dispatch(free + 1))

    def _send(self, number: int, *, first: bool) -> None:
        hall, post = self._hall, self._posts[number]
        staged = hall.stations.staged(post.doorway.place.id)
        if first and staged:
            self._jobs.carry_out(post, post.trucks[0], [staged[0]], handling_s=0.2)
            return
        together = (
            len(post.trucks) > 1 and not post.in_mouth and hall.happens(hall.traffic.together)
        )
        trucks = post.trucks if hall.rng.random() < 0.5 else post.trucks[::-1]
        outside_first = trucks[0].outside
        lane_m = -PASSING_LANE_M if together else post.lane_m
        crossed_us = self._job(post, trucks[0], lane_m, None, alone=not together)
        if together:
            meets = trucks[1].outside != outside_first
            after_s = hall.between(MEETS_WITHIN_S if meets else FOLLOWS_AFTER_S)
            at_us = None if crossed_us is None else crossed_us + round(after_s * 1e6)
            self._job(post, trucks[1], PASSING_LANE_M, at_us, alone=False)
        elif crossed_us is not None and hall.happens(hall.traffic.neighbours):
            after_us = round(hall.between(BESIDE_WITHIN_S) * 1e6)
            self._beside(number, crossed_us + after_us)

    def _beside(self, number: int, at_us: int) -> None:
        """A job at a door next to this one, if its trucks have nothing to do."""
        beside = [n for n in (number - 1, number + 1) if 0 <= n < len(self._posts)]
        free = [self._posts[n] for n in beside if self._is_free(self._posts[n])]
        if free:
            post = free[int(self._hall.rng.integers(len(free)))]
            self._job(post, post.trucks[0], post.lane_m, at_us, alone=True)

    def _job(
        self, post: Post, truck: Mover, lane_m: float, at_us: int | None, *, alone: bool
    ) -> int | None:
        """A job as staging and yard need it; when its load crosses the line, if it does."""
        hall, door = self._hall, post.doorway.place.id
        staged, arriving = hall.stations.staged(door), hall.stations.in_yard()
        inbound = bool(arriving) and hall.stations.free_slots(door) > 0
        turns_back = hall.happens(hall.traffic.turn_back)
        pair = alone and not post.in_mouth and hall.happens(hall.traffic.two_pallets)
        if inbound and (truck.outside or len(staged) < LOW_STAGED):
            if turns_back and truck.outside:
                self._jobs.turn_back_outside(post, truck, arriving[0], lane_m)
                return None
            loads = arriving[: 2 if pair and hall.stations.free_slots(door) > 1 else 1]
            return self._jobs.carry_in(post, truck, loads, lane_m=lane_m, at_us=at_us)
        if not staged:
            return None
        chosen = int(hall.rng.integers(len(staged)))
        if turns_back and not truck.outside:
            self._jobs.turn_back_inside(post, truck, staged[chosen], lane_m)
            return None
        mates = [staged[chosen], *(s for n, s in enumerate(staged) if n != chosen)]
        loads = mates[: 2 if pair else 1]
        return self._jobs.carry_out(post, truck, loads, lane_m=lane_m, at_us=at_us)

    def _fill_a_mouth(self) -> None:
        """Somewhere a load is left standing in the door, to be fetched minutes later."""
        hall = self._hall
        ready = [p for p in self._posts if self._is_free(p) and not p.in_mouth]
        if not ready:
            return
        post = ready[int(hall.rng.integers(len(ready)))]
        truck = post.trucks[0]
        staged = hall.stations.staged(post.doorway.place.id)
        arriving = hall.stations.in_yard()
        inbound = bool(arriving) and (truck.outside or hall.rng.random() < 0.5 or not staged)
        if not inbound and (truck.outside or not staged):
            return
        load = arriving[0] if inbound else staged[int(hall.rng.integers(len(staged)))]
        put_us = self._jobs.leave_in_mouth(post, truck, load, inbound=inbound)
        stay_us = round(hall.between(hall.traffic.mouth_stay_s) * 1e6)
        hall.floor.at(put_us + stay_us, lambda: self._clear_mouth(post))

    def _clear_mouth(self, post: Post) -> None:
        floor, door = self._hall.floor, post.doorway.place.id
        if not self._is_free(post):
            floor.at(max(post.free_at_us, floor.now_us + 1), lambda: self._clear_mouth(post))
            return
        room = self._hall.stations.free_slots(door) > 0
        out = not room or bool(self._hall.rng.random() < 0.5)
        self._jobs.fetch_from_mouth(post, post.trucks[0], out=out)

    def _is_free(self, post: Post) -> bool:
        return post.free_at_us <= self._hall.floor.now_us
