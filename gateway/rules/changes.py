"""Changes: what the rest of the gateway is told when an instance changes its state."""

from __future__ import annotations

from typing import Any

from gateway.model.alert import AlertState, RuleAction, RuleChange
from gateway.rules.facts import Facts, View
from gateway.rules.instance import Instance
from gateway.rules.rule import ActionSpec, Rule
from gateway.rules.template import Template

#: What would make another level, or a wildcard, of a topic.
_TOPIC_ESCAPES = str.maketrans(dict.fromkeys("/+#\0", "_"))


def change_of(
    rule: Rule, instance: Instance, view: View, at_us: int, reason: str = "", *, told: bool = True
) -> RuleChange:
    """The instance as it is now, in the rule's words; without them if nobody is told of it."""
    facts = instance.told

    def value_of(name: str) -> Any:
        return rule_field(rule, view, facts, name, at_us)

    timezone = view.places.site.timezone
    fields = {name: value_of(name) for name in rule.told} if told else {}
    return RuleChange(
        rule=rule.id,
        key=instance.key,
        group=instance.group,
        state=instance.state,
        at_us=at_us,
        since_us=instance.since_us,
        due_us=instance.due_us if instance.state is AlertState.PENDING else None,
        severity=rule.severity,
        summary=rule.summary.fill(value_of, timezone) if told else "",
        fields={name: value for name, value in fields.items() if value is not None},
        route=rule.route,
        dry_run=rule.dry_run,
        latch=rule.latch,
        group_wait_s=rule.group_wait_s,
        cause=instance.cause,
        reason=reason,
        actions=tuple(
            RuleAction(kind=spec.kind, options=_filled(spec, value_of, timezone))
            for spec in rule.actions
            if told and _takes_place(spec, instance.state) and not rule.dry_run
        ),
    )


def rule_field(rule: Rule, view: View, facts: Facts, name: str, now_us: int) -> Any:
    """A field's value for a rule; the rule's own name and the site's included."""
    if name == "rule":
        return rule.name or rule.id
    if name == "site":
        return view.places.site.name or view.places.site.id
    return view.field(facts, name, now_us)


def _takes_place(spec: ActionSpec, state: AlertState) -> bool:
    wanted = AlertState.RESOLVED if spec.on_resolved else AlertState.FIRING
    return state is wanted


def _filled(spec: ActionSpec, value_of: Any, timezone: str) -> dict[str, Any]:
    def filled(value: Any, name: str) -> Any:
        if isinstance(value, Template):
            if name == "topic":
                return value.fill(lambda n: _level(value_of(n)), timezone)
            return value.fill(value_of, timezone, most=2_000)
        if isinstance(value, dict):
            return {key: filled(v, key) for key, v in value.items()}
        return value

    return {name: filled(value, name) for name, value in spec.options.items()}


def _level(value: Any) -> str:
    """A value as one level of a topic."""
    return str("-" if value is None else value).translate(_TOPIC_ESCAPES) or "-"
