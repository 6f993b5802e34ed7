"""What sensors measured, as records for those upstream who take readings: one window at a time.

A thermometer that speaks every second is of no use to an EPCIS repository. A window holds what one
sensor measured in a while: how often, the least, the most and the mean.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.model.device import SensorConfig, SensorKind, SensorReading
from gateway.model.movement import MOVEMENT_NAMESPACE, iso_utc
from gateway.model.outcome import Measured, Outcome
from gateway.model.place import Site

#: Kinds of sensors that measure something; the others tell that something happened.
MEASURING = frozenset(
    {SensorKind.TEMPERATURE, SensorKind.HUMIDITY, SensorKind.WEIGHT, SensorKind.COUNT}
)


@dataclass(slots=True)
class _Window:
    opened_us: int  # by the gateway's clock
    start_us: int
    end_us: int
    least: float
    most: float
    total: float
    count: int


def with_windows(
    site: Site,
    sensors: Sequence[SensorConfig],
    sinks: Iterable[Mapping[str, Any]],
    submit: Callable[[Outcome], None],
) -> Callable[[Outcome], None]:
    """`submit`, with windows added first when the options of some sink ask for them."""
    spans = [options["sensors_every"] for options in sinks if options.get("sensors")]
    if not spans:
        return submit
    windows = SensorWindows(site, sensors, min(spans))

    def submit_with_windows(outcome: Outcome) -> None:
        windows.add(outcome)
        submit(outcome)

    return submit_with_windows


class SensorWindows:
    """Puts what was measured for `every_s` seconds into the outcome that ends the window.

    A sensor measures in the zone, or inside the door, that its id begins with: `door-1/temp`. A
    window that a restart ends is not told: it is a figure, and no event that must not be lost.
    """

    def __init__(self, site: Site, sensors: Iterable[SensorConfig], every_s: float) -> None:
        self._site = site
        self._every_us = round(every_s * 1e6)
        self._sensors = {s.id: s for s in sensors if s.kind in MEASURING}
        self._zones = {zone.id: zone.id for zone in site.zones}
        self._zones |= {door.id: door.inside for door in site.doors}
        self._open: dict[str, _Window] = {}

    def add(self, outcome: Outcome) -> None:
        """Take an outcome's readings, and give it the windows that are over."""
        for reading in outcome.sensors:
            self._take(reading, outcome.now_us)
        over = [
            name
            for name, window in self._open.items()
            if outcome.now_us - window.opened_us >= self._every_us
        ]
        outcome.measured += [self._close(name, outcome.now_us) for name in over]

    def _take(self, reading: SensorReading, now_us: int) -> None:
        value = reading.value
        if reading.sensor not in self._sensors or isinstance(value, bool | str):
            return
        window = self._open.get(reading.sensor)
        if window is None:
            at_us = reading.time_us
            self._open[reading.sensor] = _Window(now_us, at_us, at_us, value, value, value, 1)
            return
        window.start_us = min(window.start_us, reading.time_us)
        window.end_us = max(window.end_us, reading.time_us)
        window.least, window.most = min(window.least, value), max(window.most, value)
        window.total += value
        window.count += 1

    def _close(self, sensor: str, now_us: int) -> Measured:
        window, config = self._open.pop(sensor), self._sensors[sensor]
        name = f"{self._site.id}/reading/{sensor}/{window.start_us}/{window.end_us}"
        id_ = str(uuid.uuid5(MOVEMENT_NAMESPACE, name))
        unit = config.options.get("unit")
        body = {
            "id": id_,
            "site": self._site.id,
            "sensor": sensor,
            "kind": config.kind,
            "unit": unit if isinstance(unit, str) else None,
            "zone": self._zones.get(sensor.partition("/")[0]),
            "start": iso_utc(window.start_us),
            "end": iso_utc(window.end_us),
            "count": window.count,
            "min": window.least,
            "max": window.most,
            "mean": round(window.total / window.count, 6),
            "record_time": iso_utc(now_us),
        }
        return Measured(id=id_, sensor=sensor, record_time_us=now_us, body=orjson.dumps(body))
