"""Alerts as Alertmanager's webhook sends them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import Rejected
from gateway.model.alert import Alert, AlertState, Severity
from gateway.model.delivery import Record
from gateway.sinks.alertmanager import notification

FIRING = Alert(
    id="5a9c2c65-0000-5000-8000-000000000000", fingerprint="1f0c2a77-1111-5222-8333-444444444444",
    site="dc", rule="reader-quiet", group="reader=dock-1", state=AlertState.FIRING,
    severity=Severity.WARNING, summary="dock-1 is quiet", started_us=1_000_000, fired_us=2_000_000,
    resolved_us=None, event_time_us=2_000_000, record_time_us=3_000_000, change=1, count=1,
    fields={"reader": "dock-1", "reader.zones": ["a", "b"], "9": None},
)  # fmt: skip


def told(alert: Alert, kind: str = "alert") -> dict[str, Any]:
    record = Record(seq=1, kind=kind, id=alert.id, key=alert.fingerprint, body=alert.to_json())
    document: dict[str, Any] = json.loads(notification(record, alert.as_dict(), "ops"))
    return document


def test_an_alert_that_fires() -> None:
    document = told(FIRING)
    labels = {
        "alertname": "reader-quiet", "severity": "warning", "site": "dc",
        "reader": "dock-1", "reader_zones": "a,b", "_9": "",
    }  # fmt: skip
    assert document["version"] == "4"
    assert document["receiver"] == "ops"
    assert document["status"] == "firing"
    assert document["commonLabels"] == labels
    assert document["alerts"] == [
        {
            "status": "firing",
            "labels": labels,
            "annotations": {"summary": "dock-1 is quiet", "count": "1"},
            "startsAt": "1970-01-01T00:00:01.000Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "",
            "fingerprint": "1f0c2a7711115222",
        }
    ]


def test_one_that_has_ended_says_when() -> None:
    ended = told(replace(FIRING, state=AlertState.RESOLVED, resolved_us=9_000_000))
    assert ended["status"] == "resolved"
    (alert,) = ended["alerts"]
    assert alert["endsAt"] == "1970-01-01T00:00:09.000Z"


def test_what_is_no_alert_is_refused() -> None:
    with pytest.raises(Rejected, match="holds alerts"):
        told(FIRING, kind="movement")
    with pytest.raises(Rejected, match="lacks"):
        notification(Record(seq=1, kind="alert", id="x", key="", body=b"{}"), {}, "ops")
