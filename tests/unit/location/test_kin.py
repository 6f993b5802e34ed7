"""Tags whose numbers follow each other help to place each other, where they stand together."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.model.calibration import Calibration
from tests.scene import Scene, epc_of
from tests.unit.location.test_calibration import SHELF, TABLE

BOXES, TAGS, ODD_ONE = 8, 8, 3


def shelf_of_boxes(names: dict[tuple[int, int], str]) -> Scene:
    """Boxes by turns in both bins; in each one tag's own reads point to the wrong bin."""
    scene = Scene(site=SHELF, calibration=Calibration(zone_power_db=TABLE))
    for (box, tag), name in names.items():
        lead_db = -3.0 if tag == ODD_ONE else 8.0
        lead_db = lead_db if box % 2 == 0 else -lead_db
        for antenna, sign in (("shelf/1", 0.5), ("shelf/2", -0.5)):
            scene.read(name, antenna, for_s=8, every_s=0.5, dbm=-60 + sign * lead_db, noise_db=1)
    return scene.run(8)


def right_odd_ones(scene: Scene, names: dict[tuple[int, int], str]) -> list[bool]:
    return [
        scene.story(names[box, ODD_ONE])[-1].endswith(f"bin-{box % 2 + 1}") for box in range(BOXES)
    ]


def test_a_tag_that_is_read_badly_is_where_those_numbered_like_it_are() -> None:
    names = {(b, k): f"box{b:02d}tag{k:03d}" for b in range(BOXES) for k in range(TAGS)}
    assert int.from_bytes(epc_of(names[0, 1])) - int.from_bytes(epc_of(names[0, 0])) == 1
    assert all(right_odd_ones(shelf_of_boxes(names), names))


@pytest.mark.parametrize("apart", ["far", "mixed"])
def test_numbers_that_tell_nothing_count_for_nothing(apart: str) -> None:
    names = {(b, k): f"tag{b}{k}x" for b in range(BOXES) for k in range(TAGS)}
    if apart == "mixed":  # numbers in a row, but of tags that are anywhere
        order = np.random.default_rng(5).permutation(BOXES * TAGS).tolist()
        names = {key: f"box{n // 8:02d}tag{n % 8:03d}" for key, n in zip(names, order, strict=True)}
    assert not any(right_odd_ones(shelf_of_boxes(names), names))
