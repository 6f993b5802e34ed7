"""Radio: which tags one antenna energises, and how strongly it hears them — a two-way link budget.

Out: transmitted power, antenna pattern, polarisation, path loss, walls, goods, the tag's own
losses, shadows, fading. Back: the same path once more, less what modulation costs. All tags near
the antenna are computed in one go.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.simulation.fading import Fading
from gateway.simulation.layout import AntennaPlace, Layout
from gateway.simulation.population import Population
from gateway.simulation.scenario_parts import RadioModel
from gateway.simulation.shadows import shadow_db
from gateway.simulation.sight import LIGHT_M_PER_S, Sight

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CABLE_M = (3.0, 9.0)
CABLE_VELOCITY = 0.66  # of that of light


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where everything is at one moment; arrays have a row per tag."""

    xyz_m: Floats
    velocity_m_per_s: Floats
    moved: Ints  # another number than before: the tag may have moved
    open_doors: tuple[bool, ...]
    bodies: Floats  # rows of x, y, radius, height, loss in dB


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The tags that answer one antenna on one channel; one row per tag."""

    tag: Ints
    rssi_dbm: Floats  # before noise and rounding
    range_m: Floats
    range_rate_m_per_s: Floats
    phase_rad: Floats  # of fading and of the antenna's cable on this channel, path not included


class Radio:
    """The air of one warehouse."""

    def __init__(
        self, layout: Layout, population: Population, model: RadioModel, rng: np.random.Generator
    ) -> None:
        self._model, self._tags = model, population
        self._antennas = [_Antenna(a, model, rng) for a in layout.antennas]
        self._sights = [Sight(a, population, layout.doors, model) for a in layout.antennas]
        self._open_doors = (False,) * len(layout.doors)

    def links(self, number: int, scene: Scene, *, frequency_hz: float, time_s: float) -> Links:
        """Which tags answer an antenna."""
        if scene.open_doors != self._open_doors:
            self._open_doors = scene.open_doors
            for sight in self._sights:
                sight.forget_walls(scene.xyz_m)
        antenna, sight, tags = self._antennas[number], self._sights[number], self._tags
        sight.look(scene.xyz_m, scene.moved, scene.open_doors)
        wavenumber = 2 * np.pi * frequency_hz / LIGHT_M_PER_S
        # Fading and shadows are what costs: left out where not even the best of them would do.
        at_1_m_dbm = antenna.power_dbm - 20 * np.log10(2 * wavenumber)
        best_dbm = sight.path_db + (at_1_m_dbm + antenna.fading.most_db)
        tag = (best_dbm >= tags.sensitivity_dbm).nonzero()[0]
        there = scene.xyz_m[tag]
        out, back = antenna.fading.gains(there, wavenumber, time_s)
        at_tag_dbm = sight.path_db[tag] + _db(out) + at_1_m_dbm
        lit = (at_tag_dbm >= tags.sensitivity_dbm[tag]).nonzero()[0]
        shadows_db = shadow_db(scene.bodies, sight.position, there[lit])
        tag, out, back, at_tag_dbm = tag[lit], out[lit], back[lit], at_tag_dbm[lit] - shadows_db
        rssi_dbm = at_tag_dbm + (sight.path_db[tag] + _db(back) - tags.modulation_db[tag])
        rssi_dbm += at_1_m_dbm - antenna.power_dbm - shadows_db
        heard = (
            (at_tag_dbm >= tags.sensitivity_dbm[tag]) & (rssi_dbm >= self._model.rssi_floor_dbm)
        ).nonzero()[0]
        tag = tag[heard]
        velocity = scene.velocity_m_per_s[tag]
        return Links(
            tag=tag,
            rssi_dbm=rssi_dbm[heard],
            range_m=sight.range_m[tag],
            range_rate_m_per_s=np.einsum("ij,ij->i", sight.unit[tag, :2], velocity),
            phase_rad=np.angle(out[heard] * back[heard]) + antenna.cable_rad(frequency_hz),
        )


class _Antenna:
    """What never changes about one antenna and the air around it."""

    def __init__(self, place: AntennaPlace, model: RadioModel, rng: np.random.Generator) -> None:
        self.power_dbm = model.tx_power_dbm if place.power_dbm is None else place.power_dbm
        self.fading = Fading(
            k_factor_db=model.k_factor_db if place.at_door else model.aisle_k_factor_db,
            reverse_correlation=model.reverse_correlation,
            people_amplitude=model.people_amplitude,
            rng=rng,
        )
        self._cable_m = float(rng.uniform(*CABLE_M))

    def cable_rad(self, frequency_hz: float) -> float:
        """The phase of cable and reader, which no two channels share."""
        return float(4 * np.pi * self._cable_m * frequency_hz / (CABLE_VELOCITY * LIGHT_M_PER_S))


def _db(gain: npt.NDArray[np.complexfloating]) -> Floats:
    power: Floats = gain.real * gain.real + gain.imag * gain.imag
    return 10 * np.log10(np.maximum(power, 1e-6))
