"""Passages through a door: direction, provisional and confirmed, and what is no passage."""

from __future__ import annotations

import pytest

from gateway.model.movement import Direction, Kind, Status
from tests.scene import Scene, seconds


@pytest.mark.parametrize("speed_m_s", [0.8, 1.0, 2.0, 3.0])
def test_a_load_that_drives_out_is_out(speed_m_s: float) -> None:
    scene = Scene()
    names = [f"P{n}" for n in range(10)]
    for name in names:
        scene.read(name, "dock/1", for_s=30, every_s=0.4, dbm=-66, noise_db=2)
        scene.drive(name, at_s=36, speed_m_s=speed_m_s)
    scene.run(60)
    for name in names:
        assert scene.story(name) == ["arrived staging", "out door-1"]
        moved = scene.of(name)[1]
        assert (moved.kind, moved.from_zone, moved.to_zone) == (Kind.MOVED, "staging", "yard")
        assert abs(seconds(moved.event_time_us) - 36) < 1.0
        assert seconds(moved.record_time_us) - 36 <= 6.0
        assert moved.confidence > 0.9


def test_a_load_that_drives_in_is_in() -> None:
    scene = Scene()
    names = [f"P{n}" for n in range(10)]
    for name in names:
        scene.drive(name, at_s=5, out=False)
        scene.read(name, "dock/1", at_s=9.5, for_s=20, every_s=0.4, dbm=-66, noise_db=2)
    scene.run(40)
    for name in names:
        assert scene.story(name)[-1] == "in door-1"
        last = scene.of(name)[-1]
        assert (last.from_zone, last.to_zone, last.direction) == ("yard", "staging", Direction.IN)


def test_the_tags_of_one_load_share_a_passage() -> None:
    scene = Scene()
    for number in range(12):
        scene.read(f"P{number}", "dock/1", for_s=20, every_s=0.4, dbm=-66, noise_db=2)
        scene.drive(f"P{number}", at_s=26)
    scene.drive("Q", at_s=60)
    scene.run(80)
    assert [len(p.epcs) for p in scene.passages] == [12, 1]
    ids = {m.passage for m in scene.movements if m.direction and m.epc in scene.passages[0].epcs}
    assert ids == {scene.passages[0].id}
    assert scene.passages[0].direction is Direction.OUT


def test_a_passage_is_announced_before_it_is_sure() -> None:
    scene = Scene()
    for number in range(8):
        scene.read(f"P{number}", "dock/1", for_s=20, every_s=0.4, dbm=-66, noise_db=2)
        scene.drive(f"P{number}", at_s=26)
    scene.run(40)
    announced = {m.epc: m for m in reversed(scene.provisional)}
    confirmed = {m.epc: m for m in scene.movements if m.direction}
    assert announced.keys() == confirmed.keys()
    for epc, early in announced.items():
        assert early.status is Status.PROVISIONAL
        assert early.record_time_us < confirmed[epc].record_time_us
        assert early.id == confirmed[epc].id


def test_beams_make_it_quicker() -> None:
    times = []
    for beams in (False, True):
        scene = Scene()
        for number in range(6):
            scene.read(f"P{number}", "dock/1", for_s=20, every_s=0.4, dbm=-66, noise_db=2)
            scene.drive(f"P{number}", at_s=26)
        if beams:
            scene.sensor("door-1/inner", True, at_s=25.2)
            scene.sensor("door-1/outer", True, at_s=26.3)
        scene.run(40)
        passed = [m for m in scene.movements if m.direction]
        assert len(passed) == 6
        assert bool(passed[0].evidence["sensors"]) is beams
        times.append(max(m.record_time_us for m in passed))
    assert times[1] < times[0]


def test_a_load_parked_inside_the_door_never_passes() -> None:
    scene = Scene()
    for number in range(10):
        scene.read(f"P{number}", "dock/1", for_s=300, every_s=0.4, dbm=-60, noise_db=2)
        scene.read(f"P{number}", "dock/2", at_s=0.1, for_s=300, every_s=0.9, dbm=-68, noise_db=2)
    scene.run(300)
    assert not [m for m in scene.movements if m.direction]


def test_a_load_that_goes_out_stays_out_while_it_is_still_heard() -> None:
    scene = Scene()
    for number in range(6):
        scene.read(f"P{number}", "dock/1", for_s=20, every_s=0.4, dbm=-66, noise_db=2)
        scene.drive(f"P{number}", at_s=26)
        scene.read(f"P{number}", "dock/2", at_s=30.5, for_s=60, every_s=0.7, dbm=-68, noise_db=2)
        scene.read(f"P{number}", "dock/1", at_s=33, for_s=50, every_s=11, dbm=-75)
    scene.run(100)
    for number in range(6):
        assert scene.story(f"P{number}") == ["arrived staging", "out door-1"]


def test_the_reasons_are_told_in_words() -> None:
    scene = Scene()
    for number in range(4):
        scene.read(f"P{number}", "dock/1", for_s=20, every_s=0.4, dbm=-66)
        scene.drive(f"P{number}", at_s=26)
    scene.run(40)
    evidence = next(m for m in scene.movements if m.direction).evidence
    words = [reason[0] for reason in evidence["reasons"]]
    assert "power moved from one side to the other" in words
    assert evidence["tags_alongside"] == 3
    assert 0 <= evidence["runner_up"]["probability"] < 0.1
