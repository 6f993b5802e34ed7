"""Inquiries: how the rules of a running gateway stand, for people; asked in the core's thread.

They look and change nothing, so that asking makes no difference to what is decided.
"""

from __future__ import annotations

from typing import Any

from gateway.alerts.standing import standing
from gateway.errors import GatewayError, Unavailable
from gateway.model.alert import AlertState
from gateway.model.movement import iso_utc
from gateway.rules.engine import RuleEngine
from gateway.rules.explain import Look
from gateway.rules.fields import On
from gateway.rules.present import Recent, looks_now, subjects
from gateway.rules.rule import Rule
from gateway.settings.report import quoted, suggestion
from gateway.watch import Watch

Json = dict[str, Any]
_ON_TAGS = (On.MOVEMENT, On.PRESENCE)


def rules_in_force(watch: Watch) -> list[Json]:
    """Every rule: what it is on, where it is written, what it holds and what went wrong."""
    engine = watch.rules
    return [_rule(engine, rule) for rule in engine.rules.rules if not rule.absence]


def explain_rule(
    watch: Watch, name: str, asked: str | None, epc: str | None, recent: Recent
) -> Json:
    """Why a rule fires, or does not, right now; GatewayError if it cannot be asked that.

    `asked` is what a person wrote, `epc` the tag that it means, if it means one.
    """
    engine = watch.rules
    rule = _named(engine, name)
    subject = asked
    if rule.on in _ON_TAGS and asked is not None:
        if epc is None:
            raise GatewayError(
                f"{quoted(asked)} is no EPC: a rule on {rule.on} is asked about a tag (hex, URI or "
                "Digital Link)"
            )
        subject = epc
    elif rule.on is On.PASSAGE and epc is not None:
        subject = epc
    looks: list[Json] = []
    for one in [r for r in engine.rules.rules if r.id == name]:
        told = looks_now(engine, one, subject, recent, engine.now_us)
        looks += [_look(watch, name, look) for look in told]
    if not looks and asked is not None:
        _check_known(engine, rule, asked)
    return _rule(engine, rule) | {
        "at": iso_utc(engine.now_us),
        "looks": looks,
        "note": "" if looks else _nothing(rule, asked),
    }


def _named(engine: RuleEngine, name: str) -> Rule:
    rule = engine.rules.named(name)
    if rule is not None:
        return rule
    if name in engine.rules.disabled:
        raise Unavailable(f"the rule {quoted(name)} is not in force: it says enabled: false")
    hint = suggestion(name, [r.id for r in engine.rules.rules])
    raise Unavailable(f"the gateway has no rule {quoted(name)}{hint}")


def _rule(engine: RuleEngine, rule: Rule) -> Json:
    held = engine.instances_of(rule).values()
    firing = sum(instance.state is AlertState.FIRING for instance in held)
    errors = engine.errors.get(rule.id)
    return {
        "rule": rule.id,
        "name": rule.name or rule.id,
        "on": rule.on,
        "place": rule.place,
        "severity": rule.severity,
        "dry_run": rule.dry_run,
        "pending": len(held) - firing,
        "firing": firing,
        "errors": 0 if errors is None else errors.count,
        "last_error": None if errors is None else errors.last or None,
        "passed_over": 0 if errors is None else errors.overflow,
    }


def _look(watch: Watch, rule: str, look: Look) -> Json:
    alert = None
    if look.group is not None:
        alert = standing(watch.alerts, rule, look.group, look.at_us)
    return look.as_dict() | {"alert": alert}


def _check_known(engine: RuleEngine, rule: Rule, asked: str) -> None:
    """Refuse what the rule never looks at."""
    if rule.on in _ON_TAGS or rule.on is On.PASSAGE:
        return
    known = list(subjects(engine, rule))
    if asked not in known:
        what = rule.key[0] if rule.key else "subject"
        hint = suggestion(asked, known)
        raise Unavailable(f"the rule {quoted(rule.id)} looks at no {what} {quoted(asked)}{hint}")


def _nothing(rule: Rule, asked: str | None) -> str:
    """Why there is nothing to look at."""
    if asked is None:
        if rule.on in _ON_TAGS:
            return "nothing is pending and nothing fires; ask about a tag: give its EPC"
        if rule.key == ("sku",):
            return "no SKU is known yet: no tag was seen whose item has one"
        return "it has not looked at anything yet"
    if rule.on is On.PRESENCE:
        return "the tag is in no zone: it was never read here, or has departed"
    if rule.on is On.MOVEMENT:
        return "the tag has not moved: no movement of it is in the store"
    return "no load of it is in the store"
