"""The daemon's clock: steady whatever the host's does."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import SLEW_PPM, SystemClock

S = 1_000_000
HOUR_US = 3_600 * S
START_US = 1_732_203_600_000_000


@dataclass(slots=True)
class Host:
    """A host whose clock can be set; its monotonic clock cannot."""

    since_start_us: int = 0
    set_by_us: int = 0

    def monotonic_ns(self) -> int:
        return 17 + self.since_start_us * 1_000

    def host_ns(self) -> int:
        return (START_US + self.since_start_us + self.set_by_us) * 1_000


def clock_of(host: Host) -> SystemClock:
    return SystemClock(host.monotonic_ns, host.host_ns)


@pytest.mark.parametrize("step_us", [HOUR_US, -HOUR_US])
def test_a_step_of_the_hosts_clock_moves_no_duration(step_us: int) -> None:
    host = Host()
    clock = clock_of(host)
    before_us = clock.now_us()
    host.since_start_us += 10 * S
    host.set_by_us = step_us
    for _ in range(600):
        host.since_start_us += S // 10
        clock.now_us()
    passed_us = clock.now_us() - before_us
    assert abs(passed_us - 70 * S) <= 70 * SLEW_PPM
    assert clock.behind_us == pytest.approx(step_us, abs=S)


@pytest.mark.parametrize("off_us", [20_000, -20_000])
def test_a_small_difference_is_made_up_for(off_us: int) -> None:
    host = Host()
    clock = clock_of(host)
    host.set_by_us = off_us
    for _ in range(100):
        host.since_start_us += S
        clock.now_us()
    assert abs(clock.now_us() - host.host_ns() // 1_000) <= SLEW_PPM


@given(st.lists(st.tuples(st.integers(0, 3 * S), st.integers(-HOUR_US, HOUR_US)), max_size=60))
def test_the_time_never_goes_back(steps: list[tuple[int, int]]) -> None:
    host = Host()
    clock = clock_of(host)
    last_us = clock.now_us()
    for after_us, set_by_us in steps:
        host.since_start_us += after_us
        host.set_by_us = set_by_us
        now_us = clock.now_us()
        assert 0 <= now_us - last_us <= after_us + after_us * SLEW_PPM // S + 2
        last_us = now_us
