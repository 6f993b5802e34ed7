"""What the architecture asks of the gateway's figures, by setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.bench.accuracy_figures import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A bound on a figure."""

    value: float
    at_most: bool = False

    def met_by(self, figure: Figure) -> bool | None:
        """Whether the figure keeps to it; None where there was no case."""
        if figure.value is None:
            return None
        return figure.value <= self.value if self.at_most else figure.value >= self.value

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.value:g}"


_ANY_DOORS = {
    "false_per_1000_tag_hours": Target(value=10, at_most=True),
    "ece": Target(value=0.02, at_most=True),
    "sure_right": Target(value=0.995),
}
_BINS = {
    "column": Target(value=0.70),
    "carton_column": Target(value=0.93),
    "carton_column_within_1": Target(value=0.99),
    "misplaced": Target(value=0.98),
}

_NOMINAL = {
    "precision": Target(value=0.995),
    "recall_of_readable": Target(value=0.98),
    "direction": Target(value=0.998),
    "confirmed_s_p95": Target(value=6.0, at_most=True),
    "provisional_s_p50": Target(value=2.0, at_most=True),
    "pallets_found": Target(value=0.99),
    "pallets_false": Target(value=0, at_most=True),
    **_ANY_DOORS,
}
_HARD = {
    "precision": Target(value=0.98),
    "recall_of_readable": Target(value=0.92),
    "direction": Target(value=0.99),
    "pallets_found": Target(value=0.95),
    **_ANY_DOORS,
}

TARGETS: Mapping[str, Mapping[str, Target]] = {
    "nominal": _NOMINAL,
    "hard": _HARD,
    # What the same targets come to without the situations that are difficult at any dock.
    "calm": _NOMINAL,
    "calm-hard": _HARD,
    "shifted": _ANY_DOORS,
    "parked": _ANY_DOORS,
    "bells": _ANY_DOORS,
    "gates": _ANY_DOORS,
    "bins-nominal": _BINS,
    "bins-hard": _BINS,
    "rack": _BINS,
    "rack-hard": _BINS,
}
#: The gateway as it is shipped, which the targets are asked of, and after a labelled walk.
GATEWAY, CALIBRATED = "gateway", "calibrated"
#: Replay, on the nominal setting.
READS_PER_CPU_S = 200_000
