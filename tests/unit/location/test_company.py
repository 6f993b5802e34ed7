"""Company: what the tags that pass at the same door and moment say about one of them."""

from __future__ import annotations

import numpy as np

from gateway.location.company import Company, Passed, company_of
from gateway.location.passage_features import ORDER_FEATURES, PASSAGE_FEATURES, Features

RESTS = list(ORDER_FEATURES).index("rests")
STOOD = list(PASSAGE_FEATURES).index("most_prominent_db")
END_US = 100_000_000
OUT, NOT = (0.9, 0.0, 0.1), (0.0, 0.0, 1.0)


def cases(crossed_s: list[float], rests: list[float]) -> Features:
    """Tags that crossed so long ago, and are heard so much better beyond the door now."""
    many = len(crossed_s)
    order = np.zeros((many, len(ORDER_FEATURES)))
    passage = np.zeros((many, len(PASSAGE_FEATURES)))
    order[:, RESTS], passage[:, STOOD] = rests, 20.0
    ages_s = -np.array(crossed_s)
    return Features(
        order=order,
        passage=passage,
        crossing_us=END_US + np.round(ages_s * 1e6).astype(np.int64),
        since_peak_s=np.array(crossed_s),
        peak_s=np.stack([ages_s, ages_s]),
        heard=np.ones((2, many), dtype=bool),
        half=np.zeros(many, dtype=bool),
        beams=np.zeros(many, dtype=bool),
    )


def asked(features: Features, chances: list[tuple[float, ...]], doors: list[int]) -> Company:
    tags = np.arange(len(doors))
    return company_of(tags, np.array(doors), features, np.array(chances), Passed.nobody(), END_US)


def test_those_that_go_count_and_those_that_stay_count_against_it() -> None:
    company = asked(cases([2.0] * 4, [0.0] * 4), [OUT, OUT, NOT, NOT], [0] * 4)
    assert company.votes[:, 0].round(1).tolist() == [0.9, 0.9, 1.8, 1.8]
    assert company.stayed.round(1).tolist() == [2.1, 2.1, 1.2, 1.2]


def test_what_those_look_like_that_go_is_known_and_of_the_others_next_to_nothing() -> None:
    company = asked(
        cases([2.0] * 5, [0.0, 2.0, 2.0, 2.0, -2.0]), [NOT, OUT, OUT, OUT, NOT], [0] * 5
    )
    assert 1.0 < company.order[0, RESTS] < 2.0
    lonely = asked(cases([2.0, 2.0], [0.0, -2.0]), [NOT, NOT], [0, 0])
    assert lonely.order[0, RESTS] == 0.0


def test_other_doors_and_other_moments_are_no_company() -> None:
    company = asked(cases([2.0, 2.0, 7.0], [1.0] * 3), [OUT] * 3, [0, 1, 0])
    assert company.votes.max() < 1e-9
    assert company.order.max() < 1e-9


def test_a_tag_that_passed_one_door_did_not_pass_another_just_then() -> None:
    features = cases([2.0], [1.0])
    tag, door = np.array([7]), np.array([0])
    passed = Passed.nobody().and_these(tag, door, features, np.array([OUT]), END_US)
    soon_us = features.crossing_us + 1_000_000
    assert passed.elsewhere(tag, np.array([1]), soon_us).all()
    assert not passed.elsewhere(tag, door, soon_us).any()
    assert not passed.elsewhere(np.array([8]), np.array([1]), soon_us).any()
    assert not passed.elsewhere(tag, np.array([1]), soon_us + 10_000_000).any()


def test_who_passed_long_ago_is_forgotten() -> None:
    features = cases([2.0], [1.0])
    passed = Passed.nobody().and_these(
        np.array([7]), np.array([0]), features, np.array([OUT]), END_US
    )
    assert len(passed.of_late(END_US).tags) == 1
    assert len(passed.of_late(END_US + 20_000_000).tags) == 0
