"""Instances: one rule and one key while it matters, and as they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from gateway.model.alert import AlertState, RuleRow
from gateway.rules.facts import Facts, View
from gateway.rules.rule import Rule

MAX_KEY = 500
_ESCAPES = str.maketrans({c: f"%{ord(c):02X}" for c in "%;="})


@dataclass(slots=True, kw_only=True)
class Instance:
    """What is remembered. `due_us`: pending, when it fires; firing, when it clears."""

    subject: str
    key: str
    group: str
    state: AlertState
    since_us: int
    changed_us: int  # last change of state
    facts: Facts  # the latest
    told: Facts  # when the rule held last
    due_us: int | None = None
    ends_us: int | None = None  # `resolve_after`
    cause: str | None = None

    def row(self, rule: Rule) -> RuleRow:
        """The instance as it is stored."""
        body = {
            "digest": rule.digest,
            "subject": self.subject,
            "group": self.group,
            "since_us": self.since_us,
            "changed_us": self.changed_us,
            "ends_us": self.ends_us,
            "cause": self.cause,
            "facts": _stored(self.facts),
            "told": None if self.told is self.facts else _stored(self.told),
        }
        return RuleRow(
            rule=rule.id,
            key=self.key,
            state=self.state,
            due_us=self.due_us,
            body=orjson.dumps(body),
        )


def instance_of(row: RuleRow) -> tuple[Instance, str]:
    """A stored instance and its rule's digest; ValueError if this is none."""
    try:
        body = orjson.loads(row.body or b"")
        facts = Facts(**body["facts"])
        return (
            Instance(
                subject=body["subject"],
                key=row.key,
                group=body["group"],
                state=row.state,
                since_us=body["since_us"],
                changed_us=body["changed_us"],
                facts=facts,
                told=Facts(**body["told"]) if body["told"] else facts,
                due_us=row.due_us,
                ends_us=body["ends_us"],
                cause=body["cause"],
            ),
            body["digest"],
        )
    except (KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise ValueError(f"a stored instance of {row.rule} cannot be read: {error}") from error


def forgotten(rule: str, key: str) -> RuleRow:
    """What deletes a stored instance."""
    return RuleRow(rule=rule, key=key, state=AlertState.RESOLVED, due_us=None, body=None)


def key_text(names: tuple[str, ...], facts: Facts, view: View, now_us: int) -> str:
    """Canonical text of a key or group: `zone=bin-a-01;item.sku=A%3B1`."""
    return ";".join(f"{name}={_escaped(view.field(facts, name, now_us))}" for name in names)[
        :MAX_KEY
    ]


def _stored(facts: Facts) -> dict[str, Any]:
    return {"values": facts.values, "event_us": facts.event_us}


def _escaped(value: Any) -> str:
    if isinstance(value, list):
        value = ",".join(map(str, value))
    text = "" if value is None else str(value).translate(_ESCAPES)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
