"""A dock as plain as can be: log-distance, noise, and loads that stand, pass or turn back.

A second opinion for training and tests, beside the simulated warehouse and unlike it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gateway.bench.sites import dock
from gateway.model.place import Side, Site
from gateway.model.reads import Reads, empty_reads
from gateway.model.tags import TagIndex

STEP_S = 0.1
OUT, IN = 0, 1

Floats = npt.NDArray[np.float64]


class PlainDock:
    """Loads come and go at the doors of a dock; `step` gives 100 ms of it."""

    def __init__(self, seed: int) -> None:
        self._rng = rng = np.random.default_rng([seed, 77])
        self._doors = int(rng.integers(1, 5))
        pitch_m = rng.uniform(3.3, 5.0)
        self.site: Site = dock(self._doors, pitch_m)
        if rng.random() < 0.5:  # one antenna a side
            kept = tuple(a for a in self.site.antennas if a.port in (1, 4))
            self.site = replace(self.site, antennas=kept)
        self.tags = TagIndex()
        self._antenna_xy = np.array(
            [(a.position_m[0], a.position_m[1]) for a in self.site.antennas if a.position_m]
        )
        self._outside = np.array([a.side is Side.OUTSIDE for a in self.site.antennas])
        self._power_dbm = rng.uniform(-56.0, -34.0)
        self._slope = rng.uniform(1.6, 3.5)
        self._noise_db = rng.uniform(1.0, 2.5)
        self._shield_db = rng.uniform(0.0, 8.0)  # through the wall, to the other side
        self._reads_per_s = rng.uniform(2.0, 20.0)
        self._floor_dbm = self._power_dbm - rng.uniform(18.0, 36.0)
        self._fewest, self._most = (1, 3) if rng.random() < 0.4 else (3, 25)
        self._loads = [self._load(n) for n in range(self._doors * 3)]

    def _load(self, number: int) -> _Load:
        rng = self._rng
        door = number % self._doors
        tags = [
            self.tags.add(bytes([0x30, number]) + rng.bytes(10))
            for _ in range(int(rng.integers(self._fewest, self._most)))
        ]
        x_m = (self.site.doors[door].position_m or (0.0, 0.0))[0]
        return _Load(rng, x_m, door, np.array(tags), still=number >= 2 * self._doors)

    def step(self, end_us: int) -> tuple[Reads, list[tuple[int, int, int, int]]]:
        """Reads of the step that ends at `end_us`, and (tag, door, time, way) of its crossings."""
        crossings: list[tuple[int, int, int, int]] = []
        parts = []
        for load in self._loads:
            for tag, way in load.move(end_us / 1e6):
                crossings.append((int(tag), load.door, end_us, way))
            parts.append(self._read(load, end_us))
        reads = np.concatenate(parts) if parts else empty_reads()
        return reads[np.argsort(reads["time_us"], kind="stable")], crossings

    def _read(self, load: _Load, end_us: int) -> Reads:
        rng = self._rng
        delta = load.xy_m[:, None, :] - self._antenna_xy[None, :, :]
        distance_m = np.sqrt((delta**2).sum(axis=2) + 1.0)
        power = self._power_dbm + load.loss_db[:, None] - 10 * self._slope * np.log10(distance_m)
        hidden = (load.xy_m[:, 1] < 0.0)[:, None] != self._outside[None, :]
        power = power - np.where(
            hidden & (np.abs(load.xy_m[:, 1]) > 1.0)[:, None], self._shield_db, 0
        )
        power = power + rng.normal(0.0, self._noise_db, power.shape)
        chance = self._reads_per_s * STEP_S / (1.0 + np.exp(-(power - self._floor_dbm) / 2.0))
        tag, antenna = np.nonzero(rng.random(power.shape) < np.minimum(chance, 0.95))
        reads = empty_reads(len(tag))
        reads["time_us"] = end_us - rng.integers(0, round(STEP_S * 1e6), len(tag))
        reads["first_us"] = reads["at_us"] = reads["time_us"]
        reads["tag"], reads["antenna"], reads["count"] = load.tags[tag], antenna, 1
        reads["rssi_cdbm"] = np.round(power[tag, antenna] * 2) * 50
        reads["phase_rad"] = np.nan
        return reads


class _Load:
    """Tags that stand for a while, then drive through the door, or up to it and back."""

    def __init__(
        self,
        rng: np.random.Generator,
        x_m: float,
        door: int,
        tags: npt.NDArray[np.int64],
        *,
        still: bool,
    ) -> None:
        self.door, self.tags = door, tags
        self.loss_db = rng.normal(0.0, 3.0, len(tags))
        self._rng, self._still = rng, still
        self._offset = rng.uniform(-0.5, 0.5, (len(tags), 2))
        self._x_m = x_m + (rng.uniform(-1.8, 1.8) if still else 0.0)
        self._y_m = float(
            rng.choice([rng.uniform(1.0, 7.0), rng.uniform(-6.0, -3.5)], p=[0.7, 0.3])
        )
        if still:
            self._y_m = float(rng.uniform(1.2, 7.0))
        self._goal_m, self._speed = self._y_m, 1.0
        self._turn_m: float | None = None  # where it goes back to
        self._leave_s = float(rng.uniform(4.0, 25.0))
        self.xy_m = self._places()

    def _places(self) -> Floats:
        return np.array([self._x_m, self._y_m]) + self._offset

    def move(self, now_s: float) -> list[tuple[int, int]]:
        """Go on for one step; (tag, way) of the tags that crossed the line y = 0."""
        if self._still:
            return []
        before = self.xy_m[:, 1] >= 0.0
        if self._y_m == self._goal_m and now_s >= self._leave_s:
            self._set_off()
        step_m = self._speed * STEP_S
        self._y_m += float(np.clip(self._goal_m - self._y_m, -step_m, step_m))
        if self._y_m == self._goal_m and self._turn_m is not None:
            self._goal_m, self._turn_m = self._turn_m, None
        elif self._y_m == self._goal_m and now_s >= self._leave_s:
            self._leave_s = now_s + float(self._rng.uniform(6.0, 25.0))
        self.xy_m = self._places()
        after = self.xy_m[:, 1] >= 0.0
        return [
            (int(self.tags[n]), IN if after[n] else OUT) for n in np.flatnonzero(before != after)
        ]

    def _set_off(self) -> None:
        rng = self._rng
        self._speed = float(rng.uniform(0.6, 2.2))
        if self._y_m > 0 and rng.random() < 0.25:
            self._turn_m, self._goal_m = self._y_m, float(rng.uniform(1.6, 2.8))
        else:
            self._goal_m = float(
                rng.uniform(-6.0, -3.5) if self._y_m > 0 else rng.uniform(2.5, 7.0)
            )
