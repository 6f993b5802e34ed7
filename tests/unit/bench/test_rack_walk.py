"""A labelled walk of a rack, for the benchmark: made and calibrated as at a site."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from gateway.bench.rack_walk import TAGS_PER_BIN, walked
from gateway.calibration.walks import read_walks
from gateway.settings.configuration import load


@pytest.mark.parametrize("name", ["rack", "bins-hard"])
def test_ten_tags_are_known_to_lie_in_every_bin_for_twenty_seconds(
    name: str, tmp_path: Path
) -> None:
    walk = walked(name, 7, tmp_path)
    site = load(walk.site, secrets=False).site
    bins = read_walks(walk.walks, site).bins
    assert {entry.zone for entry in bins} == {zone.id for zone in site.zones}
    assert {len(entry.tags) for entry in bins} == {TAGS_PER_BIN}
    assert {entry.end.us - entry.begin.us for entry in bins} == {20_000_000}
    assert set(Counter(tag for entry in bins for tag in entry.tags).values()) == {1}
