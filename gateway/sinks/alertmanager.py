"""Alerts in the shape of Alertmanager's webhook (version 4), for receivers that know that one.

One notification holds one alert. Labels are its rule, severity and fields; `startsAt` is since when
the condition holds; a firing alert has no end, which the format writes as year 1.
"""

from __future__ import annotations

from typing import Any

import orjson

from gateway.errors import Rejected
from gateway.model.delivery import Record

CONTENT_TYPE = "application/json"
_NO_END = "0001-01-01T00:00:00Z"


def notification(record: Record, alert: dict[str, Any], receiver: str) -> bytes:
    """The notification of an alert's record; raises `Rejected` for a record that is none."""
    if record.kind != "alert":
        raise Rejected(f"Alertmanager's format holds alerts, and this is a {record.kind}")
    try:
        return _notification(alert, receiver)
    except (KeyError, TypeError, AttributeError) as error:
        raise Rejected(f"the alert lacks what a notification needs: {error}") from None


def _notification(alert: dict[str, Any], receiver: str) -> bytes:
    labels = {
        "alertname": alert["rule"],
        "severity": alert["severity"],
        "site": alert["site"],
        **{_label(name): _text(value) for name, value in alert["fields"].items()},
    }
    annotations = {"summary": alert["summary"], "count": str(alert["count"])}
    status = "resolved" if alert["state"] == "resolved" else "firing"
    group = {"alertname": alert["rule"]}
    return orjson.dumps(
        {
            "version": "4",
            "groupKey": f"{{}}:{{alertname={orjson.dumps(alert['rule']).decode()}}}",
            "truncatedAlerts": 0,
            "status": status,
            "receiver": receiver,
            "groupLabels": group,
            "commonLabels": labels,
            "commonAnnotations": annotations,
            "externalURL": "",
            "alerts": [
                {
                    "status": status,
                    "labels": labels,
                    "annotations": annotations,
                    "startsAt": alert["started"],
                    "endsAt": alert["resolved"] or _NO_END,
                    "generatorURL": "",
                    "fingerprint": alert["fingerprint"].replace("-", "")[:16],
                }
            ],
        }
    )


def _label(name: str) -> str:
    """A field's name as a label's: letters, digits and underscores."""
    safe = "".join(c if c.isascii() and c.isalnum() else "_" for c in name)
    return f"_{safe}" if safe[:1].isdigit() else safe


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(_text, value))
    return "" if value is None else str(value)
