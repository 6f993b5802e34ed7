"""Silences: alerts that somebody does not want to hear of for a while."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields

import orjson

from gateway.model.alert import Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Until `until_us` no word of alerts that match everything given here."""

    id: str
    until_us: int
    by: str
    note: str = ""
    rule: str | None = None
    severity: str | None = None
    match: dict[str, str] = field(default_factory=dict)  # fields of the alert, as text

    def covers(self, alert: Alert, time_us: int) -> bool:
        """Whether this alert is not to be told now."""
        return (
            time_us < self.until_us
            and self.rule in (None, alert.rule)
            and self.severity in (None, alert.severity.value)
            and all(str(alert.fields.get(name)) == text for name, text in self.match.items())
        )

    def to_bytes(self) -> bytes:
        """As it is stored, and shown."""
        return orjson.dumps(asdict(self))


def silence_of(body: bytes) -> Silence:
    """What was stored or asked for; raises ValueError for what is no silence."""
    stored = orjson.loads(body)
    keys = {given.name for given in fields(Silence)}
    if not isinstance(stored, dict) or not {"id", "until_us", "by"} <= stored.keys() <= keys:
        names = ", ".join(sorted(keys))
        raise ValueError(f"a silence has id, until_us and by, and no keys but {names}")
    silence = Silence(**stored)
    texts = (silence.id, silence.by, silence.note, silence.rule or "", silence.severity or "")
    sound = type(silence.until_us) is int and all(isinstance(text, str) for text in texts)
    if not sound or not isinstance(silence.match, dict):
        raise ValueError("a silence has an id, a time until which it lasts, and texts")
    return silence
