"""Rules as they are evaluated: compiled, frozen, checked against the site; nothing in them can fail
for a reason that a person could have been told at load."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.errors import Problem
from gateway.model.alert import Severity
from gateway.model.alert_routes import Routes
from gateway.model.device import SensorConfig
from gateway.rules.conditions import Condition
from gateway.rules.expression import Expression
from gateway.rules.fields import On
from gateway.rules.template import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """All of `where` and `when`."""

    conditions: tuple[Condition, ...] = ()
    when: Expression | None = None

    @property
    def timed(self) -> bool:
        """Whether time alone may change a condition."""
        return any(condition.timed for condition in self.conditions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Which events can make the rule hold; None: any. At most one is used, the first given."""

    doors: frozenset[str] | None = None
    zones: frozenset[str] | None = None  # where the tag is after it
    from_zones: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSpec:
    """An action of a rule; texts in its options are templates."""

    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    on_resolved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, or the watch over silent sensors that a rule's `absent` asks for."""

    id: str
    on: On
    test: Test
    summary: Template
    digest: str  # of the normalised rule: the same text, the same digest
    place: str = ""  # file:line
    name: str = ""
    key: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()  # the sensors, doors or zones that are looked at, if listed
    sensors: frozenset[str] = frozenset()  # named by their ids in conditions
    trigger: Trigger = field(default_factory=Trigger)
    for_s: float = 0.0
    grace_s: float = 0.0
    keep_firing_for_s: float = 0.0
    resolve: Test | None = None
    resolve_after_s: float | None = None
    latch: bool = False
    absence: bool = False
    every_s: float | None = None
    severity: Severity = Severity.WARNING
    route: str | None = None
    group_wait_s: float = 0.0
    actions: tuple[ActionSpec, ...] = ()
    dry_run: bool = False
    told: tuple[str, ...] = ()  # the fields that changes carry

    @property
    def wait_s(self) -> float:
        """How long an instance is pending."""
        return self.for_s or self.grace_s


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """Everything that the rule files of a site say. The default is no rule at all."""

    rules: tuple[Rule, ...] = ()
    routes: Routes = field(default_factory=Routes)
    sensors: tuple[SensorConfig, ...] = ()  # of the site, to be followed
    disabled: tuple[str, ...] = ()  # ids of rules that say `enabled: false`
    notes: tuple[Problem, ...] = ()  # what the user should know, though nothing is wrong
    tests: tuple[tuple[str, Any], ...] = ()  # (rule, one of its inline tests), for trials

    def named(self, name: str) -> Rule | None:
        """The rule of that id."""
        return next((r for r in self.rules if r.id == name and not r.absence), None)
