"""Sight: the way between one antenna and every tag, kept as long as nothing has moved.

Everything that the way out and the way back have in common: antenna pattern, polarisation, path
loss, the tag's own losses, goods, walls. Most tags stand still most of the time; only those that
have moved are worked out again.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from gateway.simulation.layout import AntennaPlace, DoorPlace
from gateway.simulation.population import Population
from gateway.simulation.scenario_parts import RadioModel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

LIGHT_M_PER_S = 299_792_458.0
REACH_M = 14.0  # nothing further away is computed
TAG_NULL_DB = -12.0  # a dipole seen along its axis
NEAR_M = 0.3
#: The opening is a little wider than the clear width between the posts.
OPENING_MARGIN_M = 0.2
NOT_SEEN = -1


class Sight:
    """One antenna and all tags; arrays have a row per tag, of use where `path_db` is finite."""

    def __init__(
        self,
        place: AntennaPlace,
        population: Population,
        doors: tuple[DoorPlace, ...],
        model: RadioModel,
    ) -> None:
        self.position = np.array(place.position)
        count = len(population.epcs)
        self.path_db: Floats = np.full(count, -np.inf)  # frequency not included
        self.range_m: Floats = np.ones(count)
        self.unit: Floats = np.zeros((count, 3))  # from the antenna toward the tag
        self._seen: Ints = np.full(count, NOT_SEEN, dtype=np.int64)
        self._boresight = np.array(place.boresight)
        self._exponent = model.path_loss_exponent if place.at_door else model.aisle_exponent
        self._tags, self._model, self._doors = population, model, doors
        #: What a tag has or loses in every direction.
        self._always_db = model.tag_gain_dbi - model.polarisation_loss_db - population.loss_db
        self._walls_y = sorted({door.y for door in doors})

    def forget_walls(self, xyz_m: Floats) -> None:
        """Doors have been opened or closed: nothing holds any more on the other side of a wall."""
        for wall_y in self._walls_y:
            self._seen[(xyz_m[:, 1] < wall_y) != (self.position[1] < wall_y)] = NOT_SEEN

    def look(self, xyz_m: Floats, moved: Ints, open_doors: tuple[bool, ...]) -> None:
        """Bring up to date what has moved since the last look."""
        rows = (self._seen != moved).nonzero()[0]
        if not len(rows):
            return
        self._seen[rows] = moved[rows]
        sight = xyz_m[rows] - self.position
        range_m = np.maximum(np.sqrt(np.einsum("ij,ij->i", sight, sight)), NEAR_M)
        reached = (range_m < REACH_M).nonzero()[0]
        if len(reached) < len(rows):
            self.path_db[rows] = -np.inf
            rows, sight, range_m = rows[reached], sight[reached], range_m[reached]
        unit = sight / range_m[:, None]
        self.range_m[rows], self.unit[rows] = range_m, unit
        self.path_db[rows] = (
            self._always_db[rows]
            + self._gain_dbi(unit)
            + 10 * np.log10(_across(unit, self._tags.axis[rows]) / range_m**self._exponent)
            - _goods_db(unit, self._tags.normal[rows], self._tags.block_db[rows])
            - self._walls_db(xyz_m[rows], open_doors)
        )

    def _gain_dbi(self, unit: Floats) -> Floats:
        """The pattern: parabolic in dB around the boresight, then the back lobe's floor."""
        off_rad = np.arccos(np.minimum(np.maximum(unit @ self._boresight, -1.0), 1.0))
        down = 12 * np.square(off_rad / math.radians(self._model.antenna_beamwidth_deg))
        gain: Floats = self._model.antenna_gain_dbi - np.minimum(down, self._model.front_to_back_db)
        return gain

    def _walls_db(self, there: Floats, open_doors: tuple[bool, ...]) -> Floats:
        """Loss where the line of sight passes the dock wall anywhere but through an open door."""
        loss = np.zeros(len(there))
        y = there[:, 1]
        here_x, here_y = float(self.position[0]), float(self.position[1])
        for wall_y in self._walls_y:
            passes = ((y < wall_y) != (here_y < wall_y)).nonzero()[0]
            if not len(passes):
                continue
            share = (wall_y - here_y) / (y[passes] - here_y)
            x = here_x + share * (there[passes, 0] - here_x)
            loss[passes] += self._model.wall_loss_db * ~self._through_a_door(x, wall_y, open_doors)
        return loss

    def _through_a_door(self, x: Floats, wall_y: float, open_doors: tuple[bool, ...]) -> Flags:
        """Whether these points of a wall lie in the opening of a door that is open."""
        within = np.zeros(len(x), dtype=np.bool_)
        for door, is_open in zip(self._doors, open_doors, strict=True):
            if is_open and door.y == wall_y:
                within |= np.abs(x - door.x) <= door.half_width + OPENING_MARGIN_M
        return within


def _across(unit: Floats, axis: Floats) -> Floats:
    """A dipole's pattern: all across its axis, nothing along it, down to the floor."""
    along = np.einsum("ij,ij->i", unit, axis)
    across: Floats = np.maximum(1.0 - along * along, 10 ** (TAG_NULL_DB / 10))
    return across


def _goods_db(unit: Floats, normal: Floats, block_db: Floats) -> Floats:
    """Goods cost nothing in front of the tag's face and all of their loss behind it."""
    facing = -np.einsum("ij,ij->i", unit, normal)
    loss: Floats = block_db * (0.5 - 0.5 * facing)
    return loss
