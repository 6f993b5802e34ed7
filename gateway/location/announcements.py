"""Announcements: passages that were announced, and what became of each.

Who was told that a tag may be passing hears in the end that it did, or that nothing came of it. The
id of what was announced is that of the tag's next movement: whichever comes settles it, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gateway.location.states import TagStates
from gateway.location.tracks import Numbers, Tracks
from gateway.model.movement import Decision, Status

#: A case that is none any more may become one again for so long after the crossing.
PATIENCE_US = 8_000_000
REASON = "nothing came of it"


class Announcements:
    """Remembers what was announced of each tag until it is decided."""

    def __init__(self, states: TagStates, tracks: Tracks, doors: dict[str, int]) -> None:
        self._states, self._tracks, self._doors = states, tracks, doors
        self._told: dict[int, tuple[Decision, int, int]] = {}  # … the tag's seq, and when

    @property
    def any(self) -> bool:
        """Whether anything is announced that has not been decided."""
        return bool(self._told)

    def note(self, decisions: Iterable[Decision], end_us: int) -> None:
        """What the doors have decided just now."""
        for decision in decisions:
            if decision.status is Status.PROVISIONAL:
                seq = int(self._states.seq[decision.tag])
                self._told[decision.tag] = (decision, seq, end_us)
            else:
                self._told.pop(decision.tag, None)

    def taken_back(self, cases: Numbers, end_us: int) -> list[Decision]:
        """What has come to nothing; `cases` are the rows of tracks that were looked at."""
        over = []
        for tag, (decision, seq, told_us) in list(self._told.items()):
            if int(self._states.seq[tag]) != seq:
                del self._told[tag]  # it has moved: that movement has the id
            elif self._is_over(decision, told_us, cases, end_us):
                del self._told[tag]
                over.append(decision)
        return [
            replace(
                decision,
                status=Status.RETRACTED,
                announced=True,
                evidence=decision.evidence | {"retracted": REASON},
            )
            for decision in over
        ]

    def _is_over(self, decision: Decision, told_us: int, cases: Numbers, end_us: int) -> bool:
        door = self._doors[decision.door or ""]
        row = self._tracks.row_of(decision.tag, door)
        if row is None or int(self._tracks.settled_us[row]) > told_us:
            return True
        return row not in cases and end_us > decision.event_time_us + PATIENCE_US
