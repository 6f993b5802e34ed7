"""Learns the passage classifier's weights on simulated docks with randomised parameters.

    python -m gateway.bench.training --out gateway/location/passage_model.json

Every world has its own radio, traffic, stock and site, drawn widely, so that the weights follow the
physics and not one setting of one generator. Labels come from the truth: at that moment the track's
tag had crossed its door, or it had not. The same seeds give the same weights.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from gateway.bench.plain_dock import PlainDock
from gateway.bench.sites import dock
from gateway.core import Core
from gateway.location.coverage import Coverage
from gateway.location.doors import GROUP_S, Doors
from gateway.location.epochs import EPOCH_US
from gateway.location.passage_features import Floats
from gateway.location.passage_model import (
    IN,
    NONE,
    OUT,
    REST_S,
    PassageModel,
    Round,
    Rounds,
    alone_inputs,
    softmax,
    to_json,
    together_inputs,
)
from gateway.location.states import TagStates
from gateway.location.tracks import BIN_US, Numbers
from gateway.model.device import SensorReading
from gateway.model.movement import Decision, Direction, Kind, Status
from gateway.model.outcome import Inputs
from gateway.model.place import Door, Site
from gateway.model.reads import Reads
from gateway.model.tags import TagIndex
from gateway.simulation.scenario import Scenario, named
from gateway.simulation.warehouse import World

START_US = 1_732_000_000_000_000
STEP_US = 100_000
#: A track shows a passage for this long after it; then it fades out of the picture.
LABELLED_US, FADED_US = 7_000_000, 12_000_000
#: A crossing that is this near to come is neither a passage nor none.
SOON_US = 1_500_000
WORLDS, SECONDS, FIRST_SEED = 36, 100.0, 5_000
PENALTY = 2e-4
STEPS = 500

Crossings = dict[tuple[int, int], list[tuple[int, int]]]  # (tag, door) → (time, OUT or IN)
Labels = npt.NDArray[np.int64]


@dataclass(slots=True)
class Samples:
    """Snapshots of tracks: features, what was true, and which were looked at together."""

    order: list[Floats] = field(default_factory=list)
    since_s: list[Floats] = field(default_factory=list)
    passage: list[Floats] = field(default_factory=list)
    label: list[Labels] = field(default_factory=list)
    crossing_s: list[Floats] = field(default_factory=list)
    group: list[Labels] = field(default_factory=list)  # same door and moment
    groups: int = 0


class Teacher(Doors):
    """Doors that decide by the truth, a while after each crossing, and note what they saw."""

    def __init__(
        self,
        coverage: Coverage,
        states: TagStates,
        truth: Crossings,
        samples: Samples,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(coverage, states)
        self._truth, self._samples, self._rng = truth, samples, rng

    def decide(self, end_us: int) -> list[Decision]:
        """Label what stands out; let the engine believe what is true."""
        if end_us // BIN_US == (end_us - EPOCH_US) // BIN_US:
            return []
        rows = self._candidates(end_us)
        self.open_tags = np.zeros(0, dtype=np.intp)
        if not len(rows):
            return []
        features = self.features(rows, end_us)
        tags, doors = self._tracks.tag[rows], self._tracks.door[rows]
        settled_us = self._tracks.settled_us[rows]
        labels = np.array(
            [
                self._label((int(t), int(d)), int(since_us), end_us)
                for t, d, since_us in zip(tags, doors, settled_us, strict=True)
            ]
        )
        fair = (labels >= 0) & (features.since_peak_s >= 0.4)
        samples = self._samples
        samples.order.append(features.order[fair])
        samples.passage.append(features.passage[fair])
        samples.since_s.append(features.since_peak_s[fair])
        samples.label.append(labels[fair])
        samples.crossing_s.append(features.crossing_us[fair] / 1e6)
        samples.group.append(samples.groups + doors[fair])
        samples.groups += len(self._coverage.site.doors)
        over = features.since_peak_s >= self._rng.uniform(3.0, 6.5, len(rows))
        passed = over & (labels >= 0) & (labels != NONE)
        self._close(rows, passed, features.since_peak_s, end_us)
        self.open_tags = np.unique(tags[labels != NONE])
        return [
            self._true_decision(int(tags[i]), int(doors[i]), int(labels[i]), end_us)
            for i in np.flatnonzero(passed).tolist()
        ]

    def _passing(self, _rows: Numbers, end_us: int) -> npt.NDArray[np.bool_]:
        """Doors through which a load has just gone in truth."""
        passing = np.zeros(len(self._coverage.site.doors), dtype=bool)
        for (_, door), crossings in self._truth.items():
            if any(end_us - 4_000_000 <= time_us <= end_us for time_us, _ in crossings):
                passing[door] = True
        return passing

    def _label(self, spot: tuple[int, int], settled_us: int, end_us: int) -> int:
        """OUT, IN or NONE; -1 where the truth itself is between the two."""
        known = [c for c in self._truth.get(spot, ()) if c[0] > settled_us]
        passed = [c for c in known if end_us - LABELLED_US <= c[0] <= end_us]
        if passed:
            return passed[-1][1]
        near = any(end_us - FADED_US <= c[0] <= end_us + SOON_US for c in known)
        return -1 if near else NONE

    def _true_decision(self, tag: int, door: int, way: int, end_us: int) -> Decision:
        place = self._coverage.site.doors[door]
        ends = (place.inside, place.outside)
        return Decision(
            tag=tag,
            kind=Kind.MOVED,
            status=Status.CONFIRMED,
            event_time_us=end_us,
            from_zone=ends[way],
            to_zone=ends[1 - way],
            door=place.id,
            direction=Direction.OUT if way == OUT else Direction.IN,
        )


def random_world(seed: int) -> tuple[Site, Scenario]:
    """A dock and what goes on there, with every number drawn."""
    rng = np.random.default_rng(seed)
    u = rng.uniform
    site = dock(
        int(rng.integers(2, 6)),
        u(3.3, 4.3),
        power_dbm=u(27.0, 31.5),
        antenna_height_m=u(1.2, 2.4),
        inside_m=u(0.5, 1.3),
        outside_m=u(-0.6, -0.1),
    )
    if rng.random() < 0.4:
        site = replace(site, doors=tuple(_without_beams(door) for door in site.doors))
    base = named("steady")
    scenario = Scenario(
        name=f"random-{seed}",
        radio=replace(
            base.radio,
            band="fcc" if rng.random() < 0.6 else "etsi",
            antenna_gain_dbi=u(5.0, 9.0),
            antenna_beamwidth_deg=u(55.0, 75.0),
            path_loss_exponent=u(1.6, 2.4),
            tag_loss_sd_db=u(2.0, 4.5),
            tag_sensitivity_dbm=(u(-20.0, -16.0), u(0.8, 1.6)),
            wall_loss_db=u(4.0, 12.0),
            k_factor_db=u(-1.0, 14.0),
            people_amplitude=u(0.05, 0.2),
            rssi_step_db=float(rng.choice([0.5, 1.0])),
            dwell_ms=(u(30.0, 80.0), u(90.0, 200.0)),
            inventory_per_s=u(110.0, 350.0),
        ),
        stock=replace(
            base.stock,
            staged_per_door=int(rng.integers(1, 5)),
            parked_beside_doors=int(rng.integers(0, 3)),
            tags_per_pallet=(int(rng.integers(3, 15)), int(rng.integers(16, 45))),
        ),
        traffic=replace(
            base.traffic,
            door_job_every_s=(u(3.0, 6.0), u(7.0, 14.0)),
            speed_m_per_s=(u(0.6, 1.2), u(1.4, 3.0)),
            plate_speed_m_per_s=(u(0.4, 0.8), u(0.9, 1.8)),
            turn_back=u(0.1, 0.35),
        ),
        faults=replace(base.faults, missed_beams=u(0.0, 0.05)),
    )
    return site, scenario


def _without_beams(door: Door) -> Door:
    return replace(door, inner_beam=None, outer_beam=None)


def collect(samples: Samples, seed: int, seconds: float) -> None:
    """Add what a dock of its own showed in some seconds."""
    site, scenario = random_world(seed)
    world = World(site, scenario, seed)
    pupil = _Pupil(site, world.tags, samples, seed)
    for step_us in range(STEP_US, round(seconds * 1e6) + 1, STEP_US):
        batch = world.advance(step_us)
        for fact in batch.truth:
            if "door" in fact and "epc" in fact:
                tag = world.tags.find(bytes.fromhex(fact["epc"]))
                assert tag is not None
                way = OUT if fact["direction"] == "out" else IN
                pupil.crossed(tag, site.door_numbers[fact["door"]], fact["t"], way)
        beams = [(e.sensor, e.value, e.time_us) for e in batch.sensors]
        pupil.step(batch.reads.copy(), beams, step_us)


def collect_plain(samples: Samples, seed: int, seconds: float) -> None:
    """The same from a world without walls, patterns or fading: log-distance and noise alone.

    What is learnt must hold there too, or it was learnt of the other simulator.
    """
    world = PlainDock(seed)
    pupil = _Pupil(world.site, world.tags, samples, seed)
    for step_us in range(STEP_US, round(seconds * 1e6) + 1, STEP_US):
        reads, crossings = world.step(step_us)
        for tag, door, time_us, way in crossings:
            pupil.crossed(tag, door, time_us, way)
        pupil.step(reads, [], step_us)


class _Pupil:
    """A core whose doors are taught; times are microseconds from 0."""

    def __init__(self, site: Site, tags: TagIndex, samples: Samples, seed: int) -> None:
        self._core = Core(site, tags)
        self._truth: Crossings = defaultdict(list)
        truth = self._truth
        self._core.engine.replace_doors(
            lambda coverage, states: Teacher(
                coverage, states, truth, samples, np.random.default_rng(seed)
            )
        )

    def crossed(self, tag: int, door: int, time_us: int, way: int) -> None:
        """What is true."""
        self._truth[tag, door].append((time_us + START_US, way))

    def step(self, reads: Reads, sensors: list[tuple[str, bool, int]], step_us: int) -> None:
        """What is seen."""
        for name in ("time_us", "first_us", "at_us"):
            reads[name] += START_US
        readings = [
            SensorReading(sensor=name, value=value, time_us=t + START_US, at_us=t + START_US)
            for name, value, t in sensors
        ]
        self._core.tick(Inputs(reads=[reads], sensors=readings), step_us + START_US)


def fit(order: Floats, passage: Floats, label: Labels) -> Round:
    """The weights that make the labels most likely, with a small penalty on their size."""
    order_sd = order.std(axis=0) + 1e-6
    middle, passage_sd = passage.mean(axis=0), passage.std(axis=0) + 1e-6
    x, z = order / order_sd, (passage - middle) / passage_sd
    truth = np.eye(3)[label]
    # Passages are rare among the snapshots; each counts for three of the others.
    share = np.where(label == NONE, 1.0, 3.0)[:, None] / len(label)
    w, v, bias = np.zeros(x.shape[1]), np.zeros(z.shape[1]), 3.0
    moments = [np.zeros_like(w), np.zeros_like(v), np.zeros(1)]
    squares = [np.zeros_like(w), np.zeros_like(v), np.zeros(1)]
    for step in range(1, STEPS + 1):
        way, stay = x @ w, -(z @ v) + bias
        wrong = (softmax(np.stack([way, -way, stay], axis=1)) - truth) * share
        slopes = [
            x.T @ (wrong[:, OUT] - wrong[:, IN]) + 2 * PENALTY * w,
            -(z.T @ wrong[:, NONE]) + 2 * PENALTY * v,
            wrong[:, NONE].sum(keepdims=True),
        ]
        moves = []
        for n, slope in enumerate(slopes):  # Adam: no step size to tune per feature
            moments[n] = 0.9 * moments[n] + 0.1 * slope
            squares[n] = 0.99 * squares[n] + 0.01 * slope**2
            mean, square = moments[n] / (1 - 0.9**step), squares[n] / (1 - 0.99**step)
            moves.append(0.03 * mean / (np.sqrt(square) + 1e-9))
        w, v, bias = w - moves[0], v - moves[1], bias - float(moves[2][0])
    return Round(w / order_sd, v / passage_sd, -(bias + float(middle @ (v / passage_sd))))


def votes_of(alone: Floats, crossing_s: Floats, group: Labels) -> Floats:
    """The votes of the tags that were looked at together, as `Doors` counts them."""
    votes = np.zeros((len(alone), 2))
    order = np.argsort(group, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        near = np.abs(crossing_s[members, None] - crossing_s[None, members]) <= GROUP_S
        votes[members] = near.astype(np.float64) @ alone[members, :2] - alone[members, :2]
    return votes


def train(worlds: int, seconds: float, first_seed: int) -> tuple[PassageModel, dict[str, Any]]:
    """Weights, and what is worth knowing about how they were learnt."""
    samples = Samples()
    for seed in range(first_seed, first_seed + worlds):
        collect(samples, seed, seconds)
        if seed % 2:
            collect_plain(samples, seed, seconds * 0.6)
        sys.stderr.write(f"world {seed}: {sum(map(len, samples.label))} snapshots\n")
    order, passage = np.concatenate(samples.order), np.concatenate(samples.passage)
    label, crossing_s = np.concatenate(samples.label), np.concatenate(samples.crossing_s)
    rested, group = np.concatenate(samples.since_s) >= REST_S, np.concatenate(samples.group)
    ages = (~rested, rested)
    single = alone_inputs(order, passage)
    alone = [fit(single[0][age], single[1][age], label[age]) for age in ages]
    by_age = [softmax(r.logits(*single)) for r in alone]
    first = np.where(rested[:, None], by_age[1], by_age[0])
    inputs = together_inputs(order, passage, votes_of(first, crossing_s, group))
    together = [fit(inputs[0][age], inputs[1][age], label[age]) for age in ages]
    model = PassageModel(Rounds(alone[0], together[0]), Rounds(alone[1], together[1]))
    chances = softmax(together[1].logits(inputs[0][rested], inputs[1][rested]))
    truth = label[rested]
    best = chances[:, :2].argmax(axis=1)
    sure = chances[:, :2].max(axis=1) >= 0.97
    about = {
        "worlds": worlds,
        "seconds_each": seconds,
        "first_seed": first_seed,
        "snapshots": len(label),
        "passages": int((label != NONE).sum()),
        "right_alone": round(float((first[rested].argmax(axis=1) == truth).mean()), 4),
        "right_together": round(float((chances.argmax(axis=1) == truth).mean()), 4),
        "right_when_sure": round(float((best == truth)[sure].mean()), 4),
        "sure_of_passages": round(float((sure & (best == truth))[truth != NONE].mean()), 4),
    }
    return model, about


def main() -> None:
    """Train and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--worlds", type=int, default=WORLDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    options = parser.parse_args()
    model, about = train(options.worlds, options.seconds, options.seed)
    text = orjson.dumps(to_json(model, about=about), option=orjson.OPT_INDENT_2)
    options.out.write_bytes(text + b"\n")
    sys.stderr.write(f"{about}\n")


if __name__ == "__main__":
    main()
