"""Presence in zones, as promised: arrived, moved, missing, departed, unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.model.device import ReaderState
from gateway.model.place import Antenna
from gateway.model.tuning import LocationTuning
from tests.scene import SITE, S, Scene, seconds


def test_a_tag_read_once_has_arrived_within_five_seconds() -> None:
    scene = Scene()
    scene.read("A", "aisle/1", at_s=1.0)
    scene.run(10)
    assert scene.story("A") == ["arrived bin-1"]
    assert seconds(scene.of("A")[0].event_time_us) == 1.0
    assert seconds(scene.of("A")[0].record_time_us) <= 6.0


def test_a_tag_read_only_at_its_new_place_for_five_seconds_has_moved() -> None:
    scene = Scene()
    scene.read("A", "aisle/1", for_s=20)
    scene.read("A", "aisle/2", at_s=21, for_s=5, every_s=0.5)
    scene.run(27)
    assert scene.story("A") == ["arrived bin-1", "moved bin-2"]
    moved = scene.of("A")[1]
    assert moved.from_zone == "bin-1"
    assert seconds(moved.record_time_us) <= 26.5
    assert moved.dwell_s == pytest.approx(21.0)


def test_a_tag_that_is_heard_far_worse_at_its_new_place_has_moved_and_that_is_sure() -> None:
    scene = Scene()
    scene.read("A", "aisle/1", for_s=60, every_s=1, dbm=-50)
    scene.read("A", "aisle/2", at_s=60.5, for_s=10, every_s=0.25, dbm=-65)
    scene.run(71)
    assert scene.story("A") == ["arrived bin-1", "moved bin-2"]
    moved = scene.of("A")[1]
    assert seconds(moved.record_time_us) <= 66.0
    assert moved.confidence > 0.8


def test_a_tag_beside_a_door_that_is_heard_further_in_has_moved_there() -> None:
    within = Antenna(reader="hall", port=1, zones=("staging",))
    scene = Scene(site=replace(SITE, antennas=(*SITE.antennas, within)))
    scene.read("A", "dock/2", for_s=60, every_s=0.5, dbm=-55)
    scene.read("A", "hall/1", at_s=60.5, for_s=8, every_s=0.5, dbm=-55)
    scene.run(69)
    assert scene.story("A") == ["arrived yard", "in door-1"]
    assert seconds(scene.of("A")[1].record_time_us) <= 66.0


def test_a_stray_read_elsewhere_moves_nothing() -> None:
    scene = Scene()
    scene.read("A", "aisle/1", for_s=60, every_s=2)
    for at_s in (10.5, 30.5, 31.0, 50.5):
        scene.read("A", "aisle/2", at_s=at_s, dbm=-50)
    scene.run(60)
    assert scene.story("A") == ["arrived bin-1"]


def test_much_stronger_elsewhere_for_a_while_is_a_move() -> None:
    scene = Scene()
    scene.read("A", "aisle/1", for_s=60, every_s=0.5, dbm=-60)
    scene.read("A", "aisle/2", at_s=30, for_s=30, every_s=0.25, dbm=-45)
    scene.run(60)
    assert scene.story("A") == ["arrived bin-1", "moved bin-2"]


def test_two_antennas_that_see_a_tag_equally_do_not_make_it_flap() -> None:
    scene = Scene()
    scene.read("A", "aisle/1", for_s=120, every_s=0.4, dbm=-60, noise_db=3)
    scene.read("A", "aisle/2", at_s=0.2, for_s=120, every_s=0.4, dbm=-60, noise_db=3)
    scene.run(120)
    assert len(scene.of("A")) == 1


@pytest.mark.parametrize(
    ("antenna", "zone", "after_s"), [("aisle/1", "bin-1", 600), ("dock/1", "staging", 120)]
)
def test_a_tag_unseen_for_its_zones_time_is_missing(
    antenna: str, zone: str, after_s: float
) -> None:
    scene = Scene()
    scene.read("A", antenna, for_s=10)
    scene.run(after_s + 15)
    assert scene.story("A") == [f"arrived {zone}", f"missing {zone}"]
    missing = scene.of("A")[1]
    assert seconds(missing.event_time_us) == 10 + after_s
    assert seconds(missing.record_time_us) <= 10 + after_s + 2


def test_a_tag_is_found_again_after_it_was_missing() -> None:
    scene = Scene()
    scene.read("A", "aisle/1", for_s=10)
    scene.read("A", "aisle/1", at_s=700, for_s=10)
    scene.run(720)
    assert scene.story("A") == ["arrived bin-1", "missing bin-1", "arrived bin-1"]
    assert [m.seq for m in scene.of("A")] == [1, 2, 3]


def test_a_dead_reader_never_makes_a_tag_missing() -> None:
    scene = Scene()
    scene.read("A", "aisle/1", for_s=10)
    scene.status("aisle", ReaderState.DOWN, at_s=20)
    scene.run(5000)
    assert scene.story("A") == ["arrived bin-1"]


def test_after_an_outage_the_whole_time_runs_again() -> None:
    scene = Scene()
    scene.read("A", "aisle/1", for_s=10)
    scene.status("aisle", ReaderState.DOWN, at_s=500)
    scene.status("aisle", ReaderState.UP, at_s=1000)
    scene.run(1590)
    assert scene.story("A") == ["arrived bin-1"]
    scene.movements.clear()
    scene.run(1610)
    assert scene.story("A") == ["arrived bin-1", "missing bin-1"]


def test_a_dead_antenna_blinds_its_own_zone_only() -> None:
    scene = Scene()
    scene.read("A", "aisle/1", for_s=10)
    scene.read("B", "aisle/2", for_s=10)
    scene.status("aisle", ReaderState.DOWN, at_s=20, port=1)
    scene.run(700)
    assert scene.story("A") == ["arrived bin-1"]
    assert scene.story("B") == ["arrived bin-2", "missing bin-2"]


def test_unseen_outside_ends_presence_in_the_site() -> None:
    scene = Scene()
    scene.read("A", "dock/2", for_s=5)
    scene.run(400)
    assert scene.story("A") == ["arrived yard", "departed yard"]
    assert scene.of("A")[1].to_zone is None


def test_times_can_be_set_per_site() -> None:
    scene = Scene(tuning=LocationTuning(arrive_after_s=0.5, move_after_s=1.0))
    scene.read("A", "aisle/1", for_s=10, every_s=0.2)
    scene.read("A", "aisle/2", at_s=10.5, for_s=1.5, every_s=0.2)
    scene.run(12.5)
    assert scene.story("A") == ["arrived bin-1", "moved bin-2"]


def test_late_reads_enter_where_they_belong_and_change_nothing_newer() -> None:
    scene = Scene()
    scene.read("A", "aisle/2", at_s=20, for_s=30)
    scene.read("A", "aisle/1", at_s=0, for_s=10, late_s=40)
    scene.run(60)
    assert scene.story("A") == ["arrived bin-2"]
    assert scene.core is not None
    assert scene.core.counts.late > 0


def test_every_read_is_accounted_for() -> None:
    scene = Scene()
    for number in range(20):
        scene.read(f"T{number}", "aisle/1", for_s=20, every_s=0.1)
    scene.run(30)
    assert scene.core is not None
    counts = scene.core.counts
    assert counts.received == 20 * 201
    assert counts.received == counts.decided + counts.coalesced + counts.shed


def test_the_confidence_and_the_reads_are_told() -> None:
    scene = Scene()
    scene.read("A", "aisle/1", for_s=10)
    scene.run(12)
    movement = scene.of("A")[0]
    assert 0.5 < movement.confidence <= 1.0
    assert movement.evidence["reads"][0]["antenna"] == "aisle/1"
    assert movement.evidence["reads"][0]["rssi_max_dbm"] == -60.0
    assert movement.record_time_us - movement.event_time_us < 5 * S
