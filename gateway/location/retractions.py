"""Retractions: a passage that was confirmed, and then contradicted by what came after it.

A load that turns back in the door looks like one that went through until it is heard where it came
from, and only there. For a few seconds after each passage that is watched for; whoever comes back
in earnest is heard on the far side before, and that is another passage. And what had stood beside
the door for long, and is heard there afterwards as ever, and not better beyond, has not gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gateway.location.coverage import INSIDE, OUTSIDE, Coverage
from gateway.location.epochs import TURN_US, is_turn
from gateway.location.states import TagStates
from gateway.location.tracks import BIN_US, SILENT_DBM, Bools, Numbers, Tracks
from gateway.location.walls import doors_of_wall, loudest_since
from gateway.model.movement import Decision, Direction, Presence, Status

#: A passage may be taken back for so long after its decision.
WITHIN_US = 12_000_000
#: The tag must have been heard where it came from in so many quarters of a second, for so long.
LEAST_BINS = 8
LEAST_US = 3_500_000
#: About as strong as it used to be there: not from far beyond the door.
MUCH_WEAKER_DB = 6.0
#: What had stood there for so many blocks is asked after so long whether it is heard there as ever.
STOOD_BLOCKS, STANDS_US = 2.4, 6_000_000
#: That takes so many reads there.
LEAST_LOOKS = 2
REASON = "it is read only where it came from"


@dataclass(frozen=True, slots=True)
class Before:
    """What was believed of a tag before it passed."""

    zone: int
    presence: int
    since_us: int
    confidence: float

    @classmethod
    def of(cls, states: TagStates, tag: int) -> Before:
        """What is believed of a tag now."""
        return cls(
            int(states.zone[tag]),
            int(states.presence[tag]),
            int(states.since_us[tag]),
            float(states.confidence[tag]),
        )


@dataclass(frozen=True, slots=True)
class _Watched:
    decision: Decision
    before: Before
    seq: int
    told_us: int
    usual_dbm: float | None  # where it came from, of what had stood there for long


class Retractions:
    """Watches confirmed passages for a while, and takes back what was wrong."""

    def __init__(self, coverage: Coverage, states: TagStates, tracks: Tracks) -> None:
        self._site, self._states, self._tracks = coverage.site, states, tracks
        self._beside = doors_of_wall(coverage)
        self._watched: list[_Watched] = []
        self._usual_dbm: dict[int, float] = {}

    def note(self, rows: Numbers, outward: Bools) -> None:
        """Passages are about to be told: what was usual for those that had stood there for long."""
        tracks, near = self._tracks, np.where(outward, INSIDE, OUTSIDE)
        stood = tracks.blocks[near, rows] >= STOOD_BLOCKS
        usual_dbm = tracks.usual_dbm[near, rows][stood].tolist()
        self._usual_dbm = dict(zip(tracks.tag[rows[stood]].tolist(), usual_dbm, strict=True))

    def watch(self, decision: Decision, before: Before, end_us: int) -> None:
        """A passage has been told; only of a tag that was known to stand before the door."""
        came_from = self._site.zone_numbers.get(decision.from_zone or "", -1)
        if before.presence == Presence.PRESENT and before.zone == came_from:
            seq = int(self._states.seq[decision.tag])
            usual_dbm = self._usual_dbm.get(decision.tag)
            self._watched.append(_Watched(decision, before, seq, end_us, usual_dbm))

    def may_contradict(self, decision: Decision) -> bool:
        """Whether it may yet be found that a tag has not come back, but never went."""
        return any(
            w.decision.tag == decision.tag and w.decision.from_zone == decision.to_zone
            for w in self._watched
        )

    def due(self, end_us: int) -> list[Decision]:
        """Retractions of what has turned out wrong; the tags are where they were before."""
        if not self._watched or not is_turn(end_us):
            return []
        taken_back, rest = [], []
        for watched in self._watched:
            untouched = int(self._states.seq[watched.decision.tag]) == watched.seq
            if end_us >= watched.told_us + WITHIN_US or not untouched:
                continue
            unheard = self._states.last_us[watched.decision.tag] <= watched.told_us + LEAST_US
            if not unheard and (
                self._contradicted(watched.decision, end_us) or self._stands(watched, end_us)
            ):
                taken_back.append(self._taken_back(watched))
            else:
                rest.append(watched)
        self._watched = rest
        return taken_back

    def _contradicted(self, decision: Decision, end_us: int) -> bool:
        door = self._site.door_numbers[decision.door or ""]
        row = self._tracks.row_of(decision.tag, door)
        if row is None:
            return False
        near, far = INSIDE, OUTSIDE
        if decision.direction is Direction.IN:
            near, far = far, near
        settled_us = int(self._tracks.settled_us[row])
        if self._tracks.last_us[far, row] > settled_us:
            return False
        if self._tracks.last_us[near, row] <= settled_us + LEAST_US:
            return False
        power = self._tracks.window(np.array([row]), end_us)[0][:, near, 0]
        heard = np.flatnonzero(power > SILENT_DBM)
        if len(heard) < LEAST_BINS or (len(power) - heard[0]) * BIN_US < LEAST_US:
            return False
        usual_dbm = float(self._tracks.usual_dbm[near, row])
        return float(power.max()) >= usual_dbm - MUCH_WEAKER_DB

    def _stands(self, watched: _Watched, end_us: int) -> bool:
        """Whether what had stood there for long is heard there as ever since it was told."""
        decision, told_us = watched.decision, watched.told_us
        door = self._site.door_numbers[decision.door or ""]
        row = self._tracks.row_of(decision.tag, door)
        since_us = end_us - told_us
        if watched.usual_dbm is None or row is None or not 0 <= since_us - STANDS_US < TURN_US:
            return False
        near = INSIDE if decision.direction is Direction.OUT else OUTSIDE
        power, ages_s = self._tracks.window(np.array([row]), end_us)
        now_dbm = power[ages_s * 1e6 > -since_us, near, 0]
        looks = np.count_nonzero(now_dbm > SILENT_DBM)
        if looks < LEAST_LOOKS or now_dbm.max() < watched.usual_dbm - MUCH_WEAKER_DB:
            return False
        most = loudest_since(self._tracks, self._beside, row, told_us)
        return bool(most[near] >= most[1 - near])

    def _taken_back(self, watched: _Watched) -> Decision:
        states, tag, before = self._states, watched.decision.tag, watched.before
        states.zone[tag], states.presence[tag] = before.zone, before.presence
        states.since_us[tag], states.confidence[tag] = before.since_us, before.confidence
        states.home_us[tag] = states.last_us[tag]
        evidence = watched.decision.evidence | {"retracted": REASON}
        return replace(watched.decision, status=Status.RETRACTED, evidence=evidence)
