"""What the engine has to remember beside instances, as rows: sensors, doors, readers, the start.

These rows have no rule. They are written when what they hold changes, in the transaction of the
change, so that after a restart "open for ten minutes" still means ten minutes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import orjson

from gateway.model.alert import AlertState, RuleRow
from gateway.model.device import DeviceStatus, ReaderState
from gateway.rules.facts import View
from gateway.rules.sensors import SensorState


class Memory:
    """Reads and writes those rows; the values themselves are in the view."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.readers: dict[str, DeviceStatus] = {}  # `dock-1` or `dock-1/3`
        self.digests: frozenset[str] = frozenset()  # of the rules that were in force
        self._heard_us = 0  # when it was last written down who was heard
        self.dirty: dict[tuple[str, str], RuleRow] = {}

    def note_start(self, time_us: int) -> None:
        """The engine has begun to look."""
        self._view.started_us = time_us
        self._put("start", {"us": time_us})

    def note_rules(self, digests: Iterable[str]) -> None:
        """These rules are in force."""
        if (now := frozenset(digests)) != self.digests:
            self.digests = now
            self._put("rules", sorted(now))

    def note_sensor(self, sensor: str, state: SensorState) -> None:
        """A sensor said something."""
        self._put(f"sensor={sensor}", asdict(state))

    def note_passage(self, door: str, end_us: int) -> None:
        """Something went through a door."""
        self._view.passed_us[door] = max(end_us, self._view.passed_us.get(door, 0))
        self._put(f"door={door}", {"us": self._view.passed_us[door]})

    def note_reader(self, subject: str, status: DeviceStatus) -> None:
        """A reader, or an antenna of it, has changed."""
        self.readers[subject] = status
        body = {
            "reader": status.reader,
            "port": status.port,
            "state": str(status.state),
            "reason": status.reason[:200],
            "us": status.time_us,
        }
        self._put(f"reader={subject}", body)

    def note_heard(self, now_us: int, every_us: int) -> None:
        """Antennas were heard: written down once in so long, all together."""
        if now_us - self._heard_us >= every_us:
            self._heard_us = now_us
            self._put("heard", {s: us for s, us in self._view.heard_us.items() if "/" in s})

    def restore(self, row: RuleRow) -> None:
        """Take a stored row; one that cannot be read is passed over."""
        kind, _, name = row.key.partition("=")
        try:
            body = orjson.loads(row.body or b"")
            match kind:
                case "start":
                    self._view.started_us = body["us"]
                case "rules":
                    self.digests = frozenset(body)
                case "sensor":
                    self._view.sensors.put(name, SensorState(**body))
                case "door":
                    self._view.passed_us[name] = body["us"]
                case "heard":
                    for subject, us in body.items():
                        reader = subject.partition("/")[0]
                        heard_us = self._view.heard_us
                        heard_us[subject] = int(us)
                        heard_us[reader] = max(int(us), heard_us.get(reader, 0))
                case "reader":
                    self.readers[name] = _status(body)
        except (KeyError, TypeError, ValueError, AttributeError):
            return

    def rows(self) -> Iterator[RuleRow]:
        """What has changed since the last call."""
        yield from self.dirty.values()
        self.dirty = {}

    def _put(self, key: str, body: Any) -> None:
        self.dirty["", key] = RuleRow(
            rule="", key=key, state=AlertState.RESOLVED, due_us=None, body=orjson.dumps(body)
        )


def _status(body: dict[str, Any]) -> DeviceStatus:
    return DeviceStatus(
        reader=body["reader"],
        port=body["port"],
        state=ReaderState(body["state"]),
        reason=body["reason"],
        time_us=body["us"],
    )
