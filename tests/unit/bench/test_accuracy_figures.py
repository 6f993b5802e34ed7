"""Figures: values, and intervals that know that tags of one pallet are not independent."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.bench.accuracy_figures import expected_calibration_error, figures, wilson
from gateway.bench.accuracy_tally import Tally


def tally(calls: list[int], true_calls: list[int]) -> Tally:
    """One seed with these counts of calls per pallet."""
    made = Tally(len(calls))
    made.counts["calls"][:-1] = calls
    made.counts["true_calls"][:-1] = true_calls
    return made


def test_a_share_is_that_of_all_seeds_together() -> None:
    precision = figures([tally([10, 10], [10, 5]), tally([20], [20])])["precision"]
    assert precision.value == pytest.approx(35 / 40)
    assert precision.of == 40


def test_mistakes_that_come_by_the_pallet_widen_the_interval() -> None:
    spread = figures([tally([10] * 20, [9] * 20)])["precision"]
    lumped = figures([tally([10] * 20, [10] * 18 + [0, 0])])["precision"]
    assert spread.value == lumped.value == pytest.approx(0.9)
    assert spread.low == spread.high == pytest.approx(0.9)
    assert lumped.low is not None
    assert lumped.high is not None
    assert lumped.low < 0.8
    assert lumped.high <= 1.0


def test_where_all_pallets_agree_doubt_remains() -> None:
    precision = figures([tally([30] * 10, [30] * 10)])["precision"]
    assert precision.value == 1.0
    assert precision.low == pytest.approx(wilson(1.0, 10)[0])


def test_a_rate_of_nothing_in_ten_hours_may_be_some() -> None:
    made = Tally(1)
    made.counts["standing_h"][0] = 10.0
    rate = figures([made])["false_per_1000_tag_hours"]
    assert (rate.value, rate.low) == (0.0, 0.0)
    assert rate.high == pytest.approx(369.0)


def test_what_never_occurred_has_no_value() -> None:
    found = figures([Tally(0)])
    assert {name: figure.value for name, figure in found.items()} == dict.fromkeys(found)


def test_quantiles_of_latencies() -> None:
    made = Tally(100)
    made.latencies["confirmed_s"] = [(n / 10, n) for n in range(100)]
    found = figures([made])
    assert found["confirmed_s_p50"].value == pytest.approx(5.0)
    assert found["confirmed_s_p95"].value == pytest.approx(9.5)
    low, high = found["confirmed_s_p50"].low, found["confirmed_s_p50"].high
    assert low is not None
    assert high is not None
    assert 3.5 < low < 5.0 < high < 6.5


def test_the_same_tallies_give_the_same_figures() -> None:
    rng = np.random.default_rng(1)
    counts = rng.integers(1, 20, size=30).tolist()
    first, second = (figures([tally(counts, [n - 1 for n in counts])]) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("share", "cases", "low", "high"),
    [(1.0, 10, 0.7225, 1.0), (0.0, 10, 0.0, 0.2775), (0.5, 100, 0.4038, 0.5962)],
)
def test_wilsons_interval(share: float, cases: int, low: float, high: float) -> None:
    found = wilson(share, cases)
    assert found[0] == pytest.approx(low, abs=1e-3)
    assert found[1] == pytest.approx(high, abs=1e-3)


def test_calibration_error_is_the_gap_between_confidence_and_truth() -> None:
    honest = [(0.75, True, 0)] * 75 + [(0.75, False, 0)] * 25
    boastful = [(0.95, True, 0)] * 75 + [(0.95, False, 0)] * 25
    assert expected_calibration_error(honest).value == pytest.approx(0.0)
    assert expected_calibration_error(boastful).value == pytest.approx(0.2)
    assert expected_calibration_error([(1.0, True, 0)]).value == 0.0


def test_calibration_error_has_an_interval_over_loads() -> None:
    made = Tally(10)
    made.confidences = [(0.95, load < 7, load) for load in range(10) for _ in range(5)]
    error = figures([made, made])["ece"]
    assert error.value == pytest.approx(0.25)
    assert error.low is not None
    assert error.high is not None
    assert error.low < 0.15 < 0.35 < error.high
