"""Trim: the shipped passage classifier, adapted to a site by a calibration.

Only the last round is trimmed, and only the weights of plain features: twenty labelled passes say
something about these, and nothing about the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from gateway.location.passage_features import ORDER_FEATURES, PASSAGE_FEATURES, Floats
from gateway.location.passage_model import PassageModel, Round
from gateway.model.calibration import DoorTrim


def trimmed(model: PassageModel, trim: DoorTrim) -> PassageModel:
    """The model as it decides at the site."""

    last = tuple(_trimmed_round(one, trim) for one in model.rounds[-1])
    return replace(model, rounds=(*model.rounds[:-1], last))


def unknown_features(trim: DoorTrim) -> list[str]:
    """Names in the trim that no feature of this version has."""
    return sorted({*trim.order} - {*ORDER_FEATURES} | {*trim.passage} - {*PASSAGE_FEATURES})


def _trimmed_round(one: Round, trim: DoorTrim) -> Round:
    # The inputs of every round begin with the plain features.
    return Round(
        _added(one.order, ORDER_FEATURES, trim.order) / trim.temperature,
        _added(one.passage, PASSAGE_FEATURES, trim.passage) / trim.temperature,
        (one.bias + trim.bias) / trim.temperature,
    )


def _added(weights: Floats, names: Iterable[str], more: Mapping[str, float]) -> Floats:
    plain = np.array([more.get(name, 0.0) for name in names])
    return np.concatenate((weights[: len(plain)] + plain, weights[len(plain) :]))
