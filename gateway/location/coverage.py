"""Coverage: which antennas watch which zones and doors, and which of them are known to work.

While an antenna of a zone is not known to work the zone is *blind*: silence there means nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from gateway.model.device import DeviceStatus
from gateway.model.place import Side, Site

INSIDE, OUTSIDE = 0, 1
#: A door that is watched from one side only is never surer than this.
MOST_BY_HALF = 0.8
#: Steps between zones from which on there is no way.
NO_WAY = 100

Bools = npt.NDArray[np.bool_]


class Coverage:
    """Numbers of a site's antennas, doors and zones as arrays, and their health.

    Arrays by antenna have one more row, for no antenna.
    """

    def __init__(self, site: Site) -> None:
        zones, doors, antennas = site.zone_numbers, site.door_numbers, site.antennas
        self.site = site
        self.covers = np.zeros((len(antennas) + 1, max(1, len(zones))), dtype=bool)
        self.door = np.full(len(antennas) + 1, -1, dtype=np.int16)
        self.side = np.zeros(len(antennas) + 1, dtype=np.int8)
        for number, antenna in enumerate(antennas):
            watched = list(antenna.zones)
            if antenna.door is not None:
                door = site.doors[doors[antenna.door]]
                inside = antenna.side is not Side.OUTSIDE
                self.door[number] = doors[antenna.door]
                self.side[number] = INSIDE if inside else OUTSIDE
                watched.append(door.inside if inside else door.outside)
            for zone in watched:
                self.covers[number, zones[zone]] = True
        most = max(1, int(self.covers.sum(axis=1).max()))
        self.zones = np.full((len(antennas) + 1, most), -1, dtype=np.int16)
        for number in range(len(antennas)):
            seen = np.flatnonzero(self.covers[number])
            self.zones[number, : len(seen)] = seen
        self.inside = np.array([zones[d.inside] for d in site.doors], dtype=np.int16)
        self.outside = np.array([zones[d.outside] for d in site.doors], dtype=np.int16)
        self.door_between = np.full((len(zones) + 1, len(zones) + 1), -1, dtype=np.int16)
        for number in range(len(site.doors)):
            inner, outer = self.inside[number], self.outside[number]
            self.door_between[inner, outer] = self.door_between[outer, inner] = number
        sides = np.zeros((len(site.doors), 2), dtype=bool)
        at_doors = np.flatnonzero(self.door >= 0)
        sides[self.door[at_doors], self.side[at_doors]] = True
        #: Doors that are watched from one side only, or not at all.
        self.half: Bools = np.asarray(~sides.all(axis=1))
        self._steps = _steps(site)
        by_zone = np.pad(self.covers, ((0, 0), (0, 1))).astype(np.float32)
        #: Pairs of zones that some antenna watches both; with one more row for no zone.
        self.overlap: Bools = np.asarray(by_zone.T @ by_zone > 0)
        #: Zones among which antennas overlap, so that only their differences tell zones apart.
        self.shared: Bools = np.append(self._overlapping(), False)
        self.up: Bools = np.append(np.ones(len(antennas), dtype=bool), False)
        self.up_since_us = np.zeros(len(antennas) + 1, dtype=np.int64)
        self._reader_up = dict.fromkeys(site.readers, True)
        self._port_up: dict[tuple[str, int], bool] = {}
        self.blind: Bools = np.zeros(max(1, len(zones)), dtype=bool)
        self.seeing_since_us = np.zeros(max(1, len(zones)), dtype=np.int64)

    def _overlapping(self) -> Bools:
        several = self.covers.sum(axis=0) > 1
        beside = (self.overlap[:-1, :-1] & several).any(axis=1)
        return np.asarray(beside & self.covers[self.covers.sum(axis=1) > 1].any(axis=0))

    def apply(self, statuses: Iterable[DeviceStatus], end_us: int) -> None:
        """Take changes of readers and antennas."""
        changed = False
        for status in statuses:
            if status.port is None:
                self._reader_up[status.reader] = status.up
                if status.up:  # a new connection reports its antennas anew
                    self._port_up = {
                        k: v for k, v in self._port_up.items() if k[0] != status.reader
                    }
            else:
                self._port_up[status.reader, status.port] = status.up
            changed = True
        if changed:
            self._refresh(end_us)

    def steps(
        self, zone: npt.NDArray[np.integer], other: npt.NDArray[np.integer]
    ) -> npt.NDArray[np.int16]:
        """How many steps it takes from zones to others where the site says what is adjacent.

        1 where it says nothing; `NO_WAY` where there is none.
        """
        if self._steps is None:
            return np.ones(np.broadcast_shapes(zone.shape, other.shape), dtype=np.int16)
        return np.asarray(self._steps[zone, other])

    def _refresh(self, end_us: int) -> None:
        before = self.up.copy()
        for number, antenna in enumerate(self.site.antennas):
            self.up[number] = self._reader_up.get(antenna.reader, True) and self._port_up.get(
                (antenna.reader, antenna.port), True
            )
        self.up_since_us[self.up & ~before] = end_us
        blind = np.asarray(self.covers[~self.up].any(axis=0))
        self.seeing_since_us[self.blind & ~blind] = end_us
        self.blind = blind


def _steps(site: Site) -> npt.NDArray[np.int16] | None:
    """Steps between zones by adjacency and doors; zones that are in no pair are next to all."""
    if not site.adjacency:
        return None
    numbers, count = site.zone_numbers, len(site.zones)
    neighbours: list[set[int]] = [set() for _ in range(count)]
    spoken_of = {numbers[zone] for pair in site.adjacency for zone in pair}
    for one, other in (*site.adjacency, *((d.inside, d.outside) for d in site.doors)):
        neighbours[numbers[one]].add(numbers[other])
        neighbours[numbers[other]].add(numbers[one])
    steps = np.full((count + 1, count + 1), 1, dtype=np.int16)
    among = sorted(spoken_of)
    for start in among:
        reached = {start: 0}
        edge = [start]
        while edge:
            edge = [n for zone in edge for n in neighbours[zone] if _reach(reached, n, zone)]
        steps[start, among] = [reached.get(zone, NO_WAY) for zone in among]
    return steps


def _reach(reached: dict[int, int], zone: int, before: int) -> bool:
    if zone in reached:
        return False
    reached[zone] = reached[before] + 1
    return True
