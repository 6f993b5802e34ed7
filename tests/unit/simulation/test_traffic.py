"""Who moves where: what a dock does to confuse whoever watches it, and what is true of it."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from gateway.model.place import Side
from gateway.simulation.warehouse import World
from tests.unit.simulation.places import warehouse
from tests.unit.simulation.traffics import SECOND_US, Watched, scenario, watched, world

BUSY: dict[str, Any] = {"staged_per_door": 4, "pallets_in_yard": 8}
NO_JOBS = {"first_job_s": 9999, "first_put_away_s": 9999}


def runs_through(seen: Watched) -> list[list[dict[str, Any]]]:
    """Crossings of each pallet, in order of time."""
    by_pallet: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for fact in seen.crossings():
        by_pallet[fact["pallet"]].append(fact)
    return list(by_pallet.values())


def test_calm_traffic_crosses_once_per_job_and_stops_nowhere_near_the_line() -> None:
    seen = watched(stock=BUSY)
    assert len(seen.crossings()) > 15
    for fact in seen.crossings():
        y = seen.place(fact["pallet"])[:, 1]
        around = [abs(t - fact["t"]) < 1 * SECOND_US for t in seen.times_us]
        assert np.abs(np.diff(y[around])).min() > 0.05


def test_a_load_is_left_in_the_door_mouth_for_minutes_and_then_fetched() -> None:
    traffic = {"mouth_every_s": [20, 30], "mouth_stay_s": [60, 90], "door_job_every_s": [15, 20]}
    seen = watched(warehouse(), seconds=600, stock=BUSY, traffic=traffic)
    stays = []
    for load, places in enumerate(np.stack(seen.places, axis=1)):
        name = seen.traffic.floor.population.name(load)
        in_mouth = (places[:, 1] >= 0.8) & (places[:, 1] <= 1.3)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], in_mouth, [False]]).astype(int)))
        for start, end in zip(edges[::2], edges[1::2] - 1, strict=True):
            stay_s = (seen.times_us[end] - seen.times_us[start]) / SECOND_US
            if stay_s > 30 and end < len(seen.times_us) - 1:
                stays.append((name, start, end, stay_s))
    assert len(stays) >= 6
    left = [(f["pallet"], f["t"]) for f in seen.facts if "mouth" in f]
    for name, start, end, stay_s in stays:
        assert any(n == name and abs(t - seen.times_us[start]) < 5 * SECOND_US for n, t in left)
        assert 60 <= stay_s < 200
        x = seen.place(name)[start : end - 2, 0]
        assert np.ptp(x[5:]) == 0
        # It is in the zone inside, and the door is open all the while.
        told = [f for f in seen.facts if f.get("pallet") == name and f["t"] <= seen.times_us[end]]
        assert [f["zone"] for f in told if "zone" in f][-1].startswith("staging-")


def test_others_pass_beside_a_load_in_the_mouth() -> None:
    traffic = {"mouth_every_s": [5, 10], "mouth_stay_s": [200, 300], "door_job_every_s": [3, 5]}
    seen = watched(seconds=300, stock=BUSY, traffic=traffic)
    doors = {d.place.id: d for d in seen.traffic.doorways}
    beside = 0
    for fact in seen.crossings():
        at = int(np.searchsorted(seen.times_us, fact["t"]))
        door = doors[fact["door"]].place
        others = [
            p[at]
            for p in np.stack(seen.places, axis=1)
            if 0.8 <= p[at][1] <= 1.3
            and abs(p[at][0] - door.x) < 1.4
            and np.ptp(p[at - 5 : at + 5], axis=0).max() == 0
        ]
        for other in others:
            beside += 1
            x = seen.place(fact["pallet"])[at][0]
            assert abs(x - other[0]) > 1.0  # a load is a metre wide
    assert beside >= 3


def test_a_load_in_the_mouth_is_read_from_both_sides_of_its_door() -> None:
    quiet = {"mouth_every_s": [2, 2], "mouth_stay_s": [500, 500], "door_job_every_s": [900, 900]}
    busy = world(warehouse(bins=0), stock={**BUSY, "dead_tags": 0}, traffic=quiet)
    truth = busy.advance(30 * SECOND_US).truth
    placed = [f for f in truth if "pallet" in f and "zone" in f and f["t"] > 0]
    reads = busy.advance(90 * SECOND_US).reads
    sides = np.array([a.side is Side.OUTSIDE for a in busy.site.antennas])
    both = 0
    for fact in placed[:2]:
        mine = reads[[busy.population.hexes[tag] in fact["epcs"] for tag in reads["tag"]]]
        outer = sides[mine["antenna"]]
        both += min(outer.sum(), (~outer).sum()) > 100
    assert both >= 1


def test_a_turn_back_comes_as_near_as_it_was_told_and_crosses_nothing() -> None:
    traffic = {"turn_back": 1.0, "turn_back_m": [0.7, 3.0]}
    seen = watched(stock=BUSY, traffic=traffic)
    # The first job of all is a load that leaves.
    late = [f for f in seen.crossings() if f["t"] > 20 * SECOND_US]
    assert late == []
    nearest = {}
    for fact in [f for f in seen.facts if "turned" in f]:
        assert fact["turned"] in ("door-1", "door-2")
        y = seen.place(fact["pallet"])[:, 1]
        nearest[fact["pallet"]] = np.abs(y[np.array(seen.times_us) > 25 * SECOND_US]).min()
    depths = sorted(d for d in nearest.values() if d < 3.1)
    assert len(depths) >= 5
    assert depths[0] >= 0.7
    assert depths[-1] - depths[0] > 0.8


def test_a_load_that_comes_back_does_so_within_thirty_seconds() -> None:
    seen = watched(stock=BUSY, traffic={"come_back": 1.0})
    pairs = [(a, b) for run in runs_through(seen) for a, b in pairwise(run)]
    back = [b["t"] - a["t"] for a, b in pairs if b["t"] - a["t"] < 30 * SECOND_US]
    assert len(back) >= 8
    assert all(a["door"] == b["door"] and a["direction"] != b["direction"] for a, b in pairs)


def test_a_stop_in_the_door_lasts_as_long_as_it_was_told() -> None:
    seen = watched(stock=BUSY, traffic={"stop_in_door": 1.0, "stop_s": [6, 12]})
    stops = 0
    for fact in seen.crossings():
        y = seen.place(fact["pallet"])[:, 1]
        around = np.abs(np.array(seen.times_us) - fact["t"]) < 15 * SECOND_US
        still = np.flatnonzero((np.diff(y) == 0) & (np.abs(y[1:]) <= 0.61) & around[1:])
        stops += 5.6 <= len(still) * 0.2 <= 12.4
    assert stops >= 0.85 * len(seen.crossings()) > 8


def test_two_pallets_cross_together_side_by_side() -> None:
    seen = watched(stock=BUSY, traffic={"two_pallets": 1.0})
    crossed = seen.crossings()
    pairs = [(a, b) for a, b in pairwise(crossed) if abs(a["t"] - b["t"]) < SECOND_US // 5]
    assert len(pairs) >= 5
    for a, b in pairs:
        assert (a["door"], a["direction"]) == (b["door"], b["direction"])
        at = int(np.searchsorted(seen.times_us, a["t"]))
        apart = seen.place(a["pallet"])[at, 0] - seen.place(b["pallet"])[at, 0]
        assert abs(apart) == pytest.approx(1.1, abs=0.01)


def test_two_trucks_follow_each_other_and_meet_in_one_door() -> None:
    traffic = {"trucks_per_door": 2, "together": 1.0, "door_job_every_s": [15, 20]}
    seen = watched(seconds=900, stock={**BUSY, "pallets_in_yard": 16}, traffic=traffic)
    follow = meet = 0
    for a, b in pairwise(seen.crossings()):
        if a["door"] == b["door"] and b["t"] - a["t"] < 6 * SECOND_US:
            same = a["direction"] == b["direction"]
            follow, meet = follow + same, meet + (not same)
    assert follow >= 3
    assert meet >= 3


def test_neighbouring_doors_are_passed_at_the_same_moment() -> None:
    traffic = {"neighbours": 1.0, "door_job_every_s": [20, 25]}
    seen = watched(warehouse(doors=4), seconds=400, stock=BUSY, traffic=traffic)
    near = [
        (a["door"], b["door"])
        for a, b in pairwise(seen.crossings())
        if a["door"] != b["door"] and b["t"] - a["t"] < 3 * SECOND_US
    ]
    assert len(near) >= 4
    assert all(abs(int(a[-1]) - int(b[-1])) == 1 for a, b in near)


def test_cross_traffic_passes_the_doors_and_carries_pallets_from_lane_to_lane() -> None:
    traffic = {
        **NO_JOBS,
        "cross_every_s": [10, 15],
        "cross_loaded": 1.0,
        "cross_m": [1.6, 3.5],
    }
    seen = watched(warehouse(doors=4), seconds=400, stock=BUSY, traffic=traffic)
    moved = 0
    for pallet in {f["pallet"] for f in seen.lifts()}:
        zones = [f["zone"] for f in seen.facts if f.get("pallet") == pallet and "zone" in f]
        moved += len(set(zones) - {"yard"}) > 1
        x, y = seen.place(pallet)[:, 0], seen.place(pallet)[:, 1]
        along = (np.abs(np.diff(x)) > 0.05) & (np.diff(y) == 0)
        assert along.any()
        assert ((y[1:][along] >= 1.6) & (y[1:][along] <= 3.5)).all()
    assert moved >= 5
    assert seen.crossings() == []


def test_unladen_trucks_pass_as_well() -> None:
    traffic = {"cross_every_s": [5, 6], "cross_loaded": 0.0, **NO_JOBS}
    seen = watched(seconds=120, traffic=traffic, radio={"shadow_db": [6, 15]})
    xs = [b[np.abs(b[:, 1] - 2.5) < 1.2][:, 0] for b in seen.bodies]
    passing = np.concatenate(xs)
    assert passing.min() < 0
    assert passing.max() > 8


def test_workers_break_beams_and_nothing_is_read() -> None:
    traffic = {"worker_every_s": [9, 12], **NO_JOBS}
    seen = watched(seconds=180, traffic=traffic)
    walked = [f for f in seen.facts if f.get("empty") == "worker"]
    assert len(walked) > 12
    assert seen.crossings("epc") == []
    for fact in walked:
        near = [e for e in seen.events if abs(e.time_us - fact["t"]) < 1.5 * SECOND_US]
        broken = [e.sensor for e in near if e.value and e.sensor.startswith(fact["at"])]
        order = ["inner", "outer"] if fact["direction"] == "out" else ["outer", "inner"]
        names = [s.split("/")[1] for s in broken if not s.endswith("contact")]
        assert names == order


def test_a_truck_without_a_load_is_an_empty_crossing_in_the_truth() -> None:
    seen = watched(stock=BUSY, traffic={"return_empty": 1.0})
    trucks = [f for f in seen.facts if f.get("empty") == "truck"]
    assert {f["direction"] for f in trucks} >= {"in"}
    assert all(f["at"] in ("door-1", "door-2") for f in trucks)


def test_what_is_moved_unseen_is_gone_and_stands_elsewhere_later() -> None:
    traffic = {"unseen_move_every_s": [10, 15], **NO_JOBS}
    seen = watched(warehouse(doors=4), seconds=200, stock=BUSY, traffic=traffic)
    lifted = [f for f in seen.lifts() if f["t"] < 120 * SECOND_US]
    assert len(lifted) >= 5
    for fact in lifted[:5]:
        y = seen.place(fact["pallet"])[:, 1]
        at = int(np.searchsorted(seen.times_us, fact["t"])) + 1
        assert y[at] < -50  # out of every antenna's reach
        zones = [
            f["zone"] for f in seen.facts
            if f.get("pallet") == fact["pallet"] and "zone" in f and f["t"] >= fact["t"]
        ]  # fmt: skip
        before = [
            f["zone"] for f in seen.facts
            if f.get("pallet") == fact["pallet"] and "zone" in f and f["t"] < fact["t"]
        ]  # fmt: skip
        assert zones[0] != before[-1]


def test_staging_begins_with_different_numbers_of_pallets() -> None:
    stock = {"staged_per_door": 4, "staged_spread": 4}
    seen = watched(warehouse(doors=12), seconds=1, stock=stock)
    stations = seen.traffic.hall.stations
    counts = [len(stations.staged(f"door-{n}")) for n in range(1, 13)]
    assert min(counts) < 2 < max(counts) <= 4


def test_no_two_loads_are_ever_put_on_the_same_place() -> None:
    traffic = {
        "put_away_every_s": [8, 12],
        "unseen_move_every_s": [20, 30],
        "cross_every_s": [20, 30],
        "mouth_every_s": [30, 40],
        "come_back": 0.2,
        "two_pallets": 0.3,
        "door_job_every_s": [4, 6],
    }
    seen = watched(warehouse(doors=3, bins=6), seconds=1800, step_us=SECOND_US, stock=BUSY,
                   traffic=traffic)  # fmt: skip
    for places in seen.places[::5]:
        near = places[places[:, 1] > -2]
        rounded = [tuple(p) for p in np.round(near, 3)]
        assert len(set(rounded)) == len(rounded)


def test_a_tag_always_crosses_from_the_side_where_it_is() -> None:
    everything = {
        "turn_back": 0.2, "turn_back_m": [0.7, 3], "come_back": 0.2, "stop_in_door": 0.2,
        "two_pallets": 0.2, "trucks_per_door": 2, "together": 0.3, "neighbours": 0.3,
        "mouth_every_s": [20, 30], "mouth_stay_s": [30, 60], "cross_every_s": [20, 30],
        "worker_every_s": [10, 20], "unseen_move_every_s": [60, 90], "door_job_every_s": [4, 6],
        "return_empty": 0.3,
    }  # fmt: skip
    seen = watched(warehouse(doors=3), seconds=1800, step_us=SECOND_US, stock=BUSY,
                   traffic=everything)  # fmt: skip
    outside: dict[str, bool] = {}
    for fact in seen.facts:
        if "epc" not in fact:
            continue
        if "zone" in fact:
            outside[fact["epc"]] = fact["zone"] == "yard"
        else:
            assert fact["direction"] == ("in" if outside[fact["epc"]] else "out")
            outside[fact["epc"]] = fact["direction"] == "out"
    assert len(seen.crossings()) > 100
    assert max(np.diff(sorted(f["t"] for f in seen.crossings()))) < 120 * SECOND_US


def test_beams_say_nothing_twice_whatever_stands_in_them() -> None:
    traffic = {
        "trucks_per_door": 2, "together": 0.6, "mouth_every_s": [15, 20], "mouth_stay_s": [20, 40],
        "worker_every_s": [3, 5], "door_job_every_s": [4, 6],
    }  # fmt: skip
    seen = watched(seconds=600, stock=BUSY, traffic=traffic)
    said: dict[str, bool] = {}
    contacts = 0
    for event in seen.events:
        if event.sensor.endswith("contact") and event.time_us == 0:
            contacts += 1
            continue
        assert said.get(event.sensor, False) is not event.value, event
        said[event.sensor] = event.value
    assert contacts == 2


def test_a_load_in_the_mouth_keeps_the_inner_beam_broken() -> None:
    traffic = {
        "mouth_every_s": [4, 4], "mouth_stay_s": [60, 60], "mouth_m": [0.8, 0.9],
        "door_job_every_s": [5000, 5000],
    }  # fmt: skip
    seen = watched(warehouse(doors=1), seconds=60, stock=BUSY, traffic=traffic)
    inner = [e for e in seen.events if e.sensor == "door-1/inner"]
    last = inner[-1]
    assert last.value
    assert last.time_us < 45 * SECOND_US


def test_the_truth_is_the_same_whatever_the_radio_is() -> None:
    a = World(warehouse(), scenario(radio={"k_factor_db": 1}), 4).advance(20 * SECOND_US)
    b = World(warehouse(), scenario(radio={"k_factor_db": 9}), 4).advance(20 * SECOND_US)
    assert a.truth == b.truth
    assert a.sensors == b.sensors
    assert len(a.reads) != len(b.reads)
