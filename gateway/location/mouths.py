"""Mouths: tags that stand in the mouth of a door are read from both sides, and go nowhere.

They are heard now more from one side and now more from the other, so that for seconds only the far
side may read them. That alone does not mean that they went through.
"""

from __future__ import annotations

import numpy as np

from gateway.location.coverage import INSIDE, OUTSIDE
from gateway.location.tracks import BIN_US, OPEN_DB, SILENT_DBM, Bools, Numbers, Tracks

#: What a tag's power on the far side is now is asked of so many bins.
SIGHT_BINS = 24
#: A tag is not beyond a door where it is heard so much weaker than it used to be before it.
MUCH_WEAKER_DB = 15.0
#: A tag that went through may have been heard on both sides for so long meanwhile.
CROSSING_US = 3_000_000
#: Silence on the near side says something when this many reads should have been made meanwhile …
EXPECTED_READS = 5.0
#: … and is believed without any other sign after this time and so many.
LONG_SILENCE_US, LONG_EXPECTED_READS = 60_000_000, 40.0


def stands_in_mouth(
    tracks: Tracks, tags: Numbers, doors: Numbers, outward: Bools, end_us: int
) -> Bools:
    """Tags read only beyond a door of late, of which nothing says that they went through.

    Such a tag has moved only if it became stronger than usual on the far side and the near side has
    been silent for longer than chance explains. Long silence is believed in the end.
    """
    found = map(tracks.row_of, tags.tolist(), doors.tolist())
    rows = np.array([-1 if row is None else row for row in found], dtype=np.intp)
    far = np.where(outward, OUTSIDE, INSIDE)
    near = 1 - far
    power, _ = tracks.window(rows, end_us)
    recent_dbm = power[-SIGHT_BINS:].max(axis=0)[far, np.arange(len(rows))]
    usual_far, usual_near = tracks.usual_dbm[far, rows], tracks.usual_dbm[near, rows]
    new_there = tracks.first_us[far, rows] > tracks.last_us[near, rows] - CROSSING_US
    unknown = tracks.blocks[near, rows] < 1.0
    audible = unknown | (recent_dbm >= usual_near - MUCH_WEAKER_DB)
    risen = np.where(new_there, audible, recent_dbm >= usual_far + OPEN_DB)
    risen |= recent_dbm <= SILENT_DBM  # it is heard further in, and not at the door any more
    silent_us = end_us - tracks.last_us[near, rows]
    expected = tracks.often[near, rows] * (silent_us / BIN_US)
    gone = unknown | (expected >= EXPECTED_READS)
    long_gone = (silent_us >= LONG_SILENCE_US) & (expected >= LONG_EXPECTED_READS)
    return np.asarray((rows >= 0) & ~(risen & gone) & ~long_gone)
