"""Beside a door a tag is read from both sides; only what surely went through has passed."""

from __future__ import annotations

import pytest

from tests.scene import Scene, seconds


@pytest.mark.parametrize("outer_dbm", [-58.0, -64.0, -72.0])
def test_a_tag_beside_the_door_stays_while_one_side_pauses(outer_dbm: float) -> None:
    scene = Scene()
    for start_s, end_s in ((0, 20), (25.5, 44), (50, 75), (80.5, 90)):
        scene.read(
            "A", "dock/1", at_s=start_s, for_s=end_s - start_s, every_s=0.8, dbm=-60, noise_db=2
        )
    scene.read("A", "dock/2", at_s=0.3, for_s=90, every_s=0.7, dbm=outer_dbm, noise_db=2)
    scene.run(90)
    assert scene.story("A") == ["arrived staging"]


def test_a_tag_found_only_beyond_the_door_has_gone_through_it() -> None:
    scene = Scene()
    scene.read("A", "dock/1", for_s=20, every_s=0.5)
    scene.read("A", "dock/2", at_s=30, for_s=6, every_s=0.4)
    scene.run(36)
    assert scene.story("A") == ["arrived staging", "out door-1"]
    assert seconds(scene.of("A")[1].record_time_us) <= 35.5


def test_a_tag_that_has_been_seen_from_outside_for_long_is_outside() -> None:
    scene = Scene()
    scene.read("A", "dock/1", for_s=20, every_s=0.5)
    scene.read("A", "dock/2", at_s=5, for_s=100, every_s=0.4)
    scene.run(105)
    assert scene.of("A")[-1].to_zone == "yard"


@pytest.mark.parametrize("first_s", [0.6, 1.2, 1.8])
def test_a_tag_first_read_on_its_way_through_came_from_the_other_side(first_s: float) -> None:
    scene = Scene()
    scene.drive("A", at_s=first_s, speed_m_s=1.5, stop_m=first_s * 1.5, out=False)
    scene.read("A", "dock/1", at_s=2 * first_s, for_s=10, every_s=0.4, dbm=-62)
    scene.run(15)
    arrived, *moved = scene.of("A")
    assert len(moved) <= 1
    assert scene.of("A")[-1].to_zone == "staging"
    assert arrived.to_zone == ("yard" if moved else "staging")
