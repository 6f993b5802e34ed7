"""Layout: a site in metres. Where antennas, doors and pallets' places are, defaults included.

A site may leave positions out; what is missing is laid out as a plain warehouse would be: doors in
a row along the dock, staging behind each of them, racks further in, antennas on the door posts and
in front of the racks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.model.place import Antenna, Door, Point, Side, Site, ZoneKind

Floats = npt.NDArray[np.float64]

DOOR_SPACING_M = 3.7
DOOR_WIDTH_M = 2.9
SLOT_M = 1.5  # what a pallet needs, gap included
LANE_BEGINS_M = 2.6  # nothing is staged closer to a door than this
TRAILER_M = 5.0  # where a load is put down outside
RACK_AT_M = 13.0
RACK_PITCH_M = 2.4
SHELF_ANTENNA_M = (2.2, 2.6)  # in front of the rack, and high
DOOR_ANTENNA_INSIDE_M = 0.9
DOOR_ANTENNA_OUTSIDE_M = -0.2
DOOR_ANTENNA_HEIGHT_M = 1.4
DOOR_ANTENNA_YAW_DEG = 25.0  # turned from straight across toward its own side
LOAD_HEIGHT_M = 0.8
CARTON_M = 0.38  # a carton's size, its gap included
LEVEL_M = 1.5  # from one level of a rack to the next

Place = tuple[float, float, float]
Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorPlace:
    """A door in metres: the opening runs along x at `y`, the hall is at larger y."""

    id: str
    x: float
    y: float
    half_width: float
    inside: str
    outside: str
    inner_beam: str | None
    outer_beam: str | None
    contact: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AntennaPlace:
    """An antenna in metres; `number` is its index in `Site.antennas`."""

    number: int
    reader: str
    port: int
    position: Place
    boresight: Vector  # of length 1
    power_dbm: float | None
    at_door: bool


class Layout:
    """Everything of a site that the simulation needs, in metres."""

    def __init__(self, site: Site) -> None:
        self.doors = tuple(_door_place(door, n) for n, door in enumerate(site.doors))
        self._areas = {z.id: z.area for z in site.zones}
        self._levels = _levels(site)
        at_doors = {z for door in site.doors for z in (door.inside, door.outside)}
        self.bins = tuple(
            z.id for z in site.zones if z.kind is ZoneKind.STORAGE and z.id not in at_doors
        )
        self._default_bins = {z: n for n, z in enumerate(self.bins)}
        self.antennas = tuple(self._antenna_place(a, site) for a in site.antennas)

    def staging_slots(self, door: DoorPlace) -> list[Point]:
        """Where pallets of a door can stand inside, the nearest to the door first."""
        corner, far = _bounds(self._areas[door.inside]) or (
            (door.x - 1.6, door.y + 1.0),
            (door.x + 1.6, door.y + 8.0),
        )
        # A staging zone that several doors share is used by each of them in front of itself.
        left = max(corner[0], door.x - 1.9)
        right = min(far[0], door.x + 1.9)
        bottom = max(corner[1], door.y + LANE_BEGINS_M - 0.1)
        top = max(far[1], bottom + SLOT_M)
        if right - left < SLOT_M:
            left, right = door.x - SLOT_M / 2, door.x + SLOT_M / 2
        slots = _grid((left, bottom), (right, top))
        return sorted(slots, key=lambda p: (round(p[1], 3), abs(p[0] - door.x)))

    def parking_beside(self, door: DoorPlace) -> Point:
        """A place just beside the trucks' way, within sight of the door's antennas."""
        return (door.x + door.half_width - 0.1, door.y + 1.7)

    def trailer(self, door: DoorPlace) -> Point:
        """Where loads are put down and fetched outside a door."""
        return (door.x, door.y - TRAILER_M)

    def bin_place(self, zone: str) -> Place:
        """The one place of a pallet in a bin; bins of one area lie above each other."""
        return (*self._centre(zone), self._levels[zone] * LEVEL_M)

    def carton_places(self, zone: str) -> list[Place]:
        """Where loose cartons can stand in a bin: three abreast, two deep, two high."""
        x, y, z = self.bin_place(zone)
        return [
            (x + across, y + deep, z + high)
            for high in (0.0, CARTON_M)
            for deep in (-CARTON_M / 2, CARTON_M / 2)
            for across in (-CARTON_M, 0.0, CARTON_M)
        ]

    @property
    def reach_x(self) -> tuple[float, float]:
        """The doors from the leftmost to the rightmost, along x."""
        return min(d.x for d in self.doors), max(d.x for d in self.doors)

    def _centre(self, zone: str) -> Point:
        bounds = _bounds(self._areas.get(zone, ()))
        if bounds is not None:
            (x0, y0), (x1, y1) = bounds
            return ((x0 + x1) / 2, (y0 + y1) / 2)
        if zone in self._default_bins:
            return (1.2 + RACK_PITCH_M * self._default_bins[zone], RACK_AT_M)
        for door in self.doors:
            if zone == door.inside:
                return (door.x, door.y + 4.5)
            if zone == door.outside:
                return (door.x, door.y - TRAILER_M)
        return (1.2, RACK_AT_M + 4.0)

    def _antenna_place(self, antenna: Antenna, site: Site) -> AntennaPlace:
        door = next((d for d in self.doors if d.id == antenna.door), None)
        given = antenna.position_m
        if door is not None:
            position = _door_antenna_position(antenna, door, site)
            boresight = _door_boresight(position, door, antenna.side)
        else:
            # One that watches nothing yet looks straight down.
            below = (given[0], given[1]) if given is not None else (0.0, 0.0)
            centres = [self._centre(z) for z in antenna.zones] or [below]
            levels = [self._levels[z] for z in antenna.zones] or [0]
            target = (
                sum(c[0] for c in centres) / len(centres),
                sum(c[1] for c in centres) / len(centres),
                LOAD_HEIGHT_M + LEVEL_M * sum(levels) / len(levels),
            )
            before, height = SHELF_ANTENNA_M
            position = (target[0], target[1] - before, height)
            if given is not None:
                position = (given[0], given[1], given[2] if len(given) > 2 else height)
            boresight = _unit(np.subtract(target, position))
        return AntennaPlace(
            number=site.antenna_numbers[antenna.reader, antenna.port],
            reader=antenna.reader,
            port=antenna.port,
            position=position,
            boresight=boresight,
            power_dbm=antenna.power_dbm,
            at_door=door is not None,
        )


def _door_place(door: Door, number: int) -> DoorPlace:
    x, y = door.position_m or (2.0 + DOOR_SPACING_M * number, 0.0)
    return DoorPlace(
        id=door.id,
        x=x,
        y=y,
        half_width=(door.width_m or DOOR_WIDTH_M) / 2,
        inside=door.inside,
        outside=door.outside,
        inner_beam=door.inner_beam,
        outer_beam=door.outer_beam,
        contact=door.contact,
    )


def _door_antenna_position(antenna: Antenna, door: DoorPlace, site: Site) -> Place:
    """As the site says; else on the posts, the antennas of one side left and right in turn."""
    given = antenna.position_m
    if given is not None:
        return (given[0], given[1], given[2] if len(given) > 2 else DOOR_ANTENNA_HEIGHT_M)
    mates = [a for a in site.antennas if a.door == antenna.door and a.side == antenna.side]
    sign = -1.0 if mates.index(antenna) % 2 == 0 else 1.0
    depth = DOOR_ANTENNA_OUTSIDE_M if antenna.side is Side.OUTSIDE else DOOR_ANTENNA_INSIDE_M
    return (door.x + sign * door.half_width, door.y + depth, DOOR_ANTENNA_HEIGHT_M)


def _door_boresight(position: Place, door: DoorPlace, side: Side | None) -> Vector:
    """Across the opening, turned some degrees toward the side that the antenna watches."""
    sign = -1.0 if side is Side.OUTSIDE else 1.0
    across = door.x - position[0]
    yaw = math.radians(DOOR_ANTENNA_YAW_DEG)
    reach = max(abs(across), 0.3)
    target = (door.x, position[1] + sign * math.tan(yaw) * reach, 1.0)
    return _unit(np.subtract(target, position))


def _levels(site: Site) -> dict[str, int]:
    """The level of each zone: how many zones of the very same area come before it."""
    seen: dict[tuple[Point, ...], int] = {}
    levels = {}
    for zone in site.zones:
        levels[zone.id] = seen.get(zone.area, 0) if zone.area else 0
        seen[zone.area] = levels[zone.id] + 1
    return levels


def _bounds(area: tuple[Point, ...]) -> tuple[Point, Point] | None:
    if not area:
        return None
    xs, ys = [p[0] for p in area], [p[1] for p in area]
    return (min(xs), min(ys)), (max(xs), max(ys))


def _grid(corner: Point, far: Point) -> list[Point]:
    """Centres of pallet places that fill a rectangle; at least one."""

    def along(low: float, high: float) -> Iterable[float]:
        count = max(1, int((high - low) / SLOT_M + 1e-9))
        pitch = (high - low) / count
        return (low + pitch * (n + 0.5) for n in range(count))

    return [(x, y) for y in along(corner[1], far[1]) for x in along(corner[0], far[0])]


def _unit(vector: Floats) -> Vector:
    length = float(np.linalg.norm(vector)) or 1.0
    x, y, z = (float(v) / length for v in vector)
    return (x, y, z)
