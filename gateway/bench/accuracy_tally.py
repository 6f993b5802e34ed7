"""Tally: what was counted of one run of one detector, pallet by pallet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import SupportsFloat

import numpy as np
import numpy.typing as npt

#: What is counted, per pallet.
COUNTS = (
    "crossings", "found", "right_way", "readable", "readable_found", "calls", "true_calls",
    "told", "retracted", "announced", "withdrawn", "sure", "sure_right",
    "standing_h", "standing_false", "mouth_h", "mouth_false",
    "pallets", "pallets_found", "pallets_unreadable", "pallets_false",
    "loads", "loads_found", "loads_split", "passages", "passages_right",
    "zone_known", "zone_right", "zone_settled", "zone_settled_right", "flaps", "standing_days",
    "column_known", "column_right", "column_near", "carton_known", "carton_right", "carton_near",
)  # fmt: skip

#: Latencies in seconds, each with the pallet that it belongs to.
LATENCIES = ("provisional_s", "confirmed_s")


@dataclass(slots=True)
class Tally:
    """Counts per pallet, and what is not counted but collected."""

    pallets: int
    counts: dict[str, npt.NDArray[np.float64]] = field(init=False)
    latencies: dict[str, list[tuple[float, int]]] = field(init=False)
    confidences: list[tuple[float, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # The last row is for tags that are on no pallet.
        self.counts = {name: np.zeros(self.pallets + 1) for name in COUNTS}
        self.latencies = {name: [] for name in LATENCIES}

    def add(self, name: str, pallet: int, amount: SupportsFloat = 1.0) -> None:
        """Count something of a pallet, or of -1: none."""
        self.counts[name][pallet] += float(amount)

    def total(self, name: str) -> float:
        """A count over all pallets."""
        return float(self.counts[name].sum())
