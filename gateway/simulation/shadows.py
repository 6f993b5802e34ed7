"""Shadows: what trucks and people in the line of sight cost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: The edge of a shadow is no step: it is this wide.
EDGE_M = 0.15
#: Waves find a way round: several bodies in a row do not add up to more than this.
MOST_DB = 20.0
#: Bodies further from the antenna than this, |x| + |y|, are left out.
REACH_M = 6.0


def shadow_db(bodies: Floats, antenna: Floats, tags: Floats) -> Floats:
    """The loss between an antenna and each of the tags.

    `bodies` has rows of x, y, radius, height and loss: upright cylinders; `tags` rows of x, y, z.
    """
    near = _near(bodies, antenna) if len(tags) else bodies[:0]
    if not len(near):
        return np.zeros(len(tags))
    x, y, radius, height, body_db = near.T[:, :, None]
    sight_x, sight_y = tags[:, 0] - antenna[0], tags[:, 1] - antenna[1]
    away_x, away_y = x - antenna[0], y - antenna[1]
    # The point of each sight that is nearest to each body, as a share of the way to the tag.
    length2 = np.maximum(sight_x * sight_x + sight_y * sight_y, 1e-6)
    share = np.minimum(np.maximum((away_x * sight_x + away_y * sight_y) / length2, 0.0), 1.0)
    off_x, off_y = away_x - share * sight_x, away_y - share * sight_y
    off2 = off_x * off_x + off_y * off_y
    low = antenna[2] + share * (tags[:, 2] - antenna[2]) < height
    body, tag = np.nonzero(low & (off2 < (radius + EDGE_M / 2) ** 2))
    covered = (radius[body, 0] - np.sqrt(off2[body, tag])) / EDGE_M + 0.5
    loss = np.bincount(tag, np.minimum(covered, 1.0) * body_db[body, 0], minlength=len(tags))
    return np.minimum(loss, MOST_DB)


def _near(bodies: Floats, antenna: Floats) -> Floats:
    if not len(bodies):
        return bodies
    away = np.abs(bodies[:, :2] - antenna[:2])
    return bodies[(away[:, 0] + away[:, 1] < REACH_M).nonzero()[0]]
