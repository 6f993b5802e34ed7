"""What really happened, and what could be seen of it: what calls are held against."""

from __future__ import annotations

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

#: A tag that was put down stands still after this; one that will have moved by the time of a fact
#: may have been lifted this long before it (trucks drive, and stop in doors).
SETTLES_US = 10_000_000
LIFTED_US = 40_000_000

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

    pallet: int
    door: int
    direction: Direction
    time_us: int
    tags: tuple[int, ...]


@dataclass(slots=True, kw_only=True)
class Truth:
    """The facts of one simulated run, in order of time; tags, zones and doors as numbers."""

    crossings: list[Crossing] = field(default_factory=list)
    pallets: list[PalletCrossing] = field(default_factory=list)
    members: list[tuple[int, ...]] = field(default_factory=list)  # tags of each pallet
    pallet_of: dict[int, int] = field(default_factory=dict)
    zones: dict[int, tuple[Ints, Ints]] = field(default_factory=dict)  # tag → since when, where
    standing: dict[int, list[Span]] = field(default_factory=dict)  # tag → when it did not move

    @classmethod
    def of(cls, facts: Iterable[dict[str, Any]], site: Site, tags: TagIndex, end_us: int) -> Truth:
        """Put together what the simulation noted (`simulation/truth.py`) until `end_us`."""
        truth = cls()
        pallets: dict[str, int] = {}
        places: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for fact in sorted(facts, key=lambda fact: fact["t"]):
            if "epcs" in fact:
                members = tuple(tags.add(bytes.fromhex(epc)) for epc in fact["epcs"])
                truth._add_pallet(fact, members, pallets, site)
            elif "door" in fact:
                tag = tags.add(bytes.fromhex(fact["epc"]))
                door, direction = site.doors[site.door_numbers[fact["door"]]], fact["direction"]
                truth.crossings.append(
                    Crossing(
                        tag=tag,
                        door=site.door_numbers[door.id],
                        direction=Direction(direction),
                        time_us=fact["t"],
                    )
                )
                zone = door.inside if direction == Direction.IN else door.outside
                places[tag].append((fact["t"], site.zone_numbers[zone]))
            elif "epc" in fact:
                tag = tags.add(bytes.fromhex(fact["epc"]))
                places[tag].append((fact["t"], site.zone_numbers[fact["zone"]]))
        for tag, been in places.items():
            times, zones = np.array(been, dtype=np.int64).T
            truth.zones[tag] = (times, zones)
            truth.standing[tag] = _standing(times, end_us)
        return truth

    def _add_pallet(
        self, fact: dict[str, Any], members: tuple[int, ...], pallets: dict[str, int], site: Site
    ) -> None:
        pallet = pallets.setdefault(fact["pallet"], len(pallets))
        if pallet == len(self.members):
            self.members.append(members)
            self.pallet_of.update(dict.fromkeys(members, pallet))
        if "door" in fact:
            self.pallets.append(
                PalletCrossing(
                    pallet=pallet,
                    door=site.door_numbers[fact["door"]],
                    direction=Direction(fact["direction"]),
                    time_us=fact["t"],
                    tags=members,
                )
            )

    def stands(self, tag: int, time_us: int) -> bool:
        """Whether a tag stood still at a time."""
        return any(start <= time_us < end for start, end in self.standing.get(tag, ()))


def _standing(times: Ints, end_us: int) -> list[Span]:
    """When a tag with facts at these times surely did not move."""
    ends = [*times[1:].tolist(), end_us]
    spans = [(t + SETTLES_US, e - LIFTED_US) for t, e in zip(times.tolist(), ends, strict=True)]
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
