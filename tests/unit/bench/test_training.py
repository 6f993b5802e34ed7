"""Training: the weights are those that make what was seen most likely."""

from __future__ import annotations

import numpy as np

from gateway.bench.pupil import one_sided, plain
from gateway.bench.training import fit, relearn
from gateway.location.passage_model import KINDS, shipped, softmax
from gateway.model.place import Side


def test_weights_that_made_the_labels_are_found_again() -> None:
    rng = np.random.default_rng(5)
    order, passage = rng.normal(0.0, 2.0, (20_000, 3)), rng.normal(3.0, 0.5, (20_000, 4))
    ways, stays = np.array([0.5, -0.3, 0.0]), np.array([1.0, -2.0, 0.5, 0.0])
    way = order @ ways
    chances = softmax(np.stack([way, -way, -(passage @ stays) - 1.0], axis=1))
    labels = (rng.random((20_000, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    learnt = fit(order, passage, labels)
    assert np.abs(learnt.order - ways).max() < 0.05
    assert np.abs(learnt.passage - stays).max() < 0.15
    assert abs(learnt.bias - 1.0) < 0.6
    assert np.array_equal(learnt.passage, fit(order, passage, labels).passage)


def test_a_dock_watched_from_one_side_shows_what_that_sides_antennas_read() -> None:
    whole, half = plain(3, 12.0), one_sided(plain(3, 12.0), Side.OUTSIDE)
    spots = {(a.reader, a.port) for a in whole.site.antennas if a.side is Side.OUTSIDE}
    assert {(a.reader, a.port) for a in half.site.antennas} == spots
    read = 0
    for seen, all_seen in zip(half.steps, whole.steps, strict=True):
        at = [whole.site.antennas[n] for n in all_seen.reads["antenna"].tolist()]
        outside = [a.side is Side.OUTSIDE for a in at]
        assert np.array_equal(seen.reads["rssi_cdbm"], all_seen.reads["rssi_cdbm"][outside])
        there = [half.site.antennas[n] for n in seen.reads["antenna"].tolist()]
        assert there == [a for a, kept in zip(at, outside, strict=True) if kept]
        assert seen.crossings == all_seen.crossings
        read += len(there)
    assert read > 20


def test_what_is_learnt_anew_of_some_cases_leaves_all_others_as_they_were() -> None:
    old, number = shipped(), KINDS.index("half_with_beams")
    new, about = relearn(old, "half_with_beams", worlds=2, seconds=40.0, first_seed=7_000)
    assert about["passages"] > 0
    for before, after in zip(old.rounds, new.rounds, strict=True):
        for kind in range(len(KINDS)):
            assert (after[kind] is before[kind]) is (kind != number)
    assert np.array_equal(new.confidence, old.confidence)
