"""Walls: the doors beside one hear a tag, too, and say on which side of their wall it is.

What goes through a door is heard better from before the wall until then, and better from beyond it
from then on, at whichever door. So what the doors beside have heard beyond the wall already does
not pass now; and a tag that was hardly read where others passed, and is then heard behind the wall
by the doors beside, did not go with them.
"""

from __future__ import annotations

import numpy as np

from gateway.location.coverage import INSIDE, OUTSIDE, Coverage
from gateway.location.times import NEVER_US
from gateway.location.tracks import SILENT_DBM, Bools, Numbers, Power, Times, Tracks

#: What was read so shortly after or before the crossing may belong to it.
AFTER_US, BEFORE_US = 750_000, 2_000_000
#: A tag is on the side of the wall on which the doors beside hear it so much better.
CLEARLY_DB = 6.0


def doors_of_wall(coverage: Coverage) -> Bools:
    """(doors, doors): which are in one wall with which: they lead out of or into the same zone."""
    inside, outside = coverage.inside, coverage.outside
    beside = (inside[:, None] == inside) | (outside[:, None] == outside)
    return np.asarray(beside & ~np.eye(len(inside), dtype=bool))


def zones_of_wall(coverage: Coverage) -> Bools:
    """(doors, 2, zones): which zones lie inside and outside of each door's wall."""
    each = np.arange(len(coverage.inside))
    walls = doors_of_wall(coverage) | (each[:, None] == each)
    ends = np.zeros((2, len(each), len(coverage.blind)), dtype=bool)
    ends[INSIDE, each, coverage.inside] = ends[OUTSIDE, each, coverage.outside] = True
    sides = (walls.astype(np.intp) @ ends.astype(np.intp)) > 0
    return np.asarray((sides & ~sides[::-1]).swapaxes(0, 1))


def is_behind(
    tracks: Tracks, beside: Bools, rows: Numbers, outward: Bools, crossing_us: Times
) -> Bools:
    """Which tags are heard behind the wall since they are said to have crossed it at `rows`.

    `beside` is what `doors_of_wall` says.
    """
    now_us = np.full_like(crossing_us, NEVER_US)
    near = np.where(outward, INSIDE, OUTSIDE)
    return _is_at(tracks, beside, rows, near, crossing_us + AFTER_US, now_us)


def was_beyond(
    tracks: Tracks, beside: Bools, rows: Numbers, outward: Bools, crossing_us: Times
) -> Bools:
    """Which tags were heard beyond the wall before they are said to have crossed it."""
    far = np.where(outward, OUTSIDE, INSIDE)
    return _is_at(tracks, beside, rows, far, np.zeros_like(crossing_us), crossing_us - BEFORE_US)


def loudest_since(tracks: Tracks, beside: Bools, row: int, since_us: int) -> Power:
    """(2,): the most that this door and those beside heard of a track's tag on each side."""
    starts, ends = tracks.spans(tracks.tag[[row]])
    rows = tracks.row[starts[0] : ends[0]]
    rows = rows[beside[tracks.door[row], tracks.door[rows]] | (rows == row)]
    since = np.full(len(rows), since_us)
    return np.asarray(tracks.most_between(rows, since, np.full(len(rows), NEVER_US)).max(axis=1))


def _is_at(
    tracks: Tracks, beside: Bools, rows: Numbers, sides: Numbers, since_us: Times, until_us: Times
) -> Bools:
    """Whether the doors beside heard each tag on this side far better than any did on the other."""
    starts, ends = tracks.spans(tracks.tag[rows])
    counts = ends - starts
    cases = np.repeat(np.arange(len(rows)), counts)
    places = np.arange(len(cases)) - np.repeat(np.cumsum(counts) - counts, counts)
    others = tracks.row[starts[cases] + places]
    dbm = tracks.most_between(others, since_us[cases], until_us[cases])
    pairs = np.arange(len(cases))
    aside = beside[tracks.door[rows][cases], tracks.door[others]]
    here = np.where(aside, dbm[sides[cases], pairs], SILENT_DBM)
    there = np.where(aside | (others == rows[cases]), dbm[1 - sides[cases], pairs], SILENT_DBM)
    most = np.full((2, len(rows)), SILENT_DBM)
    np.maximum.at(most[0], cases, here)
    np.maximum.at(most[1], cases, there)
    return np.asarray(most[0] >= most[1] + CLEARLY_DB)
