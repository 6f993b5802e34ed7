"""Alive is who makes progress; ready is who can do the work."""

from __future__ import annotations

from gateway.telemetry.health import Health


class _Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_part_that_stops_moving_is_stalled_and_says_for_how_long() -> None:
    clock = _Clock()
    health = Health(clock, stall_after_s=10.0)
    clock.now_s += 9.0
    health.beat("core")
    assert health.stalled() == {}
    clock.now_s += 2.0
    assert health.stalled() == {"store": 11.0}
    health.beat("store")
    assert health.stalled() == {}


def test_the_gateway_is_ready_when_its_start_is_over_and_nothing_is_in_the_way() -> None:
    health = Health(_Clock())
    assert list(health.reasons()) == ["gateway"]
    health.not_ready("store", "The disk is full.")
    health.ready("gateway")
    assert health.reasons() == {"store": "The disk is full."}
    parts = {part.name: part.not_ready for part in health.parts()}
    assert parts == {"core": None, "store": "The disk is full."}
    health.ready("store")
    assert health.reasons() == {}


def test_beats_are_counted() -> None:
    health = Health(_Clock(), parts=("core",))
    health.beat("core")
    health.beat("core")
    assert health.beats() == {"core": 2}
