"""Times: how long a tag must be read somewhere until it counts, by zone, reader and site."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.model.place import Site
from gateway.model.tuning import LocationTuning

#: Never: far beyond any time that occurs.
NEVER_US = np.int64(1 << 61)

_UNSET = np.int64(-1)
Times = npt.NDArray[np.int64]


class Delays:
    """A time that a zone may set, else the reader that reads there, else the site."""

    def __init__(
        self, zones: list[float | None], antennas: list[float | None], site_s: float
    ) -> None:
        self._zones, self._antennas = _us(zones), _us(antennas)
        self._site_us = np.int64(round(site_s * 1e6))

    def of(self, zones: npt.NDArray[np.integer], antennas: npt.NDArray[np.integer]) -> Times:
        """Microseconds for zones, each as read by an antenna; -1 is no zone or no antenna."""
        by_reader = np.where(self._antennas[antennas] >= 0, self._antennas[antennas], self._site_us)
        return np.where(self._zones[zones] >= 0, self._zones[zones], by_reader)


def arrive_after(site: Site, tuning: LocationTuning) -> Delays:
    """How long after its first read a tag has arrived."""
    return Delays(
        [z.arrive_after_s for z in site.zones],
        [a.arrive_after_s for a in site.antennas],
        tuning.arrive_after_s,
    )


def move_after(site: Site, tuning: LocationTuning) -> Delays:
    """How long a tag is read only at its new place until it has moved."""
    return Delays(
        [z.move_after_s for z in site.zones],
        [a.move_after_s for a in site.antennas],
        tuning.move_after_s,
    )


def limits(after_s: list[float | None]) -> Times:
    """Seconds by zone in microseconds, `NEVER_US` for None."""
    us = _us(after_s)
    return np.where(us >= 0, us, NEVER_US)


def _us(seconds: list[float | None]) -> Times:
    """With one more entry at the end, for none."""
    return np.array([_UNSET if s is None else round(s * 1e6) for s in [*seconds, None]], np.int64)
