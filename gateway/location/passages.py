"""Passages: tags that went through the same door the same way at the same time are one load.

A load opens with the first tag that is announced, is told anew as it grows, and is complete when
nothing has joined it for a while. Its id comes from its first sign and never changes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.location.beams import Beams, Times
from gateway.location.companions import Origin, companions
from gateway.location.empties import Empties, EmptyCrossing
from gateway.location.states import TagStates
from gateway.location.tracks import Numbers
from gateway.model.movement import Decision, Direction, Status, name_id
from gateway.model.passage import EMPTY, PassageDecision
from gateway.model.place import Site

#: A tag belongs to a load when it crossed within this of the others …
GAP_US = 3_000_000
#: … unless the load would take longer than this to pass: then another one has begun.
LONGEST_US = 20_000_000
#: A load is complete when its last tag crossed this long ago …
CLOSE_US = 8_000_000
#: … and nothing was said about it for this long.
QUIET_US = 3_000_000
#: Complete loads are remembered, per door and way, for late tags and for what is taken back.
MOST_COMPLETE = 16
#: What happens at a door so shortly before or after a load, the load did.
NEAR_US = 1_000_000
#: Moments at which tags may have passed a door, remembered per door, and how exactly.
MOST_STIRRED = 256
STIR_US = 200_000
#: So many tags together are a load that beams must have noticed; fewer may be a mistake.
A_LOAD = 3
#: How likely a passage is of which only the beams know.
BY_BEAMS = 0.9


@dataclass(slots=True, kw_only=True)
class _Load:
    """One load through one door. `first_us` and `last_us` are its first and last crossing."""

    id: str
    door: str
    direction: Direction
    first_us: int
    last_us: int
    touched_us: int  # when something was last said about it
    crossed_us: dict[int, int] = field(default_factory=dict)  # confirmed tag → its crossing
    announced_us: dict[int, int] = field(default_factory=dict)  # tag that is not yet certain
    confidence: dict[int, float] = field(default_factory=dict)
    origins: list[Origin] = field(default_factory=list)
    changed: bool = True  # since it was last told
    told: PassageDecision | None = None
    complete: bool = False

    def told_of(self, retraction: Decision) -> dict[int, int]:
        """The tags that were told of in the way that is taken back."""
        return self.announced_us if retraction.announced else self.crossed_us

    def distance_us(self, time_us: int) -> int:
        """How far a crossing is from those of this load; 0 between them."""
        return max(self.first_us - time_us, time_us - self.last_us, 0)

    @property
    def middle_us(self) -> int:
        """About when it crossed; what is certain counts."""
        times_us = (self.crossed_us or self.announced_us).values()
        return sum(times_us) // len(times_us) if times_us else self.first_us

    def has_ended(self, end_us: int) -> bool:
        """Whether nothing more is expected to join it."""
        return end_us >= max(self.last_us + CLOSE_US, self.touched_us + QUIET_US)

    def enter(self, decision: Decision, origin: Origin | None, now_us: int) -> None:
        """One of its tags was decided upon."""
        tag, status = decision.tag, decision.status
        if status is Status.CONFIRMED:
            self.crossed_us[tag] = decision.event_time_us
            if origin is not None:
                self.origins.append(origin)
        elif status is Status.PROVISIONAL and tag not in self.crossed_us:
            self.announced_us[tag] = decision.event_time_us
        elif status is Status.RETRACTED:
            self.crossed_us.pop(tag, None)
            self.announced_us.pop(tag, None)
        self.confidence[tag] = decision.confidence
        self.changed = True
        if not decision.announced:  # nobody waits for more because one did not come
            self.touched_us = now_us
        if times_us := [*self.crossed_us.values(), *self.announced_us.values()]:
            self.first_us, self.last_us = min(times_us), max(times_us)


class Passages:
    """Joins crossings into loads, and finds what went through empty."""

    def __init__(self, site: Site, states: TagStates, beams: Beams) -> None:
        self._site, self._states, self._beams = site, states, beams
        self._open: list[_Load] = []
        self._complete: dict[tuple[str, Direction], deque[_Load]] = {}
        self._empties = Empties(beams)
        self._stirred: dict[int, deque[int]] = {}  # door → when tags were at it

    @property
    def busy(self) -> bool:
        """Whether a load is being put together, or something may have passed empty."""
        return bool(self._open) or self._empties.busy

    def join(self, decisions: Iterable[Decision], end_us: int) -> list[Decision]:
        """The same decisions, in order of event time, those through a door with their passage."""
        ordered = sorted(decisions, key=lambda d: (d.event_time_us, d.tag))
        return [self._joined(decision, end_us) for decision in ordered]

    def _joined(self, decision: Decision, end_us: int) -> Decision:
        if decision.door is None or decision.direction is None:
            return decision
        load = self._load_of(decision, decision.door, decision.direction)
        if load is None:
            if decision.status is Status.RETRACTED:
                return decision  # its passage is forgotten
            load = self._begin(decision.door, decision.direction, decision.event_time_us, end_us)
        for other in self._open:
            other.announced_us.pop(decision.tag, None)
        load.enter(decision, self._origin(decision), end_us)
        return replace(decision, passage=load.id)

    def _load_of(self, decision: Decision, door: str, direction: Direction) -> _Load | None:
        """The load that a decision is about: the one that has the tag, else the nearest."""
        tag, time_us = decision.tag, decision.event_time_us
        forming = [x for x in self._open if x.door == door and x.direction is direction]
        past = self._complete.get((door, direction), ())
        if decision.status is Status.RETRACTED:
            told = (*forming, *reversed(past))
            return next((x for x in told if tag in x.told_of(decision)), None)
        broke_us = self._broke_us(door, time_us)
        for loads in (forming, past):  # the passage of a load that is not complete can tell of it
            fitting = [
                (not together, tag not in load.announced_us, load.distance_us(time_us), n)
                for n, load in enumerate(loads)
                if (together := self._are_together(load, time_us, broke_us)) is not None
            ]
            if fitting:
                return loads[min(fitting)[-1]]
        return None

    def _are_together(self, load: _Load, time_us: int, broke_us: int | None) -> bool | None:
        """Whether a tag that crossed then is surely (or maybe: False) in a load; None: it is not.

        What broke the beams as one passed as one. Without beams only time tells.
        """
        if max(load.last_us, time_us) - min(load.first_us, time_us) > LONGEST_US:
            return None
        its_us = self._broke_us(load.door, load.middle_us)
        if its_us is not None and broke_us is not None:
            if its_us == broke_us:
                return True
            if load.crossed_us:  # else its time is no more than announced
                return None
        return None if load.distance_us(time_us) > GAP_US else False

    def _origin(self, decision: Decision) -> Origin | None:
        """Where the tag was before, if it was seen there for a while."""
        zone = self._site.zone_numbers.get(decision.from_zone or "")
        if zone is None or decision.dwell_s is None:
            return None
        return Origin(zone, decision.event_time_us - round(decision.dwell_s * 1e6))

    def _begin(self, door: str, direction: Direction, first_us: int, end_us: int) -> _Load:
        load = _Load(
            id=self._id_of(door, direction, first_us),
            door=door,
            direction=direction,
            first_us=first_us,
            last_us=first_us,
            touched_us=end_us,
        )
        self._open.append(load)
        return load

    def _broke_us(self, door: str, time_us: int) -> int | None:
        """Since when something stood in a door's beams at a time, None if nothing did."""
        span = self._beams.occupied(self._site.door_numbers[door], time_us, time_us)
        return None if span is None else span[0]

    def _id_of(self, door: str, direction: Direction, first_us: int) -> str:
        return name_id(f"{self._site.id}/passage/{door}/{direction}/{first_us}")

    def notice(self, doors: Numbers, crossing_us: Times) -> None:
        """Tags are at these doors that may turn out to have passed: then it was not empty."""
        for door, at_us in set(zip(doors.tolist(), (crossing_us // STIR_US).tolist(), strict=True)):
            self._stirred.setdefault(door, deque(maxlen=MOST_STIRRED)).append(at_us * STIR_US)

    def forget(self, tags: Numbers) -> None:
        """Nothing is known of these tags any more: loads that they were in are long over."""
        gone = set(tags.tolist())
        for way, past in self._complete.items():
            rest = (load for load in past if gone.isdisjoint(load.confidence))
            self._complete[way] = deque(rest, maxlen=MOST_COMPLETE)

    def completes(self, end_us: int) -> bool:
        """Whether a load is complete now, so that who should have been in it will be asked."""
        return any(load.crossed_us and load.has_ended(end_us) for load in self._open)

    def decide(self, end_us: int) -> tuple[list[PassageDecision], list[PassageDecision]]:
        """What is certain: complete loads, retracted and empty ones; and what is provisional."""
        certain, provisional = self._taken_back(), []
        for load in self._open:
            ended = load.has_ended(end_us)
            if ended and load.crossed_us:
                certain.append(self._completed(load))
            elif ended or not (load.crossed_us or load.announced_us):  # nothing came of it
                load.complete = True
                if load.told is not None:
                    provisional.append(replace(load.told, status=Status.RETRACTED))
            elif load.changed:
                provisional.append(self._told(load, Status.PROVISIONAL))
        self._open = [load for load in self._open if not load.complete]
        empty = self._empties.decide(self._is_explained, end_us)
        return certain + [self._empty(crossing) for crossing in empty], provisional

    def _completed(self, load: _Load) -> PassageDecision:
        load.complete = True
        load.announced_us.clear()
        past = self._complete.setdefault((load.door, load.direction), deque(maxlen=MOST_COMPLETE))
        past.append(load)
        if len(load.crossed_us) >= A_LOAD:
            door = self._site.door_numbers[load.door]
            self._beams.noticed(door, load.first_us, load.last_us)
        decision = self._told(load, Status.CONFIRMED)
        load.told = replace(
            decision,
            inferred=companions(
                self._states, decision.tags, load.origins, load.first_us, load.last_us
            ),
        )
        return load.told

    def _taken_back(self) -> list[PassageDecision]:
        """Complete loads all of whose movements have been retracted since."""
        gone = [
            load
            for past in self._complete.values()
            for load in past
            if load.changed and not load.crossed_us
        ]
        for load in gone:
            self._complete[load.door, load.direction].remove(load)
        return [replace(x.told, status=Status.RETRACTED) for x in gone if x.told is not None]

    def _told(self, load: _Load, status: Status) -> PassageDecision:
        crossed_us = {**load.announced_us, **load.crossed_us}
        times_us = sorted(crossed_us.values())
        door = self._site.door_numbers[load.door]
        first_us, last_us = times_us[0], times_us[-1]
        if (span := self._beams.occupied(door, first_us, last_us)) is not None:
            first_us, last_us = min(first_us, span[0]), max(last_us, span[1])
        confidence = [load.confidence[tag] for tag in crossed_us]
        load.changed = False
        load.told = PassageDecision(
            id=load.id,
            door=load.door,
            direction=load.direction,
            status=status,
            start_us=first_us,
            end_us=last_us,
            event_time_us=times_us[len(times_us) // 2],
            tags=tuple(sorted(crossed_us)),
            confidence=max(confidence),
            evidence={
                "tags": len(crossed_us),
                "least_confidence": round(min(confidence), 4),
                "sensors": self._beams.story(door, first_us - NEAR_US, last_us + NEAR_US),
            },
        )
        return load.told

    def _empty(self, crossing: EmptyCrossing) -> PassageDecision:
        door = self._site.doors[crossing.door]
        first_us, last_us = crossing.start_us, crossing.end_us
        words = "inner" if crossing.direction is Direction.OUT else "outer"
        evidence: dict[str, Any] = {
            "tags": 0,
            "sensors": self._beams.story(crossing.door, first_us - NEAR_US, last_us + NEAR_US),
            "reasons": [[f"both beams were broken, the {words} one first; nothing was read", 1.0]],
        }
        return PassageDecision(
            id=self._id_of(door.id, crossing.direction, first_us),
            door=door.id,
            direction=crossing.direction,
            status=Status.CONFIRMED,
            start_us=first_us,
            end_us=last_us,
            event_time_us=(first_us + last_us) // 2,
            tags=(),
            confidence=BY_BEAMS,
            verdict=EMPTY,
            evidence=evidence,
        )

    def _is_explained(self, crossing: EmptyCrossing) -> bool:
        """Whether tags account for what broke the beams, or the door was closed."""
        if self._beams.closed(crossing.door, crossing.start_us):
            return True
        from_us, to_us = crossing.start_us - NEAR_US, crossing.end_us + NEAR_US
        if any(from_us <= at_us <= to_us for at_us in self._stirred.get(crossing.door, ())):
            return True
        door = self._site.doors[crossing.door].id
        past = (load for way in Direction for load in self._complete.get((door, way), ()))
        return any(
            from_us <= at_us <= to_us
            for load in (*self._open, *past)
            if load.door == door
            for at_us in (*load.crossed_us.values(), *load.announced_us.values())
        )
