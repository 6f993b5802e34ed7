"""The fit of door weights: the walks pull, the shipped weights hold."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.calibration.doors import Labelled, fit_trim
from gateway.location.passage_features import ORDER_FEATURES, PASSAGE_FEATURES
from gateway.location.passage_model import IN, NONE, OUT

CENTROID = list(ORDER_FEATURES).index("centroid_s")


def samples(count: int, certainty: float, wrong: float = 0.0, weight: float = 1.0) -> Labelled:
    """Passages out and in, which the shipped weights see with some certainty, or see wrongly."""
    rng = np.random.default_rng(7)
    label = rng.choice([OUT, IN, NONE], size=count)
    order = np.zeros((count, len(ORDER_FEATURES)))
    order[:, CENTROID] = np.select([label == OUT, label == IN], [1.0, -1.0], 0.0)
    order[:, CENTROID] += rng.normal(0.0, 0.2, count)
    seen = np.where(rng.random(count) < wrong, NONE, label)
    logits = np.log(np.where(np.eye(3)[seen] > 0, certainty, (1.0 - certainty) / 2))
    return Labelled(
        order=order,
        passage=np.zeros((count, len(PASSAGE_FEATURES))),
        logits=logits,
        label=label,
        weight=np.full(count, weight),
    )


def test_what_the_shipped_weights_know_already_changes_little() -> None:
    trim = fit_trim(samples(60, 0.97), false_alarm_cost=5.0)
    assert max(map(abs, trim.order.values()), default=0.0) < 0.3
    assert trim.temperature == pytest.approx(1.0, abs=0.35)


def test_a_feature_that_tells_more_here_gains_weight() -> None:
    trim = fit_trim(samples(200, 0.5, wrong=0.3), false_alarm_cost=5.0)
    assert trim.order["centroid_s"] > 0.2


def test_the_shipped_weights_hold_against_a_handful_of_walks() -> None:
    few, many = (
        fit_trim(samples(200, 0.5, wrong=0.3, weight=weight), 5.0).order.get("centroid_s", 0.0)
        for weight in (0.02, 1.0)
    )
    assert 0.0 <= few < many / 2


def test_a_feature_that_never_varies_keeps_its_weight() -> None:
    assert fit_trim(samples(100, 0.6), 5.0).passage == {}


def test_the_dearer_a_false_alarm_the_more_evidence_is_asked_for() -> None:
    data = samples(200, 0.9, wrong=0.2)
    data.label = np.where(np.arange(200) % 5 == 0, NONE, data.label)
    cheap, dear = (fit_trim(data, cost).bias for cost in (0.1, 100.0))
    assert dear <= cheap
