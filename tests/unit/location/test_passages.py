"""Passages: which tags are one load, what is told of it and when, and what passes empty."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from gateway.model.movement import Direction, Movement, Status
from gateway.model.passage import Passage
from tests.scene import SITE, Scene, epc_of, seconds


def load(scene: Scene, prefix: str, *, at_s: float, out: bool = True, tags: int = 8) -> None:
    """A load that stands on one side of the door for a while, then drives through."""
    for number in range(tags):
        if out:
            scene.read(
                f"{prefix}{number}", "dock/1", at_s=at_s - 26, for_s=20, every_s=0.4, dbm=-66,
                noise_db=2,
            )  # fmt: skip
        scene.drive(f"{prefix}{number}", at_s=at_s, out=out)


def beams(scene: Scene, inner_s: float, outer_s: float, *, broken_for_s: float = 1.0) -> None:
    for sensor, at_s in (("door-1/inner", inner_s), ("door-1/outer", outer_s)):
        scene.sensor(sensor, True, at_s=at_s)
        scene.sensor(sensor, False, at_s=at_s + broken_for_s)


def through_doors(scene: Scene) -> list[Movement]:
    return [m for m in scene.movements if m.door is not None]


def names(passage: Passage, prefix: str) -> int:
    """How many tags whose name begins so are in a passage."""
    return sum(bytes.fromhex(epc)[1:].decode().startswith(prefix) for epc in passage.epcs)


def test_two_loads_one_after_the_other_are_two_passages() -> None:
    scene = Scene()
    load(scene, "P", at_s=30)
    load(scene, "Q", at_s=40)
    first, second = scene.run(60).passages
    assert (names(first, "Q"), names(second, "P")) == (0, 0)
    assert min(names(first, "P"), names(second, "Q")) >= 7
    assert abs(seconds(first.event_time_us) - 30) < 1
    assert abs(seconds(second.event_time_us) - 40) < 1


def test_loads_that_meet_in_the_door_are_two_passages() -> None:
    scene = Scene()
    load(scene, "P", at_s=30)
    load(scene, "Q", at_s=30.5, out=False)
    scene.run(50)
    ways = {p.direction: p for p in scene.passages}
    assert len(scene.passages) == len(ways) == 2
    assert names(ways[Direction.OUT], "P") >= 6
    assert names(ways[Direction.IN], "Q") >= 6
    assert names(ways[Direction.OUT], "Q") == names(ways[Direction.IN], "P") == 0


def test_the_beams_tell_loads_apart_that_follow_each_other() -> None:
    def passages(*, with_beams: bool) -> list[int]:
        scene = Scene()
        for prefix, at_s in (("P", 30.0), ("Q", 33.4)):
            load(scene, prefix, at_s=at_s)
            if with_beams:
                beams(scene, at_s - 0.7, at_s - 0.1, broken_for_s=1.5)
        return [len(p.epcs) for p in scene.run(60).passages]

    assert len(passages(with_beams=False)) == 1
    first, second = passages(with_beams=True)
    assert min(first, second) >= 6


def test_every_movement_through_a_door_is_listed_by_its_passage() -> None:
    scene = Scene()
    for number, at_s in enumerate((30.0, 36.0, 55.0, 56.5)):
        load(scene, "PQRS"[number], at_s=at_s, out=number != 1, tags=4)
    scene.run(90)
    listed = {p.id: p for p in scene.passages}
    moved = through_doors(scene)
    assert len(moved) >= 14
    assert all(m.epc in listed[m.passage or ""].epcs for m in moved)
    assert sum(len(p.epcs) for p in scene.passages) == len(moved)


def test_a_passage_is_told_from_its_first_tag_on_and_keeps_its_id() -> None:
    scene = Scene()
    load(scene, "P", at_s=30)
    scene.run(50)
    (final,) = scene.passages
    told = scene.provisional_passages
    assert {p.id for p in told} == {final.id}
    assert {p.status for p in told} == {Status.PROVISIONAL}
    assert told[0].record_time_us == min(m.record_time_us for m in scene.provisional)
    assert seconds(told[0].record_time_us) - 30 < 3
    assert set(told[-1].epcs) == set(final.epcs)
    assert final.status is Status.CONFIRMED
    assert final.record_time_us > max(m.record_time_us for m in through_doors(scene))
    assert {m.passage for m in scene.provisional} == {final.id}


@pytest.mark.parametrize("tick_s", [0.02, 0.1])
def test_passages_do_not_depend_on_the_tick(tick_s: float) -> None:
    def told(tick_s: float) -> list[tuple[object, ...]]:
        scene = Scene()
        load(scene, "P", at_s=30, tags=4)
        beams(scene, 29.5, 30.5)
        beams(scene, 51, 50)
        scene.run(75, tick_s=tick_s)
        return [(p.id, p.epcs, p.start_us, p.end_us, p.verdict) for p in scene.passages]

    assert told(tick_s) == told(0.05)
    assert len(told(tick_s)) == 2


def test_it_lasts_from_the_first_sign_to_the_last() -> None:
    scene = Scene()
    load(scene, "P", at_s=30)
    beams(scene, 29.2, 30.2, broken_for_s=1.1)
    (passage,) = scene.run(60).passages
    assert seconds(passage.start_us) == pytest.approx(29.2)
    assert seconds(passage.end_us) >= 31.3
    crossings = sorted(m.event_time_us for m in through_doors(scene))
    assert passage.event_time_us == crossings[len(crossings) // 2]
    words = [set(change) - {"sensor"} for change in passage.evidence["sensors"]]
    assert words == [{"broken"}, {"broken"}, {"clear"}, {"clear"}]


@pytest.mark.parametrize("out", [True, False])
def test_what_breaks_the_beams_and_is_not_read_passes_empty(out: bool) -> None:
    scene = Scene()
    scene.read("A", "dock/1", for_s=60, every_s=0.5, dbm=-66)
    beams(scene, *((30.0, 30.8) if out else (30.8, 30.0)))
    (passage,) = scene.run(60).passages
    assert (passage.verdict, passage.epcs, passage.status) == ("empty", (), Status.CONFIRMED)
    assert passage.direction is (Direction.OUT if out else Direction.IN)
    assert (seconds(passage.start_us), seconds(passage.end_us)) == (30.0, 31.8)
    assert not through_doors(scene)
    assert Scene().run(1).passages == []


def test_a_load_is_not_also_empty() -> None:
    scene = Scene()
    load(scene, "P", at_s=30)
    beams(scene, 29.2, 30.2)
    scene.run(60)
    assert [p.verdict for p in scene.passages] == [None]


def test_who_turns_back_in_the_door_does_not_pass() -> None:
    scene = Scene()
    scene.sensor("door-1/inner", True, at_s=10)
    beams(scene, 20.0, 10.8)
    scene.sensor("door-1/inner", False, at_s=12.6)
    assert scene.run(40).passages == []


def test_who_comes_close_behind_another_is_told_too() -> None:
    scene = Scene()
    beams(scene, 10.1, 11.1, broken_for_s=1.2)
    beams(scene, 13.4, 12.6, broken_for_s=0.4)
    assert [p.direction for p in scene.run(40).passages] == [Direction.OUT, Direction.IN]


def test_nothing_passes_a_door_that_is_closed() -> None:
    door = replace(SITE.doors[0], contact="door-1/contact")
    scene = Scene(site=replace(SITE, doors=(door,)))
    scene.sensor("door-1/contact", False, at_s=1)
    beams(scene, 10, 11)
    scene.sensor("door-1/contact", True, at_s=20)
    beams(scene, 30, 31)
    (passage,) = scene.run(50).passages
    assert seconds(passage.start_us) == 30


def test_one_beam_alone_or_both_far_apart_is_no_passage() -> None:
    scene = Scene()
    scene.sensor("door-1/inner", True, at_s=10)
    scene.sensor("door-1/inner", False, at_s=11)
    beams(scene, 30, 45)
    assert scene.run(80).passages == []


def test_a_stuck_beam_makes_no_passages_and_is_told() -> None:
    scene = Scene()
    for step in range(40):
        scene.sensor("door-1/inner", True, at_s=10 * step + 1)
        scene.sensor("door-1/outer", True, at_s=10 * step + 2)
        scene.sensor("door-1/outer", False, at_s=10 * step + 3)
    scene.run(400)
    assert [p.verdict for p in scene.passages] == ["empty"]  # that in which it got stuck
    assert [h.sensor for h in scene.sensor_health] == ["door-1/inner"]


def test_a_flickering_beam_makes_no_passages() -> None:
    scene = Scene()
    for step in range(600):
        scene.sensor("door-1/inner", step % 2 == 0, at_s=10 + step / 10)
        scene.sensor("door-1/outer", step % 40 < 20, at_s=10 + step / 10)
    scene.run(90)
    assert scene.passages == []
    assert scene.sensor_health[0].sensor == "door-1/inner"


def test_who_came_with_a_load_and_is_gone_since_was_in_it() -> None:
    scene = Scene()
    load(scene, "P", at_s=30)
    scene.read("hidden", "dock/1", at_s=4, for_s=22, every_s=0.4, dbm=-66, noise_db=2)
    scene.read("left", "dock/1", at_s=4, for_s=60, every_s=0.4, dbm=-66, noise_db=2)
    (passage,) = scene.run(60).passages
    assert epc_of("hidden").hex().upper() not in passage.epcs
    (inferred,) = passage.evidence["inferred"]
    assert inferred["epc"] == epc_of("hidden").hex().upper()
    assert 0.5 < inferred["probability"] < min(m.confidence for m in through_doors(scene))
    assert "was not read since" in inferred["reason"]


def test_no_tag_is_in_two_passages_at_once() -> None:
    scene = Scene()
    load(scene, "P", at_s=30, tags=30)
    scene.run(60)
    counted = Counter(epc for p in scene.passages for epc in p.epcs)
    assert set(counted.values()) == {1}
