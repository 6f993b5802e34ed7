"""What a tag report becomes: one row of `REPORT`, never one Python object."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

#: One tag report. Fields are reached by name; the order keeps the wide ones aligned.
REPORT = np.dtype(
    [
        ("first_us", "<i8"),  # first seen, on the reader's clock; last_us if only that was sent
        ("last_us", "<i8"),  # last seen; first_us if only that was sent; 0 if no stamp was sent
        ("at_us", "<i8"),  # when the message was complete here, as the caller of feed() said
        ("phase_rad", "<f4"),  # 0…2π, NaN if not sent
        ("source", "<u2"),  # the caller's number of the reader
        ("antenna", "<u2"),  # LLRP AntennaID; if not sent the source's last one, 0 if never sent
        ("count", "<u2"),  # times seen, at least 1
        ("channel", "<u2"),  # ChannelIndex, 0 if not sent
        ("rssi_cdbm", "<i2"),  # peak power in 1/100 dBm, NO_RSSI_CDBM if not sent
        ("uptime", "?"),  # the stamps count from the reader's start, not from 1970
    ],
    align=True,
)
Rows = npt.NDArray[np.void]

#: Power that stands for "not sent", in 1/100 dBm.
NO_RSSI_CDBM = -12_000

#: Impinj counts a phase in 4096 steps of a turn. A table, so that every path rounds alike.
PHASE_STEPS = 4096
PHASES_RAD = (np.arange(PHASE_STEPS) * (math.tau / PHASE_STEPS)).astype("<f4")
