"""What follows from movements: goods and verdicts, rules, alerts, and what actions of rules send.

    movements, passages ─catalog─▶ with goods and verdicts ─rules─▶ changes ─alerts─▶ who is told

The second half of the decision path: the same thread, the same transaction, event time only.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson

from gateway.alerts.book import AlertBook
from gateway.alerts.silences import silence_of
from gateway.catalog.items import Items
from gateway.catalog.shipments import Shipments, shipment_of
from gateway.errors import GatewayError
from gateway.model.alert import Acknowledgement, AlertState, RuleAction, RuleChange, RuleRow
from gateway.model.catalog import Item
from gateway.model.command import Command
from gateway.model.movement import MOVEMENT_NAMESPACE, Presence, Status
from gateway.model.outcome import Memory, Message, Outcome
from gateway.model.passage import Passage
from gateway.model.place import Site
from gateway.rules.engine import RuleEngine
from gateway.rules.rule import RuleSet


class Whereabouts(Protocol):
    """Who knows where tags are: the core."""

    def places(self) -> Iterator[tuple[str, str | None, Presence, int]]:
        """(EPC, zone, presence, there since) of every tag that is somewhere."""


#: EPCs that a count of a zone holds; `tags` is how many there are.
COUNTED_EPCS = 10_000


@dataclass(slots=True)
class Catalog:
    """Items and shipments."""

    items: Items
    shipments: Shipments

    @classmethod
    def empty(cls) -> Catalog:
        """Nothing is known, nothing is expected."""
        items = Items()
        return cls(items, Shipments(items.item))


class Watch:
    """Watches what the location engine decides; part of the core.

    It is also what rules may ask (`gateway.rules.knowledge`).
    """

    def __init__(self, site: Site, rules: RuleSet | None = None) -> None:
        self._site = site
        self.catalog = Catalog.empty()
        rules = rules or RuleSet()
        self.rules = RuleEngine(rules, site, self)
        self.alerts = AlertBook(site.id, rules.routes)
        self._adopted: RuleSet | None = None
        self._changes: list[RuleChange] = []  # that were made beside the epochs
        self.whereabouts: Whereabouts | None = None
        self._time_us = 0
        self._waiting: list[Memory] = []
        self._holds: set[str] = set()  # zones

    def follow(self, whereabouts: Whereabouts) -> None:
        """Ask this core where tags are."""
        self.whereabouts = whereabouts

    def restore(self, memories: Sequence[Memory], now_us: int) -> int:
        """Go on after a restart; returns how many memories made no sense and were left out."""
        by_kind: dict[str, list[Memory]] = {}
        for memory in memories:
            by_kind.setdefault(memory.kind, []).append(memory)
        odd = self.catalog.shipments.restore(by_kind.get("shipment", ()))
        odd += self.alerts.restore([*by_kind.get("alert", ()), *by_kind.get("silence", ())])
        self._holds = {memory.key for memory in by_kind.get("hold", ())}
        rows, lost = _rule_rows(by_kind.get("rule", ()))
        self.rules.restore(rows, now_us)
        return odd + lost

    def item(self, epc: str) -> Item | None:
        """The most exact item for an EPC (upper-case hex), None if nothing is known."""
        return self.catalog.items.item(epc)

    def shipments_in_use(self) -> bool:
        """Whether this site works with shipments, so that going without one means something."""
        return self.catalog.shipments.in_use

    def shipment_expects(self, epc: str, door: str | None) -> str | None:
        """The open shipment that expects this tag at this door, None if there is none."""
        return self.catalog.shipments.expecting(epc, door, self._time_us)

    def held(self, zone: str) -> bool:
        """Whether a rule holds this zone."""
        return zone in self._holds

    def judged(self, passage: Passage) -> Passage | None:
        """A passage with the verdict that it would get now; nothing is counted."""
        provisional = replace(passage, status=Status.PROVISIONAL)
        return self.catalog.shipments.judge(provisional)[0]

    def tags(self) -> Iterator[tuple[str, str | None, Presence, int]]:
        """(EPC, zone, presence, there since) of every tag that is somewhere."""
        return iter(()) if self.whereabouts is None else self.whereabouts.places()

    def goods(self, epc: str) -> dict[str, Any] | None:
        """What a movement of this tag carries of its item."""
        item = self.catalog.items.item(epc)
        return None if item is None else item.as_dict()

    def judge(self, passages: list[Passage], outcome: Outcome) -> list[Passage]:
        """Passages with what was expected and the verdict."""
        judged = []
        for passage in passages:
            with_verdict, memories = self.catalog.shipments.judge(passage)
            judged.append(with_verdict)
            outcome.memories += memories
        return judged

    def step(self, epoch: Outcome, time_us: int) -> None:
        """Take what one epoch decided; what follows from it is added to it."""
        self._time_us = time_us
        epoch.memories += self._waiting
        self._waiting = []
        changes = self._changes + self._adopt(time_us) + self.rules.step(epoch, time_us)
        self._changes = []
        epoch.memories += map(_rule_memory, self.rules.rows())
        told = self.alerts.step(changes, time_us, epoch.now_us)
        epoch.alerts += told.alerts
        epoch.memories += told.memories
        for change in changes:
            if change.state is not AlertState.PENDING and not change.dry_run:
                self._act(change, epoch)

    def adopt(self, rules: RuleSet) -> None:
        """Follow other rules from the next epoch on; any thread may ask."""
        self._adopted = rules

    def _adopt(self, time_us: int) -> list[RuleChange]:
        rules, self._adopted = self._adopted, None
        if rules is None:
            return []
        self.alerts.reroute(rules.routes)
        return self.rules.replace(rules, time_us)

    def command(self, command: Command) -> Any:
        """Do what a person or another system asked for; GatewayError for what makes no sense.

        {"ack": ALERT, "by", "note", "until_us"} · {"silence": {…}} · {"unsilence": ID} ·
        {"release": ZONE} · {"shipment": {…}} · {"remove_shipment": ID} · {"items": "changed"} ·
        {"rules": "changed"}
        """
        try:
            known = self._command(command.body, command.time_us)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise GatewayError(f"the command '{command.name}' is refused: {error}") from error
        if not known:
            raise GatewayError(f"there is no command '{command.name}'")

    def _command(self, command: dict[str, Any], now_us: int) -> bool:
        shipments = self.catalog.shipments
        if "ack" in command:
            until_us = command.get("until_us")
            ack = Acknowledgement(
                by=str(command.get("by") or "unknown"),
                note=str(command.get("note") or ""),
                at_us=now_us,
                until_us=None if until_us is None else int(until_us),
            )
            alert = self.alerts.acknowledge(str(command["ack"]), ack)
            if alert is None:
                raise ValueError(f"no alert fires with the id {command['ack']}")
            if alert.latch:
                self._changes += self.rules.release(alert.rule, alert.group, self._time_us)
        elif "silence" in command:
            self.alerts.silence(silence_of(orjson.dumps(command["silence"])))
        elif "release" in command:
            self._holds.discard(str(command["release"]))
            self._waiting.append(Memory(kind="hold", key=str(command["release"]), body=None))
        elif "unsilence" in command:
            self.alerts.unsilence(str(command["unsilence"]))
        elif "shipment" in command:
            doors = [door.id for door in self._site.doors]
            self._waiting.append(shipments.put(shipment_of(command["shipment"], doors)))
            self.rules.reconsider()
        elif "remove_shipment" in command:
            self._waiting.append(shipments.remove(str(command["remove_shipment"])))
            self.rules.reconsider()
        elif "items" in command:
            self.rules.reconsider(items=True)
        else:
            return "rules" in command  # what `adopt` was given is taken up with this epoch
        return True

    def _act(self, change: RuleChange, epoch: Outcome) -> None:
        """What else the rule wants to be done."""
        for number, action in enumerate(change.actions):
            options = action.options
            if action.kind in ("mqtt", "webhook"):
                name = f"{change.rule}/{change.key}/{change.state}/{change.at_us}/{number}"
                epoch.messages.append(
                    Message(
                        id=str(uuid.uuid5(MOVEMENT_NAMESPACE, f"{self._site.id}/action/{name}")),
                        target=options["sink"],
                        key=f"{change.rule}/{change.key}",
                        record_time_us=epoch.now_us,
                        body=orjson.dumps(options),
                    )
                )
            elif action.kind in ("hold", "release"):
                epoch.memories.append(held := _held(action, change))
                (self._holds.discard if held.body is None else self._holds.add)(held.key)
            elif action.kind == "count":
                epoch.memories.append(self._counted(action, change))
            else:
                epoch.actions.append(action)

    def _counted(self, action: RuleAction, change: RuleChange) -> Memory:
        """What is in a zone at this moment, tag by tag: to be compared with what should be."""
        zone = str(action.options["zone"])
        epcs = sorted(epc for epc, at, _, _ in self.tags() if at == zone)
        count = {
            "rule": change.rule,
            "time_us": change.at_us,
            "tags": len(epcs),
            "epcs": epcs[:COUNTED_EPCS],
        }
        return Memory(kind="count", key=zone, body=orjson.dumps(count))


def _held(action: RuleAction, change: RuleChange) -> Memory:
    zone = str(action.options["zone"])
    held = {"rule": change.rule, "since_us": change.at_us, "summary": change.summary}
    return Memory(kind="hold", key=zone, body=orjson.dumps(held) if action.kind == "hold" else None)


def _rule_memory(row: RuleRow) -> Memory:
    key = orjson.dumps([row.rule, row.key]).decode()
    if row.body is None:
        return Memory(kind="rule", key=key, body=None)
    body = {"state": row.state, "due_us": row.due_us, "body": orjson.Fragment(row.body)}
    return Memory(kind="rule", key=key, body=orjson.dumps(body))


def _rule_rows(memories: Iterable[Memory]) -> tuple[list[RuleRow], int]:
    rows, lost = [], 0
    for memory in memories:
        try:
            rule, key = orjson.loads(memory.key)
            stored = orjson.loads(memory.body or b"")
            rows.append(
                RuleRow(
                    rule=rule,
                    key=key,
                    state=AlertState(stored["state"]),
                    due_us=stored["due_us"],
                    body=orjson.dumps(stored["body"]),
                )
            )
        except (ValueError, KeyError, TypeError):
            lost += 1
    return rows, lost
