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


class Coverage:
    """Numbers of a site's antennas, doors and zones as arrays, and their health."""

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
        self._up = np.ones(len(antennas), dtype=bool)
        self._reader_up = dict.fromkeys(site.readers, True)
        self._port_up: dict[tuple[str, int], bool] = {}
        self.blind: npt.NDArray[np.bool_] = np.zeros(max(1, len(zones)), dtype=bool)
        self.seeing_since_us = np.zeros(max(1, len(zones)), dtype=np.int64)

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

    def _refresh(self, end_us: int) -> None:
        for number, antenna in enumerate(self.site.antennas):
            self._up[number] = self._reader_up.get(antenna.reader, True) and self._port_up.get(
                (antenna.reader, antenna.port), True
            )
        blind = np.asarray(self.covers[:-1][~self._up].any(axis=0))
        self.seeing_since_us[self.blind & ~blind] = end_us
        self.blind = blind
