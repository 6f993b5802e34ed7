"""Evidence: what each antenna read, told so that a person can check it."""

from __future__ import annotations

from typing import Any

from tests.scene import Scene


def reads_of(scene: Scene, tag: str) -> list[dict[str, Any]]:
    """The antennas in the evidence of a tag's first movement."""
    told: list[dict[str, Any]] = scene.of(tag)[0].evidence["reads"]
    return told


def test_reads_are_counted_per_antenna_with_their_powers_and_times() -> None:
    scene = Scene()
    for at_s, dbm in ((0.0, -62.0), (0.3, -58.5), (0.6, -60.0), (0.9, -70.0)):
        scene.read("A", "aisle/1", at_s=at_s, dbm=dbm)
    scene.run(8)
    (row,) = reads_of(scene, "A")
    assert (row["antenna"], row["zones"]) == ("aisle/1", ("bin-1",))
    assert (row["reads"], row["rssi_max_dbm"]) == (4, -58.5)
    assert -64 < row["rssi_mean_dbm"] < -60
    assert row["first"] == "2024-11-21T15:40:00.000Z"
    assert row["strongest"] == "2024-11-21T15:40:00.300Z"
    assert row["last"] == "2024-11-21T15:40:00.900Z"


def test_a_long_pause_begins_the_count_anew() -> None:
    scene = Scene()
    scene.read("A", "aisle/1", for_s=10, every_s=0.5)
    scene.read("A", "aisle/2", at_s=60, for_s=9, every_s=0.5, dbm=-55)
    scene.read("A", "aisle/1", at_s=60.2, for_s=1, every_s=0.5, dbm=-75)
    scene.run(80)
    moved = scene.of("A")[-1].evidence["reads"]
    assert {row["antenna"]: row["reads"] for row in moved}["aisle/1"] == 3


def test_late_reads_count_too() -> None:
    scene = Scene()
    scene.read("A", "aisle/1", for_s=1.5, every_s=0.5, late_s=3.0)
    scene.run(9)
    (row,) = reads_of(scene, "A")
    assert row["reads"] == 4


def test_antennas_of_doors_tell_their_side() -> None:
    scene = Scene()
    scene.read("A", "dock/1", for_s=8, every_s=0.5)
    scene.run(9)
    (row,) = reads_of(scene, "A")
    assert (row["door"], row["side"]) == ("door-1", "inside")
