"""Alert routes: who is told of which alert, again when, and which alerts silence others.

Read from `rules/*.yaml` and taken by `gateway.alerts`. An empty `match_…` matches everything; the
first route that matches decides, unless a rule names its route.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.alert import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """Whom to tell as well, when nobody has acknowledged for so long."""

    after_s: float  # since the alert fired
    to: tuple[str, ...]  # names of sinks


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where alerts go. `to` names sinks; empty: every sink that takes alerts."""

    name: str
    match_severity: tuple[Severity, ...] = ()
    match_rules: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    repeat_s: float | None = None  # told again while it fires and nobody has acknowledged
    group_wait_s: float | None = None  # in place of the rule's own
    escalations: tuple[Escalation, ...] = ()  # in order of `after_s`


@dataclass(frozen=True, slots=True, kw_only=True)
class Inhibition:
    """While a source alert fires, target alerts whose `equal` fields have the same values rest.

    `source_rules` or `source_severity`, at least one, is given; an empty one matches everything.
    """

    source_rules: tuple[str, ...] = ()
    source_severity: tuple[Severity, ...] = ()
    target_rules: tuple[str, ...] = ()
    target_severity: tuple[Severity, ...] = ()
    equal: tuple[str, ...] = ()  # names of fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """All of it; the default tells everything to every sink that takes alerts."""

    routes: tuple[Route, ...] = ()
    inhibitions: tuple[Inhibition, ...] = ()

    def named(self, name: str) -> Route | None:
        """The route of that name."""
        return next((route for route in self.routes if route.name == name), None)
