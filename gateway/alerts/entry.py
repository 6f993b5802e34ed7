"""An alert's life: who fires in it, what was told of it, and when it is looked at again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson

from gateway.model.alert import Acknowledgement, Alert, AlertState, Severity

#: Instances of one alert that are remembered by key; more are counted with the last of them.
MAX_MEMBERS = 10_000
#: Keys that an alert carries.
SHOWN_KEYS = 100


@dataclass(slots=True)
class Entry:
    """One alert and what goes with it; times are event times.

    `told` is the state that people were last told of this episode, None if of none. `members` are
    the instances that fire, with the summary of each. `wait_us` is when it is first told.
    """

    alert: Alert
    members: dict[str, str] = field(default_factory=dict)
    told: AlertState | None = None
    wait_us: int | None = None
    repeat_us: int | None = None
    fade_us: int | None = None  # flapping, and just now quiet: when it ends
    turns_us: list[int] = field(default_factory=list)  # when it last began to fire
    stormed: bool = False  # one of too many: counted in the storm's own alert

    @property
    def firing(self) -> bool:
        """Whether it fires now."""
        return self.alert.state is AlertState.FIRING

    @property
    def label(self) -> tuple[str, str]:
        """Its identity: rule and group."""
        return self.alert.rule, self.alert.group

    def refresh(self) -> None:
        """Bring count, keys and summary in line with the members."""
        count = len(self.members)
        if not count:
            return
        first = next(iter(self.members.values()))
        summary = first if count == 1 else f"{first} (and {count - 1} more)"
        keys = tuple(key for key, _ in zip(self.members, range(SHOWN_KEYS), strict=False))
        self.alert = replace(self.alert, count=count, keys=keys, summary=summary)

    def to_bytes(self) -> bytes:
        """As it is stored."""
        return orjson.dumps(
            {
                "alert": asdict(self.alert),
                "members": self.members,
                "told": self.told,
                "wait_us": self.wait_us,
                "repeat_us": self.repeat_us,
                "fade_us": self.fade_us,
                "turns_us": self.turns_us,
                "stormed": self.stormed,
            }
        )


def entry_of(body: bytes) -> Entry:
    """What was stored; raises ValueError, KeyError or TypeError for what never was an entry."""
    stored: dict[str, Any] = orjson.loads(body)
    told = stored["told"]
    return Entry(
        alert=_alert_of(stored["alert"]),
        members=dict(stored["members"]),
        told=None if told is None else AlertState(told),
        wait_us=stored["wait_us"],
        repeat_us=stored["repeat_us"],
        fade_us=stored["fade_us"],
        turns_us=list(stored["turns_us"]),
        stormed=bool(stored["stormed"]),
    )


def _alert_of(stored: dict[str, Any]) -> Alert:
    ack = stored["acknowledged"]
    return Alert(
        **stored
        | {
            "state": AlertState(stored["state"]),
            "severity": Severity(stored["severity"]),
            "keys": tuple(stored["keys"]),
            "targets": tuple(stored["targets"]),
            "acknowledged": None if ack is None else Acknowledgement(**ack),
        }
    )
