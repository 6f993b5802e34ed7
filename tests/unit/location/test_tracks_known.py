"""What a door knows of a tag that it has heard before."""

from __future__ import annotations

import numpy as np

from gateway.location.coverage import Coverage
from gateway.location.sightings import SIGHTING
from gateway.location.tracks import Tracks
from tests.scene import SITE, START_US, S

BEFORE_US = np.array([START_US + 30 * S])


def heard_each_second(first_s: int, last_s: int) -> tuple[Tracks, np.ndarray]:
    tracks = Tracks(Coverage(SITE))
    for at_s in range(first_s, last_s + 1):
        sighting = np.zeros(1, dtype=SIGHTING)
        sighting["last_us"] = sighting["first_us"] = time_us = START_US + at_s * S
        sighting["peak_cdbm"] = sighting["mean_cdbm"] = -6000
        tracks.advance(time_us + 1)
        tracks.add(sighting)
    return tracks, np.array([tracks.row_of(0, 0)], dtype=np.intp)


def test_what_has_been_heard_for_long_is_known() -> None:
    tracks, row = heard_each_second(5, 40)
    assert not tracks.is_strange(row, BEFORE_US).any()


def test_what_moved_is_strange_until_its_new_level_is_known() -> None:
    tracks, row = heard_each_second(5, 40)
    tracks.settle(row, START_US + 40 * S, moved=True)
    assert tracks.is_strange(row, BEFORE_US).all()


def test_what_has_just_come_is_not_strange() -> None:
    tracks, row = heard_each_second(38, 40)
    assert not tracks.is_strange(row, BEFORE_US).any()
