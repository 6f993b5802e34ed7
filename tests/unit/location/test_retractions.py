"""Retractions: what stood beside a door and is heard there as ever has not gone through it."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.location.coverage import Coverage
from gateway.location.retractions import Before, Retractions
from gateway.location.sightings import SIGHTING
from gateway.location.states import TagStates
from gateway.location.tracks import Tracks
from gateway.model.movement import Decision, Direction, Kind, Presence, Status
from tests.scene import SITE, START_US, S

STAGING = SITE.zone_numbers["staging"]
TOLD_S = 40
INNER, OUTER = 0, 1


class Dock:
    """One tag beside door-1, read once a second, and the retractions of its passage out."""

    def __init__(self) -> None:
        coverage = Coverage(SITE)
        self.states, self.tracks = TagStates(), Tracks(coverage)
        self.retractions = Retractions(coverage, self.states, self.tracks)
        self.states.zone[0], self.states.presence[0] = STAGING, Presence.PRESENT

    def read(self, antenna: int, dbm: float, first_s: int, last_s: int) -> None:
        for at_s in range(first_s, last_s + 1):
            sighting = np.zeros(1, dtype=SIGHTING)
            sighting["antenna"] = antenna
            sighting["last_us"] = sighting["first_us"] = time_us = START_US + at_s * S
            sighting["peak_cdbm"] = sighting["mean_cdbm"] = round(dbm * 100)
            self.tracks.advance(time_us + 1)
            self.tracks.add(sighting)
            self.states.last_us[0] = time_us

    def tell(self) -> None:
        told_us = START_US + TOLD_S * S
        row = np.array([self.tracks.row_of(0, 0)], dtype=np.intp)
        self.retractions.note(row, np.array([True]))
        self.tracks.settle(row, told_us, moved=True)
        before = Before.of(self.states, 0)
        self.states.zone[0] = SITE.zone_numbers["yard"]
        passage = Decision(
            tag=0,
            kind=Kind.MOVED,
            status=Status.CONFIRMED,
            event_time_us=told_us - 3 * S,
            from_zone="staging",
            to_zone="yard",
            door="door-1",
            direction=Direction.OUT,
        )
        self.retractions.watch(passage, before, told_us)

    def taken_back(self) -> bool:
        found: list[Decision] = []
        for half_s in range(2 * TOLD_S, 2 * TOLD_S + 13):
            end_us = START_US + half_s * S // 2
            self.tracks.advance(end_us)
            found += self.retractions.due(end_us)
        retracted = [d.status for d in found] == [Status.RETRACTED]
        return retracted and bool(self.states.zone[0] == STAGING)


@pytest.mark.parametrize(
    ("afterwards_dbm", "stays"), [(-60.0, True), (-64.0, True), (-72.0, False)]
)
def test_what_stood_there_and_is_heard_there_as_ever_did_not_go(
    afterwards_dbm: int, stays: bool
) -> None:
    dock = Dock()
    dock.read(INNER, -60.0, 1, TOLD_S - 1)
    dock.tell()
    dock.read(OUTER, -75.0, TOLD_S + 1, TOLD_S + 1)
    dock.read(INNER, afterwards_dbm, TOLD_S + 2, TOLD_S + 6)
    assert dock.taken_back() is stays


def test_what_is_heard_better_beyond_went() -> None:
    dock = Dock()
    dock.read(INNER, -60.0, 1, TOLD_S - 1)
    dock.tell()
    dock.read(OUTER, -55.0, TOLD_S + 1, TOLD_S + 1)
    dock.read(INNER, -60.0, TOLD_S + 2, TOLD_S + 6)
    assert not dock.taken_back()


def test_what_had_not_stood_there_for_long_may_have_stopped_beyond() -> None:
    dock = Dock()
    dock.read(INNER, -60.0, TOLD_S - 4, TOLD_S - 1)
    assert dock.tracks.blocks[INNER].max() < 2
    dock.tell()
    dock.read(OUTER, -75.0, TOLD_S + 1, TOLD_S + 1)
    dock.read(INNER, -60.0, TOLD_S + 2, TOLD_S + 6)
    assert not dock.taken_back()
