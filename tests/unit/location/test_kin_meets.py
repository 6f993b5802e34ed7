"""Kin are tags that were met; that a number is known of is not enough."""

from __future__ import annotations

import numpy as np

from gateway.location.kin import Kin
from gateway.location.states import TagStates
from gateway.model.tags import TagIndex


def test_neighbours_in_number_find_each_other_when_both_were_met() -> None:
    tags = TagIndex()
    one, filler, two = (tags.add(bytes([0x30, *([0] * 10), n])) for n in (7, 200, 8))
    states = TagStates()
    states.fit(3)
    kin = Kin(states, tags)
    kin.meet(np.array([one, filler]))
    kin.meet(np.array([one]))
    assert two not in kin.around(np.array([one]))
    kin.meet(np.array([two]))
    assert two in kin.around(np.array([one]))
    assert one in kin.around(np.array([two]))
