"""When a load that passes a door was on its line, by the door's two beams."""

from __future__ import annotations

from gateway.location.beams import Beams
from gateway.location.line import Crossing, crossing_near, in_beams, is_before, is_through, standing
from gateway.model.device import SensorReading
from gateway.model.movement import Direction
from tests.scene import SITE, Scene, seconds

S = 1_000_000


def beams(*changes: tuple[int, str, bool]) -> Beams:
    """The beams of door-1 after these changes: seconds, beam, broken."""
    heard = Beams(SITE)
    heard.observe(
        SensorReading(
            sensor=f"door-1/{beam}", value=broken, time_us=round(t * S), at_us=round(t * S)
        )
        for t, beam, broken in changes
    )
    return heard


def crossed_us(heard: Beams, door: int, *, outward: bool, about_us: int) -> int | None:
    """When the middle of what went through about then was on the line."""
    found = crossing_near(heard, door, outward=outward, about_us=about_us)
    return None if found is None else found.line_us


def test_a_load_that_is_carried_out_crosses_when_it_breaks_the_outer_beam() -> None:
    stopped = beams((10, "inner", True), (22, "outer", True), (24, "inner", False))
    assert crossed_us(stopped, 0, outward=True, about_us=13 * S) == 22 * S
    assert crossed_us(stopped, 0, outward=True, about_us=23 * S) == 22 * S


def test_a_load_that_is_brought_in_crosses_when_the_outer_beam_is_free_again() -> None:
    stopped = beams((10, "outer", True), (11, "inner", True), (22, "outer", False))
    assert crossed_us(stopped, 0, outward=False, about_us=14 * S) == 22 * S


def test_beams_of_another_moment_or_in_the_other_order_say_nothing() -> None:
    out = beams(
        (10, "inner", True), (11, "outer", True), (12, "inner", False), (13, "outer", False)
    )
    assert crossed_us(out, 0, outward=True, about_us=30 * S) is None
    assert crossed_us(out, 0, outward=False, about_us=11 * S) is None
    assert crossed_us(beams((10, "outer", True)), 0, outward=True, about_us=10 * S) is None


def test_what_is_heard_while_its_load_stands_over_the_line_belongs_to_that_crossing() -> None:
    changes = ((10, "outer", True), (11, "inner", True), (13, "outer", False))
    stood = beams(*changes, (32, "inner", False))
    assert crossed_us(stood, 0, outward=False, about_us=31 * S) == 13 * S
    went_on = beams(*changes, (15, "inner", False))
    assert crossed_us(went_on, 0, outward=False, about_us=31 * S) is None
    left_there = beams(*changes)
    assert crossed_us(left_there, 0, outward=False, about_us=45 * S) is None


def test_a_load_that_has_left_the_first_beam_before_the_second_one_is_through() -> None:
    on_its_way = ((10, "outer", True), (11, "inner", True))
    assert not is_through(beams(*on_its_way), 0, outward=False, about_us=11 * S)
    assert is_through(beams(*on_its_way, (12, "outer", False)), 0, outward=False, about_us=11 * S)
    turned = beams(*on_its_way, (12, "inner", False), (13, "outer", False))
    assert not is_through(turned, 0, outward=False, about_us=11 * S)
    assert crossed_us(turned, 0, outward=False, about_us=11 * S) is None


def test_a_crossing_lies_between_the_changes_of_the_beams_before_and_after_it() -> None:
    changes = ((10, "outer", True), (11, "inner", True), (14, "outer", False))
    inward = crossing_near(beams(*changes), 0, outward=False, about_us=13 * S)
    assert inward == Crossing(since_us=11 * S, line_us=14 * S, until_us=None, left=True)
    inward = crossing_near(beams(*changes, (20, "inner", False)), 0, outward=False, about_us=13 * S)
    assert inward == Crossing(since_us=11 * S, line_us=14 * S, until_us=20 * S, left=True)
    changes = ((10, "inner", True), (12, "outer", True), (15, "inner", False))
    outward = crossing_near(beams(*changes), 0, outward=True, about_us=13 * S)
    assert outward == Crossing(since_us=10 * S, line_us=12 * S, until_us=15 * S, left=True)


def test_a_load_is_in_a_door_while_it_is_in_a_beam_and_not_for_too_long() -> None:
    in_both = beams((10, "inner", True), (11, "outer", True))
    assert in_beams(in_both, 12 * S) == [0]
    assert standing(in_both, 12 * S) == []
    assert in_beams(in_both, 40 * S) == []
    in_one = beams((10, "inner", True))
    assert in_beams(in_one, 12 * S) == standing(in_one, 12 * S) == [0]
    assert in_beams(beams((10, "inner", True), (12, "inner", False)), 13 * S) == []


def test_what_is_in_the_first_beam_only_has_not_crossed() -> None:
    standing = beams((10, "inner", True))
    assert is_before(standing, 0, outward=True, about_us=12 * S, now_us=20 * S)
    assert not is_before(standing, 0, outward=True, about_us=12 * S, now_us=40 * S)
    assert not is_before(standing, 0, outward=True, about_us=5 * S, now_us=20 * S)
    assert not is_before(standing, 0, outward=False, about_us=12 * S, now_us=20 * S)
    through = beams((10, "inner", True), (11, "outer", True))
    assert not is_before(through, 0, outward=True, about_us=12 * S, now_us=20 * S)


def test_a_load_that_stops_in_the_door_passes_when_it_goes_on() -> None:
    scene = Scene()
    names = [f"P{n}" for n in range(8)]
    for beam in ("inner", "outer"):
        scene.sensor(f"door-1/{beam}", False, at_s=1.0)
    scene.sensor("door-1/inner", True, at_s=29.5)
    scene.sensor("door-1/outer", True, at_s=40.0)
    scene.sensor("door-1/inner", False, at_s=41.0)
    scene.sensor("door-1/outer", False, at_s=42.0)
    for name in names:
        scene.read(name, "dock/1", for_s=24, every_s=0.4, dbm=-66, noise_db=2)
        # By its power it goes right through; but it is in the inner beam only, and still heard.
        scene.drive(name, at_s=30.5)
        scene.read(name, "dock/1", at_s=34, for_s=7, every_s=0.5, dbm=-74, noise_db=1)
    scene.run(60)
    passed = [m for name in names for m in scene.of(name) if m.direction is Direction.OUT]
    assert len(passed) >= 7
    for m in passed:
        assert abs(seconds(m.event_time_us) - 40.0) < 0.1
        assert seconds(m.record_time_us) > 40.0


def test_what_is_not_heard_before_the_line_stands_there_unless_the_second_beam_was_broken() -> None:
    def is_there(*more: tuple[int, str, bool]) -> bool:
        seen = beams(*more, (11, "inner", True))
        return is_before(seen, 0, outward=True, about_us=12 * S, now_us=15 * S, heard=False)

    assert is_there()
    assert is_there((2, "outer", True), (3, "outer", False))
    assert not is_there((9, "outer", True), (10, "outer", False))
