"""Walls: the doors beside one hear a tag, too, and say on which side of their wall it is.

What went through a door is heard better from beyond the wall from then on, at whichever door. So a
tag that was hardly read where others passed, and is then heard behind the wall by the doors beside,
did not go with them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.location.coverage import INSIDE, OUTSIDE, Coverage
from gateway.location.tracks import Bools, Numbers, Power, Times, Tracks

#: What was read sooner than this after the crossing may belong to it.
CROSSING_US = 750_000
#: A tag is behind the wall when the doors beside hear it so much better there than any beyond.
BEHIND_DB = 6.0


def doors_of_wall(coverage: Coverage) -> Bools:
    """(doors, doors): which are in one wall with which: they lead out of or into the same zone."""
    inside, outside = coverage.inside, coverage.outside
    beside = (inside[:, None] == inside) | (outside[:, None] == outside)
    return np.asarray(beside & ~np.eye(len(inside), dtype=bool))


def is_behind(
    tracks: Tracks,
    beside: npt.NDArray[np.bool_],
    rows: Numbers,
    outward: Bools,
    crossing_us: Times,
) -> Bools:
    """Which of the tracks' tags are heard behind the wall since they are said to have crossed it.

    `beside` is what `doors_of_wall` says.
    """
    here, there = _heard_since(tracks, beside, rows, crossing_us + CROSSING_US)
    near, each = np.where(outward, INSIDE, OUTSIDE), np.arange(len(rows))
    beyond = np.maximum(here, there)[1 - near, each]
    return np.asarray(there[near, each] >= beyond + BEHIND_DB)


def _heard_since(
    tracks: Tracks, beside: npt.NDArray[np.bool_], rows: Numbers, since_us: Times
) -> tuple[Power, Power]:
    """(2, tracks): the most that was heard on each side since then, here and at doors beside."""
    starts, ends = tracks.spans(tracks.tag[rows])
    counts = ends - starts
    cases = np.repeat(np.arange(len(rows)), counts)
    places = np.arange(len(cases)) - np.repeat(np.cumsum(counts) - counts, counts)
    others = tracks.row[starts[cases] + places]
    dbm = tracks.most_since(others, since_us[cases])
    at_door = tracks.door[rows][cases], tracks.door[others]
    silent = np.full((2, len(rows)), -np.inf, dtype=np.float32)
    found = []
    for which in (others == rows[cases], beside[at_door]):
        most = silent.copy()
        for side in (INSIDE, OUTSIDE):
            np.maximum.at(most[side], cases[which], dbm[side, which])
        found.append(most)
    return found[0], found[1]
