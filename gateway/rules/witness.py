"""Witness: how a rule looked at what a recording brought, event by event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.model.alert import RuleChange
from gateway.model.outcome import Outcome
from gateway.rules import events
from gateway.rules.engine import RuleEngine
from gateway.rules.explain import Look, explain
from gateway.rules.facts import Facts
from gateway.rules.fields import On
from gateway.rules.present import MAX_LOOKS
from gateway.rules.rule import Rule


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
