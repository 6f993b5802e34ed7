"""What the sensors said last, since when they say it, and which door or zone they belong to.

A sensor belongs to the door that names it in site.yaml, and to the door or zone whose id its own id
begins with: `door-1/temp` is the thermometer of `door-1`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.model.device import SensorConfig, SensorKind, SensorReading
from gateway.model.place import Site


@dataclass(slots=True)
class SensorState:
    """What one sensor said last."""

    value: bool | float | str
    since_us: int  # it says so since
    last_us: int  # it spoke last


class SensorStates:
    """The sensors of a site. Those that no configuration names are unknown and passed over."""

    def __init__(self, site: Site, configs: Iterable[SensorConfig]) -> None:
        self._kinds = {config.id: config.kind for config in configs}
        self._states: dict[str, SensorState] = {}
        self._owners: dict[str, tuple[str, ...]] = {}
        self._of: dict[tuple[str, SensorKind], list[str]] = {}
        places = {door.id for door in site.doors} | {zone.id for zone in site.zones}
        named: dict[str, list[str]] = {}
        for door in site.doors:
            for sensor in (door.contact, door.inner_beam, door.outer_beam):
                if sensor is not None:
                    named.setdefault(sensor, []).append(door.id)
        for sensor, kind in self._kinds.items():
            head = sensor.rpartition("/")[0]
            owners = [*named.get(sensor, []), *([head] if head in places else [])]
            self._owners[sensor] = tuple(dict.fromkeys(owners))
            for owner in self._owners[sensor]:
                self._of.setdefault((owner, kind), []).append(sensor)

    @property
    def known(self) -> dict[str, SensorKind]:
        """Every sensor and its kind."""
        return self._kinds

    def owners(self, sensor: str) -> tuple[str, ...]:
        """The doors and zones that a sensor belongs to."""
        return self._owners.get(sensor, ())

    def of(self, owner: str | None, kind: SensorKind) -> list[str]:
        """The sensors of a kind at a door or zone."""
        return self._of.get((owner or "", kind), [])

    def kind(self, sensor: str) -> SensorKind | None:
        """What a sensor measures."""
        return self._kinds.get(sensor)

    def state(self, sensor: str) -> SensorState | None:
        """What a sensor said last, None if nothing yet."""
        return self._states.get(sensor)

    def held_s(self, sensor: str, now_us: int) -> float | None:
        """For how long a sensor has been saying what it says."""
        state = self._states.get(sensor)
        return None if state is None else max(0.0, (now_us - state.since_us) / 1e6)

    def take(self, reading: SensorReading) -> SensorState | None:
        """Follow a reading; None when the sensor is unknown or the reading is an old one."""
        if reading.sensor not in self._kinds:
            return None
        state = self._states.get(reading.sensor)
        if state is None:
            state = SensorState(reading.value, reading.time_us, reading.time_us)
            self._states[reading.sensor] = state
            return state
        if reading.time_us < state.last_us:
            return None
        state.last_us = reading.time_us
        if reading.value != state.value:
            state.value, state.since_us = reading.value, reading.time_us
        return state

    def put(self, sensor: str, state: SensorState) -> None:
        """Set what a sensor said, as it was stored."""
        if sensor in self._kinds:
            self._states[sensor] = state

    def copy(self, other: SensorStates) -> None:
        """Take over what another set of the same site's sensors knows."""
        self._states = {s: state for s, state in other._states.items() if s in self._kinds}
