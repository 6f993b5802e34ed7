"""Places: zones, doors and the antennas that watch them — one `Site`, frozen, numbered.

Numbers (`zone`, `door`, `antenna` as integers) are indexes into the site's tuples and live only as
long as the process; identifiers (`id`) are what is stored and published.
Metres, x along the dock, y into the hall.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

Point = tuple[float, float]


class ZoneKind(StrEnum):
    """What a zone is for; decides decay and time-outs."""

    STORAGE = "storage"
    STAGING = "staging"
    TRANSIT = "transit"
    QUARANTINE = "quarantine"
    OUTSIDE = "outside"


class Side(StrEnum):
    """The side of a door that an antenna watches."""

    INSIDE = "inside"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """Where stock can be (EPCIS `bizLocation`).

    `missing_after_s` is None where an unseen tag is never missing; `departed_after_s` is None where
    unseen never means that presence in the site has ended.
    """

    id: str
    kind: ZoneKind = ZoneKind.STORAGE
    name: str = ""
    parent: str | None = None
    sgln: str | None = None
    area: tuple[Point, ...] = ()
    missing_after_s: float | None = None
    departed_after_s: float | None = None
    arrive_after_s: float | None = None  # None: the reader's, or else the site's
    move_after_s: float | None = None  # likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """An opening between two zones (EPCIS `readPoint`), with antennas inside and outside.

    `inner_beam`, `outer_beam`, `contact` are sensor ids.
    """

    id: str
    inside: str
    outside: str
    name: str = ""
    position_m: Point | None = None
    width_m: float | None = None
    sgln: str | None = None
    inner_beam: str | None = None
    outer_beam: str | None = None
    contact: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Antenna:
    """One LLRP AntennaID of one reader: it watches a side of a door, or one or more zones."""

    reader: str
    port: int
    door: str | None = None
    side: Side | None = None
    zones: tuple[str, ...] = ()
    power_dbm: float | None = None
    position_m: tuple[float, ...] | None = None  # (x, y) or (x, y, z)
    arrive_after_s: float | None = None  # for what its reader reads; None: the site's
    move_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The floor plan's picture and size."""

    image: str | None = None
    size_m: Point | None = None


@dataclass(frozen=True, kw_only=True)
class Site:
    """One gateway's world. Every reference inside has been checked when it was built."""

    id: str
    name: str = ""
    timezone: str = "UTC"
    gln: str | None = None
    zones: tuple[Zone, ...] = ()
    doors: tuple[Door, ...] = ()
    antennas: tuple[Antenna, ...] = ()
    adjacency: tuple[tuple[str, str], ...] = ()
    plan: Plan = field(default_factory=Plan)

    @cached_property
    def zone_numbers(self) -> dict[str, int]:
        """Zone id → index into `zones`."""
        return {z.id: n for n, z in enumerate(self.zones)}

    @cached_property
    def door_numbers(self) -> dict[str, int]:
        """Door id → index into `doors`."""
        return {d.id: n for n, d in enumerate(self.doors)}

    @cached_property
    def antenna_numbers(self) -> dict[tuple[str, int], int]:
        """(reader id, port) → index into `antennas`."""
        return {(a.reader, a.port): n for n, a in enumerate(self.antennas)}

    @cached_property
    def readers(self) -> tuple[str, ...]:
        """Ids of the readers that have antennas, in order of first mention."""
        return tuple(dict.fromkeys(a.reader for a in self.antennas))
