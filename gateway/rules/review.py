"""Review: looking again at what items and shipments decide, when they have changed.

A shipment may be assigned after the load has left, an item corrected after its tag has moved. What
turns out to be right after all is over: instances whose conditions on goods and shipments no longer
hold end, whatever else their rule says of its end. It is done in slices, a few at each step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from gateway.model.movement import Direction, Presence, Status
from gateway.model.passage import Passage
from gateway.rules import events
from gateway.rules.facts import Facts
from gateway.rules.fields import On
from gateway.rules.index import TagIndex
from gateway.rules.knowledge import Knowledge
from gateway.rules.life import Life
from gateway.rules.rule import Test
from gateway.rules.stock import Stock

#: Instances and tags that are looked at in one step.
AT_ONCE = 2_000
_NAMES = frozenset({"shipment", "verdict", "item"})
_Tag = tuple[str, str | None, Presence, int]


def of_catalog(test: Test) -> Test | None:
    """The part of a test that items and shipments decide; None if they decide nothing."""
    conditions = tuple(c for c in test.conditions if c.name in _NAMES)
    names = () if test.when is None else test.when.names
    when = test.when if any(name.partition(".")[0] in _NAMES for name in names) else None
    return Test(conditions=conditions, when=when) if conditions or when is not None else None


class Review:
    """What has still to be looked at again, of one set of rules."""

    def __init__(self, life: Life, knowledge: Knowledge, stock: Stock) -> None:
        self._life, self._knowledge, self._stock = life, knowledge, stock
        found = {n: of_catalog(rule.test) for n, rule in enumerate(life.rules)}
        self._parts = {number: part for number, part in found.items() if part is not None}
        numbered = [(n, life.rules[n]) for n in self._parts]
        self._states = TagIndex([(n, rule) for n, rule in numbered if rule.on is On.PRESENCE])
        self._waiting: deque[tuple[int, str]] = deque()
        self._tags: Iterator[_Tag] | None = None

    @property
    def recounting(self) -> bool:
        """Whether the stock is being counted again."""
        return self._tags is not None

    @property
    def busy(self) -> bool:
        """Whether something has still to be looked at."""
        return bool(self._waiting) or self._tags is not None

    def begin(self, *, items: bool) -> None:
        """Look at everything that depends on shipments, and with `items` at every tag."""
        instances = self._life.instances
        self._waiting = deque((n, subject) for n in self._parts for subject in instances[n])
        if items:
            self._tags = self._knowledge.tags()

    def step(self, now_us: int, inside: frozenset[str]) -> None:
        """Look at some more; `inside` are the zones whose tags are stock."""
        for _ in range(min(AT_ONCE, len(self._waiting))):
            number, subject = self._waiting.popleft()
            instance = self._life.instances[number].get(subject)
            if instance is not None:
                facts = self._judged_again(instance.facts)
                self._life.reconsider(number, instance, self._parts[number], facts, now_us)
        if self._tags is None:
            return
        some = list(islice(self._tags, AT_ONCE))
        for tag in some:
            self._look_at(tag, inside, now_us)
        if len(some) < AT_ONCE:
            self._tags = None

    def _look_at(self, tag: _Tag, inside: frozenset[str], now_us: int) -> None:
        epc, zone, state, since_us = tag
        self._stock.put(epc, inside=zone in inside and state is Presence.PRESENT)
        if concerned := self._states.concerned(None, zone, None):
            facts = events.of_presence(epc, zone, state, since_us)
            for number in concerned:
                self._life.look(number, epc, facts, now_us)

    def _judged_again(self, facts: Facts) -> Facts:
        """A passage as it would be judged now, if a shipment wants it; anything else as it is."""
        passage = _passage_of(facts)
        judged = None if passage is None else self._knowledge.judged(passage)
        if judged is None or judged.verdict is None or judged.expected is None:
            return facts
        values = facts.values | {"verdict": judged.verdict, "shipment": judged.expected["shipment"]}
        return replace(facts, values=values)


def _passage_of(facts: Facts) -> Passage | None:
    """The passage that facts tell of, None if there was none or its tags are too many."""
    values = facts.values
    epcs = values.get("epcs", ())
    if "passage" not in values or facts.event_us is None or len(epcs) != values.get("tags"):
        return None
    return Passage(
        id=values["passage"],
        site="",
        door=values["door"],
        direction=Direction(values["direction"]) if "direction" in values else None,
        status=Status.PROVISIONAL,
        start_us=facts.event_us,
        end_us=facts.event_us,
        event_time_us=facts.event_us,
        record_time_us=facts.event_us,
        epcs=tuple(epcs),
        confidence=1.0,
    )
