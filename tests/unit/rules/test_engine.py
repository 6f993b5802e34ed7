"""Rules as stories: what happens, and when people are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.model.alert import FORGOTTEN, AlertState
from gateway.model.device import ReaderState
from gateway.model.movement import Kind, Presence, Status
from gateway.model.outcome import Outcome
from tests.rule_bench import START_US, Bench, Catalog, S, epc_of, rules_of

E1, E2 = (f"epc={epc_of(name)}" for name in ("E1", "E2"))

MISPLACED = """
rules:
  - id: misplaced
    on: movement
    where: {to: {kind: storage}, item: {allowed: false}}
    for: 2m
    alert: {group: [zone], summary: "{item.sku} is in {zone.name}, belongs in {item.home_zones}"}
"""


def catalog_with(**homes: str) -> Catalog:
    catalog = Catalog()
    for name, home in homes.items():
        catalog.give(name, sku=f"SKU-{name}", home_zones=(home,))
    return catalog


def test_what_stays_in_the_wrong_place_is_told_when_its_time_is_over(tmp_path: Path) -> None:
    bench = Bench(tmp_path, MISPLACED, catalog_with(E1="bin-2"))
    bench.moved("E1", "bin-1", at_s=10)
    bench.wait(200)
    assert bench.told == [f"130 misplaced firing {E1}"]
    assert bench.summaries == ["SKU-E1 is in Bin 1, belongs in bin-2"]
    change = bench.changes[-1]
    assert (change.since_us, change.group) == (START_US + 10 * S, "zone=bin-1")
    assert change.fields["item.sku"] == "SKU-E1"
    bench.moved("E1", "bin-2", at_s=300)
    assert bench.told[1:] == [f"300 misplaced resolved {E1}"]
    assert bench.changes[-1].summary == bench.summaries[0]


def test_what_is_only_carried_past_is_not_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path, MISPLACED, catalog_with(E1="bin-2"))
    bench.moved("E1", "bin-1", at_s=0)
    bench.moved("E1", "bin-2", at_s=60)
    bench.wait(300)
    assert bench.told == [f"60 misplaced resolved {E1}"]
    assert bench.summaries == []


def test_what_may_well_be_at_home_is_not_told_where_antennas_overlap(tmp_path: Path) -> None:
    rule = MISPLACED.replace("allowed: false}", "allowed: false}, elsewhere: {at_least: 0.98}")
    for chances, told in (
        ({"bin-1": 0.6, "bin-2": 0.3}, 0),  # the rest is that it is anywhere
        ({"bin-1": 0.9, "bin-2": 0.01}, 0),
        ({"bin-1": 0.8, "hall": 0.19}, 1),
        (None, 1),  # an antenna of its own: it is there
    ):
        bench = Bench(tmp_path, rule, catalog_with(E1="bin-2"))
        evidence = {} if chances is None else {"zones": chances}
        bench.moved("E1", "bin-1", at_s=10, evidence=evidence)
        bench.wait(200)
        assert len(bench.told) == told, chances


def test_a_home_that_is_a_hall_is_any_bin_in_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, MISPLACED, catalog_with(E1="hall"))
    bench.moved("E1", "bin-1", at_s=0)
    bench.moved("E2", "bin-1", at_s=0)  # of which nothing is known
    bench.wait(300)
    assert bench.changes == []


OUTBOUND = """
rules:
  - id: outbound
    on: movement
    where: {direction: out, shipments: in_use, shipment: absent}
    grace: 10s
    alert: {severity: critical, group: [door], summary: "{epc} left by {door.name}"}
    latch: true
"""


def test_grace_tests_again_at_its_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path, OUTBOUND)
    bench.catalog.in_use = True
    bench.left("E1", at_s=0)
    bench.left("E2", at_s=1)
    bench.catalog.shipments[epc_of("E1")] = "S-1"  # the message came late
    bench.wait(20)
    assert bench.told == [f"10 outbound resolved {E1}", f"11 outbound firing {E2}"]


def test_only_a_person_ends_what_is_latched(tmp_path: Path) -> None:
    bench = Bench(tmp_path, OUTBOUND)
    bench.catalog.in_use = True
    bench.left("E1", at_s=0)
    bench.wait(20)
    bench.moved("E1", "staging", at_s=30)
    bench.wait(100)
    assert bench.told == [f"10 outbound firing {E1}"]
    ended = bench.engine.release("outbound", "door=door-1", START_US + 200 * S)
    assert [(c.key, c.reason) for c in ended] == [(E1, "ended by hand")]


def test_without_shipments_nobody_is_told_that_there_is_none(tmp_path: Path) -> None:
    bench = Bench(tmp_path, OUTBOUND)
    bench.left("E1", at_s=0)
    bench.wait(60)
    assert bench.changes == []


DWELL = """
rules:
  - id: dwell
    on: presence
    where: {zone_kind: staging}
    for: 4h
    alert: {summary: "{epc} has been in {zone.name} for {dwell}"}
"""


def test_a_tag_that_was_there_before_the_start_counts_from_when_it_came(tmp_path: Path) -> None:
    catalog = Catalog()
    since_us = START_US - 3 * 3600 * S
    catalog.known = [
        (epc_of("E1"), "staging", Presence.PRESENT, since_us),
        (epc_of("E2"), "bin-1", Presence.PRESENT, since_us),
        (epc_of("E3"), "staging", Presence.DEPARTED, since_us),
    ]
    bench = Bench(tmp_path, DWELL, catalog)
    bench.wait(3700, step_s=60)
    assert bench.told == [f"3600 dwell firing {E1}"]
    assert bench.summaries == [f"{epc_of('E1')} has been in Staging 1 for 4h"]


def test_a_dwell_is_a_condition_of_its_own(tmp_path: Path) -> None:
    text = DWELL.replace("{zone_kind: staging}", "{zone: staging, dwell: {above: 1h}}")
    bench = Bench(tmp_path, text.replace("    for: 4h\n", ""))
    bench.moved("E1", "staging", at_s=5)
    bench.moved("E2", "staging", at_s=6)
    bench.moved("E2", "bin-1", at_s=3000)
    bench.wait(4000, step_s=60)
    assert [line.split(" ", 1)[1] for line in bench.told] == [f"dwell firing {E1}"]
    assert 3605 <= float(bench.told[0].split()[0]) < 3605.001
    bench.moved("E1", "yard", at_s=4100)
    assert bench.told[1] == f"4100 dwell resolved {E1}"


COLD = """
rules:
  - id: cold-chain
    on: reading
    where: {sensors: [{kind: contact, is: open}, {kind: temperature, above: 8}]}
    for: 5m
    keep_firing_for: 1m
    resolve: {sensors: {kind: temperature, below: 7}}
    absent: {after: 10m, severity: info}
    alert: {key: [door], severity: critical, summary: "{door.name}: {temperature:.1f} °C"}
"""


def test_two_sensors_of_a_door_make_one_condition(tmp_path: Path) -> None:
    bench = Bench(tmp_path, COLD)
    bench.says("door-1/temp", 4, at_s=0)
    bench.says("door-1/contact", True, at_s=10)
    bench.says("door-1/temp", 9.5, at_s=60)
    bench.says("door-1/temp", 10, at_s=300)
    bench.wait(400)
    assert bench.told == ["360 cold-chain firing door=door-1"]
    assert bench.summaries == ["door-1: 10.0 °C"]
    bench.says("door-1/contact", False, at_s=420)  # not enough: it has to be cold again
    bench.says("door-1/temp", 6.5, at_s=450)
    bench.says("door-1/temp", 7.5, at_s=480)  # warm within the minute
    bench.says("door-1/temp", 6, at_s=500)
    bench.wait(600)
    assert bench.told[1:] == ["560 cold-chain resolved door=door-1"]


def test_silence_is_not_health(tmp_path: Path) -> None:
    bench = Bench(tmp_path, COLD)
    bench.says("door-1/temp", 4, at_s=0)
    bench.says("bin-1/temp", 4, at_s=0)  # belongs to no door
    bench.wait(650)
    bench.says("door-1/temp", 4, at_s=700)
    assert bench.told == [
        "600 cold-chain firing absent=door-1/temp",
        "700 cold-chain resolved absent=door-1/temp",
    ]


def test_a_door_that_stands_open_without_traffic(tmp_path: Path) -> None:
    text = """
rules:
  - id: door-open
    on: reading
    where: {sensors: {kind: contact, is: open, for: 10m}, traffic: {none_for: 10m}}
    alert: {key: [door], summary: "{door.name} stands open"}
"""
    bench = Bench(tmp_path, text)
    bench.says("door-1/contact", True, at_s=0)
    bench.passed("door-1", at_s=300, tags=["E1"])
    bench.wait(1000)
    assert bench.told == ["900 door-open firing door=door-1"]
    bench.passed("door-1", at_s=1100, tags=["E1"])
    bench.says("door-1/contact", False, at_s=1200)
    bench.wait(3000)
    assert bench.told[1:] == ["1100 door-open resolved door=door-1"]


def test_a_reader_that_is_down(tmp_path: Path) -> None:
    text = """
rules:
  - {id: down, on: reader, where: {up: false}, for: 1m, alert: {summary: "{reader}: {reason}"}}
  - id: antenna
    on: reader
    where: {up: false}
    alert: {key: [reader, antenna], summary: "{reader} port {antenna}"}
"""
    bench = Bench(tmp_path, text)
    bench.reader("dock", ReaderState.CONNECTING, at_s=0)
    bench.reader("dock", ReaderState.DOWN, at_s=5)
    bench.reader("aisle", ReaderState.DOWN, at_s=7, port=1)
    bench.wait(70)
    bench.reader("dock", ReaderState.UP, at_s=80)
    assert bench.told == [
        "7 antenna firing reader=aisle;antenna=1",
        "60 down firing reader=dock",
        "80 down resolved reader=dock",
    ]
    assert bench.summaries == ["aisle port 1", "dock: lost"]


def test_stock_below_its_minimum(tmp_path: Path) -> None:
    text = """
rules:
  - id: low
    on: timer
    where: {stock: {below: minimum}}
    every: 30s
    alert: {key: [sku], summary: "{sku.name}: {stock} left of at least {minimum}"}
"""
    catalog = Catalog()
    for name in ("A1", "A2"):
        catalog.give(name, sku="A", name="Apples", minimum=2)
    catalog.give("B1", sku="B")
    bench = Bench(tmp_path, text, catalog)
    for name in ("A1", "A2", "B1"):
        bench.moved(name, "bin-1", at_s=0)
    bench.wait(100)
    bench.left("A2", at_s=110)
    bench.left("B1", at_s=110)
    bench.wait(200)
    bench.moved("A2", "bin-1", at_s=211)
    bench.wait(300)
    assert bench.told == ["120 low firing sku=A", "240 low resolved sku=A"]
    assert bench.summaries == ["Apples: 1 left of at least 2"]


def test_a_passage_stays_bad_until_the_next_good_one(tmp_path: Path) -> None:
    text = """
rules:
  - {id: short, on: passage, where: {verdict: [short, over]}, alert: {summary: "{verdict}"}}
  - id: empty
    on: passage
    where: {tags: 0, direction: out}
    resolve_after: 1m
    alert: {key: [passage], summary: "nothing"}
"""
    bench = Bench(tmp_path, text)
    bench.passed(at_s=0, tags=["E1"], verdict="short")
    bench.passed("door-2", at_s=5, tags=["E1"], verdict="complete")
    bench.passed(at_s=10, verdict="complete")
    bench.wait(100)
    assert bench.told == [
        "0 short firing door=door-1",
        "10 short resolved door=door-1",
        "10 empty firing passage=passage-3",
        "70 empty resolved passage=passage-3",
    ]


def test_a_retracted_movement_takes_back_what_it_caused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, OUTBOUND)
    bench.catalog.in_use = True
    bench.left("E1", at_s=0)
    bench.wait(20)
    (firing,) = (c for c in bench.changes if c.state == "firing")
    bench.moved("E1", "yard", at_s=0, id=firing.cause, status=Status.RETRACTED)
    assert bench.changes[-1].reason == "retracted"


def test_a_tag_that_is_gone_is_told_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, DWELL)
    bench.moved("E1", "staging", at_s=0)
    bench.wait(15_000, step_s=60)
    bench.moved("E1", None, at_s=15_001, kind=Kind.DEPARTED, from_zone="staging")
    assert bench.changes[-1].reason == "gone"


def test_a_missing_tag_is_told_until_it_is_found(tmp_path: Path) -> None:
    text = """
rules:
  - id: missing
    on: movement
    where: {kind: missing, zone_kind: storage}
    alert: {summary: "{epc} is missing from {zone.name}"}
"""
    bench = Bench(tmp_path, text)
    bench.moved("E1", None, at_s=5, kind=Kind.MISSING, from_zone="bin-1")
    bench.moved("E2", None, at_s=5, kind=Kind.MISSING, from_zone="staging")
    bench.moved("E1", "bin-1", at_s=9, kind=Kind.ARRIVED)
    assert bench.told == [f"5 missing firing {E1}", f"9 missing resolved {E1}"]


def test_a_late_movement_fires_with_its_own_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, MISPLACED, catalog_with(E1="bin-2"))
    bench.wait(1000)
    bench.moved("E1", "bin-1", at_s=100)
    assert bench.told == [f"220 misplaced firing {E1}"]


def test_nothing_is_lost_and_nothing_fires_twice_over_restarts(tmp_path: Path) -> None:
    bench = Bench(tmp_path, MISPLACED + COLD.removeprefix("\nrules:\n"), catalog_with(E1="bin-2"))
    bench.moved("E1", "bin-1", at_s=0)
    bench.says("door-1/contact", True, at_s=1)
    bench.says("door-1/temp", 9, at_s=1)
    for until_s in (60, 119, 120, 121, 300, 302):
        bench.wait(until_s)
        bench.restart()
    bench.moved("E1", "bin-2", at_s=310)
    bench.says("door-1/temp", 5, at_s=310)
    bench.restart()
    bench.wait(400)
    assert bench.told == [
        f"120 misplaced firing {E1}",
        "301 cold-chain firing door=door-1",
        f"310 misplaced resolved {E1}",
        "370 cold-chain resolved door=door-1",
    ]


def test_what_falls_due_while_the_gateway_is_down_fires_at_its_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, MISPLACED, catalog_with(E1="bin-2"))
    bench.moved("E1", "bin-1", at_s=0)
    bench.now_us = START_US + 500 * S
    bench.restart()
    bench.wait(501)
    assert bench.told == [f"120 misplaced firing {E1}"]


def test_rules_that_are_unchanged_go_on_when_others_are_loaded(tmp_path: Path) -> None:
    bench = Bench(tmp_path, MISPLACED + DWELL.removeprefix("\nrules:\n"), catalog_with(E1="bin-2"))
    bench.moved("E1", "bin-1", at_s=0)
    bench.moved("E2", "staging", at_s=0)
    bench.wait(60)
    other = DWELL.removeprefix("\nrules:\n").replace("4h", "2m")
    changes = bench.engine.replace(rules_of(tmp_path, MISPLACED + other), bench.now_us)
    assert [(c.rule, c.state, c.reason) for c in changes] == [
        ("dwell", "resolved", "rule changed"),
    ]
    bench.wait(130)
    assert bench.told == [f"120 misplaced firing {E1}"]


def test_a_rule_that_fails_is_counted_and_harms_no_other(tmp_path: Path) -> None:
    bench = Bench(tmp_path, DWELL + MISPLACED.removeprefix("\nrules:\n"), catalog_with(E1="bin-2"))

    def broken(epc: str) -> None:
        if epc == epc_of("E1"):
            raise RuntimeError("the catalog is upset")

    bench.catalog.item = broken  # type: ignore[method-assign]
    bench.moved("E1", "bin-1", at_s=0)
    bench.moved("E2", "staging", at_s=1)
    assert [c.rule for c in bench.changes] == ["dwell"]
    errors = bench.engine.errors["misplaced"]
    assert (errors.count, errors.last) == (1, "RuntimeError: the catalog is upset")


def test_what_time_alone_takes_back_is_stored_as_well(tmp_path: Path) -> None:
    text = """
rules:
  - id: warm
    on: reading
    where: {sensors: {kind: temperature, above: 8}, traffic: {none_for: 1s}}
    keep_firing_for: 2s
    alert: {key: [door], summary: x}
"""
    bench = Bench(tmp_path, text)
    bench.wait(5)
    bench.says("door-1/temp", 12.5, at_s=30)
    bench.passed("door-1", at_s=35)  # it would end at 37, but holds again at 36
    bench.wait(36.5)
    bench.restart()
    bench.wait(60)
    assert bench.told == ["30 warm firing door=door-1"]


def test_what_moves_into_or_out_of_a_held_zone_is_found(tmp_path: Path) -> None:
    text = """
rules:
  - {id: any, on: movement, where: {held: true}, alert: {summary: x}}
  - {id: out, on: movement, where: {held: from}, alert: {summary: x}}
  - {id: in, on: movement, where: {held: to}, alert: {summary: x}}
  - {id: free, on: movement, where: {held: false}, alert: {summary: x}}
  - {id: there, on: presence, where: {held: true}, alert: {summary: x}}
"""
    bench = Bench(tmp_path, text)
    bench.catalog.holds.add("hall")  # and so its bins

    def said(from_zone: str | None, to: str | None, at_s: float, **changes: Any) -> set[str]:
        bench.changes.clear()
        bench.moved("E1", to, at_s=at_s, from_zone=from_zone, **changes)
        return {c.rule for c in bench.changes if c.state == "firing"}

    assert said(None, "staging", 1, kind=Kind.ARRIVED) == {"free"}
    assert said("staging", "bin-1", 2) == {"any", "in", "there"}
    assert said("bin-1", "staging", 3) == {"out"}
    assert said("staging", "yard", 4) == {"free"}


def test_what_holds_of_a_tag_ends_when_it_is_forgotten_and_nothing_is_kept_of_it(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, OUTBOUND + DWELL.replace("rules:\n", ""))
    bench.catalog.in_use = True
    bench.left("E1", at_s=0)
    bench.moved("E2", "staging", at_s=5)
    bench.wait(20)
    gone = [bytes.fromhex(epc_of(name)) for name in ("E1", "E2", "E3")]
    bench._at(START_US + 30 * S, Outcome(number=1, now_us=0, forgotten=gone))
    assert [(c.key, c.state, c.reason) for c in bench.changes[-2:]] == [
        (E1, AlertState.RESOLVED, FORGOTTEN),
        (E2, AlertState.RESOLVED, FORGOTTEN),
    ]
    assert not [row for row in bench.store.values() if row.rule], "nothing is stored of them"
    assert not bench.engine.instances
    assert not bench.engine._life.tags
    assert len(bench.engine._life.timers) == 0
