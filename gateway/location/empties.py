"""Empties: something went through a door, by its two beams, and nothing was read there.

A truck that comes back without a load, a person walking through. Told late, when no tag is left
that might still turn out to have passed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.location.beams import BEAM_US, Beams
from gateway.location.coverage import INSIDE, OUTSIDE
from gateway.model.movement import Direction

#: Tags are decided upon by so long after the beams.
WAIT_US = 9_000_000
#: Breaks this close belong to the same thing: a fork, a mast, a body.
SAME_US = 1_500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyCrossing:
    """Both beams of a door were broken, one after the other."""

    door: int
    direction: Direction
    start_us: int
    end_us: int


class Empties:
    """Pairs what broke the two beams of each door."""

    def __init__(self, beams: Beams) -> None:
        self._beams = beams
        self._done_us = dict.fromkeys(beams.paired, 0)  # breaks until then have been judged
        self._open: set[int] = set()  # doors with others

    @property
    def busy(self) -> bool:
        """Whether a beam was broken of late."""
        return bool(self._open)

    def decide(
        self, is_explained: Callable[[EmptyCrossing], bool], end_us: int
    ) -> list[EmptyCrossing]:
        """What went through long enough ago, except where something explains it."""
        found = []
        doors = sorted(self._open | self._beams.take_stirred())
        self._open.clear()
        for door in doors:
            while (crossing := self._next(door, end_us)) is not None:
                self._done_us[door] = crossing.end_us
                if not is_explained(crossing):
                    found.append(crossing)
        return found

    def _next(self, door: int, end_us: int) -> EmptyCrossing | None:
        """The first pair of breaks not yet judged, when it can be judged now."""
        while True:
            breaks = self._breaks(door)
            if not breaks:
                return None
            first_us, side, _ = breaks[0]
            pair_us = next(
                (b[0] for b in breaks if b[1] != side and b[0] - first_us <= BEAM_US), None
            )
            if pair_us is not None:
                break
            if end_us - first_us <= BEAM_US + WAIT_US:
                self._open.add(door)
                return None
            self._done_us[door] = first_us  # nothing came of it
        if end_us - pair_us < WAIT_US:
            self._open.add(door)
            return None
        last_us = first_us
        for broken_us, _, clear_us in breaks:
            if broken_us <= max(pair_us, last_us + SAME_US):
                last_us = max(last_us, clear_us)
        way = Direction.OUT if side == INSIDE else Direction.IN
        return EmptyCrossing(door=door, direction=way, start_us=first_us, end_us=last_us)

    def _breaks(self, door: int) -> list[tuple[int, int, int]]:
        """Breaks of both beams not yet judged, in order: when, on which side, when it was over."""
        done_us = self._done_us[door]
        return sorted(
            (broken_us, side, broken_us if clear_us is None else clear_us)
            for side in (INSIDE, OUTSIDE)
            for broken_us, clear_us in self._beams.breaks(door, side)
            if broken_us > done_us
        )
