"""Passages through a door: direction, provisional and confirmed, and what is no passage."""

from __future__ import annotations

import pytest

from gateway.model.movement import Direction, Kind, Movement, Status
from tests.scene import Scene, seconds


def passed_one_way(scene: Scene, names: list[str], way: Direction) -> list[Movement]:
    """The passages of a load: nine tags of ten at least, each once, none the other way."""
    passed = [m for name in names for m in scene.of(name) if m.direction is not None]
    assert [m.direction for m in passed] == [way] * len(passed)
    assert len({m.epc for m in passed}) == len(passed) >= 0.9 * len(names) - 0.5
    return passed


@pytest.mark.parametrize("speed_m_s", [0.8, 1.0, 2.0, 3.0])
def test_a_load_that_drives_out_is_out(speed_m_s: float) -> None:
    scene = Scene()
    names = [f"P{n}" for n in range(10)]
    for name in names:
        scene.read(name, "dock/1", for_s=30, every_s=0.4, dbm=-66, noise_db=2)
        scene.drive(name, at_s=36, speed_m_s=speed_m_s)
    scene.run(60)
    passed = passed_one_way(scene, names, Direction.OUT)
    for moved in passed:
        assert (moved.kind, moved.from_zone, moved.to_zone) == (Kind.MOVED, "staging", "yard")
        assert abs(seconds(moved.event_time_us) - 36) < 1.0
        assert seconds(moved.record_time_us) - 36 <= 6.0
        assert moved.confidence > 0.8


def test_a_load_that_drives_in_is_in() -> None:
    scene = Scene()
    names = [f"P{n}" for n in range(10)]
    for name in names:
        scene.drive(name, at_s=5, out=False)
        scene.read(name, "dock/1", at_s=9.5, for_s=20, every_s=0.4, dbm=-66, noise_db=2)
    scene.run(40)
    for last in passed_one_way(scene, names, Direction.IN):
        assert (last.from_zone, last.to_zone) == ("yard", "staging")


def test_the_tags_of_one_load_share_a_passage() -> None:
    scene = Scene()
    for number in range(12):
        scene.read(f"P{number}", "dock/1", for_s=20, every_s=0.4, dbm=-66, noise_db=2)
        scene.drive(f"P{number}", at_s=26)
    for number in range(4):
        scene.drive(f"Q{number}", at_s=60)
    scene.run(80)
    assert len(scene.passages) == 2
    assert len(scene.passages[0].epcs) >= 11
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
    assert announced.keys() >= confirmed.keys()
    assert len(confirmed) >= 7
    for epc, sure in confirmed.items():
        early = announced[epc]
        assert early.status is Status.PROVISIONAL
        assert early.record_time_us < sure.record_time_us
        assert early.id == sure.id


def test_beams_are_told_and_make_it_no_slower() -> None:
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
        assert len(passed) >= 5
        assert bool(passed[0].evidence["sensors"]) is beams
        times.append(max(m.record_time_us for m in passed))
    assert times[1] <= times[0]


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
    passed_one_way(scene, [f"P{number}" for number in range(6)], Direction.OUT)


def test_a_load_that_came_back_unseen_goes_out_again() -> None:
    scene = Scene()
    names = [f"P{n}" for n in range(8)]
    for at_s in (6, 60):
        for name in names:
            scene.drive(name, at_s=at_s)
    scene.run(90)
    for name in names:
        moved = [m for m in scene.of(name) if m.direction is not None]
        assert [(m.direction, m.from_zone, m.to_zone) for m in moved] == [
            (Direction.OUT, "staging", "yard")
        ] * 2


def test_the_reasons_are_told_in_words() -> None:
    scene = Scene()
    for number in range(4):
        scene.read(f"P{number}", "dock/1", for_s=20, every_s=0.4, dbm=-66)
        scene.drive(f"P{number}", at_s=26)
    scene.run(40)
    evidence = next(m for m in scene.movements if m.direction).evidence
    words = [reason[0] for reason in evidence["reasons"]]
    assert "3 tags beside it moved likewise" in words
    assert {"it stood out over its own baseline", "it stood out on both sides"} & set(words)
    assert 0 <= evidence["runner_up"]["probability"] < 0.2
    assert evidence["runner_up"]["what"] == "no passage"


@pytest.mark.parametrize("out", [True, False])
def test_a_tag_that_travels_alone_passes_too(out: bool) -> None:
    scene = Scene()
    for step in range(-40, 40):
        at_s = 20.0 + step / 10
        for antenna, peak_s in (("dock/1", -0.6), ("dock/2", 0.6)):
            away_s = step / 10 - (peak_s if out else -peak_s)
            dbm = -48.0 - 7.0 * away_s**2
            if dbm > -76.0:
                scene.read("A", antenna, at_s=at_s, dbm=dbm)
    scene.run(40)
    assert scene.story("A")[-1] == f"{'out' if out else 'in'} door-1"
