"""Sightings: the reads of one tag at one antenna in one epoch, reduced to one row.

Those of several epochs are made together: what it costs is more by array than by row.

All reductions are over integers (min, max, sum), so that the order of the reads inside an epoch
changes nothing, bit for bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.model.reads import Reads

SIGHTING = np.dtype(
    [
        ("tag", "<u4"),
        ("antenna", "<u2"),
        ("epoch", "<u2"),  # its place among those that are reduced together
        ("first_us", "<i8"),
        ("last_us", "<i8"),
        ("count", "<i4"),
        ("peak_cdbm", "<i2"),
        ("mean_cdbm", "<i2"),  # over the reports, weighted with their counts
        ("peak_us", "<i8"),  # of equals the last
    ]
)

Sightings = npt.NDArray[np.void]
#: Of reads that are older than others by more than this, a year, nobody asks when exactly.
_AGE_BITS = 45
_OLDEST_US = (1 << _AGE_BITS) - 1
_MOST = np.int64((1 << 63) - 1)

Groups = npt.NDArray[np.intp]
Values = npt.NDArray[np.int64]


def reduce(reads: Reads, epochs: npt.NDArray[np.uint16]) -> Sightings:
    """One row per (tag, antenna, epoch), in that order; `epochs` of the reads never go back."""
    firsts, group = _groups(reads, epochs)
    rows = np.empty(len(firsts), dtype=SIGHTING)
    if not len(firsts):
        return rows
    rows["tag"], rows["antenna"] = reads["tag"][firsts], reads["antenna"][firsts]
    rows["epoch"] = epochs[firsts]
    counts = reads["count"].astype(np.int64)
    rssi_cdbm = reads["rssi_cdbm"].astype(np.int64)
    time_us = reads["time_us"].copy()
    total = _added(group, counts, len(firsts))
    rows["first_us"] = _least(group, reads["first_us"].copy(), len(firsts))
    rows["last_us"] = _most(group, time_us, len(firsts))
    rows["count"] = np.minimum(total, 2**31 - 1)
    rows["mean_cdbm"] = _added(group, rssi_cdbm * counts, len(firsts)) // np.maximum(total, 1)
    # Power and time in one number: the most of it is the last of the strongest reads.
    newest_us = int(time_us.max())
    ages_us = np.minimum(newest_us - time_us, _OLDEST_US)
    peaks = _most(group, (rssi_cdbm << _AGE_BITS) + (_OLDEST_US - ages_us), len(firsts))
    rows["peak_cdbm"] = peaks >> _AGE_BITS
    rows["peak_us"] = (peaks & _OLDEST_US) + (newest_us - _OLDEST_US)
    return rows


def coalesce(reads: Reads) -> Reads:
    """The same reads as `READ` rows, one per (tag, antenna): counts added, the peak kept."""
    firsts, group = _groups(reads, np.zeros(len(reads), dtype=np.uint16))
    if len(firsts) == len(reads):
        return reads
    rows = reads.take(firsts)
    rows["count"] = np.minimum(_added(group, reads["count"].astype(np.int64), len(firsts)), 0xFFFF)
    rows["first_us"] = _least(group, reads["first_us"].copy(), len(firsts))
    rows["time_us"] = _most(group, reads["time_us"].copy(), len(firsts))
    rows["at_us"] = _most(group, reads["at_us"].copy(), len(firsts))
    rows["rssi_cdbm"] = _most(group, reads["rssi_cdbm"].astype(np.int64), len(firsts))
    return rows


def _groups(reads: Reads, epochs: npt.NDArray[np.uint16]) -> tuple[Groups, Groups]:
    """The first read of each (tag, antenna, epoch), in their order; and which group each is in.

    Sixteen bits at a time are put in order, from the least on: that takes no comparing.
    """
    keys = reads["tag"].astype(np.uint64) << np.uint64(16) | reads["antenna"]
    keys = keys << np.uint64(16) | epochs
    order = np.argsort((keys >> np.uint64(16)).astype(np.uint16), kind="stable")
    for bits in (32, 48):
        part = (keys >> np.uint64(bits)).astype(np.uint16)
        if part.any():
            order = order[np.argsort(part[order], kind="stable")]
    keys = keys[order]
    starts = np.ones(len(keys), dtype=np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=starts[1:])
    group = np.empty(len(keys), dtype=np.intp)
    group[order] = np.cumsum(starts) - 1
    return order[starts], group


def _least(group: Groups, values: Values, groups: int) -> Values:
    least = np.full(groups, _MOST)
    np.minimum.at(least, group, values)
    return least


def _most(group: Groups, values: Values, groups: int) -> Values:
    most = np.full(groups, -_MOST)
    np.maximum.at(most, group, values)
    return most


def _added(group: Groups, values: Values, groups: int) -> Values:
    total = np.zeros(groups, dtype=np.int64)
    np.add.at(total, group, values)
    return total
