"""When a case at a door is sure enough to be confirmed."""

from __future__ import annotations

import numpy as np

from gateway.location.company import Company
from gateway.location.passage_features import ORDER_FEATURES, PASSAGE_FEATURES, Features
from gateway.location.ripeness import is_ripe


def ripe(
    *,
    chance: float,
    since_peak_s: float = 0.3,
    sure_s: float = 0.0,
    lingers: bool = False,
    both: bool = True,
    origin: float = 0.0,
    usual: float = 0.0,
    through: bool = False,
    along: bool = False,
) -> bool:
    """Whether one case is: outward, with company."""
    order, passage = np.zeros((1, len(ORDER_FEATURES))), np.zeros((1, len(PASSAGE_FEATURES)))
    passage[0, list(PASSAGE_FEATURES).index("lingers")] = 0.5 * lingers
    passage[0, list(PASSAGE_FEATURES).index("both")] = both
    passage[0, list(PASSAGE_FEATURES).index("usual")] = usual
    order[0, list(ORDER_FEATURES).index("origin")] = origin
    features = Features(
        order=order,
        passage=passage,
        crossing_us=np.zeros(1, dtype=np.int64),
        since_peak_s=np.array([since_peak_s]),
        peak_s=np.zeros((2, 1)),
        heard=np.ones((2, 1), dtype=bool),
        half=np.zeros(1, dtype=bool),
        beams=np.zeros(1, dtype=bool),
    )
    nobody = np.zeros(1)
    company = Company(np.array([[9.0, 0.0]]), nobody, nobody, nobody, order, passage)
    chances = np.array([[chance, 0.0, 1.0 - chance]])
    return bool(
        is_ripe(
            features, chances, company, np.array([sure_s]), np.array([through]), np.array([along])
        )[0]
    )


def test_what_is_sure_is_confirmed_once_its_last_peak_is_past() -> None:
    assert not ripe(chance=0.92, since_peak_s=1.0)
    assert ripe(chance=0.92, since_peak_s=2.0)
    assert not ripe(chance=0.8, since_peak_s=2.0)
    assert ripe(chance=0.8, since_peak_s=5.0)


def test_what_peaks_again_and_again_is_confirmed_when_it_has_been_sure_for_a_while() -> None:
    assert not ripe(chance=0.98, sure_s=1.5)
    assert ripe(chance=0.98, sure_s=2.0)


def test_what_both_sides_hear_alike_must_be_certain_for_longer() -> None:
    assert not ripe(chance=0.96, since_peak_s=5.0, sure_s=5.0, lingers=True)
    assert not ripe(chance=0.995, since_peak_s=5.0, sure_s=2.0, lingers=True)
    assert ripe(chance=0.995, sure_s=2.5, lingers=True)


def test_what_is_believed_beyond_the_door_and_heard_on_one_side_only_must_be_surer() -> None:
    assert not ripe(chance=0.93, since_peak_s=3.0, both=False, origin=-1.0)
    assert ripe(chance=0.97, since_peak_s=3.0, both=False, origin=-1.0)
    assert ripe(chance=0.93, since_peak_s=3.0, both=False, origin=1.0)
    assert ripe(chance=0.93, since_peak_s=3.0, both=True, origin=-1.0)


def test_what_has_stood_there_for_long_must_be_surer() -> None:
    assert ripe(chance=0.75, since_peak_s=5.0, usual=0.2)
    assert not ripe(chance=0.75, since_peak_s=5.0, usual=1.0)
    assert ripe(chance=0.87, since_peak_s=5.0, usual=1.0)


def test_what_one_side_only_has_heard_must_be_a_little_surer() -> None:
    assert ripe(chance=0.72, since_peak_s=5.0, both=True)
    assert not ripe(chance=0.72, since_peak_s=5.0, both=False)
    assert ripe(chance=0.77, since_peak_s=5.0, both=False)


def test_what_the_beams_saw_go_through_need_not_be_sure_for_long() -> None:
    assert not ripe(chance=0.98, sure_s=0.5, lingers=True, through=True)
    assert ripe(chance=0.98, sure_s=1.0, lingers=True, through=True)
    assert not ripe(chance=0.98, sure_s=1.0, lingers=True)
    assert not ripe(chance=0.95, sure_s=1.0, lingers=True, through=True)


def test_what_went_along_with_those_it_came_with_may_linger() -> None:
    assert ripe(chance=0.9, since_peak_s=5.0, lingers=True, along=True)
    assert not ripe(chance=0.9, since_peak_s=5.0, lingers=True)
    assert not ripe(chance=0.9, since_peak_s=1.0, lingers=True, along=True)
