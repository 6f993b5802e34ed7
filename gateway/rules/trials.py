"""Trials: a rule's inline tests, run in virtual time through the same engine as the day itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.model.alert import AlertState, RuleChange
from gateway.model.catalog import Item, KeyKind
from gateway.model.device import DeviceStatus, SensorKind, SensorReading
from gateway.model.epc_text import parse_any
from gateway.model.movement import Kind, Movement, Presence, Status, movement_id
from gateway.model.outcome import Outcome
from gateway.model.passage import Passage
from gateway.model.place import Site
from gateway.rules.build_where import WORDS
from gateway.rules.engine import RuleEngine
from gateway.rules.rule import RuleSet
from gateway.rules.template import duration
from gateway.rules.trial_schema import EventEntry, ExpectEntry, Given, TagEvent, TestEntry

_HEX = re.compile(r"[0-9A-Fa-f]{16,124}")
_KINDS = (Kind.ARRIVED, Kind.MOVED, Kind.DEPARTED, Kind.MISSING)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one test; no `failures`: it went as its rule says."""

    rule: str
    name: str
    failures: tuple[str, ...]
    place: str = ""  # of the rule: file:line


def run_trials(rules: RuleSet, site: Site, only: str | None = None) -> Iterator[Trial]:
    """Run the inline tests of all rules, or of one. Each rule is alone with its test."""
    for rule, test in rules.tests:
        if only not in (None, rule):
            continue
        alone = replace(rules, rules=tuple(r for r in rules.rules if r.id == rule), tests=())
        number = sum(1 for other, _ in rules.tests if other == rule)
        name = test.name or (f"test of {rule}" if number == 1 else f"a test of {rule}")
        place = next((r.place for r in alone.rules), "")
        yield Trial(rule, name, tuple(_run(alone, site, test)), place)


def tag_of(text: str) -> str:
    """The EPC, in upper-case hex, that a test means: hex, a URI, or a name that stands for one."""
    if _HEX.fullmatch(text):
        return text.upper()
    if text.startswith("urn:"):
        return parse_any(text).hex().upper()
    return f"30{text.encode().hex().upper()[:22]:0<22}"


class _GivenKnowledge:
    """The catalog of a test."""

    def __init__(self, given: Given, start_us: int) -> None:
        self._items = {tag_of(tag): item for tag, item in given.items.items()}
        self._in_use = given.shipments is not None
        self.shipments = {tag_of(tag): name for tag, name in (given.shipments or {}).items()}
        self._tags, self._start_us = given.tags, start_us
        self._held = given.held

    def item(self, epc: str) -> Item | None:
        given = self._items.get(epc)
        return None if given is None else Item(kind=KeyKind.EPC, key=epc, **given.model_dump())

    def shipments_in_use(self) -> bool:
        return self._in_use

    def shipment_expects(self, epc: str, door: str | None) -> str | None:  # noqa: ARG002
        return self.shipments.get(epc)

    def held(self, zone: str) -> bool:
        return zone in self._held

    def judged(self, passage: Passage) -> Passage | None:  # noqa: ARG002
        return None

    def tags(self) -> Iterator[tuple[str, str | None, Presence, int]]:
        for tag in self._tags:
            since_us = self._start_us - round(tag.since * 1e6)
            yield tag_of(tag.epc), tag.zone, Presence[tag.state.upper()], since_us


def _run(rules: RuleSet, site: Site, test: TestEntry) -> list[str]:
    start_us = _start_us(test.given, site)
    knowledge = _GivenKnowledge(test.given, start_us)
    engine = RuleEngine(rules, site, knowledge)
    kinds = {sensor.id: sensor.kind for sensor in rules.sensors}
    changes = engine.step(Outcome(number=0, now_us=start_us), start_us)
    now_us = start_us
    for number, event in enumerate(test.events):
        if event.shipments is not None:
            at_us = start_us + round(event.at * 1e6)
            changes += engine.step(Outcome(number=0, now_us=at_us), max(now_us, at_us))
            knowledge.shipments |= {tag_of(tag): name for tag, name in event.shipments.items()}
            engine.reconsider()
        outcome, at_us = _outcome(event, number, start_us, site, kinds)
        now_us = max(now_us, at_us)
        changes += engine.step(outcome, now_us)
    errors = [f"it failed: {e.last}" for e in engine.errors.values() if e.count]
    return errors + _differences(changes, test.expect, start_us)


def _start_us(given: Given, site: Site) -> int:
    try:
        moment = datetime.fromisoformat(given.start)
    except ValueError:
        moment = datetime(2026, 11, 23, 10, 0)  # noqa: DTZ001 - on the site's clock, below
    zone = None if site.timezone == "UTC" else ZoneInfo(site.timezone)
    if zone is None:
        return round((moment - datetime(1970, 1, 1)).total_seconds()) * 1_000_000  # noqa: DTZ001
    return round(moment.replace(tzinfo=zone).timestamp()) * 1_000_000


def _outcome(
    event: EventEntry, number: int, start_us: int, site: Site, kinds: dict[str, SensorKind]
) -> tuple[Outcome, int]:
    """What an epoch with this event, and no other, decided."""
    at_us = start_us + round(event.at * 1e6)
    outcome = Outcome(number=number, now_us=at_us)
    for kind in _KINDS:
        moved: TagEvent | None = getattr(event, kind)
        if moved is not None:
            outcome.movements.append(_movement(moved, kind, number, at_us, site))
    if (given := event.passage) is not None:
        outcome.passages.append(
            Passage(
                id=f"passage-{number}",
                site=site.id,
                door=given.door,
                direction=given.direction,
                status=Status.CONFIRMED,
                start_us=at_us - 1_000_000,
                end_us=at_us,
                event_time_us=at_us,
                record_time_us=at_us,
                epcs=tuple(tag_of(f"T{n}") for n in range(given.tags)),
                confidence=0.99,
                expected={"shipment": given.shipment} if given.shipment else None,
                verdict=given.verdict,
            )
        )
    for sensor, text in (event.sensor or {}).items():
        value = _said(text, kinds.get(sensor))
        outcome.sensors.append(
            SensorReading(sensor=sensor, value=value, time_us=at_us, at_us=at_us)
        )
    if (read := event.read) is not None:
        number_of = site.antenna_numbers.get((read.reader, read.antenna))
        outcome.heard = () if number_of is None else (number_of,)
    if (changed := event.reader) is not None:
        outcome.statuses.append(
            DeviceStatus(
                reader=changed.id,
                port=changed.antenna,
                state=changed.state,
                reason="test",
                time_us=at_us,
            )
        )
    return outcome, at_us


def _movement(event: TagEvent, kind: Kind, number: int, at_us: int, site: Site) -> Movement:
    epc = tag_of(event.epc)
    return Movement(
        id=movement_id(site.id, epc, number),
        seq=number,
        site=site.id,
        epc=epc,
        epc_uri=None,
        kind=kind,
        status=Status.CONFIRMED,
        from_zone=event.from_,
        to_zone=event.to,
        door=event.door,
        direction=event.direction,
        passage=None,
        event_time_us=at_us,
        record_time_us=at_us,
        confidence=event.confidence,
        dwell_s=event.dwell,
    )


def _said(text: str, kind: SensorKind | None) -> bool | float | str:
    words = WORDS.get(kind) if kind is not None else None
    if words is not None:
        return words.get(text, False)
    try:
        return text if kind is SensorKind.BARCODE else float(text)
    except ValueError:
        return text


def _differences(
    changes: Iterable[RuleChange], expected: tuple[ExpectEntry, ...], start_us: int
) -> list[str]:
    """What was told and not expected, and the other way round."""
    with_ends = any(e.resolved is not None for e in expected)
    fired: set[str] = set()
    left: list[RuleChange] = []
    for change in changes:
        if change.state is AlertState.FIRING:
            fired.add(change.key)
            left.append(change)
        elif change.state is AlertState.RESOLVED and with_ends and change.key in fired:
            left.append(change)
    failures = []
    for entry in expected:
        found = next((c for c in left if _is(c, entry, start_us)), None)
        if found is None:
            failures.append(f"expected, but not told: {_words(entry)}")
        else:
            left.remove(found)
    return failures + [f"told, but not expected: {_told(c, start_us)}" for c in left]


def _is(change: RuleChange, entry: ExpectEntry, start_us: int) -> bool:
    firing = entry.firing is not None
    wanted = (entry.firing if firing else entry.resolved) or {}
    return (
        (change.state is AlertState.FIRING) is firing
        and abs(change.at_us - start_us - round(entry.at * 1e6)) <= 1_000
        and all(_same(name, change.fields.get(name), value) for name, value in wanted.items())
        and entry.summary in (None, change.summary)
    )


def _same(name: str, value: Any, wanted: Any) -> bool:
    if name == "epc":
        return bool(value == tag_of(str(wanted)))
    if isinstance(value, bool):
        return str(wanted).lower() == str(value).lower()
    if isinstance(value, int | float):
        try:
            return float(wanted) == value
        except (TypeError, ValueError):
            return False
    return str(wanted) == str(value)


def _words(entry: ExpectEntry) -> str:
    state, fields = ("firing", entry.firing)
    if entry.firing is None:
        state, fields = "resolved", entry.resolved
    named = ", ".join(f"{name}: {value}" for name, value in (fields or {}).items())
    summary = f" “{entry.summary}”" if entry.summary else ""
    return f"at {duration(entry.at)} {state} {{{named}}}{summary}"


def _told(change: RuleChange, start_us: int) -> str:
    at_s = (change.at_us - start_us) / 1e6
    return f"at {duration(at_s)} {change.state} {change.key} “{change.summary}”"
