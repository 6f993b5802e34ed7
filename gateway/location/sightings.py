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
        ("peak_us", "<i8"),  # of equals the last
        ("mean_cdbm", "<i2"),  # over the reports, weighted with their counts
    ]
)

Sightings = npt.NDArray[np.void]
#: Of reads that are older than others by more than this, a year, nobody asks when exactly.
_OLDEST_US = (1 << 45) - 1


def reduce(reads: Reads, epochs: npt.NDArray[np.uint16]) -> Sightings:
    """One row per (tag, antenna, epoch), in that order."""
    keys, order, starts = _groups(reads, epochs)
    rows = np.empty(len(starts), dtype=SIGHTING)
    if not len(starts):
        return rows
    rows["tag"] = keys[starts] >> np.uint64(32)
    rows["antenna"] = keys[starts] >> np.uint64(16) & np.uint64(0xFFFF)
    rows["epoch"] = keys[starts] & np.uint64(0xFFFF)
    rssi_cdbm = reads["rssi_cdbm"][order].astype(np.int64)
    time_us = reads["time_us"][order]
    counts = reads["count"][order].astype(np.int64)
    total = np.add.reduceat(counts, starts)
    rows["first_us"] = np.minimum.reduceat(reads["first_us"][order], starts)
    rows["last_us"] = np.maximum.reduceat(time_us, starts)
    rows["count"] = np.minimum(total, 2**31 - 1)
    # Power and time in one number: the most of it is the last of the strongest reads.
    newest_us = int(time_us.max())
    ages_us = np.minimum(newest_us - time_us, _OLDEST_US)
    peaks = np.maximum.reduceat(rssi_cdbm * (_OLDEST_US + 1) + (_OLDEST_US - ages_us), starts)
    rows["peak_cdbm"] = peaks // (_OLDEST_US + 1)
    rows["peak_us"] = peaks % (_OLDEST_US + 1) + (newest_us - _OLDEST_US)
    rows["mean_cdbm"] = np.add.reduceat(rssi_cdbm * counts, starts) // np.maximum(total, 1)
    return rows


def coalesce(reads: Reads) -> Reads:
    """The same reads as `READ` rows, one per (tag, antenna): counts added, the peak kept."""
    _, order, starts = _groups(reads, np.zeros(len(reads), dtype=np.uint16))
    if len(starts) == len(reads):
        return reads
    ordered = reads[order]
    rows = ordered[starts]
    counts = np.add.reduceat(ordered["count"].astype(np.int64), starts)
    rows["count"] = np.minimum(counts, 0xFFFF)
    rows["first_us"] = np.minimum.reduceat(ordered["first_us"], starts)
    rows["time_us"] = np.maximum.reduceat(ordered["time_us"], starts)
    rows["at_us"] = np.maximum.reduceat(ordered["at_us"], starts)
    rows["rssi_cdbm"] = np.maximum.reduceat(ordered["rssi_cdbm"], starts)
    return rows


def _groups(
    reads: Reads, epochs: npt.NDArray[np.uint16]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """(tag, antenna, epoch) in order as keys, the order itself, and where each group starts in it.

    The order within a group is left open: what is done with it must not depend on that.
    """
    keys = reads["tag"].astype(np.uint64) << np.uint64(16) | reads["antenna"]
    keys = keys << np.uint64(16) | epochs
    order = np.argsort(keys)
    keys = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else order
    return keys, order, starts
