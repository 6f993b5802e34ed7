"""Empties: something went through a door, by its two beams, and nothing was read there.

A truck that comes back without a load, a person walking through. Told late, when no tag is left
that might still turn out to have passed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from gateway.location.beams import BEAM_US, Beams
from gateway.location.coverage import INSIDE, OUTSIDE
from gateway.model.movement import Direction

#: Tags are decided upon by so long after the beams.
WAIT_US = 9_000_000
#: Breaks this close belong to the same thing: a fork, a mast, a body.
SAME_US = 500_000


class _Break(NamedTuple):
    """A beam was broken."""

    start_us: int
    side: int
    end_us: int


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
        self._judged: dict[int, set[_Break]] = {door: set() for door in beams.paired}
        self._due_us: dict[int, int] = {}  # doors with others: when the next can be judged

    @property
    def busy(self) -> bool:
        """Whether a beam was broken of late."""
        return bool(self._due_us)

    def decide(
        self, is_explained: Callable[[EmptyCrossing], bool], end_us: int
    ) -> list[EmptyCrossing]:
        """What went through long enough ago, except where something explains it."""
        found = []
        due = {door for door, at_us in self._due_us.items() if end_us >= at_us}
        for door in sorted(due | self._beams.take_stirred()):
            self._due_us.pop(door, None)
            found += [one for one in self._crossings(door, end_us) if not is_explained(one)]
        return found

    def _crossings(self, door: int, end_us: int) -> list[EmptyCrossing]:
        """What broke both beams, of what has not been judged yet and can be judged now."""
        found: list[EmptyCrossing] = []
        breaks = self._breaks(door)
        while breaks:
            first = breaks.pop(0)
            pair = next((b for b in breaks if b.side != first.side), None)
            if pair is not None and pair.start_us - first.start_us > BEAM_US:
                pair = None
            last_us = first.end_us if pair is None else max(first.end_us, pair.end_us)
            due_us = max(last_us, first.start_us + BEAM_US) + WAIT_US
            if end_us < due_us:
                self._due_us[door] = due_us
                break
            self._judged[door].add(first)
            if pair is None:
                continue
            breaks.remove(pair)
            self._judged[door].add(pair)
            if first.end_us >= pair.end_us or first.start_us == pair.start_us:
                continue  # it turned back: it left on the side on which it came
            way = Direction.OUT if first.side == INSIDE else Direction.IN
            same = found and found[-1].direction is way
            if same and first.start_us - found[-1].end_us <= SAME_US:
                found[-1] = replace(found[-1], end_us=last_us)
            else:
                new = EmptyCrossing(
                    door=door, direction=way, start_us=first.start_us, end_us=last_us
                )
                found.append(new)
        return found

    def _breaks(self, door: int) -> list[_Break]:
        """Breaks of both beams not yet judged, in order of time; until now if not yet over."""
        breaks = sorted(
            _Break(start_us, side, start_us if clear_us is None else clear_us)
            for side in (INSIDE, OUTSIDE)
            for start_us, clear_us in self._beams.breaks(door, side)
        )
        judged = self._judged[door]
        judged.intersection_update(breaks)
        return [one for one in breaks if one not in judged]
