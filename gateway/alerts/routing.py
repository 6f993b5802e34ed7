"""Which route an alert takes, and which alerts keep others quiet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.model.alert import Alert
from gateway.model.alert_routes import Inhibition, Route, Routes


def route_of(routes: Routes, alert: Alert) -> Route | None:
    """The route that the rule names, else the first that matches; None: everybody is told."""
    if alert.route is not None and (named := routes.named(alert.route)) is not None:
        return named
    return next((route for route in routes.routes if _matches(route, alert)), None)


def inhibited(inhibitions: Iterable[Inhibition], target: Alert, firing: Iterable[Alert]) -> bool:
    """Whether one of the alerts that fire explains `target`."""
    return any(True for _ in inhibitors(inhibitions, target, firing))


def inhibitors(
    inhibitions: Iterable[Inhibition], target: Alert, firing: Iterable[Alert]
) -> Iterator[Alert]:
    """The alerts that explain `target`."""
    concerned = [i for i in inhibitions if _is_target(i, target)]
    for source in firing if concerned else ():
        if source.fingerprint != target.fingerprint and any(
            _is_source(inhibition, source)
            and all(_same(source.fields.get(f), target.fields.get(f)) for f in inhibition.equal)
            for inhibition in concerned
        ):
            yield source


def explains(inhibitions: Iterable[Inhibition], source: Alert) -> bool:
    """Whether an alert can keep others quiet."""
    return any(_is_source(inhibition, source) for inhibition in inhibitions)


def _matches(route: Route, alert: Alert) -> bool:
    return (not route.match_severity or alert.severity in route.match_severity) and (
        not route.match_rules or alert.rule in route.match_rules
    )


def _is_target(inhibition: Inhibition, alert: Alert) -> bool:
    return (not inhibition.target_rules or alert.rule in inhibition.target_rules) and (
        not inhibition.target_severity or alert.severity in inhibition.target_severity
    )


def _is_source(inhibition: Inhibition, alert: Alert) -> bool:
    return (not inhibition.source_rules or alert.rule in inhibition.source_rules) and (
        not inhibition.source_severity or alert.severity in inhibition.source_severity
    )


def _same(source: Any, target: Any) -> bool:
    """Equal values; where the source speaks of several (the zones of a reader), one of them."""
    if isinstance(source, (list, tuple)):
        return target in source
    return source is not None and source == target
