"""A rule as it is written made into one that can be evaluated; every mistake is in the report."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from gateway.model.device import BINARY_KINDS, SensorKind
from gateway.rules.build_trials import check_trials
from gateway.rules.build_where import WhereBuilder, World, check_name
from gateway.rules.circumstances import ForSeconds, SensorIs
from gateway.rules.conditions import Condition, TextIs
from gateway.rules.expression import Expression, ExpressionError, compile_expression
from gateway.rules.facts import Places
from gateway.rules.fields import FIELDS, KEYS, SAMPLES, FieldType, On, elsewhere
from gateway.rules.rule import ActionSpec, Rule, Test, Trigger
from gateway.rules.schema import ActionEntry, RuleEntry
from gateway.rules.sensors import SensorStates
from gateway.rules.template import Template, TemplateError, parse_template
from gateway.rules.where_schema import WHERES
from gateway.settings.fit import fit
from gateway.settings.node import Node
from gateway.settings.report import Report, quoted, suggestion

#: What every change tells beside what its rule names.
_STANDARD = (
    *("epc", "zone", "from", "to", "door", "direction", "passage", "shipment", "verdict"),
    *("sku", "item.sku", "sensor", "value", "reader", "antenna", "state"),
)
_MEASURING = {str(kind) for kind in SensorKind if kind not in BINARY_KINDS}
_SILENT = "The sensor {sensor} has said nothing for {silent}"


class RuleBuilder:
    """Makes rules; `routes` are the names that a rule may give."""

    def __init__(self, world: World, routes: Iterable[str], report: Report) -> None:
        self._world, self._report, self._routes = world, report, tuple(routes)
        self._places = Places(world.site)
        self._where = WhereBuilder(world, self._places, report)

    def build(self, entry: RuleEntry, node: Node) -> list[Rule]:
        """The rule, and the watch over its sensors if it wants one."""
        on = entry.on
        fields = FIELDS[on]
        key = self._key(entry, node)
        group = self._names(entry.alert.group, fields, node.at("alert", "group")) or key
        summary = self._template(entry.alert.summary, fields, node.at("alert", "summary"))
        test = Test(
            conditions=self._conditions(entry, "where", node),
            when=self._expression(entry.when, on, node.at("when")),
        )
        self._check_sense(entry, test, node)
        check_trials(entry.tests, node.at("tests"), self._world, self._report)
        if entry.alert.route is not None:
            at = node.at("alert", "route")
            check_name("route", entry.alert.route, self._routes, at, self._report)
        subjects, resolve = self._subjects(key, test), self._resolve(entry, node)
        rule = Rule(
            id=entry.id,
            name=entry.name,
            on=on,
            test=test,
            summary=summary,
            digest=_digest(entry),
            place=f"{node.place.source}:{node.place.line}",
            key=key,
            group=group,
            subjects=subjects,
            sensors=_sensors(test, resolve),
            trigger=_trigger(test.conditions),
            for_s=entry.for_s,
            grace_s=entry.grace,
            keep_firing_for_s=entry.keep_firing_for,
            resolve=resolve,
            resolve_after_s=entry.resolve_after,
            latch=entry.latch,
            every_s=entry.every or (60.0 if on is On.TIMER else None),
            severity=entry.alert.severity,
            route=entry.alert.route,
            group_wait_s=entry.alert.group_wait,
            actions=tuple(
                self._action(action, fields, node.at("actions", n))
                for n, action in enumerate(entry.actions)
            ),
            dry_run=entry.dry_run,
            told=_told(fields, key, group, summary),
        )
        return [rule, *self._absence(entry, rule, node)]

    def check_parts(self, node: Node) -> None:
        """Report what is wrong in the parts of a rule that does not fit as a whole."""
        on = node.child("on")
        if on is None or on.value not in set(On):
            return
        kind = On(str(on.value))
        for key in ("where", "resolve"):
            at = node.child(key)
            fitted = fit(at, WHERES[kind], self._report) if at and at.value is not None else None
            if fitted:
                self._where.conditions(kind, *fitted)
        for key in ("when", "resolve_when"):
            at = node.child(key)
            if at and isinstance(at.value, str):
                self._expression(at.value, kind, at)
        summary = node.at("alert").child("summary")
        if summary and isinstance(summary.value, str):
            self._template(summary.value, FIELDS[kind], summary)

    def _key(self, entry: RuleEntry, node: Node) -> tuple[str, ...]:
        allowed = KEYS[entry.on]
        given = entry.alert.key
        at = node.at("alert", "key")
        if not given:
            return allowed[0]
        if allowed[0] == ("epc",):
            if "epc" not in given:
                self._report.problem(
                    at.place, "the key of a rule on tags holds epc; to be told once, give a group"
                )
            return self._names(given, FIELDS[entry.on], at)
        if given not in allowed:
            words = " or ".join(f"[{', '.join(names)}]" for names in allowed)
            self._report.problem(at.place, f"expected {words} as the key of a rule on {entry.on}")
            return allowed[0]
        return given

    def _names(
        self, names: tuple[str, ...], fields: Mapping[str, FieldType], at: Node
    ) -> tuple[str, ...]:
        for number, name in enumerate(names):
            check_name("field", name, fields, at.child(number) or at, self._report)
        return tuple(name for name in names if name in fields)

    def _template(self, text: str, fields: Mapping[str, FieldType], at: Node) -> Template:
        try:
            return parse_template(text, fields)
        except TemplateError as error:
            hint = (elsewhere(error.word) or suggestion(error.word, fields)) if error.word else ""
            self._report.problem(at.place, f"{quoted(text)}: {error}{hint}")
            return Template(text, ((text, "", ""),))

    def _conditions(self, entry: RuleEntry, key: str, node: Node) -> tuple[Condition, ...]:
        at = node.child(key)
        fitted = fit(at, WHERES[entry.on], self._report) if at and at.value is not None else None
        where, tree = fitted or (WHERES[entry.on](), Node({}, node.place))
        return self._where.conditions(entry.on, where, tree)

    def _resolve(self, entry: RuleEntry, node: Node) -> Test | None:
        if entry.resolve is None and entry.resolve_when is None:
            return None
        return Test(
            conditions=() if entry.resolve is None else self._conditions(entry, "resolve", node),
            when=self._expression(entry.resolve_when, entry.on, node.at("resolve_when")),
        )

    def _expression(self, text: str | None, on: On, at: Node) -> Expression | None:
        if text is None:
            return None
        types = {n: t for n, t in FIELDS[on].items() if t is not FieldType.TIME}
        try:
            expression = compile_expression(text, tuple(types))
            _try_out(expression, types)
        except ExpressionError as error:
            hint = (elsewhere(error.word) or suggestion(error.word, types)) if error.word else ""
            where = f" (character {error.column})" if error.column > 1 and error.line == 1 else ""
            self._report.problem(at.place, f"{quoted(text)}: {error}{where}{hint}")
            return None
        return expression

    def _check_sense(self, entry: RuleEntry, test: Test, node: Node) -> None:
        """What may be written but makes no sense."""
        if not test.conditions and not entry.where and entry.when is None:
            self._report.problem(node.place, f"the rule {entry.id} has no where and no when")
        if entry.absent is not None and entry.on is not On.READING:
            self._report.problem(node.at("absent").place, "absent is for rules on reading")
        if entry.every is not None and entry.on in (On.MOVEMENT, On.PASSAGE):
            self._report.problem(node.at("every").place, f"a rule on {entry.on} needs no every")
        ends = entry.latch or entry.resolve_after or entry.resolve or entry.resolve_when
        if entry.alert.key == ("passage",) and not ends:
            self._report.problem(
                node.place,
                f"the rule {entry.id} never ends: a passage stays as it was; give resolve_after "
                "or latch: true",
            )

    def _subjects(self, key: tuple[str, ...], test: Test) -> tuple[str, ...]:
        """The sensors, doors or zones that conditions leave to be looked at; empty: all."""
        if not key:
            return ()
        listed: dict[tuple[str, ...], tuple[str, ...]] = {
            ("sensor",): tuple(sensor.id for sensor in self._world.sensors),
            ("door",): tuple(self._places.doors),
            ("zone",): tuple(self._places.zones),
        }
        known = listed.get(key, ())
        choices = [c.choice for c in test.conditions if isinstance(c, TextIs) and c.field == key[0]]
        found = [name for name in known if all(choice.takes(name) for choice in choices)]
        if key == ("sensor",):
            kinds = {sensor.id: sensor.kind for sensor in self._world.sensors}
            said = [c for c in test.conditions if isinstance(c, SensorIs)]
            found = [n for n in found if all(c.sensor == n or c.kind is kinds[n] for c in said)]
        return tuple(found)

    def _absence(self, entry: RuleEntry, rule: Rule, node: Node) -> list[Rule]:
        """The rule that tells when the measuring sensors of another one are silent."""
        if entry.absent is None or entry.on is not On.READING:
            return []
        said = [c for c in rule.test.conditions if isinstance(c, SensorIs)]
        kinds = {str(c.kind) for c in said if not c.sensor}
        kinds.update(rule.test.when.names if rule.test.when else (), rule.summary.names)
        watched = tuple(
            sensor.id
            for sensor in self._world.sensors
            if sensor.kind not in BINARY_KINDS
            and (
                sensor.id in rule.sensors
                or (str(sensor.kind) in kinds and self._belongs(sensor.id, rule))
            )
        )
        if not watched:
            sure = self._world.ids("sensor") is not None
            if sure and not kinds & _MEASURING and not rule.sensors:
                self._report.problem(
                    node.at("absent").place,
                    "the rule names no sensor that measures: there is nothing to be absent",
                )
            return []
        return [
            Rule(
                id=rule.id,
                name=rule.name,
                on=On.READING,
                test=Test(conditions=(ForSeconds(name="absent", least_s=entry.absent.after),)),
                summary=parse_template(_SILENT, FIELDS[On.READING]),
                digest=f"{rule.digest}-absent",
                place=rule.place,
                key=("sensor",),
                group=("sensor",),
                subjects=watched,
                severity=entry.absent.severity,
                absence=True,
                route=rule.route,
                dry_run=rule.dry_run,
                told=("sensor", "door", "zone"),
            )
        ]

    def _belongs(self, sensor: str, rule: Rule) -> bool:
        """Whether a sensor is one that the rule looks at, or at a door or zone that it looks at."""
        owners = SensorStates(self._world.site, self._world.sensors).owners(sensor)
        return not {sensor, *owners}.isdisjoint(rule.subjects)

    def _action(
        self, entry: ActionEntry, fields: Mapping[str, FieldType], node: Node
    ) -> ActionSpec:
        kind, given = next((n, v) for n, v in entry if n != "at" and v is not None)
        at = node.at(kind)
        options: dict[str, Any] = given.model_dump()
        if kind == "webhook":
            self._world.check("sink", options["sink"], at.at("sink"), self._report)
        if kind == "mqtt":
            brokers = self._world.brokers
            if self._world.ids("sink") is None:
                brokers = ()  # which there are nobody can say
            elif options["sink"] is not None:
                check_name("sink", options["sink"], brokers, at.at("sink"), self._report)
            elif not brokers:
                self._report.problem(at.place, "there is no sink of the kind mqtt to send it")
            options["sink"] = options["sink"] or next(iter(brokers), "")
        if kind == "gpo":
            self._world.check("reader", options["reader"], at.at("reader"), self._report)
            options["pulse_s"] = options.pop("pulse")
        if "zone" in options and "{" not in options["zone"]:
            self._world.check("zone", options["zone"], at.at("zone"), self._report)
        return ActionSpec(
            kind=kind,
            options={name: self._filled(v, fields, at.at(name)) for name, v in options.items()},
            on_resolved=entry.at == "resolved",
        )

    def _filled(self, value: Any, fields: Mapping[str, FieldType], at: Node) -> Any:
        """An option with the texts in it made into templates."""
        if isinstance(value, str) and "{" in value:
            return self._template(value, fields, at)
        if isinstance(value, dict):
            return {k: self._filled(v, fields, at.child(k) or at) for k, v in value.items()}
        return value


def _trigger(conditions: Iterable[Condition]) -> Trigger:
    """The narrowest choice of doors, zones and zones that were left."""
    found: dict[str, frozenset[str]] = {}
    for condition in conditions:
        if isinstance(condition, TextIs) and condition.choice.any_of is not None:
            name = "zone" if condition.field == "to" else condition.field
            chosen = condition.choice.any_of
            found[name] = found[name] & chosen if name in found else chosen
    return Trigger(doors=found.get("door"), zones=found.get("zone"), from_zones=found.get("from"))


def _sensors(*tests: Test | None) -> frozenset[str]:
    """The sensors that conditions name by their ids."""
    conditions = [c for test in tests if test is not None for c in test.conditions]
    return frozenset(c.sensor for c in conditions if isinstance(c, SensorIs) and c.sensor)


def _told(
    fields: Mapping[str, FieldType],
    key: tuple[str, ...],
    group: tuple[str, ...],
    summary: Template,
) -> tuple[str, ...]:
    named = (*key, *group, *summary.names, *(name for name in _STANDARD if name in fields))
    return tuple(name for name in dict.fromkeys(named) if name not in ("rule", "site", "time"))


def _try_out(expression: Expression, types: Mapping[str, FieldType]) -> None:
    """Evaluate once on values of the right types; raises `ExpressionError`."""
    result = expression.holds({name: SAMPLES[kind] for name, kind in types.items()})
    if result.error is not None:
        raise ExpressionError(f"it cannot be evaluated: {result.error}{_advice(result.error)}")


def _advice(error: str) -> str:
    if "number without a point" in error:
        return "; every number is a float: write 1.0 for 1"
    if "SELECT" in error:
        return "; zone.name is written zone_name here, and only item has fields of its own"
    return ""


def _digest(entry: RuleEntry) -> str:
    """What tells whether two rules are the same; their tests do not count."""
    body = entry.model_dump(mode="json", by_alias=True, exclude={"tests", "enabled"})
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
