"""SMURF: windows that grow, are halved and begin anew, and what follows from them at a door."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.bench.baselines.smurf import CYCLES, LONGEST, Smurf, Windows
from tests.unit.bench.stories import IN_1, OUT_1, SITE, every, feed, reads, told


def windows_after(*rates: float) -> list[int]:
    """The length of one stream's window after each epoch."""
    windows, lengths = Windows(1), []
    for rate in rates:
        windows.step(np.array([rate]))
        lengths.append(int(windows.epochs[0]))
    return lengths


def test_a_window_grows_by_two_epochs_up_to_what_the_read_rate_wants() -> None:
    # ln(1/0.05) / 0.4 = 7.5: eight epochs
    assert windows_after(*[0.4] * 4) == [3, 5, 7, 8]


def test_a_tag_that_is_always_read_wants_three_epochs() -> None:
    assert windows_after(*[1.0] * 6)[-3:] == [3, 3, 3]


def test_a_tag_that_comes_is_a_change_like_one_that_goes() -> None:
    # Two epochs with reads where a rate of 1 promises three.
    assert windows_after(1.0, 1.0) == [3, 1]


def test_a_window_is_halved_when_fewer_epochs_hold_reads_than_should() -> None:
    # One of three epochs is empty, and a rate of 1 leaves no room for chance.
    assert windows_after(*[1.0] * 5, 0.0)[-2:] == [3, 1]


def test_a_missed_epoch_of_a_tag_that_is_read_seldom_is_chance() -> None:
    assert windows_after(*[0.4, 0.0] * 8, 0.0)[-3:] == [8, 8, 8]


def test_an_empty_window_is_one_epoch_long() -> None:
    assert windows_after(1.0, 1.0, 0.0, 0.0, 0.0)[-1] == 1


def test_streams_do_not_touch_each_other() -> None:
    windows = Windows(2)
    for _ in range(5):
        windows.step(np.array([1.0, 0.0]))
    assert windows.seen.tolist() == [3, 0]
    windows.fit(5)
    assert windows.epochs[:2].tolist() == [3, 1]
    assert len(windows.epochs) >= 5
    windows.step(np.append([1.0, 1.0], np.zeros(len(windows.epochs) - 2)))
    assert windows.seen[:2].tolist() == [3, 1]


def test_the_longest_window_is_that_of_one_read_cycle_an_epoch() -> None:
    assert max(windows_after(*[1 / CYCLES] * 40)) == LONGEST


def test_a_tag_moves_when_the_side_where_it_was_has_lost_it() -> None:
    inside, outside = every(0.05, 0.0, 4.0, 0, IN_1), every(0.05, 3.0, 9.0, 0, OUT_1)
    calls = feed(Smurf(SITE), reads(*inside, *outside), 9.0)
    assert len(calls) == 2
    assert calls[1].door == 0
    # Read five times an epoch, it wants three epochs; one without a read is then no chance.
    assert (calls[1].decided_us - calls[1].event_us) / 1e6 == pytest.approx(0.55, abs=0.26)
    assert told(calls)[1].startswith("out door-1 @3.95/")


def test_a_missed_second_does_not_move_a_tag_that_is_read_seldom() -> None:
    seldom = every(1.0, 0.0, 5.0, 0, IN_1) + every(1.0, 6.0, 12.0, 0, IN_1)
    stray = [(5.5, 0, OUT_1)]
    assert len(feed(Smurf(SITE), reads(*seldom, *stray), 12.0)) == 1
