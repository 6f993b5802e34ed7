"""The models of `rules/*.yaml`: what a rule may say, before it is checked against the site."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.model.alert import Severity
from gateway.rules.fields import On
from gateway.rules.trial_schema import TestEntry
from gateway.rules.where_schema import Duration, Names, Text, listed, one_text, such_as
from gateway.settings.section import Section
from gateway.settings.values import Identifier, Line


class AbsentEntry(Section):
    """Silence is not health: a sensor that has not spoken for so long is told as well."""

    after: Duration
    severity: Severity = Severity.WARNING


class AlertEntry(Section):
    """What is told."""

    severity: Severity = Severity.WARNING
    key: Names = ()
    group: Names = ()
    summary: Annotated[str, BeforeValidator(one_text)]
    route: Identifier | None = None
    group_wait: Duration = 0.0


class MqttAction(Section):
    """An MQTT message, through a sink of the kind mqtt; absent: the first one."""

    sink: Identifier | None = None
    topic: Text
    payload: Any = None
    retain: bool = False


class WebhookAction(Section):
    """A message to a sink of the kind webhook."""

    sink: Identifier
    payload: Any = None


class GpoAction(Section):
    """A pulse on an output of a reader."""

    reader: Identifier
    port: Annotated[int, Field(ge=1, le=64)]
    pulse: Duration = 1.0


class ZoneAction(Section):
    """Hold or release a zone, or start a count there; absent: the zone of the alert."""

    zone: Text = "{zone}"


def _zone(value: Any) -> Any:
    """`hold: staging-1` is `hold: {zone: staging-1}`."""
    return {"zone": value} if isinstance(value, str) else value


ZoneHere = Annotated[ZoneAction, BeforeValidator(_zone)]


class ActionEntry(Section):
    """One action, when the rule fires or, `at: resolved`, when that is over."""

    at: Literal["firing", "resolved"] = "firing"
    mqtt: MqttAction | None = None
    webhook: WebhookAction | None = None
    gpo: GpoAction | None = None
    hold: ZoneHere | None = None
    release: ZoneHere | None = None
    count: ZoneHere | None = None

    @model_validator(mode="after")
    def _one(self) -> ActionEntry:
        if sum(value is not None for name, value in self if name != "at") != 1:
            raise ValueError("expected exactly one of mqtt, webhook, gpo, hold, release and count")
        return self


def _expression(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError('expected an expression, such as "temperature > 8"')
    return value


def _at_least_a_second(seconds: float) -> float:
    if seconds < 1:
        raise ValueError("expected at least 1s")
    return seconds


ExpressionText = Annotated[str, BeforeValidator(_expression)]


class RuleEntry(Section):
    """One rule."""

    id: Identifier
    name: Line = ""
    on: On
    where: dict[str, Any] = Field(default_factory=dict)
    when: ExpressionText | None = None
    for_s: Duration = Field(0.0, alias="for")
    grace: Duration = 0.0
    resolve: dict[str, Any] | None = None
    resolve_when: ExpressionText | None = None
    resolve_after: Duration | None = None
    keep_firing_for: Duration = 0.0
    latch: bool = False
    absent: Annotated[AbsentEntry, BeforeValidator(such_as("{after: 30m}"))] | None = None
    every: Annotated[Duration, AfterValidator(_at_least_a_second)] | None = None
    alert: AlertEntry
    actions: tuple[ActionEntry, ...] = ()
    dry_run: bool = False
    enabled: bool = True
    tests: tuple[TestEntry, ...] = ()

    @model_validator(mode="after")
    def _one_wait(self) -> RuleEntry:
        if self.for_s and self.grace:
            raise ValueError(
                "give either for (it has to hold all the time) or grace (it is tested again at "
                "the end), not both"
            )
        return self


class MatchEntry(Section):
    """Which alerts a route is for."""

    severity: Annotated[tuple[Severity, ...], BeforeValidator(listed)] = ()
    rule: Names = ()


class EscalationEntry(Section):
    """Whom to tell as well, when nobody has acknowledged for so long."""

    after: Duration
    unless: Literal["acknowledged"] = "acknowledged"
    to: Names


class RouteEntry(Section):
    """Who is told of which alerts."""

    name: Identifier | None = None
    match: MatchEntry = MatchEntry()
    to: Names = ()
    repeat: Duration | None = None
    group_wait: Duration | None = None
    escalate: tuple[EscalationEntry, ...] = ()


class InhibitEntry(Section):
    """Which alerts rest while others fire."""

    source: MatchEntry
    target: MatchEntry
    equal: Names = ()


class RuleFile(Section):
    """Everything of a file in `rules/`."""

    version: int = 1
    rules: tuple[RuleEntry, ...] = ()
    routes: tuple[RouteEntry, ...] = ()
    inhibit: tuple[InhibitEntry, ...] = ()
