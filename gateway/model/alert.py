"""Alerts: what rules say, what people are told, and what survives a restart.

    rules ──▶ RuleChange ──▶ alerts ──▶ Alert (one record per change of state and route)

A rule watches *instances*, one for each `key` (a tag, a zone, a door …). Instances of one rule with
the same `group` are one alert: a pallet of forty misplaced tags is told once.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

from gateway.model.movement import MOVEMENT_NAMESPACE, iso_utc

#: Why an instance about a tag ended: the tag is not known any more. Nothing else would end some.
FORGOTTEN = "tag forgotten"


class Severity(StrEnum):
    """How bad it is; in rising order."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertState(StrEnum):
    """Where an alert, or one instance of a rule, is in its life."""

    PENDING = "pending"  # the condition holds, but not yet for long enough
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleAction:
    """What else is to be done when an instance fires (or resolves): the rule's `actions`.

    `kind`: mqtt (options topic, payload, retain) | webhook (sink, payload) | gpo (reader, port,
    pulse_s) | hold (zone) | release (zone) | count (zone). Templates in options are filled in.
    """

    kind: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """One instance of a rule changed its state. Times are event times.

    `key` and `group` are canonical text (`epc=30…`, `zone=a;sku=b`), at most 500 characters.
    """

    rule: str
    key: str
    group: str
    state: AlertState
    at_us: int
    since_us: int  # the condition holds since
    due_us: int | None = None  # pending: when it fires
    severity: Severity = Severity.WARNING
    summary: str = ""
    fields: dict[str, Any] = field(default_factory=dict)  # of key, group and summary
    route: str | None = None
    dry_run: bool = False
    latch: bool = False  # only a person ends it
    group_wait_s: float = 0.0  # the alert waits so long for more of its group before it is told
    cause: str | None = None  # id of the movement or passage that did it
    reason: str = ""  # resolved: cleared | gone | superseded | rule changed | shipment assigned
    actions: tuple[RuleAction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """An instance as it is stored; `body` None deletes it. `body` is the rule engine's own JSON."""

    rule: str
    key: str
    state: AlertState
    due_us: int | None
    body: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Somebody has taken note; notifications rest until `until_us`, or for good."""

    by: str
    note: str = ""
    at_us: int = 0
    until_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert as users know it, at one change of state. `to_json` gives the contract's object.

    `id` is that of this episode, from its first firing to its end; `fingerprint` that of rule and
    group, the same in every episode. `change` counts the changes of state within the episode.
    """

    id: str
    fingerprint: str
    site: str
    rule: str
    group: str
    state: AlertState
    severity: Severity
    summary: str
    started_us: int  # the condition holds since (event time)
    fired_us: int | None  # event time
    resolved_us: int | None
    event_time_us: int  # of this change
    record_time_us: int
    change: int
    count: int  # instances that fire now, or fired last
    keys: tuple[str, ...] = ()  # of these instances, the first of them
    fields: dict[str, Any] = field(default_factory=dict)
    route: str | None = None
    cause: str | None = None
    reason: str = ""
    dry_run: bool = False
    latch: bool = False
    acknowledged: Acknowledgement | None = None
    silenced: bool = False
    inhibited: bool = False
    flapping: bool = False
    escalation: int = 0  # steps of the route's escalation that were taken
    notice: int = 0  # counts what was told of the episode: changes, repeats, escalations
    targets: tuple[str, ...] = ()  # sinks that are told; empty: every sink that takes alerts

    def as_dict(self) -> dict[str, Any]:
        """The contract's object, keys in the contract's order."""
        ack = self.acknowledged
        return {
            "id": self.id,
            "fingerprint": self.fingerprint,
            "site": self.site,
            "rule": self.rule,
            "state": self.state,
            "severity": self.severity,
            "key": self.group,
            "summary": self.summary,
            "count": self.count,
            "keys": self.keys,
            "fields": self.fields,
            "started": iso_utc(self.started_us),
            "fired": None if self.fired_us is None else iso_utc(self.fired_us),
            "resolved": None if self.resolved_us is None else iso_utc(self.resolved_us),
            "event_time": iso_utc(self.event_time_us),
            "record_time": iso_utc(self.record_time_us),
            "change": self.change,
            "notice": self.notice,
            "reason": self.reason or None,
            "cause": self.cause,
            "route": self.route,
            "dry_run": self.dry_run,
            "latch": self.latch,
            "acknowledged": None
            if ack is None
            else {
                "by": ack.by,
                "note": ack.note,
                "at": iso_utc(ack.at_us),
                "until": None if ack.until_us is None else iso_utc(ack.until_us),
            },
            "silenced": self.silenced,
            "inhibited": self.inhibited,
            "flapping": self.flapping,
            "escalation": self.escalation,
        }

    def to_json(self) -> bytes:
        """The contract's JSON object, UTF-8, one line."""
        return orjson.dumps(self.as_dict())


def fingerprint_of(site: str, rule: str, group: str) -> str:
    """The identity of an alert: uuid5 of site, rule and group; stable over restarts and edits."""
    return str(uuid.uuid5(MOVEMENT_NAMESPACE, f"{site}/alert/{rule}/{group}"))


def episode_of(fingerprint: str, started_us: int) -> str:
    """The id of one episode of an alert."""
    return str(uuid.uuid5(MOVEMENT_NAMESPACE, f"{fingerprint}/{started_us}"))
