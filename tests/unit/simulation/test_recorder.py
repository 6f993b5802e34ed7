"""Recordings of a simulated warehouse: the contract's lines, in order, the same each time."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest

from gateway.drivers.recording import Recording
from gateway.errors import Unavailable
from gateway.model.tags import TagIndex
from gateway.simulation.recorder import START_US, opened, record
from gateway.simulation.scenario import from_mapping, named
from gateway.simulation.warehouse import World
from tests.unit.simulation.places import warehouse
from tests.unit.simulation.traffics import world


def recorded(seconds: float, seed: int = 1) -> tuple[bytes, bytes]:
    out, truth = io.BytesIO(), io.BytesIO()
    record(World(warehouse(), named("demo"), seed), seconds=seconds, out=out, truth=truth)
    return out.getvalue(), truth.getvalue()


def test_a_recording_has_the_lines_of_the_contract_in_order() -> None:
    lines = [json.loads(line) for line in recorded(12.5)[0].splitlines()]
    times = [line["t"] for line in lines]
    assert times == sorted(times)
    assert START_US <= times[0] < times[-1] <= START_US + 12_500_000
    assert {line["reader"] for line in lines if "status" in line} == {"dock-1", "dock-2", "aisle"}
    read = next(line for line in lines if "epc" in line)
    assert set(read) == {"t", "reader", "antenna", "epc", "rssi", "channel", "phase"}
    assert read["epc"] == read["epc"].upper()
    assert -90 < read["rssi"] < -20
    sensor = next(line for line in lines if line.get("value") is True)
    assert sensor == {"t": sensor["t"], "sensor": "door-1/contact", "value": True}


def test_the_truth_has_every_tag_of_a_pallet_that_crosses() -> None:
    facts = [json.loads(line) for line in recorded(6)[1].splitlines()]
    pallet = next(f for f in facts if "pallet" in f and "door" in f)
    tags = [f for f in facts if "epc" in f and "door" in f]
    assert {f["epc"] for f in tags} == set(pallet["epcs"])
    assert {(f["door"], f["direction"]) for f in tags} == {("door-1", "out")}
    assert all(abs(f["t"] - pallet["t"]) < 1_000_000 for f in tags)
    placed = [f for f in facts if "zone" in f and f["t"] == START_US and "epc" in f]
    assert {f["zone"] for f in placed} >= {"yard", "staging-1", "staging-2"}


def test_what_arrives_later_or_by_another_clock_has_its_arrival_and_is_in_its_order() -> None:
    reports = {"delay_ms": [5, 50], "clock_offset_ms": [100, 200], "report_every_ms": 300}
    out = io.BytesIO()
    record(world(reports=reports), seconds=5, out=out, truth=None)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    reads = [line for line in lines if "epc" in line]
    assert len(reads) > 200
    arrived = [line.get("at", line["t"]) for line in lines]
    assert arrived == sorted(arrived)
    assert all(line["at"] != line["t"] for line in reads)
    many = [line for line in reads if "count" in line]
    assert len(many) > 100
    assert all(line["first"] < line["t"] and line["count"] > 1 for line in many)
    assert all(line["t"] - line["first"] < 400_000 for line in many)


def test_outages_are_told_as_status_lines() -> None:
    faults = {
        "outage_every_s": [1, 2], "outage_s": [2, 3], "outages_per_reader": 1, "notice_s": [0, 0],
        "antenna_fault_every_s": [2, 8], "antenna_fault_s": [1, 2],
    }  # fmt: skip
    out, truth = io.BytesIO(), io.BytesIO()
    record(world(faults=faults), seconds=10, out=out, truth=truth)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    statuses = [line for line in lines if "status" in line][3:]
    assert {line["status"] for line in statuses} == {"up", "down"}
    assert {line["reader"] for line in statuses if "antenna" not in line} == {
        "dock-1", "dock-2", "aisle",
    }  # fmt: skip
    assert any("antenna" in line for line in statuses)
    faults_told = [f for f in map(json.loads, truth.getvalue().splitlines()) if "fault" in f]
    assert all(START_US < f["t"] < f["until"] for f in faults_told)
    downs = sorted(line["t"] for line in statuses if line["status"] == "down")
    assert downs == sorted(f["t"] for f in faults_told)


def test_a_recording_with_everything_in_it_is_replayed_without_a_complaint(tmp_path: Path) -> None:
    described = from_mapping(
        {
            "like": "hard",
            "faults": {"outage_every_s": [2, 4], "antenna_fault_every_s": [3, 9]},
            "reports": {"report_every_ms": 200},
        },
        name="test",
    )
    site = warehouse()
    with opened(tmp_path / "day.jsonl.gz") as out:
        recorded = record(World(site, described, 2), seconds=8, out=out, truth=None)
    complaints: list[str] = []
    replayed = Recording(site, TagIndex(), complaints.append)
    batches = list(replayed.batches([tmp_path / "day.jsonl.gz"], 50_000))
    assert complaints == []
    assert replayed.counts.reads == recorded.reads > 500
    assert sum(len(inputs.statuses) for _, inputs in batches) > 5


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert recorded(5, seed=9) == recorded(5, seed=9)
    assert recorded(5, seed=9) != recorded(5, seed=10)


def test_a_name_that_ends_in_gz_is_packed_the_same_each_time(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        with opened(tmp_path / name) as out:
            out.write(b"{}\n" * 100)
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()) == b"{}\n" * 100


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot write"), opened(tmp_path / "no" / "file"):
        pass
