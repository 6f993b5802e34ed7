"""The sampler: what happens, as points.

    outcome ──▶ movements, sensor values           at once
    zones   ──▶ what they hold, if it changed      each second
    readers ──▶ what they read, and whether they do   every ten seconds

For one thread; the time is an argument. Alerts are points too, but come from the outbox alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gateway.model.device import BINARY_KINDS, DeviceStatus, SensorConfig, SensorReading
from gateway.model.movement import Movement, Status
from gateway.model.outcome import Outcome
from gateway.model.place import Antenna, Site
from gateway.series.antenna_reads import Tally
from gateway.series.points import MOVEMENT, READER, READS, SENSOR, ZONE, Point

#: How often readers and antennas are told.
WINDOW_US = 10_000_000
#: Points that may wait for the next survey; more are shed, so that memory is bounded.
MOST_WAITING = 200_000


@dataclass(slots=True)
class _Reader:
    up: bool = False
    was_up: bool = False  # ever since the start
    reconnects: int = 0
    clock_offset_us: int | None = None


@dataclass(slots=True)
class _Zone:
    told: int | None = None
    arrived: int = 0
    left: int = 0


class Sampler:
    """`tags_in` says how many tags the zone with a number holds."""

    def __init__(
        self,
        site: Site,
        readers: Iterable[str],
        sensors: Iterable[SensorConfig],
        tags_in: Callable[[int], int],
    ) -> None:
        self.shed = 0
        self._site, self._tags_in = site, tags_in
        self._readers = {name: _Reader() for name in (*readers, *site.readers)}
        self._sensors = {sensor.id: sensor.kind for sensor in sensors}
        self._zones = {zone.id: _Zone() for zone in site.zones}
        self._antennas = [_antenna_tags(site, antenna) for antenna in site.antennas]
        self._waiting: list[Point] = []
        self._window: int | None = None
        self._window_begun_us = 0

    def apply(self, outcome: Outcome) -> None:
        """Take in what was committed."""
        for movement in outcome.movements:
            self._move(movement)
        for reading in outcome.sensors:
            self._read(reading)
        for status in outcome.statuses:
            self._follow(status)

    def survey(self, now_us: int) -> list[Point]:
        """The points since the last survey; call about every second."""
        points, self._waiting = self._waiting, []
        for number, (name, zone) in enumerate(self._zones.items()):
            tags = self._tags_in(number)
            if tags != zone.told or zone.arrived or zone.left:
                values = (tags, zone.arrived, zone.left)
                points.append(Point(ZONE, (self._site.id, name), values, now_us))
                zone.told, zone.arrived, zone.left = tags, 0, 0
        return points

    def window_due(self, now_us: int) -> bool:
        """Whether ten seconds, by the clock on the wall, are over."""
        if self._window is None:
            self._window, self._window_begun_us = now_us // WINDOW_US, now_us
        return now_us // WINDOW_US > self._window

    def window(self, now_us: int, tallies: Sequence[Tally]) -> list[Point]:
        """The points of the window that is over, with its beginning as their time."""
        time_us = (now_us // WINDOW_US - 1) * WINDOW_US
        lasted_s = max(1, now_us - self._window_begun_us) / 1e6
        self._window, self._window_begun_us = now_us // WINDOW_US, now_us
        points = []
        reads = dict.fromkeys(self._readers, 0)
        for antenna, tags, tally in zip(self._site.antennas, self._antennas, tallies, strict=True):
            reads[antenna.reader] += tally.reads
            values = (tally.reads, tally.tags, tally.rssi_mean_dbm, tally.rssi_max_dbm)
            points.append(Point(READS, tags, values, time_us))
        for name, reader in self._readers.items():
            offset_us = reader.clock_offset_us
            fields = (
                int(reader.up),
                round(reads[name] / lasted_s, 1),
                None if offset_us is None else offset_us / 1_000,
                reader.reconnects,
            )
            points.append(Point(READER, (self._site.id, name), fields, time_us))
            reader.reconnects = 0
        return points

    def _move(self, movement: Movement) -> None:
        retracted = movement.status is Status.RETRACTED
        source, target = movement.from_zone, movement.to_zone
        if retracted:  # the tag is back where it was
            source, target = target, source
        if (zone := self._zones.get(source or "")) is not None:
            zone.left += 1
        if (zone := self._zones.get(target or "")) is not None:
            zone.arrived += 1
        tags = (
            movement.site,
            "retracted" if retracted else movement.kind,
            movement.to_zone,
            movement.door,
            movement.direction,
        )
        values = (
            movement.epc,
            movement.from_zone,
            movement.id,
            movement.confidence,
            movement.dwell_s,
        )
        self._add(Point(MOVEMENT, tags, values, movement.event_time_us))

    def _read(self, reading: SensorReading) -> None:
        kind = self._sensors.get(reading.sensor)
        if kind is None or isinstance(reading.value, str):
            return  # what a scanner reads is no figure
        binary = kind in BINARY_KINDS
        values = (None, bool(reading.value)) if binary else (float(reading.value), None)
        tags = (self._site.id, reading.sensor, kind)
        self._add(Point(SENSOR, tags, values, reading.time_us))

    def _follow(self, status: DeviceStatus) -> None:
        reader = self._readers.get(status.reader)
        if reader is None or status.port is not None:
            return
        if status.up and reader.was_up and not reader.up:
            reader.reconnects += 1
        reader.up, reader.was_up = status.up, reader.was_up or status.up
        if status.clock_offset_us is not None:
            reader.clock_offset_us = status.clock_offset_us

    def _add(self, point: Point) -> None:
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(point)
        else:
            self.shed += 1


def _antenna_tags(site: Site, antenna: Antenna) -> tuple[str | None, ...]:
    """Tags of an antenna's reads; several zones are joined by a character that no id has."""
    zone = None if antenna.door is not None else "+".join(antenna.zones)
    return (site.id, antenna.reader, str(antenna.port), zone, antenna.door)
