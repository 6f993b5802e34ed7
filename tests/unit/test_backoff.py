"""Backoff: random below a bound that grows, is capped, and never overflows."""

from __future__ import annotations

import random

from gateway.backoff import Backoff


def test_delays_lie_below_a_doubling_bound_and_never_near_zero() -> None:
    backoff = Backoff(0.2, 30.0, random.Random(1))
    bounds = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]
    for bound in bounds:
        assert 0.1 <= backoff.next_s() <= bound


def test_the_delays_of_a_herd_spread() -> None:
    firsts = {Backoff(1.0, 10.0, random.Random(seed)).next_s() for seed in range(100)}
    assert len(firsts) == 100


def test_days_of_trying_overflow_nothing() -> None:
    backoff = Backoff(0.5, 5.0)
    assert all(0.25 <= backoff.next_s() <= 5.0 for _ in range(10_000))


def test_a_success_makes_delays_short_again() -> None:
    backoff = Backoff(0.2, 30.0)
    for _ in range(20):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 0.2


def test_a_cap_below_the_first_delay_is_kept() -> None:
    assert Backoff(10.0, 1.0).next_s() <= 1.0
