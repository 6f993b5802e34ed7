"""A rule as things are: every subject that is asked for, in the light of what happened last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.model.movement import Movement, Presence
from gateway.model.passage import Passage
from gateway.rules import events
from gateway.rules.engine import RuleEngine
from gateway.rules.explain import Look, explain
from gateway.rules.facts import Facts
from gateway.rules.fields import On
from gateway.rules.index import subjects_of
from gateway.rules.rule import Rule
from gateway.rules.schedule import local

#: Subjects that are told of, and looks of one that are remembered.
MAX_LOOKS = 20
NOW = "as things are"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """What the engine does not keep: what happened last to the tag or door that is asked for."""

    movements: tuple[Movement, ...] = ()
    passages: tuple[Passage, ...] = ()
    place: tuple[str, Presence, int] | None = None  # zone, presence, since


NOTHING = Recent()


def looks_now(
    engine: RuleEngine, rule: Rule, asked: str | None, recent: Recent, now_us: int
) -> list[Look]:
    """How a rule looks at a tag (EPC), door, zone, sensor or reader now; None: at all it can."""
    found: dict[str, tuple[Facts, str]] = {}
    for subject, facts, why in _subjects(engine, rule, asked, recent):
        found.setdefault(subject, (facts, why))
        if len(found) == MAX_LOOKS:
            break
    return [
        explain(engine, rule, subject, facts, now_us, why)
        for subject, (facts, why) in found.items()
    ]


def subjects(engine: RuleEngine, rule: Rule) -> Iterable[str]:
    """Everything that a rule on states, or on the timer, can be asked for."""
    view = engine.view
    if rule.on is On.READER:
        return engine.reader_facts(rule)
    if rule.key == ("sku",):
        return view.stock.skus()
    return subjects_of(rule, view.places, view.sensors)


def _subjects(
    engine: RuleEngine, rule: Rule, asked: str | None, recent: Recent
) -> Iterator[tuple[str, Facts, str]]:
    view = engine.view
    held = engine.instances_of(rule)
    for subject in held if asked is None else {asked} & held.keys():
        yield subject, held[subject].facts, NOW
    match rule.on:
        case On.MOVEMENT:
            for movement in recent.movements:
                yield movement.epc, events.of_movement(movement), _moved(engine, movement)
        case On.PRESENCE:
            if asked is not None and recent.place is not None:
                yield asked, events.of_presence(asked, *recent.place), NOW
        case On.PASSAGE:
            for passage in recent.passages:
                subject = passage.id if rule.key == ("passage",) else passage.door
                yield subject, events.of_passage(passage), _passed(engine, passage)
        case On.READER:
            for subject, facts in engine.reader_facts(rule).items():
                if asked in (None, subject, subject.partition("/")[0]):
                    yield subject, facts, NOW
        case On.READING | On.TIMER:
            for subject in subjects(engine, rule):
                if asked in (None, subject):
                    facts = events.of_place(rule.key, subject, view.places, view.sensors)
                    yield subject, facts, NOW


def _moved(engine: RuleEngine, movement: Movement) -> str:
    words = f"{movement.kind} {movement.from_zone or '–'} → {movement.to_zone or '–'}"
    return f"its last movement: {words} at {_time(engine, movement.event_time_us)}"


def _passed(engine: RuleEngine, passage: Passage) -> str:
    at = _time(engine, passage.event_time_us)
    return f"the last load: {passage.direction or 'through'} {passage.door} at {at}"


def _time(engine: RuleEngine, time_us: int) -> str:
    return f"{local(time_us, engine.view.places.site.timezone):%Y-%m-%d %H:%M:%S}"
