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
    kin = Kin(states, tags, np.zeros(2, dtype=bool))
    kin.meet(np.array([one, filler]))
    kin.meet(np.array([one]))
    assert two not in kin.around(np.array([one]))
    kin.meet(np.array([two]))
    assert two in kin.around(np.array([one]))
    assert one in kin.around(np.array([two]))


def test_who_gets_the_number_of_a_forgotten_tag_is_nobodys_kin_before_it_is_met() -> None:
    tags = TagIndex()
    epcs = [bytes([0x30, *([0] * 10), n]) for n in (7, 8, 9, 100)]
    numbers = tags.numbers(epcs[:3]).astype(np.intp)
    states = TagStates()
    states.fit(3)
    kin = Kin(states, tags, np.zeros(2, dtype=bool))
    kin.meet(numbers)
    kin.forget(numbers[1:2])
    tags.release(np.array([1], np.uint32))
    assert tags.add(epcs[3]) == 1
    assert (kin.around(numbers) == -1).all(), "neither knows the other any more"
    kin.meet(numbers)
    assert 1 not in kin.around(numbers[[0, 2]])
