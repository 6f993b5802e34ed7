"""What a track at a door looks like, as numbers: the features of the passage classifier.

Order features are antisymmetric: positive means outward. The others say whether anything passed at
all. Every one is physical, so that weights learnt in simulation mean something elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.location.coverage import INSIDE, OUTSIDE
from gateway.location.tracks import SILENT_DBM

Floats = npt.NDArray[np.float64]
Power = npt.NDArray[np.float32]  # (tracks, 2 sides, bins) in dBm, SILENT_DBM where nothing was read

#: A difference of power between the sides that says fairly surely on which one a tag is.
SIDE_DB = 6.0
#: Bins with reads that make up the first and the last sight of a tag.
SIGHT_BINS = 4
MOST_ORDER_S = 2.5
#: Reads this near to the crossing belong to it.
BURST_S = 1.5
#: What a plain passage shows at least.
PLAIN_DB, PLAIN_CROSSED, PLAIN_RIVALRY_DB = 10.0, 0.8, 3.0

#: name → what it says when it speaks for a direction.
ORDER_FEATURES = {
    "centroid_s": "its power moved from one side of the door to the other",
    "peaks_s": "its peaks came one after the other",
    "last_side": "it was last stronger beyond the door",
    "first_side": "it was first stronger before the door",
    "crossed": "it began on one side and ended on the other",
    "beam_order": "the beams were broken in this order",
    "beams_s": "the time between the beams fits",
    "origin": "it was known to be on the side it came from",
}
#: name → what it says when it speaks for a passage.
PASSAGE_FEATURES = {
    "most_prominent_db": "it stood out over its own baseline",
    "least_prominent_db": "it stood out on both sides",
    "rivalry_db": "it was stronger here than at other doors",
    "both": "it was read on both sides",
    "travel": "it changed sides",
    "crossed": "it began on one side and ended on the other",
    "still": "it was read all the time and did not change sides",
    "order_s": "its power moved",
    "burst": "it was read only while it passed",
    "beams": "both beams were broken",
    "one_beam": "a beam was broken",
    "held": "it has stayed on the far side",
}


@dataclass(slots=True)
class Features:
    """One row per track: `order` (tracks, order features), `passage` (tracks, passage features).

    `crossing_us` is the best estimate of when it crossed, `since_peak_s` how long ago its last
    peak was.
    """

    order: Floats
    passage: Floats
    crossing_us: npt.NDArray[np.int64]
    since_peak_s: Floats


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """What is known beside the track's own power, one value per track."""

    baseline_dbm: Floats  # (tracks, 2)
    rivalry_db: Floats
    beam_order: Floats  # -1, 0, +1
    beams_s: Floats
    one_beam: Floats
    origin: Floats  # +1: known inside before, -1: known outside, 0: not known


@dataclass(slots=True)
class Shape:
    """Order and ends of the power on the two sides; ages are 0 now and negative before."""

    peak_dbm: Floats  # (tracks, 2)
    heard: npt.NDArray[np.bool_]  # (tracks, 2)
    centroid_s: Floats  # (tracks, 2)
    peak_s: Floats  # (tracks, 2)
    first_side: Floats  # -1 inside … +1 outside
    last_side: Floats
    occupancy: Floats  # share of the bins in which it was read
    burst: Floats  # share of these that are near its crossing

    @property
    def both(self) -> npt.NDArray[np.bool_]:
        """Tracks that were read on both sides."""
        return self.heard[:, INSIDE] & self.heard[:, OUTSIDE]

    def crossing_s(self) -> Floats:
        """Age of the crossing: between the two centroids, or at the only peak."""
        top = self.peak_s[np.arange(len(self.peak_s)), self.peak_dbm.argmax(axis=1)]
        return np.asarray(np.where(self.both, self.centroid_s.mean(axis=1), top))

    def last_peak_s(self) -> Floats:
        """Age of the later of the two peaks."""
        top = self.peak_s[np.arange(len(self.peak_s)), self.peak_dbm.argmax(axis=1)]
        return np.asarray(np.where(self.both, self.peak_s.max(axis=1), top))


def is_plain(features: Features) -> npt.NDArray[np.bool_]:
    """Tracks that show a passage as in a book: far above the usual, on one side then the other."""
    names = list(PASSAGE_FEATURES)
    least = features.passage[:, names.index("least_prominent_db")]
    crossed = features.passage[:, names.index("crossed")]
    rivalry = features.passage[:, names.index("rivalry_db")]
    return (least >= PLAIN_DB) & (crossed >= PLAIN_CROSSED) & (rivalry >= PLAIN_RIVALRY_DB)


def shape_of(power: Power, ages_s: Floats) -> Shape:
    """Reduce power over time to what matters of it."""
    peak_dbm = power.max(axis=2)
    weights = np.exp((power - peak_dbm[:, :, None]) * np.float32(np.log(10.0) / 10.0))
    weights[power <= SILENT_DBM] = 0.0
    total = np.maximum(weights.sum(axis=2), np.float32(1e-9))
    shape = Shape(
        peak_dbm=peak_dbm.astype(np.float64),
        heard=peak_dbm > SILENT_DBM,
        centroid_s=(weights @ ages_s.astype(np.float32) / total).astype(np.float64),
        peak_s=ages_s[power.argmax(axis=2)],
        first_side=_side_of(power, first=True),
        last_side=_side_of(power, first=False),
        occupancy=np.zeros(len(power)),
        burst=np.zeros(len(power)),
    )
    read = (power > SILENT_DBM).any(axis=1)
    near = np.abs(ages_s[None, :] - shape.crossing_s()[:, None]) <= BURST_S
    bins = np.maximum(read.sum(axis=1), 1)
    shape.occupancy[:] = bins / power.shape[2]
    shape.burst[:] = (read & near).sum(axis=1) / bins
    return shape


def features_of(shape: Shape, around: Surroundings, end_us: int) -> Features:
    """The classifier's view of tracks at `end_us`."""
    both = shape.both
    centroid_s = np.where(both, shape.centroid_s[:, OUTSIDE] - shape.centroid_s[:, INSIDE], 0.0)
    peaks_s = np.where(both, shape.peak_s[:, OUTSIDE] - shape.peak_s[:, INSIDE], 0.0)
    prominence = np.where(shape.heard, shape.peak_dbm - around.baseline_dbm, -5.0)
    since_peak_s = -shape.last_peak_s()
    travel = (shape.last_side - shape.first_side) / 2.0
    # Outward and inward: began on the near side, and ended on the far side.
    outward = np.maximum(np.minimum(-shape.first_side, shape.last_side), 0.0)
    inward = np.maximum(np.minimum(shape.first_side, -shape.last_side), 0.0)
    order = {
        "centroid_s": np.clip(centroid_s, -MOST_ORDER_S, MOST_ORDER_S),
        "peaks_s": np.clip(peaks_s, -MOST_ORDER_S, MOST_ORDER_S),
        "last_side": shape.last_side,
        "first_side": -shape.first_side,
        "crossed": outward - inward,
        "beam_order": around.beam_order,
        "beams_s": np.clip(around.beams_s, -1.5, 1.5),
        "origin": around.origin,
    }
    passage = {
        "most_prominent_db": np.clip(prominence.max(axis=1), -5.0, 25.0),
        "least_prominent_db": np.clip(prominence.min(axis=1), -5.0, 25.0),
        "rivalry_db": np.clip(around.rivalry_db, -10.0, 10.0),
        "both": both.astype(np.float64),
        "travel": np.abs(travel),
        "crossed": outward + inward,
        "still": shape.occupancy * (1.0 - np.abs(travel)),
        "order_s": np.abs(order["centroid_s"]),
        "burst": shape.burst,
        "beams": np.abs(around.beam_order),
        "one_beam": around.one_beam,
        "held": np.clip(np.sign(centroid_s) * shape.last_side, -1.0, 1.0),
    }
    crossing_us = end_us + np.round(shape.crossing_s() * 1e6).astype(np.int64)
    return Features(
        order=np.stack([order[name] for name in ORDER_FEATURES], axis=1),
        passage=np.stack([passage[name] for name in PASSAGE_FEATURES], axis=1),
        crossing_us=crossing_us,
        since_peak_s=since_peak_s,
    )


def _side_of(power: Power, *, first: bool) -> Floats:
    """Which side was stronger over the first or last bins with reads."""
    heard = np.asarray((power > SILENT_DBM).any(axis=1))
    counted = np.cumsum(heard if first else heard[:, ::-1], axis=1, dtype=np.int8)
    chosen = heard & ((counted if first else counted[:, ::-1]) <= SIGHT_BINS)
    stronger = np.tanh((power[:, OUTSIDE] - power[:, INSIDE]) / np.float32(SIDE_DB))
    total = np.maximum(chosen.sum(axis=1), 1)
    return np.asarray((stronger * chosen).sum(axis=1) / total, dtype=np.float64)
