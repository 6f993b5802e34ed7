"""Rules whatever they are and whatever happens: any step, any restart, the same is told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.model.alert import RuleRow
from gateway.model.device import DeviceStatus, ReaderState, SensorReading
from gateway.model.movement import Direction, Kind, Movement, Presence, Status, movement_id
from gateway.model.outcome import Outcome
from gateway.model.passage import Passage
from gateway.rules.engine import RuleEngine
from gateway.rules.events import presence_after
from gateway.rules.expression import ExpressionError, compile_expression
from gateway.rules.fields import FIELDS, SAMPLES, FieldType, On
from gateway.rules.rule import RuleSet
from tests.hostile import TEXTS
from tests.rule_bench import SITE, START_US, WORLD, Catalog, S, epc_of, rules_of

Json = dict[str, Any]
#: (seconds, kind of event, what it is about)
Event = tuple[float, str, Any]
Told = tuple[str, str, str, int, int, str, str]

ZONES = [zone.id for zone in SITE.zones]
TAGS = ["E1", "E2", "E3"]
SECONDS = st.integers(0, 400).map(lambda tenths: tenths / 2)
DURATIONS = st.sampled_from(["1s", "7s", "30s", "90s"])
zones = st.sampled_from(ZONES)


def maybe(**options: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """A mapping with some of these keys."""
    return st.fixed_dictionaries({}, optional=options)


SCHEDULES = st.sampled_from(
    [{"between": ["10:00", "10:01"]}, {"between": ["10:02", "09:00"]}, {"days": ["tue"]}]
)
ITEMS = st.sampled_from([{"known": True}, {"known": False}, {"allowed": False}, {"sku": "A"}])
SHIPMENTS = st.sampled_from(["absent", "expected"])
AMONG = st.one_of(zones, zones.map(lambda z: {"not": z}), st.just({"kind": "storage"}))
SENSORS = st.sampled_from(
    [
        {"kind": "contact", "is": "open", "for": "10s"},
        {"kind": "temperature", "above": 8},
        {"sensor": "door-1/contact", "is": "closed"},
    ]
)
WHERES: dict[On, st.SearchStrategy[Json]] = {
    On.MOVEMENT: maybe(
        to=AMONG,
        item=ITEMS,
        door=st.just("door-1"),
        schedule=SCHEDULES,
        sensors=SENSORS,
        shipment=SHIPMENTS,
    ),
    On.PRESENCE: maybe(
        zone=AMONG,
        dwell=DURATIONS.map(lambda d: {"at_least": d}),
        schedule=SCHEDULES,
        item=ITEMS,
        state=st.sampled_from(["present", "missing"]),
        shipment=SHIPMENTS,
    ),
    On.PASSAGE: maybe(direction=st.just("out"), tags=st.just({"above": 1})),
    On.READING: maybe(
        sensors=SENSORS, schedule=SCHEDULES, traffic=DURATIONS.map(lambda d: {"none_for": d})
    ),
    On.READER: maybe(up=st.booleans(), reader=st.just("dock")),
    On.TIMER: maybe(schedule=SCHEDULES, sensors=SENSORS),
}
KEYS = {On.READING: ["door"], On.TIMER: ["door"]}


@st.composite
def rules(draw: st.DrawFn) -> Json:
    """A rule that makes sense; `id` is given later."""
    on = draw(st.sampled_from(On))
    where = draw(WHERES[on].filter(bool))
    rule: Json = {"on": str(on), "where": where}
    wait = draw(st.sampled_from(["", "for", "grace"]))
    if wait:
        rule[wait] = draw(DURATIONS)
    rule |= draw(maybe(keep_firing_for=DURATIONS, resolve_after=DURATIONS, latch=st.just(True)))
    if draw(st.integers(0, 3)) == 0:
        rule["resolve"] = draw(WHERES[on].filter(bool))
    if on is On.TIMER:
        rule["every"] = draw(DURATIONS)
    alert: Json = {"summary": "{rule} {time}"}
    if on in KEYS:
        alert["key"] = KEYS[on]
    return rule | {"alert": alert}


MOVES = st.fixed_dictionaries(
    {
        "tag": st.sampled_from(TAGS),
        "kind": st.sampled_from(Kind),
        "from": zones,
        "to": zones,
        "door": st.sampled_from([None, "door-1", "door-2"]),
        "late": st.sampled_from([0, 0, 4]),
    }
)
EVENTS: st.SearchStrategy[list[Event]] = st.lists(
    st.one_of(
        st.tuples(SECONDS, st.just("move"), MOVES),
        st.tuples(SECONDS, st.just("contact"), st.booleans()),
        st.tuples(SECONDS, st.just("temp"), st.sampled_from([5.0, 9, 12.5])),
        st.tuples(SECONDS, st.just("passage"), st.integers(0, 3)),
        st.tuples(SECONDS, st.just("reader"), st.sampled_from(ReaderState)),
        st.tuples(SECONDS, st.just("shipment"), st.sampled_from([*TAGS, None])),
    ),
    max_size=25,
).map(lambda found: sorted(found, key=lambda event: event[0]))


def load(written: list[Json]) -> RuleSet:
    """Rules as the loader makes them."""
    text = json.dumps({"rules": [rule | {"id": f"r{n}"} for n, rule in enumerate(written)]})
    with TemporaryDirectory() as folder:
        return rules_of(Path(folder), text)


def catalog() -> Catalog:
    """Something is known of two of the tags."""
    found = Catalog()
    found.give("E1", sku="A", home_zones=("bin-1",))
    found.give("E2", sku="B", home_zones=("hall",))
    return found


def add(outcome: Outcome, number: int, event: Event) -> None:
    """An event into the outcome of its epoch."""
    seconds, kind, what = event
    at_us = START_US + round(seconds * S)
    if kind == "move":
        outcome.movements.append(_movement(number, at_us, what))
    elif kind == "passage":
        epcs = tuple(epc_of(tag) for tag in TAGS[:what])
        outcome.passages.append(
            Passage(
                id=f"p{number}", site="test", door="door-1", direction=Direction.OUT,
                status=Status.CONFIRMED, start_us=at_us - S, end_us=at_us, event_time_us=at_us,
                record_time_us=at_us, epcs=epcs, confidence=0.9,
            )
        )  # fmt: skip
    elif kind == "shipment":
        outcome.refused.append(what or "none")  # it travels beside what was decided
    elif kind == "reader":
        outcome.statuses.append(
            DeviceStatus(reader="dock", state=what, reason="test", time_us=at_us)
        )
    else:
        sensor = f"door-1/{kind}"
        outcome.sensors.append(SensorReading(sensor=sensor, value=what, time_us=at_us, at_us=at_us))


def _movement(number: int, at_us: int, what: Json) -> Movement:
    epc, kind = epc_of(what["tag"]), what["kind"]
    gone = kind in (Kind.MISSING, Kind.DEPARTED)
    return Movement(
        id=movement_id("test", epc, number), seq=number, site="test", epc=epc, epc_uri=None,
        kind=kind, status=Status.CONFIRMED, from_zone=what["from"],
        to_zone=None if gone else what["to"], door=what["door"], direction=None, passage=None,
        event_time_us=at_us - what["late"] * S, record_time_us=at_us, confidence=0.9,
    )  # fmt: skip


def epochs(
    events: list[Event], every_s: float, end_s: float = 300.0
) -> Iterator[tuple[Outcome, int]]:
    """The epochs that hold something, and empty ones every so often: how ticks may fall."""
    found: dict[int, Outcome] = {}
    for number, event in enumerate(events):
        end_us = START_US + round((event[0] * 10 // 1 + 1) / 10 * S)
        add(found.setdefault(end_us, Outcome(number=0, now_us=0)), number, event)
    times = {START_US + round(n * every_s * 10) * S // 10 for n in range(int(end_s / every_s) + 1)}
    for time_us in sorted(times | found.keys() | {START_US, START_US + round(end_s * S)}):
        yield found.get(time_us, Outcome(number=0, now_us=0)), time_us


def run(
    rule_set: RuleSet, events: list[Event], every_s: float, restart_each: int = 0
) -> list[Told]:
    """What is told, in steps of `every_s`, with a restart after every so many steps."""
    knowledge = catalog()
    engine, told = RuleEngine(rule_set, SITE, knowledge), list[Told]()
    store: dict[tuple[str, str], RuleRow] = {}
    for number, (outcome, time_us) in enumerate(epochs(events, every_s)):
        if outcome.refused:
            _assign(knowledge, outcome.refused)
            engine.reconsider()
        told += [
            (c.rule, c.key, str(c.state), c.at_us, c.since_us, c.summary, c.reason)
            for c in engine.step(outcome, time_us)
        ]
        for row in engine.rows():
            if row.body is None:
                store.pop((row.rule, row.key), None)
            else:
                store[row.rule, row.key] = row
        if restart_each and number % restart_each == restart_each - 1:
            knowledge = _knowing(events, time_us)
            engine = RuleEngine(rule_set, SITE, knowledge)
            engine.restore(store.values(), time_us)
    assert not engine.errors
    return told


def _assign(knowledge: Catalog, tags: list[str]) -> None:
    """A shipment is assigned to tags, or all are removed."""
    for tag in tags:
        if tag == "none":
            knowledge.shipments.clear()
        else:
            knowledge.shipments[epc_of(tag)] = "S-1"


def _knowing(events: list[Event], time_us: int) -> Catalog:
    """The catalog after a restart, when the tags' places are known."""
    found = catalog()
    places = {}
    for outcome, end_us in epochs(events, 1000.0):
        if end_us <= time_us:
            _assign(found, outcome.refused)
            for movement in outcome.movements:
                facts = presence_after(movement).values
                state = Presence[facts["state"].upper()]
                places[movement.epc] = (movement.epc, facts.get("zone"), state, facts["since_us"])
    found.known = list(places.values())
    return found


@given(st.lists(rules(), min_size=1, max_size=4), EVENTS, st.sampled_from([0.1, 0.7, 1.0, 13.0]))
def test_the_length_of_a_tick_makes_no_difference(
    written: list[Json], events: list[Event], every_s: float
) -> None:
    rule_set = load(written)
    assert run(rule_set, events, every_s) == run(rule_set, events, 1000.0)


@given(st.lists(rules(), min_size=1, max_size=4), EVENTS, st.integers(1, 30))
def test_a_restart_makes_no_difference(
    written: list[Json], events: list[Event], restart_each: int
) -> None:
    rule_set = load(written)
    assert run(rule_set, events, 5.0, restart_each) == run(rule_set, events, 5.0)


# Expressions.

TYPES = {name: kind for name, kind in FIELDS[On.READING].items() if kind is not FieldType.TIME}
VALUES: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.TEXT: st.none() | st.text(max_size=20) | st.sampled_from(TEXTS),
    FieldType.NUMBER: st.none() | st.integers(-5, 50) | st.floats(),
    FieldType.SECONDS: st.none() | st.floats(min_value=0),
    FieldType.FLAG: st.none() | st.booleans(),
    FieldType.LIST: st.none() | st.lists(st.text(max_size=5), max_size=3),
}
READINGS = st.fixed_dictionaries({name: VALUES[kind] for name, kind in TYPES.items()})
ATOMS = st.sampled_from(
    [
        *("temperature > 5", "temperature <= humidity", 'door == "door-1"', "contact"),
        *('zone.startsWith("b")', 'zone_name.matches("^[A-Z].*")', "value != null"),
        *("held > 60.0", "weight + 1.0 > 2.0", "size(sensor) > 3", 'sensor in ["a", "x"]'),
        *("door.contains(zone)", "[1, 2].exists(n, temperature > n)", "temperature in [5, 6.5]"),
    ]
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) && ({two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) || ({two[1]})"),
        inner.map(lambda one: f"!({one})"),
    ),
    max_leaves=6,
)


@pytest.mark.usefixtures("cel")
@given(EXPRESSIONS, READINGS)
def test_an_accepted_expression_is_true_or_false_of_everything(text: str, reading: Json) -> None:
    try:
        expression = compile_expression(text, tuple(TYPES))
    except ExpressionError:
        assume(False)
    result = expression.holds(reading)
    assert result.holds in (True, False)
    assert result.error is None or not result.holds
    known = {name: SAMPLES[kind] for name, kind in TYPES.items()}
    assert expression.holds(known).error is None


@pytest.mark.usefixtures("cel")
@given(st.text(max_size=300) | st.sampled_from(TEXTS))
def test_any_text_is_an_expression_or_is_refused_in_a_sentence(text: str) -> None:
    refused = ""
    try:
        expression = compile_expression(text, tuple(TYPES))
    except ExpressionError as error:
        refused = str(error)
    else:
        assert expression.holds({}).holds in (True, False)
    assert refused.isprintable()
    assert len(refused) <= 400


# What the dearest expressions that are admitted may cost, on the largest values that there are.

MOVED = {n: kind for n, kind in FIELDS[On.MOVEMENT].items() if kind is not FieldType.TIME}
LONG = "x" * 200
LARGEST = {
    name: {FieldType.TEXT: LONG, FieldType.LIST: [f"{LONG}{n:03}"[3:] for n in range(100)]}.get(
        kind, SAMPLES[kind]
    )
    for name, kind in MOVED.items()
}
DEAR = st.sampled_from(
    [
        *("item.allowed_zones==item.home_zones", "item.home_zones in[item.allowed_zones,[zone]]"),
        *("!(z in item.allowed_zones&&z=='')", "(z.contains('xxxxxxxx1')||true)", "z!=zone"),
        *("item.home_zones in[item.allowed_zones,item.allowed_zones,item.allowed_zones]||true",),
        *("size(zone)>1", "timestamp('2026-01-01T00:00:00Z').getHours('Europe/Berlin')<55"),
        *("duration('5m')>duration('4m')", "z in[zone,goods,epc,kind,door,to]||true"),
    ]
)
PATTERNS = st.text(alphabet="x.*?+|()[^]y\\\\WDS$", min_size=1, max_size=50)
LOOPS = st.tuples(
    st.sampled_from(["all", "exists", "map", "filter"]), st.lists(DEAR, min_size=3, max_size=6)
).map(lambda made: f"item.home_zones.{made[0]}(z,{'&&'.join(made[1])})")
SUMS = st.lists(st.sampled_from(["goods", "zone", "'y'"]), min_size=1, max_size=25).map("+".join)
DEAREST = st.one_of(
    LOOPS.map(lambda loop: loop if ".all" in loop or ".exists" in loop else f"{loop}.size()>=0"),
    st.tuples(PATTERNS, PATTERNS, PATTERNS).map(
        lambda three: "||".join(f"goods.matches('{pattern}')" for pattern in three)
    ),
    st.tuples(SUMS, SUMS).map(lambda two: f"({two[0]}).contains({two[1]})"),
    st.lists(DEAR, min_size=1, max_size=60).map(
        lambda all_: "&&".join(all_).replace("z ", "goods ")
    ),
)


@cache
def counting_s() -> float:
    """About 5 ms where 2 GHz are free, and on a slower machine in proportion."""
    return cpu_s(lambda: sum(n * n for n in range(100_000)))


def cpu_s(work: Callable[[], object]) -> float:
    """The least CPU time of some tries."""
    took = []
    for _ in range(4):
        begun_s = time.thread_time()
        work()
        took.append(time.thread_time() - begun_s)
    return min(took)


@pytest.mark.usefixtures("cel")
@settings(max_examples=60)
@given(DEAREST)
def test_no_expression_that_is_admitted_takes_long(text: str) -> None:
    try:
        expression = compile_expression(text, tuple(MOVED))
    except ExpressionError:
        assume(False)
    assert cpu_s(lambda: expression.holds(LARGEST)) < counting_s()


# Texts from outside.


@given(st.sampled_from(TEXTS), st.sampled_from(TEXTS))
def test_hostile_texts_come_out_as_one_line_of_text(sku: str, name: str) -> None:
    text = """
rules:
  - id: r
    on: movement
    where: {to: bin-1}
    alert: {group: [item.sku], summary: "{goods} / {item.name} / {item.home_zones}"}
    actions: [{mqtt: {sink: log, topic: "a/{item.sku}/b", payload: {text: "{item.name}"}}}]
"""
    items = catalog()
    items.give("E1", sku=sku, name=name, home_zones=(name,))
    with TemporaryDirectory() as folder:
        world = replace(WORLD, brokers=("log",))
        engine = RuleEngine(rules_of(Path(folder), text, world), SITE, items)
    outcome = Outcome(number=0, now_us=0)
    what = {"tag": "E1", "kind": Kind.MOVED, "from": "hall", "to": "bin-1", "door": None, "late": 0}
    add(outcome, 1, (0.0, "move", what))
    (change,) = engine.step(outcome, START_US + 1)
    for told in (change.summary, change.group, change.key):
        assert told.isprintable()
        assert len(told) <= 500
    (action,) = change.actions
    assert action.options["topic"].count("/") == 2
    assert not set(action.options["topic"]) & set("+#")
    assert action.options["payload"]["text"].isprintable()
    json.dumps(change.fields)
    assert all(len(str(value)) <= 2_000 for value in change.fields.values())
