"""The passage classifier: features of a track → probability of out, in, and no passage.

Logistic over physical features, so that its terms are the explanation. Direction comes from the
order of power-weighted centroids and of peaks on the two sides, not from first and last reads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.location.tracks import SILENT_DBM

Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Features:
    """One value per track. Times in seconds, powers in dB; positive order means outward."""

    centroid_s: Floats  # centroid outside minus centroid inside
    peaks_s: Floats  # peak time outside minus inside
    last_side: Floats  # -1 inside … +1 outside, over the last reads
    first_side: Floats
    prominence_db: Floats  # the weaker side's peak over the tag's own baseline
    rivalry_db: Floats  # peak here minus best peak at another door
    group_s: Floats  # median centroid order of the tags that move with it
    group: Floats  # how many these are
    beams_s: Floats  # outer beam minus inner beam, 0 when not both broke
    from_inside: Floats  # +1: the tag was inside before, -1: it was elsewhere, 0: not known
    from_outside: Floats
    both: npt.NDArray[np.bool_]  # read on both sides
    since_peak_s: Floats
    crossing_us: npt.NDArray[np.int64]  # when the power crossed from one side to the other


#: Weight per feature in favour of the direction; each clipped to keep one odd value from deciding.
DIRECTION_TERMS = {
    "centroid_s": (2.2, 2.5, "power moved from one side to the other"),
    "peaks_s": (0.7, 2.5, "peaks came one after the other"),
    "last_side": (1.6, 1.0, "it was read last beyond the door"),
    "first_side": (-0.9, 1.0, "it was read first before the door"),
    "group_s": (0.9, 2.5, "the tags beside it moved likewise"),
    "beams_s": (1.2, 1.5, "the beams were broken in this order"),
}
NONE_BIAS = 5.5
PROMINENCE_WEIGHT, PROMINENCE_MOST_DB = 0.30, 15.0
RIVALRY_WEIGHT, RIVALRY_LEAST_DB, RIVALRY_MOST_DB = 0.6, -10.0, 4.0
PRIOR_WEIGHT = 2.0
#: A difference of power between the sides that says fairly surely on which one a tag is.
SIDE_DB = 6.0
ONE_SIDED = 3.0  # how much less is believed of a tag that was read on one side only


def probabilities(features: Features) -> Floats:
    """(n, 3): out, in, none."""
    order = direction_score(features)
    none = NONE_BIAS - PROMINENCE_WEIGHT * np.clip(features.prominence_db, -5, PROMINENCE_MOST_DB)
    none -= RIVALRY_WEIGHT * np.clip(features.rivalry_db, RIVALRY_LEAST_DB, RIVALRY_MOST_DB)
    none -= 0.5 * np.log1p(features.group)
    none = none + np.where(features.both, 0.0, ONE_SIDED)
    out = order + PRIOR_WEIGHT * features.from_inside
    inward = -order + PRIOR_WEIGHT * features.from_outside
    logits = np.stack([out, inward, none], axis=1)
    logits -= logits.max(axis=1, keepdims=True)
    weights = np.exp(logits)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def direction_score(features: Features) -> Floats:
    """Log-odds for outward against inward, halved."""
    score = np.zeros(len(features.centroid_s))
    for name, (weight, most, _) in DIRECTION_TERMS.items():
        score += weight * np.clip(getattr(features, name), -most, most)
    return score


def reasons(features: Features, row: int, outward: bool) -> list[list[object]]:
    """The terms that spoke most for the decision, strongest first."""
    sign = 1.0 if outward else -1.0
    terms: list[list[object]] = []
    for name, (weight, most, words) in DIRECTION_TERMS.items():
        value = float(getattr(features, name)[row])
        terms.append([words, round(sign * weight * max(-most, min(most, value)), 2)])
    prominence = float(np.clip(features.prominence_db[row], -5, PROMINENCE_MOST_DB))
    terms.append(["it stood out over its own baseline", round(PROMINENCE_WEIGHT * prominence, 2)])
    rivalry = float(np.clip(features.rivalry_db[row], RIVALRY_LEAST_DB, RIVALRY_MOST_DB))
    terms.append(["it was stronger here than at other doors", round(RIVALRY_WEIGHT * rivalry, 2)])
    terms.sort(key=lambda term: -abs(float(str(term[1]))))
    return [term for term in terms[:6] if term[1]]


def order_features(power: npt.NDArray[np.float32], ages_s: Floats) -> dict[str, Floats]:
    """Centroids, peaks and ends of power in dBm, shaped (rows, 2 sides, bins).

    Ages are 0 now and negative before. Gives `centroid_s`, `peak_s`, `peak_dbm` as (rows, 2), and
    `first_side`, `last_side` as (rows,).
    """
    heard = power > SILENT_DBM
    peak_dbm = power.max(axis=2).astype(np.float64)
    weights = np.where(heard, 10.0 ** ((power - peak_dbm[:, :, None]) / 10.0), 0.0)
    total = np.maximum(weights.sum(axis=2), 1e-9)
    return {
        "centroid_s": (weights * ages_s).sum(axis=2) / total,
        "peak_s": ages_s[power.argmax(axis=2)],
        "peak_dbm": peak_dbm,
        "first_side": _side_of(power, 4),
        "last_side": _side_of(power[:, :, ::-1], 4),
    }


def _side_of(power: npt.NDArray[np.float32], bins: int) -> Floats:
    """Which side was stronger (-1 inside … +1 outside) over the first `bins` bins with reads."""
    heard = (power > SILENT_DBM).any(axis=1)
    chosen = heard & (np.cumsum(heard, axis=1) <= bins)
    stronger = np.tanh((power[:, 1] - power[:, 0]) / SIDE_DB)
    return np.asarray((stronger * chosen).sum(axis=1) / np.maximum(chosen.sum(axis=1), 1))
