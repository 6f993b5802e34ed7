"""Time: reads enter where they belong, whenever they arrive, whatever the reader says."""

from __future__ import annotations

import pytest

from gateway.model.device import ReaderState
from tests.scene import Scene, seconds


@pytest.mark.parametrize("ahead_s", [0.15, 4.0, -4.0, 3600.0])
def test_movements_have_the_gateways_time_whatever_the_readers_clock(ahead_s: float) -> None:
    scene = Scene()
    scene.read("A", "aisle/1", at_s=1, for_s=20, every_s=0.2, ahead_s=ahead_s)
    scene.read("A", "dock/1", at_s=22, for_s=8, every_s=0.2)
    scene.run(40)
    assert scene.story("A") == ["arrived bin-1", "moved staging"]
    arrived, moved = scene.of("A")
    assert seconds(arrived.event_time_us) == pytest.approx(1.0, abs=0.05)
    assert seconds(arrived.record_time_us) <= 6.0
    assert seconds(moved.event_time_us) == pytest.approx(22.0, abs=0.3)


def test_nothing_happens_in_the_future() -> None:
    scene = Scene()
    scene.read("A", "aisle/1", at_s=1, for_s=5, every_s=0.5)
    scene.read("A", "aisle/2", at_s=8, for_s=8, every_s=0.5, ahead_s=120.0)
    scene.run(30)
    assert [seconds(m.event_time_us) for m in scene.of("A")] == [1.0, 8.0]


def outage(scene: Scene, start_s: float, end_s: float) -> None:
    """The aisle's reader cannot be reached, and keeps what it reads."""
    scene.status("aisle", ReaderState.DOWN, at_s=start_s)
    scene.status("aisle", ReaderState.UP, at_s=end_s)


def drain(scene: Scene, tag: str, antenna: str, start_s: float, end_s: float, at_s: float) -> None:
    """An hour or so of buffered reads of a tag, arriving within a few seconds."""
    for n in range(200):
        read_s = start_s + (end_s - start_s) * n / 200
        scene.read(tag, antenna, at_s=read_s, late_s=at_s + n / 40 - read_s)


def test_an_hour_of_buffered_reads_makes_no_arrival_now() -> None:
    scene = Scene()
    scene.read("B", "aisle/2", at_s=0, for_s=10)
    outage(scene, 60, 1000)
    drain(scene, "A", "aisle/1", 100, 900, at_s=1000)
    drain(scene, "B", "aisle/2", 100, 1000, at_s=1000)
    scene.read("B", "aisle/2", at_s=1005, for_s=10)
    scene.run(1020)
    assert scene.story("A") == ["arrived bin-1"]
    assert seconds(scene.of("A")[0].event_time_us) == 100.0
    assert scene.story("B") == ["arrived bin-2"]


def test_a_tag_that_moved_while_its_reads_were_held_back_moved_then() -> None:
    scene = Scene()
    scene.read("A", "aisle/1", at_s=0, for_s=60)
    scene.read("B", "aisle/2", at_s=0, for_s=60)
    outage(scene, 65, 1000)
    drain(scene, "A", "aisle/2", 100, 1000, at_s=1000)
    scene.read("A", "aisle/2", at_s=1005, for_s=10)
    scene.run(1020)
    assert scene.story("A") == ["arrived bin-1", "moved bin-2"]
    assert seconds(scene.of("A")[1].event_time_us) == pytest.approx(100.0, abs=1.0)


def test_old_reads_do_not_bring_a_tag_back() -> None:
    scene = Scene()
    scene.read("A", "dock/2", at_s=0, for_s=5)  # departs after 300 s
    scene.read("B", "aisle/1", at_s=0, for_s=450)
    drain(scene, "A", "aisle/1", 50, 200, at_s=400)
    scene.run(450)
    assert scene.story("A") == ["arrived yard", "departed yard"]


@pytest.mark.parametrize("after_s", [0.4, 3.0, 30.0])
def test_copies_after_a_reconnect_count_once(after_s: float) -> None:
    scene = Scene()
    scene.read("A", "aisle/1", at_s=0, for_s=20, every_s=0.2)
    scene.read("A", "aisle/1", at_s=15, for_s=5, every_s=0.2, late_s=after_s)
    scene.read("A", "aisle/1", at_s=60, for_s=20, every_s=0.2)
    scene.run(90)
    assert scene.core is not None
    assert scene.core.counts.duplicates == 26
    assert scene.story("A") == ["arrived bin-1"]
