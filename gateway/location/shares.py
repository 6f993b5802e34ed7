"""Shares: of the looks that an antenna might have had of a tag, how many came.

Power differs from channel to channel. What is heard on some channels only is heard on the best of
them, so that the mean of what was read is too high; the more so, the less of it was read. Among
antennas before a shelf that is the larger part of what tells places apart.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

#: From channel to channel power differs by about this much, there and back.
FADING_DB = 5.0
#: A smaller share is not told apart from none.
LEAST_PERCENT = 2

Floats = npt.NDArray[np.float64]


def whole_dbm(dbm: Floats, share: Floats) -> Floats:
    """Mean power as it would be if all looks had come; `share` is 0…1."""
    return np.asarray(dbm - FADING_DB * _ABOVE[(share * 100.0).astype(np.intp)])


def _above(share: float) -> float:
    """By how many deviations the best `share` of a normal law is on average above its mean."""
    law = NormalDist()
    return law.pdf(law.inv_cdf(1.0 - share)) / share if share < 1.0 else 0.0


_ABOVE = np.array([_above(max(percent, LEAST_PERCENT) / 100) for percent in range(101)])
