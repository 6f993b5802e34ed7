"""What was announced ends in one of two ways: it is confirmed, or it is taken back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gateway.location.announcements import PATIENCE_US, Announcements
from gateway.location.coverage import Coverage
from gateway.location.sightings import SIGHTING
from gateway.location.states import TagStates
from gateway.location.tracks import Tracks
from gateway.model.movement import Decision, Direction, Kind, Status
from tests.scene import SITE, START_US, S, Scene

TAG = 3
EARLY = Decision(
    tag=TAG,
    kind=Kind.MOVED,
    status=Status.PROVISIONAL,
    event_time_us=START_US - S,
    from_zone="staging",
    to_zone="yard",
    door="door-1",
    direction=Direction.OUT,
)
NO_CASES = np.zeros(0, dtype=np.intp)


class Told:
    """A tag that is heard at a door, and was announced there."""

    def __init__(self) -> None:
        coverage = Coverage(SITE)
        self.states, self.tracks = TagStates(), Tracks(coverage)
        heard = np.zeros(1, dtype=SIGHTING)
        heard["tag"], heard["first_us"], heard["last_us"] = TAG, START_US, START_US
        heard["peak_cdbm"] = -5_000
        self.tracks.advance(START_US)
        self.tracks.add(heard)
        row = self.tracks.row_of(TAG, 0)
        assert row is not None
        self.rows = np.array([row])
        self.announcements = Announcements(self.states, self.tracks, SITE.door_numbers)
        self.announcements.note([EARLY], START_US)

    def after(self, later_us: int, cases: np.ndarray | None = None) -> list[Decision]:
        """What is taken back so much later."""
        rows = self.rows if cases is None else cases
        return self.announcements.taken_back(rows, START_US + later_us)


def test_a_case_that_is_given_up_is_taken_back_once_with_what_was_told() -> None:
    told = Told()
    assert told.after(S) == []
    told.tracks.settle(told.rows, START_US + 2 * S, moved=False)
    (gone,) = told.after(2 * S)
    assert gone.evidence["retracted"] == "nothing came of it"
    assert gone == replace(EARLY, status=Status.RETRACTED, announced=True, evidence=gone.evidence)
    assert told.after(3 * S) == []


def test_what_is_no_case_any_more_is_waited_for_and_then_taken_back() -> None:
    told = Told()
    assert told.after(PATIENCE_US - 2 * S, NO_CASES) == []
    assert told.after(PATIENCE_US, told.rows) == []
    assert len(told.after(PATIENCE_US, NO_CASES)) == 1


def test_what_is_not_heard_any_more_at_all_is_taken_back() -> None:
    told = Told()
    told.tracks.forget(START_US + 60 * S)
    assert told.announcements.any
    assert len(told.after(60 * S, NO_CASES)) == 1
    assert not told.announcements.any


def test_what_came_true_is_not_taken_back() -> None:
    told = Told()
    told.announcements.note([replace(EARLY, status=Status.CONFIRMED)], START_US + S)
    told.tracks.settle(told.rows, START_US + S, moved=True)
    assert told.after(S) == []


def test_the_id_of_what_was_announced_goes_to_whatever_movement_comes_next() -> None:
    told = Told()
    told.states.seq[TAG] += 1  # it was seen elsewhere
    told.tracks.settle(told.rows, START_US + S, moved=False)
    assert told.after(S) == []


def test_a_load_that_passes_is_announced_and_nothing_of_it_taken_back() -> None:
    scene = Scene()
    for number in range(8):
        scene.read(f"P{number}", "dock/1", for_s=20, every_s=0.4, dbm=-66, noise_db=2)
        scene.drive(f"P{number}", at_s=26)
    scene.run(60)
    assert scene.provisional
    assert {m.status for m in scene.provisional} == {Status.PROVISIONAL}
