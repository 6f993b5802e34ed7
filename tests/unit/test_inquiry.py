"""Inquiries: why a rule fires, or does not, right now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.alerts.silences import silence_of
from gateway.cli.rule_looks import table, tell
from gateway.errors import GatewayError, Unavailable
from gateway.inquiry import explain_rule, rules_in_force
from gateway.model.command import Command
from gateway.model.device import DeviceStatus, ReaderState, SensorReading
from gateway.model.movement import Presence
from gateway.model.outcome import Outcome
from gateway.model.told import movement_told, passage_told
from gateway.rules.present import NOTHING, Recent
from gateway.watch import Watch
from tests.outcomes import movement as some_movement
from tests.rule_bench import SITE, START_US, Bench, S, epc_of, rules_of

RULES = """
rules:
  - id: misplaced
    on: movement
    where: {to: {kind: storage}, item: {known: false}}
    for: 2m
    alert: {group: [to], summary: "{epc} is in {to}"}
  - id: long-in-hall
    on: presence
    where: {zone: staging, dwell: {at_least: 4h}}
    alert: {summary: "{epc}"}
  - id: warm
    on: reading
    where: {sensors: {kind: temperature, above: 8}, door: door-1}
    resolve: {sensors: {kind: temperature, below: 6}}
    alert: {key: [door], summary: "{door}"}
  - id: down
    on: reader
    where: {up: false}
    for: 1m
    alert: {summary: "{reader}"}
  - id: passed
    on: passage
    where: {direction: in}
    alert: {summary: "{door}"}
  - {id: off, on: movement, enabled: false, where: {to: bin-1}, alert: {summary: x}}
"""
E1 = epc_of("E1")


class Running:
    """A watch that is fed by hand."""

    def __init__(self, folder: Path) -> None:
        self.watch = Watch(SITE, rules_of(folder, RULES))
        self.step(0)

    def step(self, at_s: float, **happened: Any) -> None:
        at_us = START_US + round(at_s * S)
        self.watch.step(Outcome(number=1, now_us=at_us, **happened), at_us)

    def ask(self, rule: str, asked: str | None = None, recent: Recent = NOTHING) -> dict[str, Any]:
        epc = asked if asked is not None and asked.startswith("30") else None
        told: dict[str, Any] = json.loads(
            json.dumps(explain_rule(self.watch, rule, asked, epc, recent))
        )
        return told


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(tmp_path)


def moved(tmp_path: Path) -> Any:
    return Bench(tmp_path, RULES).moved("E1", "bin-1", at_s=10)


def test_a_pending_tag_is_told_with_the_time_left(running: Running, tmp_path: Path) -> None:
    running.step(10, movements=[moved(tmp_path)])
    running.step(40)
    answer = running.ask("misplaced", E1)
    (look,) = answer["looks"]
    assert look["state"] == "pending for 30s, fires in 1m30s (for: 2m)"
    assert [line["holds"] for line in look["conditions"]] == [True, True]
    assert look["alert"] is None
    assert (answer["pending"], answer["firing"]) == (1, 0)
    assert "  yes  to: wanted any storage; saw bin-1" in tell(answer)


def test_what_keeps_an_alert_quiet_is_told(running: Running, tmp_path: Path) -> None:
    running.step(10, movements=[moved(tmp_path)])
    running.step(131)
    silence = {"id": "s1", "until_us": START_US + 900 * S, "by": "ann", "rule": "misplaced"}
    running.watch.alerts.silence(silence_of(json.dumps(silence).encode()))
    (look,) = running.ask("misplaced", E1)["looks"]
    assert look["state"] == "firing, holds for 2m1s"
    assert look["alert"]["told"] is True
    (sentence,) = look["alert"]["quiet"]
    assert sentence.startswith("silenced until 2024-11-25T09:15:00")
    assert sentence.endswith("by ann")
    assert "silenced until" in tell(running.ask("misplaced"))


def test_a_tag_that_is_neither_is_told_by_its_last_movement(
    running: Running, tmp_path: Path
) -> None:
    last = moved(tmp_path)
    (look,) = running.ask("misplaced", E1, Recent(movements=(last,)))["looks"]
    assert look["why"] == "its last movement: moved – → bin-1 at 2024-11-25 10:00:10"
    assert look["holds"]
    assert look["state"].startswith("not firing; every condition holds now, but it looks at events")
    answer = running.ask("misplaced", E1)
    assert answer["looks"] == []
    assert answer["note"] == "the tag has not moved: no movement of it is in the store"


def test_where_a_tag_is_counts_for_a_rule_on_presence(running: Running) -> None:
    place = ("staging", Presence.PRESENT, START_US - 3_600 * S)
    (look,) = running.ask("long-in-hall", E1, Recent(place=place))["looks"]
    saw = {line["condition"]: line["saw"] for line in look["conditions"]}
    assert saw["dwell"] == "1h; in 3h it may be otherwise"
    assert "in no zone" in running.ask("long-in-hall", E1)["note"]


def test_doors_sensors_and_readers_are_told_as_they_are(running: Running) -> None:
    at_us = START_US + 5 * S
    reading = SensorReading(sensor="door-1/temp", value=9.5, time_us=at_us, at_us=at_us)
    down = DeviceStatus(reader="dock", state=ReaderState.CONNECTING, reason="x", time_us=at_us)
    running.step(5, sensors=[reading], statuses=[down])
    (look,) = running.ask("warm", "door-1")["looks"]
    assert look["state"] == "firing, holds for 0s"
    (line,) = look["ends_when"]
    assert (line["holds"], line["condition"]) == (False, "sensors")
    running.step(35)
    (look,) = running.ask("down")["looks"]
    assert (look["subject"], look["state"]) == (
        "dock",
        "pending for 30s, fires in 30s (for: 1m)",
    )


def test_what_cannot_be_asked_is_a_sentence(running: Running) -> None:
    with pytest.raises(Unavailable, match="no rule 'misplacd'; did you mean 'misplaced'"):
        running.ask("misplacd")
    with pytest.raises(Unavailable, match="'off' is not in force: it says enabled: false"):
        running.ask("off")
    with pytest.raises(GatewayError, match="'bin-1' is no EPC: a rule on movement is asked about"):
        running.ask("misplaced", "bin-1")
    with pytest.raises(Unavailable, match="looks at no door 'dor-1'; did you mean 'door-1'"):
        running.ask("warm", "dor-1")


def test_asking_changes_nothing(running: Running, tmp_path: Path) -> None:
    running.step(10, movements=[moved(tmp_path)])
    before = running.watch.rules.evaluations
    for rule in ("misplaced", "long-in-hall", "warm", "down", "passed"):
        running.ask(rule)
        running.ask(rule, E1 if rule in ("misplaced", "long-in-hall", "passed") else None)
    epoch = Outcome(number=1, now_us=START_US + 11 * S)
    running.watch.step(epoch, epoch.now_us)
    assert epoch.memories == []
    assert epoch.alerts == []
    assert running.watch.rules.evaluations == before


def test_rules_are_listed_with_what_they_hold(running: Running, tmp_path: Path) -> None:
    running.step(10, movements=[moved(tmp_path)])
    rules = rules_in_force(running.watch)
    assert [rule["rule"] for rule in rules] == [
        "misplaced",
        "long-in-hall",
        "warm",
        "down",
        "passed",
    ]
    assert rules[0]["pending"] == 1
    assert table(rules).splitlines()[1].split()[:5] == [
        "misplaced",
        "movement",
        "warning",
        "1",
        "0",
    ]
    assert table([]) == "No rules."


def test_what_was_told_can_be_read_again(tmp_path: Path) -> None:
    made = some_movement(1)
    again = movement_told(json.loads(made.to_json()))
    assert (again.id, again.epc, again.kind, again.to_zone) == (
        made.id,
        made.epc,
        made.kind,
        made.to_zone,
    )
    with pytest.raises(KeyError):
        passage_told({"id": "x"})


def test_a_command_is_no_question() -> None:
    """Questions do not travel with the inputs: recordings stay as they are."""
    with pytest.raises(GatewayError, match="there is no command 'explain'"):
        Watch(SITE).command(Command(time_us=0, body={"explain": "misplaced"}))
