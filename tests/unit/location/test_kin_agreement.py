"""How far kin agree is measured: by how far their numbers are apart, and beyond chance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from gateway.location.kin import REACH, Kin
from gateway.location.states import TagStates
from gateway.model.tags import TagIndex

TAGS, ZONES = 240, 12


def agreement_of(zone_of: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """What is measured where each tag is likely, not surely, taken to be in its zone."""
    tags = TagIndex()
    numbers = np.array([tags.add(bytes([0x30, *([0] * 9), *n.to_bytes(2)])) for n in range(TAGS)])
    states, rng = TagStates(), np.random.default_rng(4)
    states.fit(TAGS)
    kin = Kin(states, tags, np.zeros(ZONES + 1, dtype=bool))
    kin.meet(numbers)
    zones = np.tile(np.arange(ZONES, dtype=np.int16), (TAGS, 1))
    for _ in range(5):
        seen = np.where(rng.random(TAGS) < 0.6, zone_of, rng.integers(0, ZONES, TAGS))
        chances = np.full(zones.shape, 0.4 / (ZONES - 1))
        chances[zones == seen[:, None]] = 0.6
        kin.say(numbers, TAGS, zones, np.log(chances), np.ones(TAGS, dtype=bool))
    return kin.agreement


def test_boxes_of_four_agree_with_their_neighbours_and_not_with_the_box_after_the_next() -> None:
    agreement = agreement_of(np.arange(TAGS) // 4 * 5 % ZONES)
    assert agreement[0] == pytest.approx(0.75, abs=0.11)
    assert agreement[1] == pytest.approx(0.5, abs=0.11)
    assert (agreement[3:] <= 0.3).all()


def test_numbers_that_are_anywhere_agree_no_more_than_chance() -> None:
    assert agreement_of(np.random.default_rng(7).integers(0, ZONES, TAGS)).max() <= 0.3


def test_that_all_are_in_one_zone_says_nothing_of_kin() -> None:
    agreement = agreement_of(np.zeros(TAGS, dtype=np.int64))
    assert len(agreement) == REACH
    assert agreement.max() <= 0.5
