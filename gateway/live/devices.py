"""Devices: how every reader, antenna and sensor is, as they last said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.model.device import (
    DeviceStatus,
    ReaderState,
    SensorConfig,
    SensorHealth,
    SensorReading,
)
from gateway.model.place import Site

_NOT_YET = "Not connected yet."


@dataclass(slots=True, kw_only=True)
class Antenna:
    """One antenna port. `state` is None while it shares its reader's."""

    port: int
    zones: tuple[str, ...]
    door: str | None = None
    side: str | None = None
    state: ReaderState | None = None
    reason: str | None = None


@dataclass(slots=True, kw_only=True)
class Reader:
    """One reader. `since_us` is when it came into this state, None before it ever said."""

    id: str
    state: ReaderState = ReaderState.CONNECTING
    reason: str = _NOT_YET
    since_us: int | None = None
    clock_offset_us: int | None = None
    antennas: dict[int, Antenna] = field(default_factory=dict)

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones that its antennas watch."""
        return tuple(dict.fromkeys(zone for a in self.antennas.values() for zone in a.zones))


@dataclass(slots=True, kw_only=True)
class Sensor:
    """One sensor and its last value; `time_us` is None until it has said something.

    `problem` says why it is not believed, None when all is well.
    """

    id: str
    kind: str | None = None
    unit: str | None = None
    value: bool | float | str | None = None
    time_us: int | None = None
    problem: str | None = None


class Devices:
    """Readers and sensors of the site by id, in the order of their configuration."""

    def __init__(self, site: Site, readers: Iterable[str], sensors: Iterable[SensorConfig]) -> None:
        self.revision = 0
        self.readers = {name: Reader(id=name) for name in (*readers, *site.readers)}
        self.sensors = {
            s.id: Sensor(id=s.id, kind=s.kind, unit=_text(s.options.get("unit"))) for s in sensors
        }
        self._watching: dict[str, list[tuple[Reader, Antenna]]] = {}
        sides = {door.id: (door.inside, door.outside) for door in site.doors}
        for a in site.antennas:
            zones = sides[a.door] if a.door is not None else a.zones
            antenna = Antenna(port=a.port, zones=zones, door=a.door, side=a.side)
            self.readers[a.reader].antennas[a.port] = antenna
            for zone in zones:
                self._watching.setdefault(zone, []).append((self.readers[a.reader], antenna))

    def apply_status(self, status: DeviceStatus) -> Reader:
        """Take in a change of state; the drivers' readers are configured, so their number is."""
        self.revision += 1
        reader = self.readers.setdefault(status.reader, Reader(id=status.reader))
        if status.port is not None:
            antenna = reader.antennas.setdefault(status.port, Antenna(port=status.port, zones=()))
            antenna.state, antenna.reason = status.state, status.reason
            return reader
        if reader.state is not status.state or reader.since_us is None:
            reader.since_us = status.time_us
        reader.state, reader.reason = status.state, status.reason
        if status.clock_offset_us is not None:
            reader.clock_offset_us = status.clock_offset_us
        return reader

    def apply_reading(self, reading: SensorReading) -> None:
        """Take in a sensor's value, unless a later one is known."""
        sensor = self.sensors.setdefault(reading.sensor, Sensor(id=reading.sensor))
        if sensor.time_us is None or reading.time_us >= sensor.time_us:
            self.revision += 1
            sensor.value, sensor.time_us = reading.value, reading.time_us

    def apply_health(self, health: SensorHealth) -> None:
        """Take in that a sensor cannot be believed, or can be again."""
        self.revision += 1
        sensor = self.sensors.setdefault(health.sensor, Sensor(id=health.sensor))
        sensor.problem = health.problem

    def why_blind(self, zone: str) -> str | None:
        """Which device keeps the gateway from knowing what is in a zone; None when none does."""
        for reader, antenna in self._watching.get(zone, ()):
            if reader.state is not ReaderState.UP:
                return f"reader {reader.id} is {reader.state}: {reader.reason}"
            if antenna.state not in (None, ReaderState.UP):
                return (
                    f"antenna {antenna.port} of reader {reader.id} is {antenna.state}: "
                    f"{antenna.reason}"
                )
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
