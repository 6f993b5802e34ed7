"""Explain: why a rule fired, or did not: each condition with what it wanted and what it saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from gateway.model.alert import AlertState
from gateway.model.movement import iso_utc
from gateway.rules.changes import rule_field
from gateway.rules.engine import RuleEngine
from gateway.rules.facts import Facts
from gateway.rules.instance import Instance
from gateway.rules.rule import Rule, Test
from gateway.rules.template import duration, shown


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
    state: str  # of the instance afterwards, in words: `firing for 3m`, or why there is none
    group: str | None = None  # of the instance that fires
    ends: tuple[Line, ...] = ()  # the conditions of `resolve`, while it fires

    @property
    def holds(self) -> bool:
        """Whether every condition held."""
        return all(line.holds for line in self.lines)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "at": iso_utc(self.at_us),
            "subject": self.subject,
            "why": self.why,
            "holds": self.holds,
            "conditions": [asdict(line) for line in self.lines],
            "state": self.state,
            "ends_when": [asdict(line) for line in self.ends],
        }


def explain(
    engine: RuleEngine, rule: Rule, subject: str, facts: Facts, now_us: int, why: str
) -> Look:
    """Each condition of a rule for one subject, as things are at `now_us`."""
    instance = engine.instances_of(rule).get(subject)
    lines = tuple(_lines(engine, rule, rule.test, facts, now_us))
    ends: tuple[Line, ...] = ()
    firing = instance is not None and instance.state is AlertState.FIRING
    if firing and rule.resolve is not None:
        ends = tuple(_lines(engine, rule, rule.resolve, facts, now_us))
    if instance is None:
        holds = all(line.holds for line in lines)
        state = "not firing" + _why_not(engine, rule, (subject, facts, holds), now_us)
    else:
        state = _state(rule, instance, now_us)
    return Look(
        at_us=now_us,
        subject=subject,
        why=why,
        lines=lines,
        state=state,
        group=instance.group if instance is not None and firing else None,
        ends=ends,
    )


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


def _state(rule: Rule, instance: Instance, now_us: int) -> str:
    """How a pending or firing instance is, and what time alone will make of it."""

    def until(at_us: int) -> str:
        return duration((at_us - now_us) / 1e6)

    held = duration((now_us - instance.since_us) / 1e6)
    if instance.state is AlertState.PENDING:
        wait = "for" if rule.for_s else "grace"
        due_us = instance.due_us or now_us
        return f"pending for {held}, fires in {until(due_us)} ({wait}: {duration(rule.wait_s)})"
    said = f"firing, holds for {held}"
    if instance.due_us is not None:
        keep = duration(rule.keep_firing_for_s)
        said += f", ends in {until(instance.due_us)} (keep_firing_for: {keep})"
    if instance.ends_us is not None:
        said += f", ends in {until(instance.ends_us)} at the latest (resolve_after)"
    return said + (", until somebody acknowledges it (latch)" if rule.latch else "")


def _why_not(engine: RuleEngine, rule: Rule, looked: tuple[str, Facts, bool], now_us: int) -> str:
    """What there is to say of a subject that is neither pending nor firing."""
    subject, facts, holds = looked
    errors = engine.errors.get(rule.id)
    if holds and errors is not None and errors.overflow:
        return "; of this rule too much is watched already"
    if holds and facts.event_us is not None:
        return (
            "; every condition holds now, but it looks at events when they happen: it will at the "
            "next one"
        )
    again_us = engine.looks_again_us(rule, subject)
    if again_us is None:
        return ""
    return f"; it looks again in {duration((again_us - now_us) / 1e6)}"
