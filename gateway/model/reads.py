"""Reads as columns: one row per tag report, never one Python object per read.

`READ` is what drivers hand to the core, in order of arrival. Times are integer microseconds since
the Unix epoch; `time_us` and `first_us` are on the reader's clock as reported (a driver maps a
reader without a UTC clock), the core puts them on the gateway's clock.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

READ = np.dtype(
    [
        ("time_us", "<i8"),  # event time: when the tag was last seen in this report
        ("first_us", "<i8"),  # when it was first seen in this report; = time_us if not told
        ("at_us", "<i8"),  # arrival at the gateway, on the gateway's clock
        ("tag", "<u4"),  # TagIndex number
        ("antenna", "<u2"),  # index into Site.antennas: one antenna port of one reader
        ("count", "<u2"),  # times seen in this report, at least 1
        ("channel", "<u2"),  # channel index, 0 if not told
        ("rssi_cdbm", "<i2"),  # peak power in 1/100 dBm
        ("phase_rad", "<f4"),  # 0…2π, NaN if not told
    ]
)

#: Power that stands for "not told": low enough never to win, in 1/100 dBm.
NO_RSSI_CDBM = -12_000

_ROW = np.dtype(f"V{READ.itemsize}")

Reads = npt.NDArray[np.void]


def empty_reads(rows: int = 0) -> Reads:
    """`rows` zeroed rows of `READ`."""
    return np.zeros(rows, dtype=READ)


def joined(batches: Sequence[Reads]) -> Reads:
    """Batches of reads as one array, in their order."""
    if len(batches) == 1:
        return batches[0]
    if not batches:
        return empty_reads()
    # As plain bytes: joining a record array field by field takes many times as long.
    return np.concatenate([reads.view(_ROW) for reads in batches]).view(READ)


def in_order(batches: Sequence[Reads]) -> Reads:
    """Batches of reads as one array, in order of arrival."""
    reads = joined(batches)
    at_us = reads["at_us"]
    if (at_us[1:] < at_us[:-1]).any():
        # By numbers with `take`: `[]` picks record by record, in ten times the time.
        reads = reads.take(np.argsort(at_us, kind="stable"))
    return reads
