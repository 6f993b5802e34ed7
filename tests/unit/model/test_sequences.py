"""Numbers of movements: none is given twice, however often a tag is forgotten."""

from __future__ import annotations

import numpy as np

from gateway.model.sequences import Sequences


def test_numbers_begin_at_one_and_go_on() -> None:
    sequences = Sequences()
    assert [sequences.number(7, count) for count in (0, 1, 2)] == [0, 1, 2]
    assert sequences.start == 0


def test_a_tag_that_was_forgotten_goes_on_above_all_that_were() -> None:
    sequences = Sequences()
    assert sequences.number(3, 5) == 5
    assert sequences.number(4, 9) == 9
    sequences.forget(np.array([3]), np.array([5], np.uint32))
    assert sequences.start == 5
    assert sequences.number(3, 1) == 6, "its own, or whose number it is now"
    assert sequences.number(4, 10) == 10, "who stays known counts on"
    sequences.forget(np.array([4]), np.array([10], np.uint32))
    assert sequences.number(8, 1) == 11
    assert sequences.number(3, 2) == 7


def test_a_number_that_was_only_announced_stays() -> None:
    sequences = Sequences()
    announced = sequences.number(1, 0) + 1
    sequences.forget(np.array([2]), np.array([8], np.uint32))
    assert sequences.number(1, 1) == announced


def test_who_never_had_a_number_leaves_none_behind() -> None:
    sequences = Sequences()
    sequences.number(1, 3)
    tags = np.array([0, 1, 5_000])
    assert sequences.begun(tags).tolist() == [False, True, False]
    sequences.forget(tags[[0, 2]], np.zeros(2, np.uint32))
    assert sequences.start == 0


def test_after_a_start_known_tags_count_on_and_others_begin_above_those_forgotten() -> None:
    sequences = Sequences()
    sequences.restore(np.array([0, 2]), floor=100, start=150)
    assert sequences.number(2, 7) == 107
    assert sequences.number(1, 1) == 151
    lifted = Sequences()
    lifted.restore(np.array([0]), floor=1_000, start=150)
    assert lifted.number(1, 1) == 1_001, "a restored backup lifts everything"
