"""Which rules an event can concern, so that only those are looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.model.device import SensorKind
from gateway.rules.circumstances import SensorIs
from gateway.rules.facts import Places
from gateway.rules.fields import On
from gateway.rules.rule import Rule
from gateway.rules.sensors import SensorStates


class TagIndex:
    """Rules on movements or presence, by door, by zone or by the zone that was left."""

    def __init__(self, numbered: Iterable[tuple[int, Rule]]) -> None:
        self._by: tuple[dict[str, list[int]], ...] = ({}, {}, {})
        self._rest: list[int] = []
        for number, rule in numbered:
            trigger = rule.trigger
            for index, names in zip(
                self._by, (trigger.doors, trigger.zones, trigger.from_zones), strict=True
            ):
                if names is not None:
                    for name in names:
                        index.setdefault(name, []).append(number)
                    break
            else:
                self._rest.append(number)

    def concerned(
        self, door: str | None, zone: str | None, from_zone: str | None, also: Iterable[int] = ()
    ) -> Sequence[int]:
        """The numbers of the rules that may hold, and those `also`, in order, each once."""
        by_door, by_zone, by_from = self._by
        found = [
            *self._rest,
            *by_door.get(door or "", ()),
            *by_zone.get(zone or "", ()),
            *by_from.get(from_zone or "", ()),
            *also,
        ]
        return sorted(set(found)) if len(found) > 1 else found


def subjects_of(rule: Rule, places: Places, sensors: SensorStates) -> tuple[str, ...]:
    """The sensors, doors or zones that a rule on readings or timers looks at."""
    if rule.subjects:
        return rule.subjects
    match rule.key:
        case ("door",):
            return tuple(places.doors)
        case ("zone",):
            return tuple(places.zones)
        case ("sensor",):
            return tuple(sensors.known)
    return ("",)


def _kinds(rule: Rule) -> frozenset[SensorKind | None] | None:
    """The kinds of sensors that the conditions of a rule look at; None: any, in an expression."""
    tests = [test for test in (rule.test, rule.resolve) if test is not None]
    if any(test.when is not None for test in tests):
        return None
    said = [c for test in tests for c in test.conditions if isinstance(c, SensorIs)]
    return frozenset(condition.kind for condition in said if not condition.sensor)


def by_sensor(
    numbered: Iterable[tuple[int, Rule]], places: Places, sensors: SensorStates
) -> dict[str, list[tuple[int, str]]]:
    """For each sensor, the (rule, subject) that look at it."""
    found: dict[str, dict[tuple[int, str], None]] = {}
    for number, rule in numbered:
        if rule.on is not On.READING:
            continue
        kinds = _kinds(rule)
        for subject in subjects_of(rule, places, sensors):
            for sensor, kind in sensors.known.items():
                here = (kinds is None or kind in kinds) and subject in sensors.owners(sensor)
                if sensor == subject or sensor in rule.sensors or here:
                    found.setdefault(sensor, {})[(number, subject)] = None
    return {sensor: list(pairs) for sensor, pairs in found.items()}
