"""What turns out to be right when a shipment is assigned, or an item put right, is over."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.model.movement import Presence
from gateway.rules.review import AT_ONCE
from tests.rule_bench import START_US, Bench, Catalog, S, epc_of

OUTBOUND = """
rules:
  - id: outbound
    on: movement
    where: {direction: out, shipments: in_use, shipment: absent}
    grace: 10s
    resolve: {direction: in}
    alert: {group: [door], summary: "{epc}"}
"""
PASSED = """
rules:
  - id: wrong
    on: passage
    where: {verdict: [wrong-door, unexpected]}
    latch: true
    alert: {key: [passage], summary: "{door} {verdict}"}
"""
WRONG_BIN = """
rules:
  - id: misplaced
    on: movement
    where: {item: {allowed: false}}
    for: 1m
    alert: {summary: "{epc}"}
  - id: not-here
    on: presence
    where: {zone: bin-2, item: {allowed: false}}
    alert: {summary: "{epc}"}
"""


@pytest.fixture
def catalog() -> Catalog:
    known = Catalog()
    known.in_use = True
    return known


def test_a_shipment_that_is_assigned_later_ends_it(tmp_path: Path, catalog: Catalog) -> None:
    bench = Bench(tmp_path, OUTBOUND, catalog)
    bench.left("E1", at_s=0)
    bench.left("E2", at_s=0)
    bench.wait(20)
    bench.catalog.shipments[epc_of("E1")] = "S-1"
    bench.wait(30)
    assert len(bench.told) == 2  # nobody has said that anything changed
    bench.engine.reconsider()
    bench.wait(40)
    key = f"epc={epc_of('E1')}"
    assert bench.told[2:] == [f"31 outbound resolved {key}"]
    assert bench.changes[-1].reason == "goods or shipment assigned"
    bench.catalog.shipments.clear()  # it is closed
    bench.engine.reconsider()
    bench.wait(50)
    assert len(bench.told) == 3


def test_what_is_assigned_while_a_rule_waits_never_fires(tmp_path: Path) -> None:
    bench = Bench(tmp_path, WRONG_BIN)
    bench.catalog.give("E1", home_zones=("bin-1",))
    bench.moved("E1", "bin-2", at_s=0, from_zone="staging")
    bench.wait(30)
    bench.catalog.give("E1", home_zones=("bin-2",))
    bench.engine.reconsider(items=True)
    bench.wait(300)
    assert "misplaced firing" not in " ".join(bench.told)


def test_it_does_so_after_a_restart_too(tmp_path: Path, catalog: Catalog) -> None:
    bench = Bench(tmp_path, OUTBOUND, catalog)
    bench.left("E1", at_s=0)
    bench.wait(20)
    bench.catalog.shipments[epc_of("E1")] = "S-1"
    bench.restart()  # before it could be looked at
    bench.wait(22)
    assert [line.split()[2] for line in bench.told] == ["firing", "resolved"]


@pytest.mark.parametrize(
    ("now", "ends"), [("complete", True), ("short", True), ("wrong-door", False)]
)
def test_a_load_is_judged_again(tmp_path: Path, catalog: Catalog, now: str, ends: bool) -> None:
    bench = Bench(tmp_path, PASSED, catalog)
    bench.passed("door-1", at_s=1, tags=["E1", "E2"], verdict="unexpected")
    bench.passed("door-2", at_s=2, tags=["E3"], verdict="wrong-door")
    bench.catalog.verdicts["door-1"] = now
    bench.engine.reconsider()
    bench.wait(10)
    over = [c for c in bench.changes if c.state == "resolved"]
    assert [c.fields["door"] for c in over] == (["door-1"] if ends else [])
    assert all(c.summary == "door-1 unexpected" for c in over)  # as it was told


def test_tags_that_are_in_the_wrong_place_since_an_item_changed_are_found(tmp_path: Path) -> None:
    bench = Bench(tmp_path, WRONG_BIN)
    bench.wait(1)
    names = [f"T{n}" for n in range(AT_ONCE + 10)]
    bench.catalog.known = [
        (epc_of(name), "bin-2", Presence.PRESENT, START_US - 60 * S) for name in names
    ]
    for name in (names[0], names[-1]):
        bench.catalog.give(name, home_zones=("bin-1",))
    bench.engine.reconsider(items=True)
    bench.wait(2)
    assert len(bench.told) == 1  # a slice at each step
    bench.wait(3)
    assert [line.split("epc=")[1] for line in bench.told] == [epc_of(names[0]), epc_of(names[-1])]
    bench.catalog.items.clear()
    bench.engine.reconsider(items=True)
    bench.wait(6)
    assert [line.split()[2] for line in bench.told] == ["firing", "firing", "resolved", "resolved"]


def test_the_stock_is_counted_again_when_items_come_late(tmp_path: Path) -> None:
    text = """
rules:
  - id: low
    on: timer
    where: {stock: {below: minimum}}
    every: 1m
    alert: {key: [sku], summary: "{sku} {stock}"}
"""
    bench = Bench(tmp_path, text)
    bench.catalog.known = [(epc_of("E1"), "bin-1", Presence.PRESENT, START_US)]
    bench.wait(100)
    assert bench.told == []
    bench.catalog.give("E1", sku="A", minimum=5)
    bench.engine.reconsider(items=True)
    bench.wait(200)
    assert bench.summaries == ["A 1"]
