"""Readings of sensors as EPCIS 2.0 events with a sensorElementList. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from gateway.errors import Rejected
from gateway.model.device import SensorKind
from gateway.model.movement import MOVEMENT_NAMESPACE, iso_utc
from gateway.sinks.epcis_mapping import EpcisMapping, Event

#: What a kind of sensor measures, and its unit (UN/ECE Recommendation 20) where none is given.
_MEASURES = {
    SensorKind.TEMPERATURE: ("Temperature", "CEL"),
    SensorKind.HUMIDITY: ("RelativeHumidity", "P1"),
    SensorKind.WEIGHT: ("Mass", "KGM"),
    SensorKind.COUNT: ("Count", None),
}
_UNITS = {"C": "CEL", "°C": "CEL", "F": "FAH", "°F": "FAH", "K": "KEL", "%": "P1", "kg": "KGM",
          "g": "GRM", "t": "TNE", "lb": "LBR"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one sensor measured in a span of time; both ends are the same for a single reading."""

    sensor: str
    kind: SensorKind
    start_us: int
    end_us: int
    mean: float
    least: float
    most: float
    unit: str | None = None
    alarm: bool = False  # a limit was passed


def window_of(body: Mapping[str, Any]) -> Window:
    """The window of a record of kind `reading`; raises `Rejected` for a broken body."""
    try:
        return Window(
            sensor=str(body["sensor"]),
            kind=SensorKind(body["kind"]),
            start_us=_time_us(body["start"]),
            end_us=_time_us(body["end"]),
            mean=float(body["mean"]),
            least=float(body["min"]),
            most=float(body["max"]),
            unit=body.get("unit"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Rejected(f"its body is no reading ({error})") from None


def _time_us(iso: str) -> int:
    return round(datetime.fromisoformat(iso).timestamp() * 1000) * 1000


def sensor_event(
    mapping: EpcisMapping,
    windows: Sequence[Window],
    *,
    zone: str | None = None,
    epcs: Sequence[str] = (),
) -> Event | None:
    """What sensors measured in a zone, beside which tags; None when nothing can be told so.

    The eventID is that of the sensors and their times: the same windows give the same one.
    """
    elements = [element for window in windows if (element := _element(window))]
    if not elements:
        return None
    end_us = max(window.end_us for window in windows)
    time = iso_utc(end_us)
    spans = "/".join(f"{w.sensor}/{w.start_us}/{w.end_us}" for w in windows)
    event: Event = {
        "type": "ObjectEvent",
        "eventID": uuid.uuid5(MOVEMENT_NAMESPACE, f"{mapping.names.site.id}/{spans}").urn,
        "eventTime": time,
        "eventTimeZoneOffset": mapping.offsets.at(time),
        "action": "OBSERVE",
        "epcList": list(dict.fromkeys(mapping.names.of_tag(tag) for tag in epcs)),
        "bizStep": "sensor_reporting",
    }
    if zone is not None:
        event["bizLocation"] = {"id": mapping.names.of_zone(zone)}
    event["sensorElementList"] = elements
    return event


def _element(window: Window) -> Event | None:
    """One sensor's part; None for kinds that EPCIS has no measurement for."""
    measure = _MEASURES.get(window.kind)
    if measure is None:
        return None
    name, usual_unit = measure
    unit = _UNITS.get(window.unit or "", usual_unit)
    device = f"urn:rfid-gateway:sensor:{quote(window.sensor, safe='')}"
    report: Event = {"type": name}
    if window.start_us == window.end_us:
        metadata: Event = {"time": iso_utc(window.end_us), "deviceID": device}
        report["value"] = window.mean
    else:
        metadata = {
            "startTime": iso_utc(window.start_us),
            "endTime": iso_utc(window.end_us),
            "deviceID": device,
        }
        values = {"minValue": window.least, "maxValue": window.most, "meanValue": window.mean}
        report |= values
    reports = [report | ({"uom": unit} if unit else {})]
    if window.alarm:
        reports.append({"type": name, "exception": "ALARM_CONDITION"})
    return {"sensorMetadata": metadata, "sensorReport": reports}
