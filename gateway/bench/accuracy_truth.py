"""What really happened, and what could be seen of it: what calls are held against."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.bench.calls import NO_DOOR
from gateway.model.movement import Direction
from gateway.model.place import Side, Site
from gateway.model.reads import Reads
from gateway.model.tags import TagIndex

#: A tag that was put down stands still after this. Where the truth does not tell of lifting, one
#: that moves next at some time may have been lifted this long before (trucks stop in doors).
SETTLES_US = 10_000_000
LIFTED_US = 40_000_000
#: Stands for the load of a tag that is on none.
NO_LOAD = -1

Ints = npt.NDArray[np.int64]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A tag crossed the line of a door."""

    tag: int
    door: int
    direction: Direction
    time_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PalletCrossing:
    """A pallet's middle crossed the line of a door."""

    load: int
    door: int
    direction: Direction
    time_us: int
    tags: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyCrossing:
    """Something without any tag crossed the line of a door: a truck, a worker."""

    door: int
    time_us: int


@dataclass(slots=True, kw_only=True)
class Truth:
    """The facts of one simulated run, in order of time; tags, zones and doors as numbers.

    A load is a pallet or a loose carton, by number: what moves as one.
    """

    crossings: list[Crossing] = field(default_factory=list)
    pallets: list[PalletCrossing] = field(default_factory=list)
    empties: list[EmptyCrossing] = field(default_factory=list)
    members: list[tuple[int, ...]] = field(default_factory=list)  # tags of each load
    load_of: dict[int, int] = field(default_factory=dict)  # tag → load
    carton_of: dict[int, str] = field(default_factory=dict)  # tag → name of its carton
    zones: dict[int, tuple[Ints, Ints]] = field(default_factory=dict)  # tag → since when, where
    standing: dict[int, list[Span]] = field(default_factory=dict)  # tag → when it did not move

    @classmethod
    def of(cls, facts: Iterable[dict[str, Any]], site: Site, tags: TagIndex, end_us: int) -> Truth:
        """Put together what the simulation noted (`simulation/truth.py`) until `end_us`."""
        truth, notes = cls(), _Notes(site, tags)
        for fact in sorted(facts, key=lambda fact: fact["t"]):
            notes.take(fact, truth)
        for tag, been in notes.places.items():
            times, zones, put_down = np.array(been, dtype=np.int64).T
            truth.zones[tag] = (times, zones)
            lifted = notes.lifted.get(truth.load_of.get(tag, NO_LOAD), [])
            margin_us = 0 if notes.lifted else LIFTED_US
            moves = sorted([*times.tolist(), *lifted, end_us])
            truth.standing[tag] = _standing(times[put_down > 0].tolist(), moves, margin_us)
        return truth

    def stands(self, tag: int, time_us: int) -> bool:
        """Whether a tag stood still at a time."""
        return any(start <= time_us < end for start, end in self.standing.get(tag, ()))


class _Notes:
    """What has to be gathered while the facts are read."""

    def __init__(self, site: Site, tags: TagIndex) -> None:
        # tag → time, zone, and whether it was put down there
        self.places: dict[int, list[tuple[int, int, bool]]] = defaultdict(list)
        self.lifted: dict[int, list[int]] = defaultdict(list)  # load → times
        self._site, self._tags = site, tags
        self._loads: dict[str, int] = {}

    def take(self, fact: dict[str, Any], truth: Truth) -> None:
        """Enter one fact; what is of no concern here is left out."""
        if "epc" in fact:
            self._take_tag(fact, truth)
        elif "pallet" in fact or "carton" in fact:
            self._take_load(fact, truth)
        elif "empty" in fact:
            door = self._site.door_numbers[fact["at"]]
            truth.empties.append(EmptyCrossing(door=door, time_us=fact["t"]))

    def _take_tag(self, fact: dict[str, Any], truth: Truth) -> None:
        tag, site = self._tag(fact["epc"]), self._site
        if "carton" in fact:
            truth.carton_of[tag] = fact["carton"]
        zone = fact.get("zone")
        if "door" in fact:
            door, direction = site.door_numbers[fact["door"]], Direction(fact["direction"])
            crossing = Crossing(tag=tag, door=door, direction=direction, time_us=fact["t"])
            truth.crossings.append(crossing)
            place = site.doors[door]
            zone = place.inside if direction is Direction.IN else place.outside
        if zone is not None:
            self.places[tag].append((fact["t"], site.zone_numbers[zone], "door" not in fact))

    def _take_load(self, fact: dict[str, Any], truth: Truth) -> None:
        load = self._loads.setdefault(fact.get("pallet") or fact["carton"], len(self._loads))
        members = tuple(self._tag(epc) for epc in fact.get("epcs") or fact.get("tags") or ())
        if load == len(truth.members):
            truth.members.append(())
        if members and not truth.members[load]:  # the first facts of a load may not list them
            truth.members[load] = members
            truth.load_of.update(dict.fromkeys(members, load))
        if "lifted" in fact:
            self.lifted[load].append(fact["t"])
        elif "door" in fact:
            truth.pallets.append(
                PalletCrossing(
                    load=load,
                    door=self._site.door_numbers[fact["door"]],
                    direction=Direction(fact["direction"]),
                    time_us=fact["t"],
                    tags=members,
                )
            )

    def _tag(self, epc: str) -> int:
        return self._tags.add(bytes.fromhex(epc))


def _standing(put_down: list[int], moves: list[int], margin_us: int) -> list[Span]:
    """When a tag surely did not move: from when it was put down until its next move."""
    spans = [
        (time_us + SETTLES_US, moves[bisect_right(moves, time_us)] - margin_us)
        for time_us in put_down
        if time_us < moves[-1]
    ]
    return [(start, end) for start, end in spans if end > start]


class Seen:
    """All reads of a recording, to be asked how often a tag was read where and when."""

    def __init__(self, reads: Reads, site: Site) -> None:
        order = np.lexsort((reads["time_us"], reads["tag"]))
        reads = reads[order]
        doors = [NO_DOOR if a.door is None else site.door_numbers[a.door] for a in site.antennas]
        outer = [a.side is Side.OUTSIDE for a in site.antennas]
        self._tag = reads["tag"].astype(np.int64)
        self._time_us: Ints = reads["time_us"]
        self._count = reads["count"].astype(np.int64)
        self._door = np.array(doors or [NO_DOOR], dtype=np.int64)[reads["antenna"]]
        self._outer = np.array(outer or [False])[reads["antenna"]]

    def first_us(self, tag: int) -> int | None:
        """When a tag was read for the first time."""
        at = int(np.searchsorted(self._tag, tag))
        known = at < len(self._tag) and self._tag[at] == tag
        return int(self._time_us[at]) if known else None

    def reads(self, tag: int, span: Span) -> int:
        """How often a tag was read anywhere."""
        return int(self._count[self._rows(tag, span)].sum())

    def at_door(self, tag: int, door: int, span: Span) -> int:
        """How often a tag was read by the antennas of a door."""
        rows = self._rows(tag, span)
        return int(self._count[rows][self._door[rows] == door].sum())

    def at_doors(self, tag: int, span: Span) -> dict[int, tuple[int, int]]:
        """Door → how often a tag was read by its inner and by its outer antennas."""
        rows = self._rows(tag, span)
        doors, outer, count = self._door[rows], self._outer[rows], self._count[rows]
        return {
            door: tuple(int(count[(doors == door) & (outer == side)].sum()) for side in (0, 1))  # type: ignore[misc]
            for door in np.unique(doors).tolist()
            if door != NO_DOOR
        }

    def _rows(self, tag: int, span: Span) -> slice:
        first, last = np.searchsorted(self._tag, [tag, tag + 1])
        start, end = np.searchsorted(self._time_us[first:last], span)
        return slice(int(first + start), int(first + end))
