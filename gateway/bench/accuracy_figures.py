"""Figures: what the tallies of several seeds come to, each with its interval.

Intervals hold 95 %: percentiles of a bootstrap that draws loads (pallets, loose cartons) of all
seeds together, because tags of one load are not independent. Where every load agrees (a share of 0
or 1, no event at all) the bootstrap knows no doubt: then it is Wilson's interval on the number of
loads, and for rates the most that Poisson allows when nothing was seen. Both are on the safe side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.bench.accuracy_tally import LATENCIES, Tally

DRAWS = 1000
LOW, HIGH = 0.025, 0.975
#: The normal deviate of 95 %, and the mean of a Poisson that shows nothing in 2.5 % of cases.
DEVIATE = 1.96
UNSEEN = 3.69
QUANTILES = {"p50": 0.50, "p95": 0.95}
ECE_BINS = 15

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A value with its interval; `of` is how much it rests on: the denominator. None: no case."""

    value: float | None
    low: float | None = None
    high: float | None = None
    of: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The four numbers, rounded to what they are good for."""
        return {k: None if v is None else round(v, 4) for k, v in asdict(self).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """One count over another. Shares lie between 0 and 1; rates are events per `per` hours."""

    count: str
    of: str
    per: float | None = None


RATIOS = {
    "precision": Ratio(count="true_calls", of="calls"),
    "recall": Ratio(count="found", of="crossings"),
    "readable": Ratio(count="readable", of="crossings"),
    "recall_of_readable": Ratio(count="readable_found", of="readable"),
    "direction": Ratio(count="right_way", of="found"),
    "false_per_1000_tag_hours": Ratio(count="standing_false", of="standing_h", per=1000.0),
    "false_per_1000_tag_hours_in_mouth": Ratio(count="mouth_false", of="mouth_h", per=1000.0),
    "retracted": Ratio(count="retracted", of="told"),
    "withdrawn": Ratio(count="withdrawn", of="announced"),
    "pallets_found": Ratio(count="pallets_found", of="pallets"),
    "passages_found": Ratio(count="passages_found", of="passable"),
    "pallets_split": Ratio(count="pallets_split", of="passable"),
    "passages_right": Ratio(count="passages_right", of="passages"),
    "empties_found": Ratio(count="empties_found", of="empties"),
    "sure_right": Ratio(count="sure_right", of="sure"),
    "zone": Ratio(count="zone_right", of="zone_known"),
    "zone_settled": Ratio(count="zone_settled_right", of="zone_settled"),
    "flaps_per_tag_day": Ratio(count="flaps", of="standing_days", per=1.0),
    "column": Ratio(count="column_right", of="column_known"),
    "column_within_1": Ratio(count="column_near", of="column_known"),
    "carton_column": Ratio(count="carton_right", of="carton_known"),
    "carton_column_within_1": Ratio(count="carton_near", of="carton_known"),
    "misplaced": Ratio(count="misplaced_right", of="misplaced"),
    "misplaced_told": Ratio(count="misplaced_told", of="misplaceable"),
}


def figures(tallies: Sequence[Tally]) -> dict[str, Figure]:
    """All figures of the seeds together. The same tallies give the same figures."""
    counts = {
        name: np.concatenate([tally.counts[name] for tally in tallies])
        for name in tallies[0].counts
    }
    draws = _draws(len(next(iter(counts.values()))))
    found = {name: _ratio(ratio, counts, draws) for name, ratio in RATIOS.items()}
    for name in LATENCIES:
        found |= _latencies(name, tallies, draws)
    asked = float(counts["crossings"].sum() + counts["calls"].sum()) > 0
    counts["false"] = counts["calls"] - counts["true_calls"]
    for name in ("false", "pallets_false", "pallets_unreadable"):
        found[name] = Figure(value=float(counts[name].sum()) if asked else None)
    found["ece"] = _calibration(tallies, draws)
    return found


def expected_calibration_error(
    confidences: Sequence[tuple[float, bool, int]], draws: Floats | None = None
) -> Figure:
    """Mean distance between confidence and share right, over 15 bins of confidence.

    With `draws` of loads (rows of how often each was drawn) it has an interval.
    """
    if not confidences:
        return Figure(value=None)
    confidence, right, loads = np.array(confidences, dtype=np.float64).T
    rows = loads.astype(np.int64)
    bins = np.minimum((confidence * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    off = np.zeros((int(rows.max()) + 1 if draws is None else draws.shape[1], ECE_BINS))
    np.add.at(off, (rows, bins), confidence - right)
    value = float(np.abs(off.sum(axis=0)).sum() / len(rows))
    if draws is None:
        return Figure(value=value, of=len(rows))
    drawn = np.maximum(draws @ np.bincount(rows, minlength=draws.shape[1]), 1.0)
    low, high = np.quantile(np.abs(draws @ off).sum(axis=1) / drawn, [LOW, HIGH]).tolist()
    # Of draws each bin is off by chance as well: the interval is never below the value itself.
    return Figure(value=value, low=min(low, value), high=high, of=len(rows))


def _calibration(tallies: Sequence[Tally], draws: Floats) -> Figure:
    confidences = [
        (confidence, right, first + load % (tally.loads + 1))
        for tally, first in zip(tallies, _first_rows(tallies), strict=True)
        for confidence, right, load in tally.confidences
    ]
    return expected_calibration_error(confidences, draws)


def _first_rows(tallies: Sequence[Tally]) -> list[int]:
    """Where the loads of each seed begin among those of all seeds."""
    # The last row of each is for tags of no load: -1.
    return [0, *accumulate(tally.loads + 1 for tally in tallies)][:-1]


def wilson(share: float, cases: float) -> tuple[float, float]:
    """Wilson's interval of a share that was seen in so many cases."""
    spread = DEVIATE**2 / cases
    middle = (share + spread / 2) / (1 + spread)
    half = DEVIATE / (1 + spread) * math.sqrt(share * (1 - share) / cases + spread / (4 * cases))
    return max(0.0, middle - half), min(1.0, middle + half)


def _draws(loads: int) -> Floats:
    """How often each load is drawn, one row per draw of as many as there are."""
    rng = np.random.default_rng(20_261_121)
    return rng.multinomial(loads, np.full(loads, 1 / loads), size=DRAWS).astype(np.float64)


def _ratio(ratio: Ratio, counts: dict[str, Floats], draws: Floats) -> Figure:
    count, of = counts[ratio.count], counts[ratio.of]
    total, whole = float(count.sum()), float(of.sum())
    if whole <= 0.0:
        return Figure(value=None)
    scale = 1.0 if ratio.per is None else ratio.per
    value = total / whole * scale
    if ratio.per is not None and total == 0.0:
        return Figure(value=0.0, low=0.0, high=UNSEEN / whole * scale, of=whole)
    if ratio.per is None and total in (0.0, whole):
        low, high = wilson(value, int(np.count_nonzero(of)))
        return Figure(value=value, low=low, high=high, of=whole)
    drawn_of = draws @ of
    some = drawn_of > 0
    low, high = np.quantile((draws @ count)[some] / drawn_of[some] * scale, [LOW, HIGH]).tolist()
    return Figure(value=value, low=low, high=high, of=whole)


def _latencies(name: str, tallies: Sequence[Tally], draws: Floats) -> dict[str, Figure]:
    values: list[float] = []
    loads: list[int] = []
    for tally, first in zip(tallies, _first_rows(tallies), strict=True):
        values += [value for value, _ in tally.latencies[name]]
        loads += [first + load % (tally.loads + 1) for _, load in tally.latencies[name]]
    if not values:
        return {f"{name}_{quantile}": Figure(value=None) for quantile in QUANTILES}
    order = np.argsort(values, kind="stable")
    ordered = np.array(values)[order]
    weights = draws[:, np.array(loads)[order]].cumsum(axis=1)
    found = {}
    for quantile, share in QUANTILES.items():
        at = (weights <= share * weights[:, -1:]).sum(axis=1)
        drawn = ordered[np.minimum(at, len(ordered) - 1)]
        low, high = np.quantile(drawn, [LOW, HIGH]).tolist()
        value = ordered[min(int(share * len(ordered)), len(ordered) - 1)]
        found[f"{name}_{quantile}"] = Figure(
            value=float(value), low=low, high=high, of=len(ordered)
        )
    return found
