"""Evidence: what each antenna read, told so that a person can check it."""

from __future__ import annotations

from typing import Any

from gateway.model.place import Antenna, Site, Zone
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


SHELVES = Site(
    id="test",
    zones=tuple(
        Zone(id=f"bin-{n}", area=((n - 0.5, 2.0), (n + 0.5, 2.0), (n + 0.5, 3.0), (n - 0.5, 3.0)))
        for n in (1, 2, 3)
    ),
    antennas=(
        Antenna(reader="shelf", port=1, zones=("bin-1", "bin-2"), position_m=(1.2, 0.0, 2.0)),
        Antenna(reader="shelf", port=2, zones=("bin-2", "bin-3"), position_m=(2.8, 0.0, 2.0)),
    ),
)


def test_where_antennas_overlap_each_zone_is_told_with_how_likely_it_is() -> None:
    scene = Scene(site=SHELVES)
    scene.read("A", "shelf/1", for_s=15, every_s=0.3, dbm=-60, noise_db=2)
    scene.read("A", "shelf/2", at_s=0.1, for_s=15, every_s=0.3, dbm=-63, noise_db=2)
    scene.read("B", "shelf/1", for_s=15, every_s=0.3, dbm=-60, noise_db=2)
    scene.run(16)
    heard_by_both, heard_by_one = (scene.of(tag)[-1] for tag in "AB")
    for movement in (heard_by_both, heard_by_one):
        zones = movement.evidence["zones"]
        assert zones[movement.to_zone] == max(zones.values())
        assert abs(zones[movement.to_zone] - movement.confidence) < 0.01
    assert sum(heard_by_both.evidence["zones"].values()) > 0.98
    # Something may hide it from the other antenna.
    assert sum(heard_by_one.evidence["zones"].values()) < 0.91


def test_an_antenna_for_each_zone_leaves_no_such_doubt() -> None:
    scene = Scene()
    scene.read("A", "aisle/1", for_s=10, every_s=0.5)
    scene.run(12)
    assert "zones" not in scene.of("A")[-1].evidence
    assert scene.of("A")[-1].confidence > 0.95
