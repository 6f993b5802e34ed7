"""Measuring: what one reader makes of the tags that answer it — reads, noisy and rounded."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.model.reads import READ, Reads, empty_reads
from gateway.simulation.inventory import Flags, Schedule, Singulation, Slice
from gateway.simulation.radio import Links
from gateway.simulation.scenario_parts import RadioModel
from gateway.simulation.sight import LIGHT_M_PER_S

#: Close to the floor of what it hears, a reader's phase is worth little.
WEAK_DB = 12.0
WEAK_NOISE_RAD = 0.45


class Reader:
    """One reader at work: its schedule, its tags' flags, its measuring errors."""

    def __init__(
        self,
        name: str,
        antennas: tuple[int, ...],
        flags: Flags | None,
        model: RadioModel,
        rng: np.random.Generator,
    ) -> None:
        self.name = name
        self.schedule = Schedule(antennas, model, rng)
        self._singulation = Singulation(flags, model, rng)
        self._model, self._rng = model, rng

    def read(self, links: Links, cut: Slice) -> Reads:
        """The reads of one slice, in order of time."""
        rows, times_us = self._singulation.read(links.tag, cut)
        if len(rows) == 0:
            return empty_reads()
        reads = np.zeros(len(rows), dtype=READ)
        reads["time_us"] = reads["first_us"] = reads["at_us"] = times_us
        reads["tag"] = links.tag[rows]
        reads["antenna"] = cut.antenna
        reads["count"] = 1
        reads["channel"] = cut.channel
        power = links.rssi_dbm[rows] + self._rng.normal(0.0, self._model.rssi_noise_db, len(rows))
        step = self._model.rssi_step_db
        reads["rssi_cdbm"] = np.round(np.round(power / step) * step * 100)
        reads["phase_rad"] = self._phase(links, rows, times_us - cut.start_us, power, cut)
        return reads

    def _phase(
        self,
        links: Links,
        rows: npt.NDArray[np.int64],
        after_us: npt.NDArray[np.int64],
        power_dbm: npt.NDArray[np.float64],
        cut: Slice,
    ) -> Any:
        """The phase of the way there and back, at the moment of each read."""
        range_m = links.range_m[rows] + links.range_rate_m_per_s[rows] * (after_us / 1e6)
        travelled = 4 * np.pi * range_m * cut.frequency_hz / LIGHT_M_PER_S
        weak = np.clip((power_dbm - self._model.rssi_floor_dbm) / WEAK_DB, 0.0, 1.0)
        noise = self._model.phase_noise_rad + (1 - weak) * WEAK_NOISE_RAD
        phase = travelled + links.phase_rad[rows] + self._rng.normal(0.0, 1.0, len(rows)) * noise
        if self._model.phase_pi_ambiguity:
            phase += np.pi * self._rng.integers(2, size=len(rows))
        return np.mod(phase, 2 * np.pi)
