"""Bins: levels, loose cartons, picks from bin to bin; cartons on pallets; tags hard to read."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from gateway.bench.sites import columns_of, rack
from gateway.simulation.layout import LEVEL_M, Layout
from gateway.simulation.population import NO_CARTON, populate
from gateway.simulation.scenario import from_mapping, named
from gateway.simulation.scenario_parts import RadioModel, Stock
from gateway.simulation.warehouse import Batch, World
from tests.unit.simulation.places import warehouse
from tests.unit.simulation.traffics import SECOND_US, watched, world

CARTONS: dict[str, Any] = {"bins_filled": 0.8, "cartons_per_bin": [1, 3], "tags_per_carton": 8}
PICKS: dict[str, Any] = {"pick_every_s": [10, 15], "put_away_every_s": [1000, 1000]}


@pytest.fixture(scope="module")
def two_minutes() -> tuple[World, Batch]:
    """The nominal rack for two minutes, with nothing wrong with its tags."""
    scenario = from_mapping(
        {
            "like": "bins-nominal",
            "stock": {"dead_tags": 0, "hard_tags": 0},
            "traffic": {"unseen_move_every_s": [0, 0]},
        },
        name="test",
    )
    made = World(rack(), scenario, 3)
    return made, made.advance(120 * SECOND_US)


def test_bins_of_one_area_lie_above_each_other() -> None:
    layout = Layout(rack(columns=2, levels=3, antennas=2))
    heights = [layout.bin_place(f"bin-1-{level}")[2] for level in (1, 2, 3)]
    assert heights == [0.0, LEVEL_M, 2 * LEVEL_M]
    assert len({layout.bin_place(f"bin-1-{level}")[:2] for level in (1, 2, 3)}) == 1
    assert layout.bin_place("bin-2-1")[0] - layout.bin_place("bin-1-1")[0] == pytest.approx(1.2)


def test_a_loose_carton_has_eight_item_tags_and_no_pallet_tag() -> None:
    made = world(rack(), stock=CARTONS)
    assert all(made.population.is_carton)
    assert {len(tags) for tags in made.population.tags_of} == {8}
    assert {epc[0] for epc in made.population.epcs} == {0x30}
    spans = [np.ptp(made.population.offset_m[t], axis=0).max() for t in made.population.tags_of]
    assert max(spans) < 0.35


def test_the_truth_tells_the_carton_of_each_tag_and_all_tags_of_each_carton() -> None:
    facts = world(rack(), stock=CARTONS).advance(1).truth
    whole = {f["carton"]: f for f in facts if "tags" in f}
    of_tag = {f["epc"]: f for f in facts if "epc" in f}
    assert len(of_tag) == 8 * len(whole)
    for fact in of_tag.values():
        assert fact["epc"] in whole[fact["carton"]]["tags"]
        assert fact["zone"] == whole[fact["carton"]]["zone"]


def test_cartons_are_picked_and_put_into_other_bins() -> None:
    seen = watched(rack(), seconds=600, stock=CARTONS, traffic=PICKS)
    been: defaultdict[str, list[str]] = defaultdict(list)
    for fact in seen.facts:
        if "carton" in fact and "tags" in fact:
            been[fact["carton"]].append(fact["zone"])
    moved = [zones for zones in been.values() if len(zones) > 1]
    assert len(moved) >= 15
    assert all(a != b for zones in moved for a, b in itertools.pairwise(zones))
    lifted = [f for f in seen.lifts() if "carton" in f]
    assert len(lifted) >= sum(len(zones) - 1 for zones in moved)
    for places in seen.places[::10]:
        rounded = [tuple(p) for p in np.round(places, 3)]
        assert len(set(rounded)) == len(rounded)


def test_a_pallet_goes_to_the_level_of_its_bin() -> None:
    site = rack(columns=3, levels=2, antennas=2)
    seen = watched(
        site,
        seconds=300,
        stock={"bins_filled": 0.5, "pallets_in_bins": 3},
        traffic={"put_away_every_s": [5, 8], "first_put_away_s": 1},
    )
    layout = Layout(site)
    put = [f for f in seen.facts if "pallet" in f and "zone" in f and f["t"] > 0]
    assert len(put) > 5
    for fact in put:
        at = int(np.searchsorted(seen.times_us, fact["t"]))
        assert seen.place(fact["pallet"])[at] == pytest.approx(layout.bin_place(fact["zone"]))


def test_the_nearest_antenna_hears_a_bin_best_and_its_neighbours_hear_it_too(
    two_minutes: tuple[World, Batch],
) -> None:
    made, batch = two_minutes
    columns = columns_of(made.site)
    column_of_antenna = [np.mean([columns[z] for z in a.zones]) for a in made.site.antennas]
    zone_of = {f["epc"]: f["zone"] for f in batch.truth if "epc" in f}
    moved = {f["carton"] for f in batch.truth if "lifted" in f}
    still = {f["epc"] for f in batch.truth if "epc" in f and f["carton"] not in moved}
    off, heard_by = [], []
    for number, epc in enumerate(made.population.hexes):
        mine = batch.reads[batch.reads["tag"] == number]
        if epc not in still or len(mine) < 20:
            continue
        antennas = np.unique(mine["antenna"])
        power = [mine["rssi_cdbm"][mine["antenna"] == a].mean() for a in antennas]
        best = column_of_antenna[antennas[int(np.argmax(power))]]
        off.append(abs(best - columns[zone_of[epc]]))
        heard_by.append(len(antennas))
    assert len(off) > 100
    # An antenna for two columns: half a column is as near as it gets.
    assert np.mean(np.array(off) <= 1.5) > 0.8
    assert np.median(heard_by) >= 2


def test_cartons_on_a_pallet_are_groups_of_tags_close_together() -> None:
    stock = Stock(tags_per_carton=8, tags_per_pallet=(24, 30))
    population = populate([False] * 20, stock, RadioModel(), np.random.default_rng(1))
    assert (population.carton[[tags[0] for tags in population.tags_of]] == NO_CARTON).all()
    sizes, spans = [], []
    for carton in np.unique(population.carton[population.carton >= 0]):
        tags = np.flatnonzero(population.carton == carton)
        assert len(np.unique(population.load[tags])) == 1
        sizes.append(len(tags))
        spans.append(np.ptp(population.offset_m[tags], axis=0).max())
    assert max(sizes) == 8
    assert max(spans) < 0.31


def test_tags_that_are_hard_to_read_are_read_less_often() -> None:
    def reads_per_tag(share: float) -> Any:
        stock = {**CARTONS, "dead_tags": 0, "hard_tags": share}
        made = world(rack(), stock=stock, traffic={"pick_every_s": [0, 0]})
        reads = made.advance(20 * SECOND_US).reads
        return np.bincount(reads["tag"], minlength=len(made.tags))

    easy, hard = reads_per_tag(0.0), reads_per_tag(1.0)
    assert (easy > 0).mean() > 0.75
    assert (hard > 0).mean() < 0.85 * (easy > 0).mean()


def test_the_racks_of_an_ordinary_site_hold_pallets_unless_told_otherwise() -> None:
    assert not any(World(warehouse(), named("demo"), 1).population.is_carton)
