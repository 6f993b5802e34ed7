"""Passages: tags that went through the same door the same way at the same time are one load.

A load opens with the first tag that is announced, is told anew as it grows, and is complete when
nothing has joined it for a while. Its id comes from its first sign and never changes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.location.beams import BEAM_US, Beams, in_story
from gateway.location.companions import Origin, companions
from gateway.location.empties import Empties, EmptyCrossing
from gateway.location.states import TagStates
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
NEAR_US = 1_500_000
#: Moments at which tags were at a door, remembered per door.
MOST_STIRRED = 128
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

    def distance_us(self, time_us: int) -> int:
        """How far a crossing is from those of this load; 0 between them."""
        return max(self.first_us - time_us, time_us - self.last_us, 0)

    def may_hold(self, time_us: int) -> bool:
        """Whether a tag that crossed then may belong to it."""
        first_us, last_us = min(self.first_us, time_us), max(self.last_us, time_us)
        return self.distance_us(time_us) <= GAP_US and last_us - first_us <= LONGEST_US

    def enter(self, decision: Decision, origin: Origin | None, now_us: int) -> None:
        """One of its tags was decided upon."""
        tag, status = decision.tag, decision.status
        self.announced_us.pop(tag, None)
        if status is Status.CONFIRMED:
            self.crossed_us[tag] = decision.event_time_us
            if origin is not None:
                self.origins.append(origin)
        elif status is Status.PROVISIONAL and tag not in self.crossed_us:
            self.announced_us[tag] = decision.event_time_us
        elif status is Status.RETRACTED:
            self.crossed_us.pop(tag, None)
        self.confidence[tag] = decision.confidence
        self.touched_us, self.changed = now_us, True
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
        load = self._load_of(decision)
        if load is None:
            if decision.status is Status.RETRACTED:
                return decision  # its passage is forgotten
            load = self._begin(decision.door, decision.direction, decision.event_time_us, end_us)
        load.enter(decision, self._origin(decision), end_us)
        return replace(decision, passage=load.id)

    def _load_of(self, decision: Decision) -> _Load | None:
        """The load that a decision is about: the one that has the tag, else the nearest."""
        tag, time_us = decision.tag, decision.event_time_us
        forming = [
            load
            for load in self._open
            if load.door == decision.door and load.direction == decision.direction
        ]
        past = self._complete.get((decision.door or "", decision.direction or Direction.OUT), ())
        if decision.status is Status.RETRACTED:
            return next((x for x in (*forming, *reversed(past)) if tag in x.crossed_us), None)
        known = next((load for load in forming if tag in load.announced_us), None)
        if known is not None:
            return known
        for loads in (forming, past):  # the passage of a load that is not complete can tell of it
            fitting = [load for load in loads if load.may_hold(time_us)]
            if fitting:
                return min(fitting, key=lambda load: load.distance_us(time_us))
        return None

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

    def _id_of(self, door: str, direction: Direction, first_us: int) -> str:
        return name_id(f"{self._site.id}/passage/{door}/{direction}/{first_us}")

    def stir(self, doors: Iterable[int], end_us: int) -> None:
        """Tags are at these doors, which may turn out to pass: nothing passes empty just now."""
        for door in doors:
            self._stirred.setdefault(door, deque(maxlen=MOST_STIRRED)).append(end_us)

    def decide(self, end_us: int) -> tuple[list[PassageDecision], list[PassageDecision]]:
        """What is certain: complete loads, retracted and empty ones; and what is provisional."""
        certain, provisional = self._taken_back(), []
        for load in self._open:
            ended = end_us - max(load.last_us + CLOSE_US, load.touched_us + QUIET_US) >= 0
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
        signs = self._beams.changes(door, times_us[0] - NEAR_US, times_us[-1] + NEAR_US)
        confidence = [load.confidence[tag] for tag in crossed_us]
        load.changed = False
        load.told = PassageDecision(
            id=load.id,
            door=load.door,
            direction=load.direction,
            status=status,
            start_us=min([times_us[0], *(sign[0] for sign in signs)]),
            end_us=max([times_us[-1], *(sign[0] for sign in signs)]),
            event_time_us=times_us[len(times_us) // 2],
            tags=tuple(sorted(crossed_us)),
            confidence=max(confidence),
            evidence={
                "tags": len(crossed_us),
                "least_confidence": round(min(confidence), 4),
                "sensors": in_story(signs),
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
        """Whether tags account for what broke the beams."""
        for at_us in self._stirred.get(crossing.door, ()):
            if crossing.start_us - NEAR_US <= at_us <= crossing.end_us + NEAR_US:
                return True
        door = self._site.doors[crossing.door].id
        past = (load for way in Direction for load in self._complete.get((door, way), ()))
        for load in (*self._open, *past):
            if load.door == door:
                margin_us = BEAM_US if load.direction is crossing.direction else NEAR_US
                after = load.first_us - margin_us <= crossing.end_us
                if after and crossing.start_us <= load.last_us + margin_us:
                    return True
        return False
