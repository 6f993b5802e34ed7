"""How long to wait before the next attempt."""

from __future__ import annotations

import random

import pytest

from gateway.llrp.session_backoff import Backoff

MINUTE_US = 60_000_000


def test_waits_grow_to_ten_seconds_with_full_jitter() -> None:
    firsts, lasts = [], []
    for seed in range(300):
        backoff = Backoff(random.Random(seed))
        waits = [backoff.failed(0) for _ in range(12)]
        firsts.append(waits[0])
        lasts.append(waits[-1])
    assert 0 <= min(firsts) < 25_000
    assert 475_000 < max(firsts) <= 500_000
    assert 0 <= min(lasts) < 500_000
    assert 9_500_000 < max(lasts) <= 10_000_000


def test_a_week_of_failures_does_not_overflow() -> None:
    backoff = Backoff(random.Random(1))
    assert max(backoff.failed(0) for _ in range(100_000)) <= 10_000_000


def test_a_taken_reader_is_asked_again_after_five_to_fifteen_seconds() -> None:
    backoff = Backoff(random.Random(1))
    waits = [backoff.failed(0, occupied=True) for _ in range(300)]
    assert 5_000_000 <= min(waits) < 5_200_000
    assert 14_800_000 < max(waits) <= 15_000_000


@pytest.mark.parametrize(("lasted_us", "forgotten"), [(MINUTE_US - 1, False), (MINUTE_US, True)])
def test_a_minute_of_stability_makes_earlier_failures_forgotten(
    lasted_us: int, forgotten: bool
) -> None:
    longest = 0
    for seed in range(100):
        backoff = Backoff(random.Random(seed))
        for _ in range(10):
            backoff.failed(0)
        backoff.succeeded(1_000)
        longest = max(longest, backoff.failed(1_000 + lasted_us))
    assert (longest <= 500_000) is forgotten


def test_two_hundred_readers_that_come_back_together_are_spread_out() -> None:
    """All fail at once for 20 s; then each succeeds at its next attempt."""
    attempts: list[int] = []
    for seed in range(200):
        backoff, now_us = Backoff(random.Random(seed)), 0
        while now_us < 20_000_000:
            now_us += backoff.failed(now_us)
        attempts.append(now_us)
    per_second = [sum(s * 10**6 <= t < (s + 1) * 10**6 for t in attempts) for s in range(20, 31)]
    assert max(per_second) <= 60
    assert sorted(attempts)[197] - 20_000_000 <= 10_000_000
