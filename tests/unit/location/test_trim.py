"""The shipped classifier as a calibration trims it."""

from __future__ import annotations

from gateway.location.passage_features import ORDER_FEATURES
from gateway.location.passage_trim import unknown_features
from gateway.model.calibration import NO_TRIM, DoorTrim


def test_features_that_this_version_does_not_have_are_named() -> None:
    known = next(iter(ORDER_FEATURES))
    trim = DoorTrim(order={known: 0.1, "wind": 0.2}, passage={"moon": 1.0})
    assert unknown_features(trim) == ["moon", "wind"]
    assert unknown_features(NO_TRIM) == []
