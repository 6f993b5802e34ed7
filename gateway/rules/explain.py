"""Explain: why a rule fired, or did not: each condition with what it wanted and what it saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.model.alert import AlertState, RuleChange
from gateway.model.outcome import Outcome
from gateway.rules import events
from gateway.rules.changes import rule_field
from gateway.rules.engine import RuleEngine
from gateway.rules.facts import Facts
from gateway.rules.fields import On
from gateway.rules.index import subjects_of
from gateway.rules.rule import Rule, Test
from gateway.rules.template import duration, shown

#: Looks at one subject that are remembered: the last ones.
MAX_LOOKS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One condition."""

    holds: bool
    condition: str  # `to`, `item`, `when`
    wanted: str
    saw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a subject: what was the case, and what followed."""

    at_us: int
    subject: str
    why: str  # what made the rule look
    lines: tuple[Line, ...]
    state: str  # of the instance afterwards: `firing since …`, or why there is none

    @property
    def holds(self) -> bool:
        """Whether every condition held."""
        return all(line.holds for line in self.lines)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        lines = [
            {"condition": n.condition, "holds": n.holds, "wanted": n.wanted, "saw": n.saw}
            for n in self.lines
        ]
        return {
            "at_us": self.at_us,
            "subject": self.subject,
            "why": self.why,
            "holds": self.holds,
            "conditions": lines,
            "state": self.state,
        }


def explain(
    engine: RuleEngine, rule: Rule, subject: str, facts: Facts, now_us: int, why: str
) -> Look:
    """Each condition of a rule for one subject, as things are at `now_us`."""
    return Look(
        at_us=now_us,
        subject=subject,
        why=why,
        lines=tuple(_lines(engine, rule, rule.test, facts, now_us)),
        state=_state(engine, rule, subject, now_us),
    )


def explain_now(engine: RuleEngine, rule: Rule, now_us: int, epc: str | None) -> list[Look]:
    """A rule on states as things are: its doors, zones, sensors, readers, or the tag asked for."""
    view = engine.view
    looks = []
    if rule.on in (On.READING, On.TIMER):
        named: tuple[str, ...] = subjects_of(rule, view.places, view.sensors)
        subjects = tuple(view.stock.skus()) if rule.key == ("sku",) else named
        for subject in subjects[:MAX_LOOKS]:
            facts = events.of_place(rule.key, subject, view.places, view.sensors)
            looks.append(explain(engine, rule, subject, facts, now_us, "as things are"))
    for known, instance in engine.instances:
        if (
            known is rule
            and epc in (None, instance.subject)
            and rule.on
            not in (
                On.READING,
                On.TIMER,
            )
        ):
            subject, facts = instance.subject, instance.facts
            looks.append(explain(engine, rule, subject, facts, now_us, "as things are"))
    return looks[:MAX_LOOKS]


def _lines(engine: RuleEngine, rule: Rule, test: Test, facts: Facts, now_us: int) -> Iterator[Line]:
    view = engine.view
    for condition in test.conditions:
        holds, again_us = condition.test(facts, view, now_us)
        saw = shown(condition.observed(facts, view, now_us), "", view.places.site.timezone)
        if not holds and again_us is not None:
            saw += f"; in {duration((again_us - now_us) / 1e6)} it may be otherwise"
        yield Line(holds=holds, condition=condition.name, wanted=condition.wanted(), saw=saw)
    if test.when is not None:
        values = {n: rule_field(rule, view, facts, n, now_us) for n in test.when.names}
        result = test.when.holds(values)
        saw = ", ".join(
            f"{name} = {shown(value, '', view.places.site.timezone)}"
            for name, value in values.items()
        )
        if result.error:
            saw += f"; {result.error}"
        yield Line(holds=result.holds, condition="when", wanted=test.when.text, saw=saw)


def _state(engine: RuleEngine, rule: Rule, subject: str, now_us: int) -> str:
    for known, instance in engine.instances:
        if known is rule and instance.subject == subject:
            held = duration((now_us - instance.since_us) / 1e6)
            if instance.state is AlertState.PENDING and instance.due_us is not None:
                rest = duration((instance.due_us - now_us) / 1e6)
                wait = "for" if rule.for_s else "grace"
                return f"pending for {held}, fires in {rest} ({wait}: {duration(rule.wait_s)})"
            ending = ", about to end" if instance.due_us is not None else ""
            return f"firing, holds for {held}{ending}"
    return "not firing"


@dataclass(slots=True)
class Witness:
    """Follows one rule, and one subject if one is named, through what the engine is given."""

    engine: RuleEngine
    rule: Rule
    epc: str | None = None
    looks: list[Look] = field(default_factory=list)
    changes: list[RuleChange] = field(default_factory=list)
    seen: int = 0  # events that were of the rule's kind

    def after(self, outcome: Outcome, time_us: int, changes: list[RuleChange]) -> None:
        """The engine has taken an epoch."""
        told = [c for c in changes if c.rule == self.rule.id]
        self.changes += [c for c in told if self.epc is None or c.fields.get("epc") == self.epc]
        for subject, facts, why in self._events(outcome):
            self.seen += 1
            look = explain(self.engine, self.rule, subject, facts, time_us, why)
            self.looks = [*self.looks[-MAX_LOOKS + 1 :], look]

    def _events(self, outcome: Outcome) -> Iterator[tuple[str, Facts, str]]:
        """(subject, facts, what it is in words) of what concerns the rule."""
        match self.rule.on:
            case On.MOVEMENT | On.PRESENCE:
                for movement in outcome.movements:
                    if self.epc in (None, movement.epc):
                        words = f"{movement.kind} {movement.from_zone} → {movement.to_zone}"
                        moved = self.rule.on is On.MOVEMENT
                        of = events.of_movement if moved else events.presence_after
                        yield movement.epc, of(movement), words
            case On.PASSAGE:
                for passage in outcome.passages:
                    subject = passage.id if self.rule.key == ("passage",) else passage.door
                    words = f"passage {passage.direction} through {passage.door}"
                    if self.epc is None or self.epc in passage.epcs:
                        yield subject, events.of_passage(passage), words
            case On.READER:
                for status in outcome.statuses:
                    port = status.port
                    if (port is not None) == (len(self.rule.key) > 1):
                        subject = status.reader if port is None else f"{status.reader}/{port}"
                        site = self.engine.view.places.site
                        yield subject, events.of_reader(status, site), f"{subject} {status.state}"
