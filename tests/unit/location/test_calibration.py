"""What a calibration has measured counts where physics would guess."""

from __future__ import annotations

import pytest

from gateway.core import Core
from gateway.model.calibration import NO_CALIBRATION, Calibration
from gateway.model.place import Antenna, Site, Zone
from gateway.model.tags import TagIndex
from tests.scene import Scene

BINS = ("bin-1", "bin-2")
SHELF = Site(
    id="test",
    zones=tuple(Zone(id=bin_) for bin_ in BINS),
    antennas=(
        Antenna(reader="shelf", port=1, zones=BINS),
        Antenna(reader="shelf", port=2, zones=BINS),
    ),
)
LEFT, RIGHT = ("shelf", 1), ("shelf", 2)
TABLE = {"bin-1": {LEFT: -50.0, RIGHT: -60.0}, "bin-2": {LEFT: -60.0, RIGHT: -50.0}}


@pytest.mark.parametrize(
    ("calibration", "zone"),
    [
        (Calibration(zone_power_db=TABLE), "bin-1"),
        (Calibration(zone_power_db=TABLE, antenna_offset_db={LEFT: 12.0}), "bin-2"),
    ],
)
def test_bins_of_one_antenna_are_told_apart_by_what_was_measured_there(
    calibration: Calibration, zone: str
) -> None:
    scene = Scene(site=SHELF, calibration=calibration)
    scene.read("A", "shelf/1", for_s=10, every_s=0.3, dbm=-57, noise_db=2)
    scene.read("A", "shelf/2", at_s=0.1, for_s=10, every_s=0.3, dbm=-63, noise_db=2)
    scene.run(10)
    assert scene.story("A") == [f"arrived {zone}"]


def test_what_the_site_does_not_have_is_ignored() -> None:
    old = Calibration(zone_power_db={"gone": {("gone", 9): 1.0}}, antenna_offset_db={("x", 1): 3.0})
    for calibration in (old, NO_CALIBRATION):
        Core(SHELF, TagIndex(), calibration=calibration)
