"""A small language for stories about tags: read them, wait, ask what the core decided.

scene = Scene()
scene.read("A1", "aisle/1", every_s=0.5, for_s=10)
scene.run()
assert scene.story("A1") == ["arrived bin-1"]
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gateway.core import Core
from gateway.model.calibration import NO_CALIBRATION, Calibration
from gateway.model.device import DeviceStatus, ReaderState, SensorHealth, SensorReading
from gateway.model.movement import Movement
from gateway.model.outcome import Inputs
from gateway.model.passage import Passage
from gateway.model.place import Antenna, Door, Side, Site, Zone, ZoneKind
from gateway.model.reads import READ
from gateway.model.tags import TagIndex
from gateway.model.tuning import LocationTuning

START_US = 1_732_203_600_000_000
S = 1_000_000

SITE = Site(
    id="test",
    zones=(
        Zone(id="yard", kind=ZoneKind.OUTSIDE, departed_after_s=300.0),
        Zone(id="staging", kind=ZoneKind.STAGING, missing_after_s=120.0),
        Zone(id="bin-1", missing_after_s=600.0),
        Zone(id="bin-2", missing_after_s=600.0),
    ),
    doors=(
        Door(
            id="door-1",
            inside="staging",
            outside="yard",
            inner_beam="door-1/inner",
            outer_beam="door-1/outer",
        ),
    ),
    antennas=(
        Antenna(reader="dock", port=1, door="door-1", side=Side.INSIDE),
        Antenna(reader="dock", port=2, door="door-1", side=Side.OUTSIDE),
        Antenna(reader="aisle", port=1, zones=("bin-1",)),
        Antenna(reader="aisle", port=2, zones=("bin-2",)),
    ),
)


def epc_of(name: str) -> bytes:
    """Twelve octets that stand for a tag's name."""
    return b"\x30" + name.encode().ljust(11, b"\0")


@dataclass(slots=True)
class Scene:
    """Inputs in order of time, and what a core made of them. Times are seconds from the start."""

    site: Site = SITE
    tuning: LocationTuning = field(default_factory=LocationTuning)
    calibration: Calibration = NO_CALIBRATION
    seed: int = 1
    movements: list[Movement] = field(default_factory=list)
    provisional: list[Movement] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    provisional_passages: list[Passage] = field(default_factory=list)
    sensor_health: list[SensorHealth] = field(default_factory=list)
    end_s: float = 0.0
    core: Core | None = None
    _rows: list[tuple[Any, ...]] = field(default_factory=list)
    _sensors: list[SensorReading] = field(default_factory=list)
    _statuses: list[DeviceStatus] = field(default_factory=list)
    _tags: TagIndex = field(default_factory=TagIndex)

    def read(
        self,
        tag: str,
        antenna: str,
        *,
        at_s: float = 0.0,
        for_s: float = 0.0,
        every_s: float = 1.0,
        dbm: float = -60.0,
        noise_db: float = 0.0,
        late_s: float = 0.0,
        ahead_s: float = 0.0,
        drift_ppm: float = 0.0,
    ) -> None:
        """Read `tag` at `reader/port`, once or again and again.

        The reads arrive `late_s` later; the reader's clock is `ahead_s` ahead, and gains.
        """
        reader, port = antenna.rsplit("/", 1)
        number = self.site.antenna_numbers[reader, int(port)]
        rng = np.random.default_rng([self.seed, len(self._rows)])
        for step in range(math.floor(for_s / every_s) + 1):
            read_s = at_s + step * every_s
            off_s = ahead_s + read_s * drift_ppm / 1e6
            self._add(tag, number, read_s, rng.normal(dbm, noise_db), late_s, off_s)

    def drive(
        self, tag: str, *, at_s: float, speed_m_s: float = 1.0, out: bool = True, stop_m: float = 4
    ) -> None:
        """Carry `tag` through door-1, crossing at `at_s`, read by both sides ten times a second."""
        rng = np.random.default_rng([self.seed, len(self._rows)])
        sign = -1.0 if out else 1.0
        steps = np.arange(-stop_m / speed_m_s, stop_m / speed_m_s, 0.1)
        for step in steps.tolist():
            y_m = sign * speed_m_s * step
            for number, antenna_y_m in ((0, 0.9), (1, -0.2)):
                distance_m = math.hypot(y_m - antenna_y_m, 1.45)
                if rng.random() < 0.7:
                    dbm = -42.0 - 30.0 * math.log10(distance_m) + rng.normal(0.0, 2.0)
                    if (y_m >= 0.0) != (number == 0):
                        dbm -= 8.0  # door antennas look toward their own side
                    self._add(tag, number, at_s + step + rng.uniform(0, 0.05), dbm, 0.0)

    def sensor(self, sensor: str, value: bool, *, at_s: float) -> None:
        """A sensor says something."""
        time_us = START_US + round(at_s * S)
        self._sensors.append(
            SensorReading(sensor=sensor, value=value, time_us=time_us, at_us=time_us)
        )

    def status(
        self, reader: str, state: ReaderState, *, at_s: float, port: int | None = None
    ) -> None:
        """A reader, or one of its antennas, changes."""
        time_us = START_US + round(at_s * S)
        self._statuses.append(
            DeviceStatus(reader=reader, state=state, reason="test", time_us=time_us, port=port)
        )

    def run(self, until_s: float | None = None, *, tick_s: float = 0.05, shuffle: int = 0) -> Scene:
        """Feed everything to a new core, tick by tick, and collect what it decides."""
        rows = np.array(self._rows, dtype=READ)
        rows = rows[np.argsort(rows["at_us"], kind="stable")]
        last_us = max(
            [int(rows["at_us"].max(initial=START_US)), *(s.time_us for s in self._statuses)]
        )
        end_us = START_US + round(until_s * S) if until_s is not None else last_us + S
        core = self.core = Core(self.site, self._tags, self.tuning, calibration=self.calibration)
        rng = np.random.default_rng(shuffle) if shuffle else None
        done, now_us = 0, START_US - S
        while now_us < end_us:
            before_us, now_us = now_us, now_us + round(tick_s * S)
            upto = int(np.searchsorted(rows["at_us"], now_us, side="right"))
            batch = rows[done:upto].copy()
            if rng is not None and len(batch):
                batch["at_us"] = batch["at_us"].max()
                batch = batch[rng.permutation(len(batch))]
            done = upto
            inputs = Inputs(
                reads=[batch] if len(batch) else [],
                sensors=[s for s in self._sensors if before_us < s.at_us <= now_us],
                statuses=[s for s in self._statuses if before_us < s.time_us <= now_us],
            )
            outcome = core.tick(inputs, now_us)
            self.movements += outcome.movements
            self.provisional += outcome.provisional
            self.passages += outcome.passages
            self.provisional_passages += outcome.provisional_passages
            self.sensor_health += outcome.sensor_health
        return self

    def of(self, tag: str) -> list[Movement]:
        """The movements of one tag."""
        return [m for m in self.movements if m.epc == epc_of(tag).hex().upper()]

    def story(self, tag: str) -> list[str]:
        """The movements of one tag in words: `arrived bin-1`, `out door-1`, `moved bin-2` …"""
        return [
            f"{m.direction} {m.door}" if m.door else f"{m.kind} {m.to_zone or m.from_zone}"
            for m in self.of(tag)
        ]

    def _add(
        self, tag: str, antenna: int, at_s: float, dbm: float, late_s: float, off_s: float = 0.0
    ) -> None:
        time_us, at_us = (START_US + round(s * S) for s in (at_s + off_s, at_s + late_s))
        number = self._tags.add(epc_of(tag))
        self._rows.append(
            (time_us, time_us, at_us, number, antenna, 1, 0, round(dbm * 100), math.nan)
        )


def seconds(time_us: int) -> float:
    """Seconds from the scene's start."""
    return (time_us - START_US) / S
