"""Retractions: a passage that was confirmed, and then contradicted by what came after it.

A load that turns back in the door looks like one that went through until it is heard where it came
from, and only there. For a few seconds after each passage that is watched for; whoever comes back
in earnest is heard on the far side before, and that is another passage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gateway.location.coverage import INSIDE, OUTSIDE, Coverage
from gateway.location.epochs import is_turn
from gateway.location.states import TagStates
from gateway.location.tracks import BIN_US, SILENT_DBM, Tracks
from gateway.model.movement import Decision, Direction, Presence, Status

#: A passage may be taken back for so long after its decision.
WITHIN_US = 12_000_000
#: The tag must have been heard where it came from in so many quarters of a second, for so long.
LEAST_BINS = 8
LEAST_US = 3_500_000
#: About as strong as it used to be there: not from far beyond the door.
MUCH_WEAKER_DB = 6.0
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


class Retractions:
    """Watches confirmed passages for a while, and takes back what was wrong."""

    def __init__(self, coverage: Coverage, states: TagStates, tracks: Tracks) -> None:
        self._site, self._states, self._tracks = coverage.site, states, tracks
        self._watched: list[_Watched] = []

    def watch(self, decision: Decision, before: Before, end_us: int) -> None:
        """A passage has been told; only of a tag that was known to stand before the door."""
        came_from = self._site.zone_numbers.get(decision.from_zone or "", -1)
        if before.presence == Presence.PRESENT and before.zone == came_from:
            seq = int(self._states.seq[decision.tag])
            self._watched.append(_Watched(decision, before, seq, end_us))

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
            if unheard or not self._contradicted(watched.decision, end_us):
                rest.append(watched)
                continue
            taken_back.append(self._taken_back(watched))
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

    def _taken_back(self, watched: _Watched) -> Decision:
        states, tag, before = self._states, watched.decision.tag, watched.before
        states.zone[tag], states.presence[tag] = before.zone, before.presence
        states.since_us[tag], states.confidence[tag] = before.since_us, before.confidence
        states.home_us[tag] = states.last_us[tag]
        evidence = watched.decision.evidence | {"retracted": REASON}
        return replace(watched.decision, status=Status.RETRACTED, evidence=evidence)
