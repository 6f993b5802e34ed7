"""Tags that came into view together speak for those of them that were hardly read at a door."""

from __future__ import annotations

import numpy as np

from gateway.location.company import Passed
from gateway.location.fellows import CHANCE, Fellows
from gateway.location.passage_features import ORDER_FEATURES, PASSAGE_FEATURES, Features
from gateway.location.states import TagStates

NOW_US = 1_800_000_000_000_000
S = 1_000_000
ASKED = 0
STAYS = (0.0, 0.0, 1.0)
STRANGERS = 80


def went(
    *,
    passed: int,
    stayed: int = 0,
    elsewhere: int = 0,
    strangers: int = 0,
    is_heard_elsewhere: bool = False,
    apart_s: float = 0.5,
    way: tuple[float, float, float] = (1.0, 0.0, 0.0),
    ago_s: float = 5.0,
    since_s: float = 5.0,
    chance: float = 0.45,
) -> bool:
    """Whether tag 0, which may have gone out, did: so many of its fellows passed, or stayed."""
    states = TagStates()
    states.first_us[:100] = NOW_US - 60 * S + round(apart_s * S)
    states.first_us[STRANGERS:100] = NOW_US - 300 * S
    states.first_us[ASKED] = NOW_US - 60 * S
    gone = np.arange(1, passed + elsewhere + 1)
    gone = np.append(gone, STRANGERS + np.arange(strangers))
    doors = np.repeat([0, 1, 0], [passed, elsewhere, strangers])
    looks = _features(len(gone), ago_s)
    told = Passed.nobody().and_these(gone, doors, looks, np.array([way] * len(gone)), NOW_US)
    tags = np.array([ASKED, *range(50, 50 + stayed)])
    at = np.zeros(len(tags), dtype=np.intp)
    chances = np.array([(chance, 0.0, 1.0 - chance)] + [STAYS] * stayed)
    if is_heard_elsewhere:
        tags, at = np.append(tags, ASKED), np.append(at, 1)
        chances = np.append(chances, [STAYS], axis=0)
    along = Fellows(states).speak(tags, at, _features(len(tags), since_s), chances, told)
    assert bool(chances[0, 0] >= CHANCE) is bool(along[0])
    return bool(along[0])


def _features(many: int, ago_s: float) -> Features:
    return Features(
        order=np.zeros((many, len(ORDER_FEATURES))),
        passage=np.zeros((many, len(PASSAGE_FEATURES))),
        crossing_us=np.full(many, NOW_US - round(ago_s * S)),
        since_peak_s=np.full(many, ago_s),
        peak_s=np.full((2, many), -ago_s),
        heard=np.ones((2, many), dtype=bool),
        half=np.zeros(many, dtype=bool),
        beams=np.zeros(many, dtype=bool),
    )


def test_it_went_along_when_most_that_came_with_it_have_passed() -> None:
    assert went(passed=8, stayed=2)
    assert went(passed=5, stayed=5)
    assert not went(passed=4, stayed=5)


def test_a_few_are_no_load() -> None:
    assert not went(passed=3)
    assert went(passed=4)


def test_who_came_with_it_by_chance_is_a_small_share_of_the_load_that_passed() -> None:
    assert went(passed=4, strangers=6)
    assert not went(passed=4, strangers=8)


def test_who_came_at_another_time_or_passed_at_another_or_the_other_way_says_nothing() -> None:
    assert not went(passed=8, apart_s=4.0)
    assert not went(passed=8, ago_s=12.0)
    assert went(passed=8, ago_s=9.0)
    assert not went(passed=8, way=(0.0, 1.0, 0.0))


def test_who_passed_elsewhere_counts_against_it_only_where_it_is_heard_too() -> None:
    assert went(passed=4, elsewhere=9)
    assert not went(passed=4, elsewhere=9, is_heard_elsewhere=True)


def test_before_it_is_late_the_tag_itself_must_be_likelier() -> None:
    assert not went(passed=8, since_s=3.0)
    assert went(passed=8, since_s=3.0, chance=0.6)
    assert not went(passed=8, since_s=1.0, chance=0.6)
    assert not went(passed=8, chance=0.3)
