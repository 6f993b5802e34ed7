"""The desk: what people and other systems ask of a running gateway, beside looking things up.

API ─desk─▶ a command for the core, or a write of the item master; the answer comes when it is
durable, so that what a WMS was told to be taken survives a cut of the power.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import orjson

from gateway.alerts.silences import Silence
from gateway.catalog.importing import Imported, read_items
from gateway.catalog.items import Items, body_of, item_of
from gateway.catalog.keys import canonical_key, keys_of
from gateway.catalog.shipments import shipment_of
from gateway.clock import Clock
from gateway.core import Core
from gateway.errors import GatewayError, StoreError, Unavailable
from gateway.inquiry import explain_rule, rules_in_force
from gateway.model.alert import AlertState
from gateway.model.catalog import Item
from gateway.model.epc_key import parse_key
from gateway.model.epc_text import parse_any
from gateway.model.movement import Status, iso_utc
from gateway.model.passage import Passage
from gateway.model.place import Site
from gateway.model.told import movement_told, passage_told
from gateway.rules.fields import ALL_FIELDS
from gateway.rules.present import Recent
from gateway.settings.report import quoted, suggestion
from gateway.store.database import Store
from gateway.store.items import clear_items, put_items
from gateway.store.queries import NEWEST
from gateway.store.writer import Writer

#: Items written in one transaction.
CHUNK = 5_000
#: How long somebody is kept waiting for a command to be durable.
DONE_S = 5.0
#: How long somebody is kept waiting for the core to look at something.
LOOK_S = 5.0
#: Movements of a tag, and passages, among which the last ones that count are looked for.
LOOKED_BACK = 100

Json = dict[str, Any]
#: Has a command done; the future ends when that is durable.
Ask = Callable[[Json], Future[Any]]
#: Has the core looked at between two ticks.
Look = Callable[[Callable[[Core], Any]], Future[Any]]


class Desk:
    """Answers from what is committed; what is asked for is done by the core's next tick."""

    def __init__(
        self,
        site: Site,
        store: Store,
        writer: Writer,
        items: Items,
        ask: Ask,
        look: Look,
        reload: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._site, self._store, self._writer = site, store, writer
        self._items, self._ask, self._look, self._clock = items, ask, look, clock
        self.reload = reload

    def alerts(self, state: str | None = None, rule: str | None = None) -> list[Json]:
        """Alerts that fire or ended a short while ago, the newest first."""
        alerts = [
            entry["alert"] | {"told": entry["told"]}
            for entry in (orjson.loads(m.body or b"") for m in self._store.memories("alert"))
        ]
        found = [
            alert_json(alert)
            for alert in alerts
            if state in (None, alert["state"]) and rule in (None, alert["rule"])
        ]
        return sorted(found, key=lambda alert: str(alert["event_time"]), reverse=True)

    async def acknowledge(self, alert: str, by: str, note: str, for_s: float | None) -> Json:
        """Take note of an alert; Unavailable if none fires with this id (or its first letters)."""
        firing = await asyncio.to_thread(self.alerts, AlertState.FIRING)
        meant = [a for a in firing if a["id"].startswith(alert)]
        if not meant:
            raise Unavailable(f"no alert fires with the id '{alert}': 'alerts ls' lists them")
        if len(meant) > 1:
            raise GatewayError(f"{len(meant)} alerts fire with an id '{alert}…': give more of it")
        until_us = None if for_s is None else self._clock.now_us() + round(for_s * 1e6)
        command = {"ack": meant[0]["id"], "by": by, "note": note, "until_us": until_us}
        await self._done(command)
        return meant[0]

    def silences(self) -> list[Json]:
        """Silences that are on."""
        found = [orjson.loads(m.body or b"") for m in self._store.memories("silence")]
        return [s | {"until": iso_utc(s.pop("until_us"))} for s in found]

    async def silence(
        self,
        *,
        rule: str | None,
        severity: str | None,
        match: Json,
        by: str,
        note: str,
        for_s: float,
    ) -> Json:
        """Hear nothing of some alerts for a while."""
        if rule is None and severity is None and not match:
            raise GatewayError("a silence says what it covers: a rule, a severity or fields")
        await self._check_covers(rule, match)
        silence = Silence(
            id=str(uuid.uuid4()),
            until_us=self._clock.now_us() + round(for_s * 1e6),
            by=by,
            note=note,
            rule=rule,
            severity=severity,
            match={str(name): str(value) for name, value in match.items()},
        )
        given: Json = orjson.loads(silence.to_bytes())
        await self._done({"silence": given})
        return given | {"until": iso_utc(given.pop("until_us"))}

    async def _check_covers(self, rule: str | None, match: Json) -> None:
        """Refuse a silence that would cover nothing, because something in it is misspelt."""
        if rule is not None:
            known = [r["rule"] for r in await self.rules()]
            alerts = await asyncio.to_thread(self.alerts)
            known += [alert["rule"] for alert in alerts]
            if rule not in known:
                raise GatewayError(f"there is no rule {quoted(rule)}{suggestion(rule, known)}")
        for name in match:
            if name not in ALL_FIELDS:
                hint = suggestion(name, ALL_FIELDS)
                raise GatewayError(f"alerts have no field {quoted(name)}{hint}")

    async def unsilence(self, silence: str) -> None:
        """Hear of them again."""
        if silence not in {s["id"] for s in await asyncio.to_thread(self.silences)}:
            raise Unavailable(f"there is no silence '{silence}': 'alerts silences' lists them")
        await self._done({"unsilence": silence})

    def holds(self) -> list[Json]:
        """Zones that rules hold, each with the rule and why."""
        found = [(m.key, orjson.loads(m.body or b"")) for m in self._store.memories("hold")]
        return [{"zone": zone, **h, "since": iso_utc(h.pop("since_us"))} for zone, h in found]

    async def release(self, zone: str) -> None:
        """A person releases a zone that a rule holds."""
        if zone not in {held["zone"] for held in await asyncio.to_thread(self.holds)}:
            raise Unavailable(f"no zone '{zone}' is held: 'alerts ls' lists those that are")
        await self._done({"release": zone})

    def counts(self) -> list[Json]:
        """The last count of each zone that a rule had counted."""
        found = [(m.key, orjson.loads(m.body or b"")) for m in self._store.memories("count")]
        return [{"zone": zone, **c, "time": iso_utc(c.pop("time_us"))} for zone, c in found]

    def shipments(self) -> list[Json]:
        """All shipments, open and closed."""
        return [orjson.loads(m.body or b"") for m in self._store.memories("shipment")]

    async def put_shipment(self, given: Json) -> None:
        """Expect a shipment; GatewayError with a sentence when it is not one."""
        try:
            shipment_of(given, [door.id for door in self._site.doors])
        except ValueError as error:
            raise GatewayError(f"this is no shipment: {error}") from error
        await self._done({"shipment": given})

    async def remove_shipment(self, id_: str) -> None:
        """Expect it no longer."""
        if id_ not in {s["id"] for s in await asyncio.to_thread(self.shipments)}:
            raise Unavailable(f"there is no shipment '{id_}'")
        await self._done({"remove_shipment": id_})

    def item(self, text: str) -> Json | None:
        """The item of a key, or the most exact one of an EPC."""
        try:
            names = [
                canonical_key(text)[1],
                *(n for e in parse_key(text).epcs[:1] for n in keys_of(e)),
            ]
        except ValueError as error:
            raise GatewayError(str(error)) from error
        item = next(filter(None, map(self._items.get, names)), None)
        return None if item is None else item_json(item)

    def items(self, limit: int, after: str = "") -> list[Json]:
        """Some items, in order of their keys, after the one with that key."""
        with self._store.reading() as reader:
            rows = reader.connection.execute(
                "SELECT key, body FROM item WHERE key > ? ORDER BY key LIMIT ?", (after, limit)
            ).fetchall()
        return [item_json(item_of(key, body)) for key, body in rows]

    async def put_items(self, content: bytes, *, replace: bool = False) -> Imported:
        """Take items from CSV or JSON; the good ones count once they are durable."""
        zones = {zone.id for zone in self._site.zones}
        imported = await asyncio.to_thread(read_items, content, zones)
        if replace and not imported.wrong:
            await asyncio.wrap_future(self._writer.run_soon(clear_items))
            keys = await asyncio.to_thread(lambda: [item.key for item in self._items])
            self._items.put((key, None) for key in keys)
        for start in range(0, len(imported.items), CHUNK):
            await self._write(imported.items[start : start + CHUNK])
        if imported.items or replace:
            self._ask({"items": "changed"})  # rules look again; nobody waits for that
        return imported

    async def rules(self) -> list[Json]:
        """The rules in force, each with what it holds and what went wrong."""
        found: list[Json] = await self._looked(lambda core: rules_in_force(core.watch))
        return found

    async def explain(self, rule: str, asked: str | None = None) -> Json:
        """Why a rule fires, or does not, now: for a tag, door, zone, sensor or reader."""
        epc = _epc(asked)
        happened = await asyncio.to_thread(self._happened, asked, epc)

        def answer(core: Core) -> Json:
            recent = replace(happened, place=None if epc is None else core.place(epc))
            return explain_rule(core.watch, rule, asked, epc, recent)

        told: Json = await self._looked(answer)
        return told

    def _happened(self, asked: str | None, epc: str | None) -> Recent:
        """The last movement of a tag, and the last loads through the doors, or with the tag."""
        with self._store.reading() as reader:
            stored = reader.movements_of(bytes.fromhex(epc), LOOKED_BACK) if epc else []
            loads = reader.passages_before(NEWEST, LOOKED_BACK)
        movements = [movement_told(orjson.loads(m.body)) for m in stored]
        gone = {m.id for m in movements if m.status is Status.RETRACTED}
        passages: dict[str, Passage] = {}
        for passage in (passage_told(orjson.loads(p.body)) for p in loads):
            wanted = epc in passage.epcs if epc else asked in (None, passage.door)
            if wanted and passage.status is Status.CONFIRMED:
                passages.setdefault(passage.door, passage)
        return Recent(
            movements=tuple(m for m in movements if m.id not in gone)[:1],
            passages=tuple(passages.values()),
        )

    async def _looked(self, question: Callable[[Core], Any]) -> Any:
        """What the core says between two ticks."""
        try:
            async with asyncio.timeout(LOOK_S):
                return await asyncio.wrap_future(self._look(question))
        except TimeoutError:
            raise StoreError("the core is too busy to answer: /readyz says why") from None

    async def _done(self, command: Json) -> Any:
        """Have it done, and wait until it is durable."""
        try:
            async with asyncio.timeout(DONE_S):
                return await asyncio.shield(asyncio.wrap_future(self._ask(command)))
        except TimeoutError:
            raise StoreError(
                "what was asked for is not durable yet, and counts once it is: /readyz says why"
            ) from None

    async def _write(self, items: Sequence[Item]) -> None:
        rows = [(item.kind.value, item.key, body_of(item)) for item in items]
        await asyncio.wrap_future(self._writer.run_soon(lambda c: put_items(c, rows)))
        self._items.put((key, body) for _, key, body in rows)


def alert_json(stored: Json) -> Json:
    """An alert as users know it, from what is remembered of it."""
    times = {
        name: None if stored[f"{name}_us"] is None else iso_utc(stored[f"{name}_us"])
        for name in ("started", "fired", "resolved", "event_time", "record_time")
    }
    hidden = {f"{name}_us" for name in times} | {"targets", "group"}
    ack = stored["acknowledged"]
    return {
        **{name: value for name, value in stored.items() if name not in hidden},
        **times,
        "key": stored["group"],
        "acknowledged": ack and _ack_json(ack),
    }


def item_json(item: Item) -> Json:
    """An item as the API and the files spell it."""
    return {
        "key": item.key,
        "kind": item.kind,
        "sku": item.sku,
        "name": item.name,
        "category": item.category,
        "home_zones": item.home_zones,
        "allowed_zones": item.allowed_zones,
        "minimum": item.minimum,
    }


def _ack_json(ack: Json) -> Json:
    until_us = ack["until_us"]
    return {
        "by": ack["by"],
        "note": ack["note"],
        "at": iso_utc(ack["at_us"]),
        "until": None if until_us is None else iso_utc(until_us),
    }


def _epc(text: str | None) -> str | None:
    """The tag that a text means, in upper-case hex; None if it means none."""
    try:
        return None if text is None else parse_any(text).hex().upper()
    except ValueError:
        return None
