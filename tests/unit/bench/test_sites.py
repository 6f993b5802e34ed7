"""Generated sites: what is in them, and that they can be written down and read again."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from gateway.bench.sites import columns_of, dock, rack, write_site
from gateway.errors import Unavailable
from gateway.model.place import Side, Site
from gateway.settings.configuration import load


@pytest.mark.parametrize("site", [dock(), dock(12, 3.5, power_dbm=27.5), rack(), rack(6, 3, 9)])
def test_a_site_that_is_written_is_the_site_that_is_read(site: Site, tmp_path: Path) -> None:
    write_site(site, tmp_path)
    configuration = load(tmp_path)
    assert configuration.site == site
    assert configuration.notes == ()
    assert len(configuration.sensors) == 3 * len(site.doors)


def test_a_dock_has_a_reader_with_two_antennas_on_each_side_of_every_door() -> None:
    site = dock(doors=6, pitch_m=3.7)
    assert len(site.readers) == len(site.doors) == 6
    for door in site.doors:
        sides = [a.side for a in site.antennas if a.door == door.id]
        assert sides == [Side.INSIDE, Side.INSIDE, Side.OUTSIDE, Side.OUTSIDE]
        assert door.inner_beam
        assert door.outer_beam
        assert door.contact
    xs = [door.position_m[0] for door in site.doors if door.position_m]
    assert [round(b - a, 3) for a, b in pairwise(xs)] == [3.7] * 5


def test_an_antenna_of_a_rack_sees_the_bins_before_it_on_every_level() -> None:
    site = rack(columns=12, levels=2, antennas=6)
    assert len(site.zones) == 24
    assert len(site.antennas) == 6
    assert all(len(a.zones) in (6, 8) for a in site.antennas)
    assert {zone for a in site.antennas for zone in a.zones} == {z.id for z in site.zones}


def test_both_levels_of_a_column_have_the_same_column() -> None:
    columns = columns_of(rack(columns=12, levels=2))
    assert columns["bin-01-1"] == columns["bin-01-2"] == 0
    assert columns["bin-12-2"] == 11


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file where the folder should be")
    with pytest.raises(Unavailable, match="cannot write"):
        write_site(dock(), tmp_path)
