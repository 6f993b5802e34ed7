"""The host's clock is stepped while the gateway runs: no duration in it and no event time jumps."""

from __future__ import annotations

import math
import threading
import time

import numpy as np

from gateway.clock import SystemClock
from gateway.core import Core
from gateway.model.movement import Kind, Movement
from gateway.model.outcome import Inputs, Outcome
from gateway.model.place import Antenna, Site, Zone
from gateway.model.reads import READ
from gateway.model.tags import TagIndex
from gateway.runtime import Runtime
from gateway.telemetry.health import Health
from gateway.telemetry.metrics import Metrics
from tests.servers import wait_until

S = 1_000_000
HOUR_US = 3_600 * S
#: The host runs so many times as fast, so that a minute takes a second.
SPEED = 40
MISSING_AFTER_S = 60.0
#: A busy machine may be late by a quarter of a minute; a step would be an hour.
LATE_US = 600 * S
SITE = Site(
    id="steps",
    zones=(
        Zone(id="a", missing_after_s=MISSING_AFTER_S),
        Zone(id="b", missing_after_s=MISSING_AFTER_S),
    ),
    antennas=(
        Antenna(reader="r", port=1, zones=("a",)),
        Antenna(reader="r", port=2, zones=("b",)),
    ),
)


class Host:
    """A fast host, whose clock somebody sets."""

    def __init__(self) -> None:
        self._begun_ns = time.monotonic_ns()
        self._epoch_ns = time.time_ns()
        self.set_by_us = 0

    def monotonic_ns(self) -> int:
        """The clock that nobody sets."""
        return (time.monotonic_ns() - self._begun_ns) * SPEED

    def host_ns(self) -> int:
        """The clock that somebody sets."""
        return self.true_ns() + self.set_by_us * 1_000

    def true_ns(self) -> int:
        """What the time would be if nobody had."""
        return self._epoch_ns + self.monotonic_ns()


class Reads:
    """A driver: one tag, read twice a second at `antenna`, or nowhere."""

    def __init__(self, tags: TagIndex) -> None:
        self.antenna: int | None = 0
        self.last_us = 0
        self._tag = tags.add(b"\x30" * 12)

    def start(self) -> None:
        """Nothing to connect."""

    def drain(self, inputs: Inputs, now_us: int) -> None:
        """What was read since the last time."""
        begin_us, antenna = self.last_us or now_us, self.antenna
        times = range(begin_us + S // 2, now_us + 1, S // 2)
        if antenna is not None and times:
            reads = np.zeros(len(times), dtype=READ)
            for name in ("time_us", "first_us", "at_us"):
                reads[name] = times
            reads["tag"], reads["antenna"], reads["count"] = self._tag, antenna, 1
            reads["rssi_cdbm"], reads["phase_rad"] = -5_500, math.nan
            inputs.reads.append(reads)
        self.last_us = times[-1] if times else begin_us

    def close(self) -> None:
        """Nothing to let go."""


def test_steps_of_an_hour_move_no_timer_no_decision_and_no_stamp() -> None:
    host = Host()
    clock = SystemClock(host.monotonic_ns, host.host_ns)
    tags = TagIndex()
    driver = Reads(tags)
    told: list[tuple[int, Movement]] = []
    lock = threading.Lock()

    def submit(outcome: Outcome) -> None:
        with lock:
            told.extend((host.true_ns() // 1_000, m) for m in outcome.movements)

    metrics = Metrics(readers=["r"], sinks=[])
    runtime = Runtime(
        Core(SITE, tags), [driver], clock, submit, metrics, Health(time.monotonic),
        failed=lambda: None, tick_s=0.005,
    )  # fmt: skip
    runtime.start()
    wait_until(lambda: len(told) == 1, 10.0)
    host.set_by_us = HOUR_US
    driver.antenna = 1
    wait_until(lambda: len(told) == 2, 10.0)
    host.set_by_us = -HOUR_US
    driver.antenna = None
    left_us = driver.last_us
    wait_until(lambda: len(told) == 3, 10.0)
    host.set_by_us = HOUR_US
    driver.antenna = 0
    wait_until(lambda: len(told) == 4, 10.0)
    assert runtime.stop(5.0)
    assert runtime.failure is None
    kinds = [movement.kind for _, movement in told]
    assert kinds == [Kind.ARRIVED, Kind.MOVED, Kind.MISSING, Kind.ARRIVED]
    for true_us, movement in told:
        assert abs(movement.record_time_us - true_us) < LATE_US
        assert true_us - LATE_US < movement.event_time_us <= true_us + S
    missed_after_us = told[2][1].event_time_us - left_us
    assert abs(missed_after_us - MISSING_AFTER_S * S) < LATE_US
    events = [movement.event_time_us for _, movement in told]
    assert events == sorted(events)
