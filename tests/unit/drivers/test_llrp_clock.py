"""What readers' clocks are ahead of ours."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from gateway.drivers.llrp_clock import SPAN_US, ClockOffsets


def observe(clock: ClockOffsets, now_us: int, **ahead_us: int) -> None:
    """Stamps of sources `s0`, `s1`, …, each as far ahead as given."""
    sources = np.array([int(name[1:]) for name in ahead_us])
    clock.observe(sources, np.array(list(ahead_us.values()), np.int64), now_us)


def test_the_stamp_that_was_delayed_least_tells_the_offset() -> None:
    clock = ClockOffsets(2)
    assert not clock.known.any()
    observe(clock, 0, s0=-500_000)
    observe(clock, 1, s0=-3_000)
    observe(clock, 2, s0=-90_000)
    assert clock.ahead_us.tolist() == [-3_000, 0]
    assert clock.known.tolist() == [True, False]


def test_a_clock_that_is_set_back_is_noticed_within_a_minute() -> None:
    clock = ClockOffsets(1)
    observe(clock, 0, s0=0)
    for now_us in range(1_000_000, 2 * SPAN_US + 2_000_000, 1_000_000):
        observe(clock, now_us, s0=-7_000_000)
    assert clock.ahead_us.tolist() == [-7_000_000]


def test_a_clock_that_is_set_ahead_is_noticed_at_once() -> None:
    clock = ClockOffsets(1)
    observe(clock, 0, s0=0)
    observe(clock, 1, s0=7_000_000)
    assert clock.ahead_us.tolist() == [7_000_000]


def test_silence_does_not_make_a_clock_unknown() -> None:
    clock = ClockOffsets(2)
    observe(clock, 0, s0=5_000)
    for now_us in range(SPAN_US, 10 * SPAN_US, SPAN_US):
        observe(clock, now_us, s1=1)
    assert clock.ahead_us[0] == 5_000
    assert clock.known[0]


def test_a_fresh_stamp_outweighs_what_was_seen_before() -> None:
    clock = ClockOffsets(1)
    observe(clock, 0, s0=9_000_000)
    clock.restart(0, -4_000)
    observe(clock, 1, s0=-3_600_000_000)  # held back for an hour
    assert clock.ahead_us.tolist() == [-4_000]
    clock.forget(0)
    assert not clock.known[0]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-(10**12), 10**12)), min_size=1))
def test_many_at_once_are_as_many_one_by_one(samples: list[tuple[int, int]]) -> None:
    together, apart = ClockOffsets(4), ClockOffsets(4)
    sources, ahead_us = (np.array(column) for column in zip(*samples, strict=True))
    together.observe(sources, ahead_us, 5)
    for source, ahead in samples:
        observe(apart, 5, **{f"s{source}": ahead})
    assert together.ahead_us.tolist() == apart.ahead_us.tolist()
    assert together.known.tolist() == apart.known.tolist()
