"""Doors: what a site adds to the weights of the passage classifier, from labelled walks.

A maximum a posteriori fit: the walks pull, the shipped weights hold. Snapshots of one walk are not
independent, nor are its tags; a walk therefore counts as a few, however many it has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gateway.calibration.measured import Measured
from gateway.calibration.walks import Walk, What
from gateway.location.company import Company
from gateway.location.coverage import Coverage
from gateway.location.doors import Doors
from gateway.location.passage_features import (
    ORDER_FEATURES,
    PASSAGE_FEATURES,
    Features,
    Floats,
)
from gateway.location.passage_model import IN, NONE, OUT, softmax
from gateway.location.ripeness import LATE_S, SETTLE_S
from gateway.location.states import TagStates
from gateway.location.tracks import Numbers
from gateway.model.calibration import DoorTrim
from gateway.model.place import Site

#: A crossing belongs to a walk until so long after its end.
AFTER_US = 2_000_000
#: Tags of a walk say as much as so many that were carried by themselves.
MOST_TAGS_OF_A_WALK = 4.0
#: How firmly the shipped weights hold: per squared change of the log-odds by a usual feature.
HOLD_WEIGHT, HOLD_BIAS, HOLD_TEMPERATURE = 4.0, 1.0, 20.0
#: With fewer walks of passes, or of none, nothing is learnt of doors.
LEAST_WALKS = 3
STEPS, STEP = 400, 0.02
#: How much more evidence is asked for, if false alarms are dear, and what counts as decided.
CAUTIONS = (0.0, 0.5, 1.0, 1.5, 2.0)
DECIDED = 0.9

_ORDER, _PASSAGE = len(ORDER_FEATURES), len(PASSAGE_FEATURES)


@dataclass(slots=True)
class Samples:
    """Snapshots of cases that have come to rest, with what the shipped weights made of them."""

    tag: list[Numbers] = field(default_factory=list)
    door: list[Numbers] = field(default_factory=list)
    crossing_us: list[npt.NDArray[np.int64]] = field(default_factory=list)
    order: list[Floats] = field(default_factory=list)
    passage: list[Floats] = field(default_factory=list)
    chances: list[Floats] = field(default_factory=list)


class Listener(Doors):
    """Doors that decide as ever, and note what they saw."""

    def __init__(self, coverage: Coverage, states: TagStates, samples: Samples) -> None:
        super().__init__(coverage, states)
        self._samples = samples

    def _judged(self, rows: Numbers, features: Features, end_us: int) -> tuple[Floats, Company]:
        chances, company = super()._judged(rows, features, end_us)
        rests = (features.since_peak_s >= SETTLE_S) & (features.since_peak_s <= LATE_S)
        samples, which = self._samples, np.flatnonzero(rests)
        samples.tag.append(self._tracks.tag[rows[which]])
        samples.door.append(self._tracks.door[rows[which]])
        samples.crossing_us.append(features.crossing_us[which])
        samples.order.append(features.order[which])
        samples.passage.append(features.passage[which])
        samples.chances.append(chances[which])
        return chances, company


@dataclass(slots=True, kw_only=True)
class Labelled:
    """Samples with what was true of them, and how much each counts."""

    order: Floats
    passage: Floats
    logits: Floats
    label: npt.NDArray[np.intp]
    weight: Floats

    def inputs(self) -> Floats:
        """Plain features of both kinds side by side, and a column for the bias."""
        return np.hstack([self.order, self.passage, np.ones((len(self.label), 1))])


def labelled(
    samples: Samples, walks: Iterable[Walk], measured: Measured, site: Site
) -> Labelled | None:
    """The samples that belong to a walk; None when there are too few walks of either kind."""
    if not samples.tag:
        return None
    tag, door = np.concatenate(samples.tag), np.concatenate(samples.door)
    crossing_us = np.concatenate(samples.crossing_us)
    label = np.full(len(tag), -1, dtype=np.intp)
    weight = np.zeros(len(tag))
    passes = others = 0
    for walk in walks:
        during = (crossing_us >= walk.begin_us) & (crossing_us <= walk.end_us + AFTER_US)
        rows = np.flatnonzero(during & np.isin(tag, measured.tags(walk.tags)))
        if not len(rows):
            continue
        label[rows] = _labels(walk, door[rows], site)
        tags, counts = np.unique(tag[rows], return_counts=True)
        share = min(len(tags), MOST_TAGS_OF_A_WALK) / len(tags)
        weight[rows] = share / counts[np.searchsorted(tags, tag[rows])]
        passes += walk.what in (What.OUT, What.IN)
        others += walk.what not in (What.OUT, What.IN)
    if min(passes, others) < LEAST_WALKS:
        return None
    known = np.flatnonzero(label >= 0)
    chances = np.concatenate(samples.chances)[known]
    return Labelled(
        order=np.concatenate(samples.order)[known],
        passage=np.concatenate(samples.passage)[known],
        logits=np.log(np.maximum(chances, 1e-9)),
        label=label[known],
        weight=weight[known],
    )


def _labels(walk: Walk, doors: Numbers, site: Site) -> npt.NDArray[np.intp]:
    """A walk through a door is a passage there, and none at any other."""
    if walk.what not in (What.OUT, What.IN) or walk.door is None:
        return np.full(len(doors), NONE, dtype=np.intp)
    here = doors == site.door_numbers[walk.door]
    return np.where(here, OUT if walk.what is What.OUT else IN, NONE)


def fit_trim(data: Labelled, false_alarm_cost: float) -> DoorTrim:
    """The change of the shipped weights that the walks ask for.

    A false passage costs `false_alarm_cost` times as much as one that is missed.
    """
    inputs = data.inputs()
    scale = np.concatenate([data.order.std(axis=0), data.passage.std(axis=0), [1.0]])
    used = scale > 1e-3
    x = np.where(used, inputs / np.where(used, scale, 1.0), 0.0)
    hold = np.full(x.shape[1], HOLD_WEIGHT)
    hold[-1] = HOLD_BIAS
    change, log_t = _descend(x, data, hold)
    change = np.where(used, change / np.where(used, scale, 1.0), 0.0)
    trim = _trim(change, float(np.exp(log_t)))
    caution = min(
        CAUTIONS, key=lambda more: (_cost(data, change, log_t, more, false_alarm_cost), more)
    )
    return DoorTrim(
        order=trim.order,
        passage=trim.passage,
        bias=round(trim.bias - caution, 3),
        temperature=trim.temperature,
    )


def _descend(x: Floats, data: Labelled, hold: Floats) -> tuple[Floats, float]:
    """Changes of the scaled weights and the logarithm of the temperature (Adam)."""
    truth = np.eye(3)[data.label]
    theta = np.zeros(x.shape[1] + 1)
    moment, square = np.zeros_like(theta), np.zeros_like(theta)
    for step in range(1, STEPS + 1):
        logits = _logits(x, data.logits, theta[:-1])
        warmth = np.exp(theta[-1])
        wrong = (softmax(logits / warmth) - truth) * data.weight[:, None] / warmth
        slope = np.concatenate(
            [
                x[:, :_ORDER].T @ (wrong[:, OUT] - wrong[:, IN]),
                -(x[:, _ORDER:].T @ wrong[:, NONE]),
                [-(wrong * logits).sum()],
            ]
        )
        slope += 2 * np.concatenate([hold, [HOLD_TEMPERATURE]]) * theta
        moment, square = 0.9 * moment + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        mean, spread = moment / (1 - 0.9**step), square / (1 - 0.99**step)
        theta = theta - STEP * mean / (np.sqrt(spread) + 1e-9)
    return theta[:-1], float(theta[-1])


def _logits(x: Floats, shipped: Floats, change: Floats) -> Floats:
    way = x[:, :_ORDER] @ change[:_ORDER]
    more = x[:, _ORDER:] @ change[_ORDER:]
    return shipped + np.stack([way, -way, -more], axis=1)


def _cost(
    data: Labelled, change: Floats, log_t: float, caution: float, false_alarm_cost: float
) -> float:
    """What the decisions on the samples cost if so much more evidence is asked for."""
    logits = _logits(data.inputs(), data.logits, change)
    logits[:, NONE] += caution
    chances = softmax(logits / np.exp(log_t))[:, :2]
    decided, best = chances.max(axis=1) >= DECIDED, chances.argmax(axis=1)
    missed = (data.label != NONE) & ~(decided & (best == data.label))
    false = decided & (best != data.label)
    return float(((missed + false_alarm_cost * false) * data.weight).sum())


def _trim(change: Floats, temperature: float) -> DoorTrim:
    def named(names: Iterable[str], values: Floats) -> dict[str, float]:
        pairs = zip(names, np.round(values, 4).tolist(), strict=True)
        return {name: value for name, value in pairs if value}

    return DoorTrim(
        order=named(ORDER_FEATURES, change[:_ORDER]),
        passage=named(PASSAGE_FEATURES, change[_ORDER:-1]),
        bias=float(change[-1]),
        temperature=round(temperature, 3),
    )
