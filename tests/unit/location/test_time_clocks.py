"""Readers' clocks: found from what arrives, and followed."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.location.clocks import ReaderClocks
from gateway.model.device import DeviceStatus, ReaderState
from gateway.model.reads import READ, Reads
from tests.scene import SITE, START_US, S

DOCK, AISLE = 0, 2  # an antenna of either reader


def reads_at(at_s: float, *lags_s: float, antenna: int = DOCK) -> Reads:
    """Reads that arrive at one time, stamped so long before."""
    reads = np.zeros(len(lags_s), dtype=READ)
    reads["at_us"] = START_US + round(at_s * S)
    reads["time_us"] = reads["at_us"] - np.round(np.array(lags_s) * S).astype(np.int64)
    reads["first_us"] = reads["time_us"]
    reads["antenna"] = antenna
    return reads


def lags_after(clocks: ReaderClocks, reads: Reads) -> list[float]:
    """How long before their arrival reads were made, on the gateway's clock."""
    clocks.correct(reads)
    return [round(lag, 3) for lag in ((reads["at_us"] - reads["time_us"]) / S).tolist()]


def told(ahead_s: float, at_s: float, reader: str = "dock") -> DeviceStatus:
    return DeviceStatus(
        reader=reader,
        state=ReaderState.UP,
        reason="test",
        time_us=START_US + round(at_s * S),
        clock_offset_us=round(ahead_s * S),
    )


@pytest.mark.parametrize("behind_s", [3.0, -3.0, -7200.0])
def test_seconds_are_found_with_the_first_reads(behind_s: float) -> None:
    clocks = ReaderClocks(SITE)
    assert lags_after(clocks, reads_at(0, behind_s, behind_s + 0.02)) == [0.0, 0.02]
    assert lags_after(clocks, reads_at(1, behind_s + 0.05)) == [0.05]
    assert clocks.ahead_us("dock") == round(-behind_s * S)
    assert clocks.ahead_us("aisle") == 0


def test_a_lag_that_reports_take_is_not_the_clocks() -> None:
    clocks = ReaderClocks(SITE)
    for at_s in range(100):
        assert lags_after(clocks, reads_at(at_s, 0.2)) == [0.2]


def test_each_reader_has_a_clock_of_its_own() -> None:
    clocks = ReaderClocks(SITE)
    lags_after(clocks, reads_at(0, 5.0))
    assert lags_after(clocks, reads_at(0.01, -2.0, antenna=AISLE)) == [0.0]
    assert lags_after(clocks, reads_at(0.2, 5.1)) == [0.1]


@pytest.mark.parametrize("drift_ppm", [20.0, -20.0])
def test_drift_is_followed(drift_ppm: float) -> None:
    clocks = ReaderClocks(SITE)
    rng = np.random.default_rng(3)
    for at_s in np.arange(0.0, 20_000.0, 1.0).tolist():
        lag_s = 2.0 - at_s * drift_ppm / 1e6 + rng.uniform(0.0, 0.05)
        reads = reads_at(at_s, lag_s)
        clocks.correct(reads)
        if at_s > 60:
            assert abs(int(reads["at_us"][0] - reads["time_us"][0])) < 55_000


def test_a_backlog_is_not_taken_for_a_slow_clock() -> None:
    clocks = ReaderClocks(SITE)
    lags_after(clocks, reads_at(0, 0.01))
    for step in range(600):  # an hour's reads within a minute
        lag_s = 3600.0 - step * 6.0
        assert lags_after(clocks, reads_at(4000 + step * 0.1, lag_s)) == [lag_s]


def test_first_reads_of_long_ago_are_left_where_they_are() -> None:
    clocks = ReaderClocks(SITE)
    for step in range(40):
        lag_s = 3600.0 - step * 90.0
        assert lags_after(clocks, reads_at(step * 0.5, lag_s)) == [lag_s]
    assert lags_after(clocks, reads_at(30, 0.02)) == [0.02]


def test_hours_off_are_found_when_the_reads_keep_their_lag() -> None:
    clocks = ReaderClocks(SITE)
    for step in range(80):
        lags_after(clocks, reads_at(step * 0.1, 3600.0 + 0.01 * (step % 3)))
    assert lags_after(clocks, reads_at(8, 3600.02)) == [0.02]


def test_a_clock_that_is_set_back_is_found_within_a_minute() -> None:
    clocks = ReaderClocks(SITE)
    for at_s in range(100):
        lags_after(clocks, reads_at(at_s, 0.0))
    for at_s in range(100, 160):
        lags_after(clocks, reads_at(at_s, 8.0))
    assert lags_after(clocks, reads_at(160, 8.0)) == [0.0]


def test_what_a_reader_tells_when_it_connects_counts_at_once() -> None:
    clocks = ReaderClocks(SITE)
    clocks.follow([told(-3600.0, 0.0)])
    assert lags_after(clocks, reads_at(0.1, 3600.0)) == [0.0]


def test_what_is_told_in_the_midst_of_a_backlog_does_not_count() -> None:
    clocks = ReaderClocks(SITE)
    clocks.follow([told(0.0, 0.0)])
    lags_after(clocks, reads_at(0.1, 0.01))
    clocks.follow([told(-1800.0, 60.0)])
    assert lags_after(clocks, reads_at(60.1, 1790.0)) == [1790.0]


def test_how_arrivals_are_cut_into_ticks_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    whole = np.concatenate(
        [
            reads_at(0.013 * n, *(4.0 + rng.uniform(-1.0, 1.0, 2)), antenna=AISLE * (n % 2))
            for n in range(1000)
        ]
    )
    pieces = whole.copy()
    ReaderClocks(SITE).correct(whole)
    clocks = ReaderClocks(SITE)
    numbers = pieces["at_us"] // 33_000
    for number in np.unique(numbers).tolist():
        part = pieces[numbers == number]
        clocks.correct(part)
        pieces[numbers == number] = part
    assert np.array_equal(whole["time_us"], pieces["time_us"])
