"""Calls: what a detector says of a tag — the gateway's own core and the baselines alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.model.movement import Direction, Kind, Movement, Status
from gateway.model.outcome import Outcome
from gateway.model.place import Site
from gateway.model.tags import TagIndex

NOWHERE = -1
NO_DOOR = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tag is in a zone since `event_us`, as was decided at `decided_us`; it came through a door.

    Tags, zones and doors are numbers of the tag index and of the site. `NOWHERE` is a tag that has
    left; `door` is `NO_DOOR` and `direction` None where the tag came another way, or for the first
    time. A retraction has the `id` of what it takes back, and the zone where the tag is after all.
    """

    tag: int
    zone: int
    event_us: int
    decided_us: int
    door: int = NO_DOOR
    direction: Direction | None = None
    status: Status = Status.CONFIRMED
    confidence: float | None = None  # None: the detector gives none
    id: str = ""
    chances: Mapping[int, float] | None = None  # by zone, where the detector doubts which it is


def calls_of(outcomes: Iterable[Outcome], site: Site, tags: TagIndex) -> Iterator[Call]:
    """What the core says, as calls. That a tag is missing says nothing new of where it is.

    Nor is it a call that something came to nothing which was only announced.
    """
    for outcome in outcomes:
        announced = [m for m in outcome.provisional if m.status is Status.PROVISIONAL]
        for movement in (*announced, *outcome.movements):
            if movement.kind is not Kind.MISSING:
                yield _call(movement, site, tags)


def _call(movement: Movement, site: Site, tags: TagIndex) -> Call:
    retracted = movement.status is Status.RETRACTED
    zone = movement.from_zone if retracted else movement.to_zone
    return Call(
        tag=tags.add(bytes.fromhex(movement.epc)),
        zone=NOWHERE if zone is None else site.zone_numbers[zone],
        event_us=movement.event_time_us,
        decided_us=movement.record_time_us,
        door=NO_DOOR if movement.door is None else site.door_numbers[movement.door],
        direction=movement.direction,
        status=movement.status,
        confidence=movement.confidence,
        id=movement.id,
        chances={site.zone_numbers[z]: p for z, p in movement.evidence["zones"].items()}
        if "zones" in movement.evidence
        else None,
    )
