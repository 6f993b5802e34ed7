"""Recordings of a simulated warehouse: the contract's lines, in order, the same each time."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest

from gateway.errors import Unavailable
from gateway.simulation.recorder import START_US, opened, record
from gateway.simulation.scenario import named
from gateway.simulation.warehouse import World
from tests.unit.simulation.places import warehouse


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
