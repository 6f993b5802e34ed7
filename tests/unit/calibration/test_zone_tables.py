"""How well antennas hear zones, by tags that are known to lie there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gateway.bench.sites import rack
from gateway.calibration.walks import Lying
from gateway.calibration.zones import zone_tables
from gateway.location.coverage import Coverage
from gateway.location.profiles import Profiles
from tests.unit.calibration.tapes import START_US, Row, epc, measured

SITE = rack(columns=4, levels=1, antennas=2)
RNG = np.random.default_rng(6)


def lain(
    power: dict[str, tuple[float, float]], each_db: float = 0.0
) -> tuple[list[Lying], list[Row]]:
    """Ten tags in each zone, heard by both antennas with this power, and their own level.

    Each antenna hears each of them `each_db` better or worse than that, or so.
    """
    lying, rows = [], []
    for number, (zone, levels) in enumerate(power.items()):
        tags = range(number * 10, number * 10 + 10)
        end_us = START_US + 30_000_000
        lying.append(Lying(zone=zone, begin_us=START_US, end_us=end_us, tags=tuple(map(epc, tags))))
        for tag in tags:
            own_db = float(RNG.normal(0.0, 4.0))
            for port, dbm in enumerate(levels, start=1):
                own_dbm = dbm + own_db + float(RNG.normal(0.0, each_db))
                for look in range(3):
                    noisy = own_dbm + float(RNG.normal(0.0, 1.0))
                    if noisy > -80.0:
                        rows.append((1.0 + look, tag, "rack-1", port, noisy))
    return lying, rows


def test_differences_between_antennas_are_those_of_the_tags(tmp_path: Path) -> None:
    lying, rows = lain({"bin-1-1": (-50.0, -62.0), "bin-2-1": (-53.0, -57.0)})
    offsets, found = zone_tables(SITE, lying, measured(tmp_path / "r", SITE, rows), lambda _: True)
    differences = []
    for zone in ("bin-1-1", "bin-2-1"):
        heard = [found[zone]["rack-1", n] + offsets.get(("rack-1", n), 0.0) for n in (1, 2)]
        differences.append(heard[0] - heard[1])
    assert differences == pytest.approx([12.0, 4.0], abs=3.0)
    assert set(found) == {"bin-1-1", "bin-2-1"}


def test_an_antenna_that_hears_nobody_has_no_value(tmp_path: Path) -> None:
    lying, rows = lain({"bin-1-1": (-50.0, -120.0)})
    _, found = zone_tables(SITE, lying, measured(tmp_path / "r", SITE, rows), lambda _: True)
    assert set(found["bin-1-1"]) == {("rack-1", 1)}


def test_an_antenna_with_too_little_power_is_found_even_if_it_is_mostly_silent(
    tmp_path: Path,
) -> None:
    whole = {"bin-1-1": (-52.0, -60.0), "bin-2-1": (-55.0, -57.0), "bin-3-1": (-57.0, -55.0)}
    weak = {zone: (near, far - 20.0) for zone, (near, far) in whole.items()}
    lying, rows = lain(weak)
    offsets, _ = zone_tables(SITE, lying, measured(tmp_path / "r", SITE, rows), lambda _: True)
    assert offsets.get(("rack-1", 2), 0.0) - offsets.get(("rack-1", 1), 0.0) < -8.0


def test_tags_that_do_not_count_are_not_learnt_from(tmp_path: Path) -> None:
    lying, rows = lain({"bin-1-1": (-50.0, -62.0)})
    seen = measured(tmp_path / "r", SITE, rows)
    assert zone_tables(SITE, lying, seen, lambda _: False) == ({}, {})


def test_where_physics_does_well_few_tags_do_not_change_what_it_expects(tmp_path: Path) -> None:
    """Scatter of single tags alone is no reason to believe a table instead."""
    profiles = Profiles(Coverage(SITE))
    expected = {z.id: profiles.expected_db[n, :2] for n, z in enumerate(SITE.zones)}
    power = {zone: (float(db[0]) - 50.0, float(db[1]) - 50.0) for zone, db in expected.items()}
    lying, rows = lain(power, each_db=4.0)
    offsets, found = zone_tables(SITE, lying, measured(tmp_path / "r", SITE, rows), lambda _: True)
    assert offsets == {}
    for zone, (left, right) in power.items():
        apart = found[zone]["rack-1", 1] - found[zone]["rack-1", 2]
        assert apart == pytest.approx(left - right, abs=1.5)
