"""What an antenna reads now and then it hears worse than what it reads of it says."""

from __future__ import annotations

import pytest

from gateway.model.calibration import Calibration
from tests.scene import Scene
from tests.unit.location.test_calibration import LEFT, RIGHT, SHELF

TABLE = {"bin-1": {LEFT: -50.0, RIGHT: -56.0}, "bin-2": {LEFT: -56.0, RIGHT: -50.0}}


@pytest.mark.parametrize(("often", "zone"), [("shelf/1", "bin-1"), ("shelf/2", "bin-2")])
def test_at_equal_power_a_tag_is_where_it_is_read_more_often(often: str, zone: str) -> None:
    scene = Scene(site=SHELF, calibration=Calibration(zone_power_db=TABLE))
    for antenna in ("shelf/1", "shelf/2"):
        # Another tag shows how often each of the antennas can read one.
        scene.read("other", antenna, for_s=12, every_s=0.2, dbm=-55)
        every_s = 0.2 if antenna == often else 2.0
        scene.read("A", antenna, at_s=0.1, for_s=12, every_s=every_s, dbm=-60)
    scene.run(12)
    assert scene.story("A") == [f"arrived {zone}"]


def test_an_antenna_that_reads_all_tags_seldom_hears_none_of_them_worse() -> None:
    scene = Scene(site=SHELF, calibration=Calibration(zone_power_db=TABLE))
    for tag in ("A", "B"):
        scene.read(tag, "shelf/1", for_s=12, every_s=0.2, dbm=-63)
        scene.read(tag, "shelf/2", at_s=0.1, for_s=12, every_s=1.5, dbm=-60)
    scene.run(12)
    assert scene.story("A") == ["arrived bin-2"]
