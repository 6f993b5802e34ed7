"""What breaks: readers, antennas, photo-eyes, contacts — what is read, told and true of it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from gateway.simulation.warehouse import Batch, World
from tests.unit.simulation.places import warehouse
from tests.unit.simulation.traffics import SECOND_US, watched, world

OUTAGES: dict[str, Any] = {"outage_every_s": [10, 20], "outage_s": [5, 8]}


def of_reader(made: World, batch: Batch, name: str) -> Any:
    """The reads of one reader."""
    owner = np.array([a.reader for a in made.site.antennas])
    return batch.reads[owner[batch.reads["antenna"]] == name]


def outages(batch: Batch, kind: str = "dead") -> list[dict[str, Any]]:
    """Faults of a kind that were over in time."""
    return [f for f in batch.truth if f.get("fault") == kind and f["until"] < 55 * SECOND_US]


def test_a_dead_reader_reads_nothing_and_that_is_told() -> None:
    made = world(faults=OUTAGES)
    batch = made.advance(60 * SECOND_US)
    dead = outages(batch)
    assert len(dead) >= 4
    for fault in dead:
        times = of_reader(made, batch, fault["reader"])["time_us"]
        within = (times > fault["t"] + 50_000) & (times < fault["until"])
        assert not within.any()
        assert 5 * SECOND_US <= fault["until"] - fault["t"] <= 8 * SECOND_US
        told = [s for s in batch.statuses if s.reader == fault["reader"]]
        down = [s for s in told if not s.up and fault["t"] < s.time_us < fault["until"]]
        up = [s for s in told if s.up and s.time_us == fault["until"]]
        assert (len(down), len(up)) == (1, 1)
        assert down[0].time_us - fault["t"] <= 3 * SECOND_US


def test_an_outage_that_is_not_told_is_just_silent() -> None:
    made = world(faults={**OUTAGES, "faults_told": 0})
    batch = made.advance(60 * SECOND_US)
    assert outages(batch)
    assert not any(f["told"] for f in outages(batch))
    assert batch.statuses == []


def test_a_reader_goes_down_no_more_often_than_it_was_told() -> None:
    made = world(warehouse(doors=3), faults={**OUTAGES, "outages_per_reader": 1})
    batch = made.advance(60 * SECOND_US)
    readers = [f["reader"] for f in batch.truth if f.get("fault") == "dead"]
    assert sorted(readers) == sorted(made.site.readers)


def test_a_reader_whose_link_is_down_reads_on_and_delivers_afterwards() -> None:
    made = world(faults={**OUTAGES, "outages_kept": 1.0})
    batch = made.advance(60 * SECOND_US)
    cut_off = outages(batch, "link")
    assert len(cut_off) >= 4
    for fault in cut_off:
        mine = of_reader(made, batch, fault["reader"])
        during = (mine["time_us"] > fault["t"] + 60_000) & (mine["time_us"] < fault["until"])
        assert during.sum() > 30
        assert (mine["at_us"][during] >= fault["until"]).all()


def test_an_antenna_with_a_broken_cable_reads_nothing_and_the_others_do() -> None:
    faults = {"antenna_fault_every_s": [20, 60], "antenna_fault_s": [10, 15]}
    made = world(warehouse(bins=0), faults=faults, traffic={"door_job_every_s": [4, 5]})
    batch = made.advance(60 * SECOND_US)
    broken = outages(batch, "antenna")
    assert len(broken) >= 3
    for fault in broken:
        number = made.site.antenna_numbers[fault["reader"], fault["antenna"]]
        within = (batch.reads["time_us"] > fault["t"] + 60_000) & (
            batch.reads["time_us"] < fault["until"]
        )
        assert number not in batch.reads["antenna"][within]
        assert len(batch.reads[within]) > 100
    assert all(s.port is not None for s in batch.statuses)


def test_a_reader_dies_in_the_middle_of_a_passage() -> None:
    faults = {"outages_in_passages": 1.0, "outage_s": [10, 12]}
    made = world(warehouse(doors=4), stock={"pallets_in_yard": 8}, faults=faults)
    batch = made.advance(60 * SECOND_US)
    crossed = [f for f in batch.truth if "pallet" in f and "door" in f]
    dead = [f for f in batch.truth if f.get("fault") == "dead"]
    near = 0
    for fact in crossed:
        reader = fact["door"].replace("door", "dock")
        near += any(
            f["reader"] == reader and abs(f["t"] - fact["t"]) < 1.5 * SECOND_US for f in dead
        )
    assert near >= 3
    assert near >= 0.5 * len(crossed)


def test_faults_are_events_for_a_live_run_whether_told_or_not() -> None:
    made = world(faults={**OUTAGES, "faults_told": 0})
    events = made.happen(60 * SECOND_US).faults
    by_reader: defaultdict[str, list[bool]] = defaultdict(list)
    for event in events:
        by_reader[event.reader].append(event.begins)
        assert (event.kind, event.told) == ("dead", False)
    for begins in by_reader.values():
        assert begins == [n % 2 == 0 for n in range(len(begins))]


@pytest.mark.parametrize(
    ("key", "value"), [("beams_stuck_broken", True), ("beams_stuck_free", False)]
)
def test_a_stuck_beam_says_one_thing_for_ever(key: str, value: bool) -> None:
    faults = {key: 1.0, "sticks_after_s": [30, 60]}
    seen = watched(seconds=300, stock={"pallets_in_yard": 8}, faults=faults)
    stuck = {f["sensor"]: f for f in seen.facts if f.get("fault", "").startswith("stuck")}
    assert set(stuck) == {f"door-{n}/{side}" for n in (1, 2) for side in ("inner", "outer")}
    assert len([f for f in seen.crossings() if f["t"] > 60 * SECOND_US]) > 5
    said_before = 0
    for sensor, fact in stuck.items():
        said = [e for e in seen.events if e.sensor == sensor]
        after = [e for e in said if e.time_us > fact["t"] + 50_000]
        assert after == []
        said_before += len(said) > 1
        assert (said[-1].value if said else False) is value
    assert said_before


def test_a_stuck_contact_says_closed_while_loads_pass() -> None:
    faults = {"contacts_stuck_closed": 1.0, "sticks_after_s": [0, 0]}
    seen = watched(seconds=200, stock={"pallets_in_yard": 8}, faults=faults)
    assert len(seen.crossings()) > 8
    contacts = [e for e in seen.events if e.sensor.endswith("contact")]
    assert [e.value for e in contacts] == [False, False]


def test_some_breaks_are_missed() -> None:
    def breaks(missed: float) -> int:
        seen = watched(seconds=400, stock={"pallets_in_yard": 8}, faults={"missed_beams": missed})
        return sum(e.value for e in seen.events if not e.sensor.endswith("contact"))

    assert 0.3 * breaks(0) < breaks(0.5) < 0.75 * breaks(0)
    assert breaks(1.0) == 0


def test_sensors_are_as_late_as_they_are_told() -> None:
    prompt = watched(seconds=200, faults={"beam_jitter_ms": [0, 0]})
    late = watched(seconds=200, faults={"beam_jitter_ms": [50, 50]})
    for a, b in zip(prompt.events[2:], late.events[2:], strict=False):
        assert (a.sensor, a.value) == (b.sensor, b.value)
        assert 49_000 <= b.time_us - a.time_us <= 51_000
