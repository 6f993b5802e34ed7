"""Tracks: what each tag's power did at each door, and nobody else's."""

from __future__ import annotations

import numpy as np

from gateway.bench.sites import dock
from gateway.location.coverage import Coverage
from gateway.location.sightings import SIGHTING, Sightings
from gateway.location.tracks import SILENT_DBM, Tracks

NOW_US = 1_700_000_000_000_000


def sighted(tags: np.ndarray, antennas: np.ndarray, dbm: np.ndarray, at_us: int) -> Sightings:
    """Each tag read once at its antenna."""
    sightings = np.zeros(len(tags), dtype=SIGHTING)
    sightings["tag"], sightings["antenna"] = tags, antennas
    sightings["first_us"] = sightings["last_us"] = at_us
    sightings["peak_cdbm"] = dbm * 100
    return sightings


def test_each_of_many_tags_that_come_at_once_keeps_its_own_power() -> None:
    """More than there was room for: a dock full of goods when the gateway starts."""
    tracks = Tracks(Coverage(dock(1)))
    for now_us, count in ((NOW_US, 2_000), (NOW_US + 600_000_000, 5_000)):
        tags = np.arange(count)
        dbm = -40 - tags % 40
        tracks.advance(now_us)
        tracks.add(sighted(tags, np.zeros(count, dtype=int), dbm, now_us))
        rows = np.array([tracks.row_of(int(tag), 0) for tag in tags])
        assert len(set(rows.tolist())) == count
        power, _ = tracks.window(rows, now_us)
        assert np.array_equal(power[:, 0].max(axis=0), dbm)
        assert (power[:, 1] == SILENT_DBM).all()
        tracks.forget(now_us + 60_000_000)  # all are gone, and come again with others
        assert len(tracks) == 0
