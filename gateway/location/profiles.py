"""Profiles: how much weaker than its best antenna each antenna should hear a tag of a zone.

They matter where several zones are within reach of the same antennas: there the differences between
antennas tell the zones apart. A calibration may give the profile of a zone; where positions are
known physics does; else an antenna that watches a zone is taken to hear it well.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from gateway.location.coverage import Coverage
from gateway.model.calibration import NO_CALIBRATION, Calibration
from gateway.model.place import Antenna, Door, Side, Zone

#: Power over distance, per decade of metres, there and back: 40 in free space, 21 were measured in
#: a small room that scatters much.
DISTANCE_DB = 30.0
#: An antenna's gain falls off by 12 dB times the square of the angle over its beam width, on the
#: way to the tag and on the way back.
OFF_BEAM_DB = 24.0
BEAM_WIDTH_DEG = 65.0
MOST_OFF_BEAM_DB = 50.0
#: Antennas on door posts look across the opening, turned this far to the side that they watch.
DOOR_YAW = math.tan(math.radians(30.0))
#: Where a position has no height: tags on goods, antennas above them.
TAG_HEIGHT_M = 0.8
ANTENNA_HEIGHT_M = 2.2
#: A zone that is larger has no one profile.
LARGEST_M = 12.0
#: An antenna that should hear a zone so much weaker than another is not asked about it.
FAR_DB = 25.0
#: A tag that an antenna hears may be in any zone that it hears by no more than this less.
#: Where antennas overlap, goods may hide it from the nearer ones.
AUDIBLE_DB, AUDIBLE_SHARED_DB = 12.0, 20.0
#: Antennas whose silence about a zone counts, the best ones.
HEARERS = 4

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Profiles:
    """Expected power per zone and antenna, in dB relative to the zone's best; NaN: not known.

    Only zones that share antennas with others, and small ones whose antennas all have positions,
    have a profile: `has`, by zone, with one more entry for no zone. `row[zone]` is a zone's row,
    -1 for one without. `hearers` has the antennas of each row that should hear its zone well, -1
    where there are fewer; `audible` has the zones of each antenna.
    """

    def __init__(self, coverage: Coverage, calibration: Calibration = NO_CALIBRATION) -> None:
        site, measured = coverage.site, calibration.zone_power_db
        places = _Places(coverage)
        several: Bools = np.asarray(coverage.covers.sum(axis=1) > 1)
        shared = [bool(several[coverage.covers[:, n]].any()) for n in range(len(site.zones))]
        #: Zones that some antenna watches beside others; with one more entry for no zone.
        self.shared: Bools = np.array([*(shared or [False]), False])
        has = [
            shared[number] or zone.id in measured or places.are_known(number)
            for number, zone in enumerate(site.zones)
        ]
        self.has: Bools = np.array([*(has or [False]), False])
        self.any = bool(self.has.any())
        #: Antennas that watch a zone with a profile.
        self.antennas: Bools = np.asarray(coverage.covers[:, self.has[:-1]].any(axis=1))
        zones = np.flatnonzero(self.has)
        self.row = np.full(len(self.has), -1, dtype=np.intp)
        self.row[zones] = np.arange(len(zones))
        self.expected_db = np.full((max(1, len(zones)), len(site.antennas) + 1), np.nan)
        for row, zone in enumerate(zones.tolist()):
            self.expected_db[row, :-1] = self._profile(coverage, places, zone, calibration)
        ranked = np.where(np.isnan(self.expected_db), -np.inf, self.expected_db)
        best = np.argsort(-ranked, axis=1, kind="stable")[:, :HEARERS]
        well = np.isfinite(np.take_along_axis(ranked, best, axis=1))
        self.hearers = np.where(well, best, -1)
        self.audible = self._audible(coverage, zones)

    def _audible(self, coverage: Coverage, zones: npt.NDArray[np.intp]) -> npt.NDArray[np.int16]:
        """By antenna, the zones where a tag may be that it hears; -1 where there are fewer."""
        heard = coverage.covers.copy()
        weaker_db = np.where(self.shared[zones], AUDIBLE_SHARED_DB, AUDIBLE_DB)
        heard[:, zones] |= self.expected_db[: len(zones)].T + weaker_db >= 0.0
        most = max(1, int(heard.sum(axis=1).max()))
        audible = np.full((len(heard), most), -1, dtype=np.int16)
        for number, row in enumerate(heard[:-1]):
            among = np.flatnonzero(row)
            audible[number, : len(among)] = among
        return audible

    def _profile(
        self, coverage: Coverage, places: _Places, zone: int, calibration: Calibration
    ) -> Floats:
        site, watching = coverage.site, coverage.covers[:-1, zone]
        measured = calibration.zone_power_db.get(site.zones[zone].id, {})
        known = (measured.get((a.reader, a.port), math.nan) for a in site.antennas)
        profile = np.fromiter(known, np.float64, len(site.antennas))
        if np.isnan(profile[watching]).all():
            profile = np.where(self.antennas[:-1], places.expected_db(zone), math.nan)
            if np.isnan(profile[watching]).all():
                profile = np.where(watching, 0.0, math.nan)
            profile -= np.nanmax(profile[watching])
            profile[watching & np.isnan(profile)] = 0.0
        profile -= np.nanmax(profile)
        profile[profile < -FAR_DB] = math.nan
        return profile


class _Places:
    """Where antennas are and look to, and where zones are; NaN where that is not known."""

    def __init__(self, coverage: Coverage) -> None:
        site = coverage.site
        self._covers = coverage.covers[:-1]
        self._zones = np.array([_middle(z) for z in site.zones]).reshape(-1, 3)
        self._antennas = np.array([_place(a) for a in site.antennas]).reshape(-1, 3)
        doors = {door.id: door for door in site.doors}
        aims = []
        for number, antenna in enumerate(site.antennas):
            watched = [site.zone_numbers[z] for z in antenna.zones]
            if antenna.door is not None:
                door = doors[antenna.door]
                aims.append(_door_aim(self._antennas[number], door, antenna.side))
            else:
                aims.append(self._zones[watched].mean(axis=0) if watched else np.full(3, math.nan))
        self._aims = np.array(aims).reshape(-1, 3) - self._antennas

    def are_known(self, zone: int) -> bool:
        """Whether a zone is watched, and it and all that watches it have a place."""
        watching = self._covers[:, zone]
        return bool(watching.any() and np.isfinite(self.expected_db(zone)[watching]).all())

    def expected_db(self, zone: int) -> Floats:
        """By antenna, what distance and direction make of the power."""
        sight = self._zones[zone] - self._antennas
        distance_m = np.maximum(np.linalg.norm(sight, axis=1), 0.3)
        aim_m = np.maximum(np.linalg.norm(self._aims, axis=1), 0.01)
        cosine = (sight * self._aims).sum(axis=1) / (distance_m * aim_m)
        off_deg = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
        off_beam_db = np.minimum(OFF_BEAM_DB * (off_deg / BEAM_WIDTH_DEG) ** 2, MOST_OFF_BEAM_DB)
        return np.asarray(-DISTANCE_DB * np.log10(distance_m) - off_beam_db)


def _middle(zone: Zone) -> tuple[float, float, float]:
    xs, ys = [p[0] for p in zone.area], [p[1] for p in zone.area]
    if not xs or max(max(xs) - min(xs), max(ys) - min(ys)) > LARGEST_M:
        return (math.nan, math.nan, math.nan)
    return ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2, TAG_HEIGHT_M)


def _place(antenna: Antenna) -> tuple[float, float, float]:
    at = antenna.position_m
    if at is None:
        return (math.nan, math.nan, math.nan)
    return (at[0], at[1], at[2] if len(at) > 2 else ANTENNA_HEIGHT_M)


def _door_aim(antenna: Floats, door: Door, side: Side | None) -> Floats:
    """The hall is at larger y."""
    if door.position_m is None:
        return np.full(3, math.nan)
    inward = -1.0 if side is Side.OUTSIDE else 1.0
    across = max(abs(door.position_m[0] - antenna[0]), 0.3)
    y = antenna[1] + inward * DOOR_YAW * across
    return np.array([door.position_m[0], y, TAG_HEIGHT_M])
