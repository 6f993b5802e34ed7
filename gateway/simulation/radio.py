"""Radio: which tags one antenna energises, and how strongly it hears them — a two-way link budget.

Out: transmitted power, antenna pattern, polarisation, path loss, walls, goods, the tag's own
losses, fading. Back: the same path once more, less what modulation costs. All tags near the antenna
are computed in one go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.simulation.fading import Fading
from gateway.simulation.layout import AntennaPlace, Layout
from gateway.simulation.population import Population
from gateway.simulation.scenario import RadioModel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

LIGHT_M_PER_S = 299_792_458.0
REACH_M = 14.0  # nothing further away is computed
TAG_NULL_DB = -12.0  # a dipole seen along its axis
NEAR_M = 0.3
#: The opening is a little wider than the clear width between the posts.
OPENING_MARGIN_M = 0.2


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
        self._model = model
        self._population = population
        self._antennas = [_Antenna(a, model, rng) for a in layout.antennas]
        self._openings = [(d.x, d.y, d.half_width + OPENING_MARGIN_M) for d in layout.doors]
        self._walls_y = sorted({d.y for d in layout.doors})

    def links(
        self,
        antenna: int,
        *,
        xyz_m: Floats,
        velocity_m_per_s: Floats,
        open_doors: Flags,
        frequency_hz: float,
        time_s: float,
    ) -> Links:
        """Which tags answer `antenna`; `xyz_m` and `velocity_m_per_s` have a row per tag."""
        place = self._antennas[antenna]
        tags = self._population
        near = np.flatnonzero(np.abs(xyz_m - place.position).max(axis=1) < REACH_M)
        path = self._path(place, near, xyz_m[near], open_doors, frequency_hz)
        # Fading is what costs: it is left out where not even the best of it would do.
        best_dbm = place.power_dbm + path.path_db + place.fading.most_db
        path = path.only(np.flatnonzero(best_dbm >= tags.sensitivity_dbm[near]))
        wavenumber = 2 * np.pi * frequency_hz / LIGHT_M_PER_S
        out, back = place.fading.gains(xyz_m[path.tag], wavenumber, time_s)
        at_tag_dbm = place.power_dbm + path.path_db + _db(out)
        rssi_dbm = at_tag_dbm + path.path_db + _db(back) - tags.modulation_db[path.tag]
        rows = np.flatnonzero(
            (at_tag_dbm >= tags.sensitivity_dbm[path.tag])
            & (rssi_dbm >= self._model.rssi_floor_dbm)
        )
        path = path.only(rows)
        rate = np.einsum("ij,ij->i", path.unit[:, :2], velocity_m_per_s[path.tag])
        return Links(
            tag=path.tag,
            rssi_dbm=rssi_dbm[rows],
            range_m=path.range_m,
            range_rate_m_per_s=rate,
            phase_rad=np.angle(out[rows] * back[rows]) + place.cable_rad(frequency_hz),
        )

    def _path(
        self,
        antenna: _Antenna,
        near: Ints,
        there: Floats,
        open_doors: Flags,
        frequency_hz: float,
    ) -> _Path:
        """Everything that the way out and the way back have in common."""
        tags = self._population
        sight = there - antenna.position
        range_m = np.maximum(np.linalg.norm(sight, axis=1), NEAR_M)
        unit = sight / range_m[:, None]
        path_db = (
            antenna.gain_dbi(unit)
            + self._tag_gain_dbi(unit, tags.axis[near])
            - self._model.polarisation_loss_db
            - antenna.path_loss_db(range_m, frequency_hz)
            - tags.loss_db[near]
            - _goods_db(unit, tags.normal[near], tags.block_db[near])
            - self._walls_db(antenna.position, there, open_doors)
        )
        return _Path(near, unit, range_m, path_db)

    def _tag_gain_dbi(self, unit: Floats, axis: Floats) -> Floats:
        """A dipole's gain: nothing along its axis, down to the floor."""
        along = np.einsum("ij,ij->i", unit, axis)
        across = np.sqrt(np.maximum(1.0 - along**2, 10 ** (TAG_NULL_DB / 10)))
        gain: Floats = self._model.tag_gain_dbi + 20 * np.log10(across)
        return gain

    def _walls_db(self, position: Floats, there: Floats, open_doors: Flags) -> Floats:
        """Loss where the line of sight passes the dock wall anywhere but through an open door."""
        loss = np.zeros(len(there))
        for wall_y in self._walls_y:
            passes = (there[:, 1] < wall_y) != (position[1] < wall_y)
            if not passes.any():
                continue
            share = (wall_y - position[1]) / np.where(passes, there[:, 1] - position[1], 1.0)
            x = position[0] + share * (there[:, 0] - position[0])
            for number, (door_x, door_y, half) in enumerate(self._openings):
                if door_y == wall_y and open_doors[number]:
                    passes &= np.abs(x - door_x) > half
            loss += np.where(passes, self._model.wall_loss_db, 0.0)
        return loss


class _Path(NamedTuple):
    """Tags near an antenna, and what lies between; one row per tag."""

    tag: Ints
    unit: Floats  # from the antenna toward the tag
    range_m: Floats
    path_db: Floats

    def only(self, rows: Ints) -> _Path:
        """Some of the rows."""
        return _Path(self.tag[rows], self.unit[rows], self.range_m[rows], self.path_db[rows])


class _Antenna:
    """What never changes about one antenna."""

    def __init__(self, place: AntennaPlace, model: RadioModel, rng: np.random.Generator) -> None:
        self.position = np.array(place.position)
        self.power_dbm = model.tx_power_dbm if place.power_dbm is None else place.power_dbm
        self.fading = Fading(
            k_factor_db=model.k_factor_db if place.at_door else model.aisle_k_factor_db,
            reverse_correlation=model.reverse_correlation,
            people_amplitude=model.people_amplitude,
            rng=rng,
        )
        self._boresight = np.array(place.boresight)
        self._model = model
        self._exponent = model.path_loss_exponent if place.at_door else model.aisle_exponent
        self._cable_m = float(rng.uniform(3.0, 9.0))

    def gain_dbi(self, unit: Floats) -> Floats:
        """The pattern: parabolic in dB around the boresight, then the back lobe's floor."""
        off_deg = np.degrees(np.arccos(np.clip(unit @ self._boresight, -1.0, 1.0)))
        down = 12 * (off_deg / self._model.antenna_beamwidth_deg) ** 2
        gain: Floats = self._model.antenna_gain_dbi - np.minimum(down, self._model.front_to_back_db)
        return gain

    def path_loss_db(self, range_m: Floats, frequency_hz: float) -> Floats:
        """Free space to one metre, then by the exponent of the surroundings."""
        at_1_m = 20 * np.log10(4 * np.pi * frequency_hz / LIGHT_M_PER_S)
        loss: Floats = at_1_m + 10 * self._exponent * np.log10(range_m)
        return loss

    def cable_rad(self, frequency_hz: float) -> float:
        """The phase of cable and reader, which no two channels share."""
        return float(4 * np.pi * self._cable_m * frequency_hz / (0.66 * LIGHT_M_PER_S))


def _goods_db(unit: Floats, normal: Floats, block_db: Floats) -> Floats:
    """Goods cost nothing in front of the tag's face and all of their loss behind it."""
    facing = -np.einsum("ij,ij->i", unit, normal)
    loss: Floats = block_db * (0.5 - 0.5 * facing)
    return loss


def _db(gain: npt.NDArray[np.complex128]) -> Floats:
    decibel: Floats = 20 * np.log10(np.maximum(np.abs(gain), 1e-3))
    return decibel
