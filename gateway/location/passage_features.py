"""What a track at a door looks like, as numbers: the features of the passage classifier.

Order features are antisymmetric: positive means outward. The others say whether anything passed at
all. Every one is physical, so that weights learnt in simulation mean something elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.location.coverage import INSIDE, OUTSIDE
from gateway.location.tracks import BIN_US, BINS, SILENT_DBM

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Power = npt.NDArray[np.float32]  # (bins, 2 sides, tracks) in dBm, SILENT_DBM where nothing was read

#: A difference of power between the sides that says fairly surely on which one a tag is.
SIDE_DB = 6.0
#: Bins with reads that make up the first and the last sight of a tag.
SIGHT_BINS = 4
MOST_ORDER_S = 2.5
#: Reads this near to the crossing belong to it.
BURST_S = 1.5
#: Where a tag was before and after a crossing is asked of what is so far from it, on either side.
FROM_S, TO_S = 1.0, 5.0
#: What a tag's power is now is asked of so many bins; it falls by no more than this.
NOW_BINS = 8
MOST_FALL_DB = 20.0
_BINS_LEFT = np.arange(BINS, 0, -1, dtype=np.int8)[:, None, None]
#: What a plain passage shows at least.
PLAIN_DB, PLAIN_CROSSED, PLAIN_RIVALRY_DB = 3.0, 0.8, 3.0

#: name → what it says when it speaks for a direction.
ORDER_FEATURES = {
    "centroid_s": "its power moved from one side of the door to the other",
    "peaks_s": "its peaks came one after the other",
    "last_side": "it was last stronger beyond the door",
    "first_side": "it was first stronger before the door",
    "crossed": "it began on one side and ended on the other",
    "balance": "before it was read on one side, afterwards on the other",
    "receded": "it has become weaker where it came from",
    "rests": "it is heard better beyond the door now",
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
    "balance": "before it was read on one side, afterwards on the other",
    "fell": "it has become weaker on both sides",
    "left": "it has become weaker on one side",
    "lingers": "it is still read on both sides",
    "undecided": "it is still read on both sides about as well",
    "silent": "it has not been read since",
    "new": "it had not been read before",
    "usual": "it is usually read here",
    "beams": "both beams were broken",
    "one_beam": "a beam was broken",
    "held": "it has stayed on the far side",
}


@dataclass(slots=True)
class Features:
    """One row per track: `order` (tracks, order features), `passage` (tracks, passage features).

    `crossing_us` is the best estimate of when it crossed, `since_peak_s` how long ago its last
    peak was, `peak_s` (2, tracks) the ages of its peaks, negative; `heard`
    (2, tracks) on which sides it was; `half`: its door is watched from one side only;
    `beams`: its door has two beams that tell.
    """

    order: Floats
    passage: Floats
    crossing_us: npt.NDArray[np.int64]
    since_peak_s: Floats
    peak_s: Floats
    heard: Bools
    half: Bools
    beams: Bools

    def taken(self, which: npt.NDArray[np.intp]) -> Features:
        """Some tracks, in another order."""
        return Features(
            self.order[which],
            self.passage[which],
            self.crossing_us[which],
            self.since_peak_s[which],
            self.peak_s[:, which],
            self.heard[:, which],
            self.half[which],
            self.beams[which],
        )

    def order_column(self, name: str) -> Floats:
        """One of the order features, of every track."""
        return np.asarray(self.order[:, _ORDER[name]])

    def passage_column(self, name: str) -> Floats:
        """One of the passage features, of every track."""
        return np.asarray(self.passage[:, _PASSAGE[name]])


_ORDER = {name: n for n, name in enumerate(ORDER_FEATURES)}
_PASSAGE = {name: n for n, name in enumerate(PASSAGE_FEATURES)}


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """What is known beside the track's own power, one value per track."""

    usual_dbm: Power  # (2, tracks)
    known: Power  # 0 … 1: how well it is known what is usual
    rivalry_db: Floats
    beam_order: Floats  # -1, 0, +1
    beams_s: Floats
    one_beam: Floats
    origin: Floats  # +1: known inside before, -1: known outside, 0: not known
    half: Bools  # the door is watched from one side only
    beams: Bools  # the door has two beams that tell


@dataclass(slots=True)
class Shape:
    """Order and ends of the power on the two sides; ages are 0 now and negative before."""

    peak_dbm: Power  # (2, tracks)
    heard: Bools  # (2, tracks)
    centroid_s: Floats  # (2, tracks)
    peak_s: Floats  # (2, tracks)
    first_side: Floats  # -1 inside … +1 outside
    last_side: Floats
    crossing_s: Floats  # between the two centroids, or at the only peak
    last_peak_s: Floats  # the later of the two peaks
    occupancy: Floats  # share of the bins in which it was read
    burst: Floats  # share of these that are near its crossing
    before: Floats  # (2, tracks): share of the bins before the crossing in which it was read
    after: Floats
    fall_db: Floats  # (2, tracks): how far its power is below its peak now
    now: Floats  # (2, tracks): share of the last bins in which it was read

    @property
    def both(self) -> Bools:
        """Tracks that were read on both sides."""
        return np.asarray(self.heard[INSIDE] & self.heard[OUTSIDE])


def is_plain(features: Features) -> Bools:
    """Tracks that show a passage as in a book: far above the usual, on one side then the other."""
    return np.asarray(
        (features.passage_column("least_prominent_db") >= PLAIN_DB)
        & (features.passage_column("crossed") >= PLAIN_CROSSED)
        & (features.passage_column("rivalry_db") >= PLAIN_RIVALRY_DB)
    )


def shape_of(power: Power, ages_s: Floats, new: Bools) -> Shape:
    """Reduce power over time to what matters of it; `new`: tracks without a past."""
    peak_dbm = power.max(axis=0)
    heard = np.asarray(power > SILENT_DBM)
    any_heard = heard[:, INSIDE] | heard[:, OUTSIDE]
    centroid_s = _centroid_s(power, peak_dbm, heard, ages_s)
    # The first of the strongest bins: argmax along this axis takes ten times as long.
    bins_left = ((power == peak_dbm) * _BINS_LEFT).max(axis=0)
    peak_s = ages_s[BINS - bins_left.astype(np.intp)]
    sides = np.asarray(peak_dbm > SILENT_DBM)
    both = sides[INSIDE] & sides[OUTSIDE]
    top_s = np.where(peak_dbm[OUTSIDE] > peak_dbm[INSIDE], peak_s[OUTSIDE], peak_s[INSIDE])
    crossing_s = np.where(both, centroid_s.mean(axis=0), top_s)
    after_s = ages_s[:, None] - crossing_s
    near = np.abs(after_s) <= BURST_S
    bins = np.maximum(_count(any_heard), 1)
    first_side, last_side = _sides_of(_stronger(power), any_heard, new)
    return Shape(
        peak_dbm=peak_dbm,
        heard=sides,
        centroid_s=centroid_s.astype(np.float64),
        peak_s=peak_s,
        first_side=first_side,
        last_side=last_side,
        crossing_s=crossing_s,
        last_peak_s=np.where(both, peak_s.max(axis=0), top_s),
        occupancy=bins / len(power),
        burst=_count(any_heard & near) / bins,
        before=_share(heard, (after_s <= -FROM_S) & (after_s >= -TO_S)),
        after=_share(heard, (after_s >= FROM_S) & (after_s <= TO_S)),
        fall_db=np.minimum(peak_dbm - power[-NOW_BINS:].max(axis=0), MOST_FALL_DB),
        now=_count(heard[-NOW_BINS:]) / NOW_BINS,
    )


def _centroid_s(power: Power, peak_dbm: Power, heard: Bools, ages_s: Floats) -> Power:
    """(2, tracks): the mean age of what was heard, weighted with its power."""
    weights = power - peak_dbm
    weights *= np.float32(np.log(10.0) / 10.0)
    np.exp(weights, out=weights)
    weights *= heard
    total = np.maximum(weights.sum(axis=0), np.float32(1e-9))
    weights *= ages_s.astype(np.float32)[:, None, None]
    return np.asarray(weights.sum(axis=0) / total)


def features_of(shape: Shape, around: Surroundings, end_us: int) -> Features:
    """The classifier's view of tracks at `end_us`."""
    both = shape.both
    centroid_s = np.where(both, shape.centroid_s[OUTSIDE] - shape.centroid_s[INSIDE], 0.0)
    peaks_s = np.where(both, shape.peak_s[OUTSIDE] - shape.peak_s[INSIDE], 0.0)
    prominence = np.where(shape.heard, shape.peak_dbm - around.usual_dbm, -5.0)
    travel = (shape.last_side - shape.first_side) / 2.0
    # Outward and inward: began on the near side, and ended on the far side.
    outward = np.maximum(np.minimum(-shape.first_side, shape.last_side), 0.0)
    inward = np.maximum(np.minimum(shape.first_side, -shape.last_side), 0.0)
    change = shape.after - shape.before
    balance = (change[OUTSIDE] - change[INSIDE]) / 2.0
    now_dbm = shape.peak_dbm - shape.fall_db
    rests = _within(now_dbm[OUTSIDE] - now_dbm[INSIDE], -MOST_FALL_DB, MOST_FALL_DB) / 10.0
    rests, lingers = np.where(both, rests, 0.0), shape.now.min(axis=0)
    order = {
        "centroid_s": _within(centroid_s, -MOST_ORDER_S, MOST_ORDER_S),
        "peaks_s": _within(peaks_s, -MOST_ORDER_S, MOST_ORDER_S),
        "last_side": shape.last_side,
        "first_side": -shape.first_side,
        "crossed": outward - inward,
        "balance": balance,
        "receded": np.where(both, shape.fall_db[INSIDE] - shape.fall_db[OUTSIDE], 0.0) / 10.0,
        "rests": rests,
        "beam_order": around.beam_order,
        "beams_s": _within(around.beams_s, -1.5, 1.5),
        "origin": around.origin,
    }
    passage = {
        "most_prominent_db": _within(prominence.max(axis=0), -5.0, 25.0),
        "least_prominent_db": _within(prominence.min(axis=0), -5.0, 25.0),
        "rivalry_db": _within(around.rivalry_db, -10.0, 10.0),
        "both": both,
        "travel": np.abs(travel),
        "crossed": outward + inward,
        "still": shape.occupancy * (1.0 - np.abs(travel)),
        "order_s": np.abs(order["centroid_s"]),
        "burst": shape.burst,
        "balance": np.abs(balance),
        "fell": np.where(both, shape.fall_db.min(axis=0), 0.0) / 10.0,
        "left": shape.fall_db.max(axis=0) / 10.0,
        "lingers": lingers,
        "undecided": (lingers > 0.0) * np.maximum(1.0 - np.abs(rests), 0.0),
        "silent": shape.after.max(axis=0) == 0.0,
        "new": shape.before.max(axis=0) == 0.0,
        "usual": around.known,
        "beams": np.abs(around.beam_order),
        "one_beam": around.one_beam,
        "held": _within(np.sign(centroid_s) * shape.last_side, -1.0, 1.0),
    }
    return Features(
        order=_columns(order, ORDER_FEATURES),
        passage=_columns(passage, PASSAGE_FEATURES),
        crossing_us=end_us + np.round(shape.crossing_s * 1e6).astype(np.int64),
        since_peak_s=-shape.last_peak_s,
        peak_s=shape.peak_s,
        heard=shape.heard,
        half=around.half,
        beams=around.beams,
    )


def _columns(by_name: Mapping[str, npt.NDArray[Any]], names: Iterable[str]) -> Floats:
    """The named features of all tracks, a column each."""
    return np.array([by_name[name] for name in names], dtype=np.float64).T.copy()


def _within(values: npt.NDArray[Any], least: float, most: float) -> npt.NDArray[Any]:
    """Like `np.clip`, at a third of its price for few values."""
    return np.asarray(np.minimum(np.maximum(values, least), most))


def side_first_seen(power: Power) -> Floats:
    """Where each track was stronger when it was first seen: -1 inside … +1 outside."""
    heard = np.asarray((power > SILENT_DBM).any(axis=1))
    return _sides_of(_stronger(power), heard, np.zeros(power.shape[2], dtype=bool))[0]


def _count(which: Bools) -> npt.NDArray[np.intp]:
    """How many of the bins; a sum of small numbers, which takes a tenth of one of booleans."""
    return np.asarray(which.view(np.int8).sum(axis=0, dtype=np.int8), dtype=np.intp)


def _share(heard: Bools, when: Bools) -> Floats:
    """(2, tracks): share of the chosen bins with reads."""
    chosen = np.maximum(_count(when), round(1e6 / BIN_US))
    return np.asarray(_count(heard & when[:, None, :]) / chosen)


def _stronger(power: Power) -> Power:
    """(bins, tracks): on which side each is, by its power: -1 inside … +1 outside."""
    return np.asarray(np.tanh((power[:, OUTSIDE] - power[:, INSIDE]) / np.float32(SIDE_DB)))


def _sides_of(stronger: Power, heard: Bools, new: Bools) -> tuple[Floats, Floats]:
    """Which side was stronger over the first bins with reads, and over the last."""
    number = np.cumsum(heard, axis=0, dtype=np.int8)
    reads = number[-1]
    # Of a tag that just came and was hardly read the first sight is not the last one, too.
    few = np.minimum(np.maximum(reads // np.int8(2), np.int8(1)), np.int8(SIGHT_BINS))
    most = np.where(new, few, np.int8(SIGHT_BINS))
    first, last = heard & (number <= most), heard & (number > reads - most)
    return _mean(stronger, first), _mean(stronger[::-1], last[::-1])


def _mean(values: Power, chosen: Bools) -> Floats:
    total = np.maximum(_count(chosen), 1)
    return np.asarray((values * chosen).sum(axis=0) / total, dtype=np.float64)
