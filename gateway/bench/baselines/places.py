"""Places: what a baseline takes an antenna for, and which change of zone is a passage."""

from __future__ import annotations

import math
from typing import Protocol

from gateway.bench.calls import NO_DOOR, NOWHERE, Call
from gateway.model.movement import Direction
from gateway.model.place import Antenna, Side, Site
from gateway.model.reads import Reads


class Baseline(Protocol):
    """One way to tell where tags are."""

    def feed(self, reads: Reads, to_us: int) -> list[Call]:
        """Take the reads up to `to_us`, in order of event time; say what is new."""
        ...


class Places:
    """Lists by antenna number: its one zone, its door, and its side.

    A side is a group of antennas that see the same thing: those on one side of a door, or those
    with the same zone. An antenna that sees several zones counts for the one whose middle is
    nearest to it, the best that a method without power levels can do.

    A tag that comes to the zone behind a door has passed it, when an antenna of that door saw it.
    With `any_antenna` it also has when another antenna saw it there, provided that no second door
    joins the two zones. Each baseline has of the two what gave it the better balance of precision
    and recall when both were tried.
    """

    def __init__(self, site: Site, *, any_antenna: bool = False) -> None:
        self._any_antenna = any_antenna
        doors, zones = site.door_numbers, site.zone_numbers
        self.zone: list[int] = []
        self.door: list[int] = []
        self.side: list[int] = []
        sides: dict[tuple[int, int], int] = {}
        for antenna in site.antennas:
            door = NO_DOOR if antenna.door is None else doors[antenna.door]
            zone = zones[_zone_of(antenna, site)]
            self.door.append(door)
            self.zone.append(zone)
            self.side.append(sides.setdefault((door, zone), len(sides)))
        self.zone_of_side = [zone for _, zone in sides]
        self.door_of_side = [door for door, _ in sides]
        self._between: dict[tuple[int, int], list[tuple[int, Direction]]] = {}
        for number, place in enumerate(site.doors):
            inner, outer = zones[place.inside], zones[place.outside]
            self._between.setdefault((inner, outer), []).append((number, Direction.OUT))
            self._between.setdefault((outer, inner), []).append((number, Direction.IN))

    def call(
        self, tag: int, before: int | None, zone: int, door: int, event_us: int, decided_us: int
    ) -> Call:
        """A tag has changed its zone, seen there last by an antenna of `door`."""
        joining = self._between.get((NOWHERE if before is None else before, zone), [])
        passages = [passage for passage in joining if passage[0] == door]
        if not passages and self._any_antenna and len(joining) == 1:
            passages = joining
        through, direction = passages[0] if passages else (NO_DOOR, None)
        return Call(
            tag=tag,
            zone=zone,
            event_us=event_us,
            decided_us=decided_us,
            door=through,
            direction=direction,
        )


def _zone_of(antenna: Antenna, site: Site) -> str:
    if antenna.door is not None:
        door = site.doors[site.door_numbers[antenna.door]]
        return door.outside if antenna.side is Side.OUTSIDE else door.inside
    if antenna.position_m is None or len(antenna.zones) == 1:
        return antenna.zones[0]
    here = antenna.position_m[:2]
    middles = {}
    for zone in antenna.zones:
        area = site.zones[site.zone_numbers[zone]].area
        if area:
            middles[zone] = tuple(sum(axis) / len(area) for axis in zip(*area, strict=True))
    return min(middles, key=lambda zone: math.dist(middles[zone], here), default=antenna.zones[0])
