"""Tally: what was counted of one run of one detector, load by load."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import SupportsFloat

import numpy as np
import numpy.typing as npt

#: What is counted, per load.
COUNTS = (
    "crossings", "found", "right_way", "readable", "readable_found", "calls", "true_calls",
    "told", "retracted", "announced", "withdrawn", "sure", "sure_right",
    "standing_h", "standing_false", "mouth_h", "mouth_false",
    "pallets", "pallets_found", "pallets_unreadable", "pallets_false",
    "passable", "passages_found", "pallets_split", "passages", "passages_right",
    "empties", "empties_found",
    "zone_known", "zone_right", "zone_settled", "zone_settled_right", "flaps", "standing_days",
    "column_known", "column_right", "column_near", "carton_known", "carton_right", "carton_near",
    "misplaced", "misplaced_right", "misplaceable", "misplaced_told",
)  # fmt: skip

#: Latencies in seconds, each with the load that it belongs to.
LATENCIES = ("provisional_s", "confirmed_s")


@dataclass(slots=True)
class Tally:
    """Counts per load, and what is not counted but collected."""

    loads: int
    counts: dict[str, npt.NDArray[np.float64]] = field(init=False)
    latencies: dict[str, list[tuple[float, int]]] = field(init=False)
    #: (confidence, whether it was right, load)
    confidences: list[tuple[float, bool, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # The last row is for what is on no load: number -1.
        self.counts = {name: np.zeros(self.loads + 1) for name in COUNTS}
        self.latencies = {name: [] for name in LATENCIES}

    def add(self, name: str, load: int, amount: SupportsFloat = 1.0) -> None:
        """Count something of a load, or of -1: on no load."""
        self.counts[name][load] += float(amount)

    def total(self, name: str) -> float:
        """A count over all loads."""
        return float(self.counts[name].sum())
