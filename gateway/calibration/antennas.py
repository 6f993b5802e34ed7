"""Antennas of doors: which hears better or worse than its peers, from passes through the doors.

A tag that is carried through a door passes all of its antennas at about the same distance, so that
their peaks should be alike; the median over the walks tells by how much they are not. Between
doors the loads differ, which is why their levels are believed less.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from gateway.calibration.measured import Measured
from gateway.calibration.walks import Walk, What
from gateway.model.calibration import AntennaKey
from gateway.model.place import Site

#: A median over so many walks is believed half, and the level of a door less.
HALF_BELIEVED, HALF_BELIEVED_LEVEL = 2.0, 6.0
#: Less than this is left alone: it is not worth a correction.
LEAST_DB = 1.5
MOST_DB = 15.0

Floats = npt.NDArray[np.float64]


def door_offsets(site: Site, walks: Iterable[Walk], measured: Measured) -> dict[AntennaKey, float]:
    """By how many dB each antenna of a door hears better than its peers, as far as is known."""
    antennas = {
        door.id: [n for n, a in enumerate(site.antennas) if a.door == door.id]
        for door in site.doors
    }
    passed: dict[str, list[Floats]] = defaultdict(list)  # one row per walk
    for walk in walks:
        if walk.what in (What.OUT, What.IN) and walk.door is not None:
            row = _passed(walk, antennas[walk.door], measured)
            if row is not None:
                passed[walk.door].append(row)
    level_dbm = {door: _level(np.array(rows)) for door, rows in passed.items()}
    usual_dbm = float(np.median(np.concatenate(list(level_dbm.values())))) if level_dbm else 0.0
    offsets: dict[AntennaKey, float] = {}
    for door, levels in level_dbm.items():
        count = len(passed[door])
        middle_db = (levels.mean() - usual_dbm) * count / (count + HALF_BELIEVED_LEVEL)
        apart_db = (levels - levels.mean()) * count / (count + HALF_BELIEVED)
        for number, offset_db in zip(antennas[door], apart_db + middle_db, strict=True):
            if abs(offset_db) >= LEAST_DB:
                antenna = site.antennas[number]
                limited = float(np.clip(offset_db, -MOST_DB, MOST_DB))
                offsets[antenna.reader, antenna.port] = round(limited, 1)
    return offsets


def _passed(walk: Walk, antennas: list[int], measured: Measured) -> Floats | None:
    """The peaks at a door, antenna by antenna, of a usual tag of a walk; None if hardly any."""
    peaks = [
        measured.peaks_dbm(tag, walk.begin_us, walk.end_us) for tag in measured.tags(walk.tags)
    ]
    heard = [peak[antennas] for peak in peaks if np.count_nonzero(~np.isnan(peak[antennas])) >= 2]
    if not heard:
        return None
    power = np.array(heard)
    # What was not heard is weaker than what hardly can be.
    return np.asarray(np.median(np.where(np.isnan(power), measured.weakest_dbm, power), axis=0))


def _level(passed_dbm: Floats) -> Floats:
    """What each antenna of a door usually hears of a passing tag, by (walks, antennas)."""
    apart = passed_dbm - passed_dbm.mean(axis=1, keepdims=True)
    return np.asarray(np.median(apart, axis=0) + np.median(passed_dbm.mean(axis=1)))
