"""Antennas of doors that hear better or worse than their peers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gateway.bench.sites import dock
from gateway.calibration.antennas import door_offsets
from tests.unit.calibration.tapes import Row, measured, walk

SITE = dock(doors=1)
RNG = np.random.default_rng(5)


def passes(count: int, off_db: dict[int, float]) -> list[Row]:
    """Six tags each time, heard at their peak by the four antennas of door 1."""
    rows: list[Row] = []
    for number in range(count):
        for tag in range(6):
            for port in (1, 2, 3, 4):
                dbm = -55.0 - tag + off_db.get(port, 0.0) + float(RNG.normal(0.0, 1.5))
                rows.append((number * 20.0 + 5.0 + port / 10, tag, "dock-1", port, dbm))
    return rows


def offsets(path: Path, count: int, off_db: dict[int, float]) -> dict[tuple[str, int], float]:
    walks = [walk(n, n * 20.0, n * 20.0 + 10.0, range(6)) for n in range(count)]
    return door_offsets(SITE, walks, measured(path / "walks.jsonl", SITE, passes(count, off_db)))


def test_an_antenna_that_hears_worse_is_found(tmp_path: Path) -> None:
    found = offsets(tmp_path, 12, {3: -9.0})
    assert found["dock-1", 3] == pytest.approx(-9.0, abs=2.5)
    others = [found.get(("dock-1", port), 0.0) for port in (1, 2, 4)]
    assert max(others) - min(others) < 2.0


def test_two_walks_are_believed_less_than_twelve(tmp_path: Path) -> None:
    few, many = (offsets(tmp_path, count, {3: -9.0})["dock-1", 3] for count in (2, 12))
    assert abs(few) < abs(many)


def test_antennas_that_hear_alike_are_left_alone(tmp_path: Path) -> None:
    assert offsets(tmp_path, 12, {}) == {}


def test_without_walks_nothing_is_known(tmp_path: Path) -> None:
    assert offsets(tmp_path, 0, {}) == {}
