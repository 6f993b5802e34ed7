"""Sightings: the reads of one tag at one antenna in one epoch, reduced to one row.

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
        ("first_us", "<i8"),
        ("last_us", "<i8"),
        ("count", "<i4"),
        ("peak_cdbm", "<i2"),
        ("mean_cdbm", "<i2"),  # over the reports, weighted with their counts
    ]
)

Sightings = npt.NDArray[np.void]


def reduce(reads: Reads) -> Sightings:
    """One row per (tag, antenna), ordered by tag, then antenna."""
    order, starts = _groups(reads)
    rows = np.zeros(len(starts), dtype=SIGHTING)
    if not len(starts):
        return rows
    ordered = reads[order]
    counts = ordered["count"].astype(np.int64)
    rssi_cdbm = ordered["rssi_cdbm"].astype(np.int64)
    total = np.add.reduceat(counts, starts)
    rows["tag"] = ordered["tag"][starts]
    rows["antenna"] = ordered["antenna"][starts]
    rows["first_us"] = np.minimum.reduceat(ordered["first_us"], starts)
    rows["last_us"] = np.maximum.reduceat(ordered["time_us"], starts)
    rows["count"] = np.minimum(total, 2**31 - 1)
    rows["peak_cdbm"] = np.maximum.reduceat(rssi_cdbm, starts)
    rows["mean_cdbm"] = np.add.reduceat(rssi_cdbm * counts, starts) // np.maximum(total, 1)
    return rows


def coalesce(reads: Reads) -> Reads:
    """The same reads as `READ` rows, one per (tag, antenna): counts added, the peak kept."""
    order, starts = _groups(reads)
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


def _groups(reads: Reads) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """An order by (tag, antenna) and where each group starts in it."""
    keys = reads["tag"].astype(np.uint64) << np.uint64(16) | reads["antenna"].astype(np.uint64)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else order
    return order, starts
