"""What follows from movements is decided with them, and survives a restart with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from gateway.catalog.items import body_of
from gateway.errors import GatewayError
from gateway.model.alert import AlertState, RuleAction, RuleChange, RuleRow
from gateway.model.catalog import Item, KeyKind
from gateway.model.command import Command
from gateway.model.movement import Direction, Presence, Status
from gateway.model.outcome import Memory, Outcome
from gateway.model.passage import Passage
from gateway.model.place import Door, Site, Zone, ZoneKind
from gateway.watch import Watch

S = 1_000_000
EPC = "3034257BF7194E4000001A85"
SITE = Site(
    id="dc",
    zones=(Zone(id="hall", kind=ZoneKind.STAGING), Zone(id="yard", kind=ZoneKind.OUTSIDE)),
    doors=(Door(id="door-1", inside="hall", outside="yard"),),
)
CHANGE = RuleChange(
    rule="r",
    key=f"epc={EPC}",
    group=f"epc={EPC}",
    state=AlertState.FIRING,
    at_us=S,
    since_us=S,
    summary="it is there",
    actions=(
        RuleAction(kind="mqtt", options={"sink": "plant", "topic": "a/b", "payload": "on"}),
        RuleAction(kind="gpo", options={"reader": "dock-1", "port": 1}),
        RuleAction(kind="hold", options={"zone": "hall"}),
    ),
)


class ScriptedRules:
    """Says what it is told to say, and remembers what it was given back."""

    def __init__(self, *changes: RuleChange) -> None:
        self.changes = list(changes)
        self.restored: list[RuleRow] = []
        self.reconsidered: list[str] = []

    def step(self, outcome: Outcome, time_us: int) -> list[RuleChange]:
        said, self.changes = self.changes, []
        return said

    def reconsider(self, *, items: bool = False) -> None:
        self.reconsidered += ["items" if items else "shipments"]

    def rows(self) -> list[RuleRow]:
        return [
            RuleRow(rule="r", key="k", state=AlertState.PENDING, due_us=9, body=b'{"x":1}'),
            RuleRow(rule="r", key="gone", state=AlertState.RESOLVED, due_us=None, body=None),
        ]

    def restore(self, rows: Iterable[RuleRow], time_us: int) -> None:
        self.restored += rows


def watch_with(rules: ScriptedRules) -> Watch:
    watch = Watch(SITE)
    watch.rules = rules  # type: ignore[assignment]
    return watch


def step(watch: Watch, time_s: float = 1.0) -> Outcome:
    epoch = Outcome(number=1, now_us=round(time_s * S))
    watch.step(epoch, round(time_s * S))
    return epoch


def asked(body: dict[str, Any], time_s: float = 2.0) -> Command:
    return Command(time_us=round(time_s * S), body=body)


def kept(*epochs: Outcome) -> list[Memory]:
    last = {(m.kind, m.key): m for epoch in epochs for m in epoch.memories}
    return [memory for memory in last.values() if memory.body is not None]


def test_a_rule_that_fires_is_told_and_its_actions_are_done_once() -> None:
    watch = watch_with(ScriptedRules(CHANGE))
    epoch = step(watch)
    assert [alert.rule for alert in epoch.alerts] == ["r"]
    (message,) = epoch.messages
    assert message.target == "plant"
    assert orjson.loads(message.body)["topic"] == "a/b"
    assert [action.kind for action in epoch.actions] == ["gpo"]
    assert [m.key for m in epoch.memories if m.kind == "hold"] == ["hall"]
    assert step(watch, 2.0).messages == []


def test_what_sends_an_action_again_after_a_crash_has_the_same_id() -> None:
    first, again = (step(watch_with(ScriptedRules(CHANGE))) for _ in range(2))
    assert first.messages == again.messages


def test_a_count_takes_down_what_is_in_the_zone() -> None:
    class There:
        def places(self) -> Iterator[tuple[str, str | None, Presence, int]]:
            yield "0B", "hall", Presence.PRESENT, 0
            yield "0A", "hall", Presence.UNKNOWN, 0
            yield "0C", "yard", Presence.PRESENT, 0

    counting = replace(CHANGE, actions=(RuleAction(kind="count", options={"zone": "hall"}),))
    watch = watch_with(ScriptedRules(counting))
    watch.follow(There())
    (count,) = [m for m in step(watch).memories if m.kind == "count"]
    assert count.key == "hall"
    assert orjson.loads(count.body or b"") == {
        "rule": "r",
        "time_us": S,
        "tags": 2,
        "epcs": ["0A", "0B"],
    }


def test_a_person_releases_what_a_rule_holds() -> None:
    watch = watch_with(ScriptedRules(CHANGE))
    assert [m.key for m in kept(step(watch)) if m.kind == "hold"] == ["hall"]
    assert watch.held("hall")
    assert not watch.held("yard")
    again = Watch(SITE)
    again.restore([Memory(kind="hold", key="hall", body=b"{}")], S)
    assert again.held("hall")
    watch.command(asked({"release": "hall"}))
    assert Memory(kind="hold", key="hall", body=None) in step(watch, 2.0).memories
    assert not watch.held("hall")


def test_a_dry_run_does_nothing() -> None:
    epoch = step(watch_with(ScriptedRules(replace(CHANGE, dry_run=True))))
    assert (epoch.alerts, epoch.messages, epoch.actions) == ([], [], [])


def test_instances_of_rules_come_back_as_they_were_and_resolved_ones_do_not() -> None:
    memories = kept(step(watch_with(ScriptedRules(CHANGE))))
    rules = ScriptedRules()
    watch = watch_with(rules)
    assert watch.restore(memories, S) == 0
    assert rules.restored == [
        RuleRow(rule="r", key="k", state=AlertState.PENDING, due_us=9, body=b'{"x":1}')
    ]
    assert [alert.rule for alert in watch.alerts.alerts] == ["r"]


def test_a_memory_that_makes_no_sense_is_counted_and_left_out() -> None:
    watch = watch_with(ScriptedRules())
    odd = [Memory(kind=kind, key="?", body=b"{") for kind in ("rule", "alert", "shipment")]
    assert watch.restore(odd, S) == 3


def test_commands_of_people_are_done_and_nonsense_is_refused_in_a_sentence() -> None:
    watch = watch_with(ScriptedRules(CHANGE))
    alert = step(watch).alerts[0]
    watch.command(asked({"ack": alert.id, "by": "ann"}))
    epoch = step(watch, 2.0)
    assert watch.alerts.alerts[0].acknowledged is not None
    assert [m.kind for m in epoch.memories if m.kind == "alert"]
    watch.command(asked({"shipment": {"id": "S", "lines": [{"epc": EPC}]}}))
    assert [m.key for m in step(watch, 3.0).memories if m.kind == "shipment"] == ["S"]
    assert watch.shipment_expects(EPC, "door-1") == "S"
    wrong: list[dict[str, Any]] = [
        {"ack": "?"},
        {"ack": alert.id, "until_us": []},
        {"shipment": 7},
        {"shipment": {}},
        {"silence": {"x": 1}},
        {"silence": {"id": "s", "by": "a", "until_us": "soon"}},
    ]
    for nonsense in wrong:
        with pytest.raises(GatewayError, match=f"the command '{next(iter(nonsense))}' is refused"):
            watch.command(asked(nonsense))
    unknown: list[dict[str, Any]] = [{"dance": True}, {}]
    for nonsense in unknown:
        with pytest.raises(GatewayError, match="there is no command"):
            watch.command(asked(nonsense))


def test_movements_carry_the_goods_of_their_tag() -> None:
    watch = Watch(SITE)
    assert watch.goods(EPC) is None
    key = "gtin:80614141123458"
    watch.catalog.items.put([(key, body_of(Item(kind=KeyKind.GTIN, key=key, sku="0047")))])
    assert watch.goods(EPC) == {"sku": "0047", "name": None, "category": None}


def test_rules_look_again_when_shipments_or_items_change() -> None:
    rules = ScriptedRules()
    watch = watch_with(rules)
    watch.command(asked({"shipment": {"id": "S", "lines": [{"epc": EPC}]}}))
    watch.command(asked({"remove_shipment": "S"}))
    watch.command(asked({"items": "changed"}))
    assert rules.reconsidered == ["shipments", "shipments", "items"]


def test_a_load_is_judged_by_the_shipments_that_there_are_now_and_nothing_is_counted() -> None:
    watch = Watch(SITE)
    load = Passage(
        id="p",
        site="dc",
        door="door-1",
        direction=Direction.OUT,
        status=Status.CONFIRMED,
        start_us=S,
        end_us=S,
        event_time_us=S,
        record_time_us=S,
        epcs=(EPC,),
        confidence=0.9,
    )
    watch.command(asked({"shipment": {"id": "other", "lines": [{"sku": "x"}]}}))
    again = watch.judged(load)
    assert again is not None
    assert again.verdict == "unexpected"
    watch.command(asked({"shipment": {"id": "S", "lines": [{"epc": EPC}]}}))
    again = watch.judged(load)
    assert again is not None
    assert again.verdict == "complete"
    shipment = watch.catalog.shipments.get("S")
    assert shipment is not None
    assert shipment.passed == {}
