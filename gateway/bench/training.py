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
    PassageModel,
    Round,
    softmax,
    to_json,
    together_inputs,
)
from gateway.location.states import TagStates
from gateway.location.tracks import BIN_US
from gateway.model.device import SensorReading
from gateway.model.movement import Decision, Direction, Kind, Status
from gateway.model.outcome import Inputs
from gateway.model.place import Door, Site
from gateway.simulation.scenario import Scenario, named
from gateway.simulation.warehouse import World

START_US = 1_732_000_000_000_000
STEP_US = 100_000
#: A track's estimate of the crossing belongs to a true one within this time.
NEAR_US = 2_500_000
WORLDS, SECONDS, FIRST_SEED = 36, 100.0, 5_000
PENALTY = 2e-4
ROUNDS = 1_500

Crossings = dict[tuple[int, int], list[tuple[int, int]]]  # (tag, door) → (time, OUT or IN)
Labels = npt.NDArray[np.int64]


@dataclass(slots=True)
class Samples:
    """Snapshots of tracks: features, what was true, and which were looked at together."""

    order: list[Floats] = field(default_factory=list)
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
        labels = np.array(
            [
                self._label(int(t), int(d), int(at_us), end_us)
                for t, d, at_us in zip(tags, doors, features.crossing_us, strict=True)
            ]
        )
        fair = (labels >= 0) & (features.since_peak_s >= 0.4)
        self._note(features.order[fair], features.passage[fair], labels[fair],
                   features.crossing_us[fair] / 1e6, doors[fair])  # fmt: skip
        over = features.since_peak_s >= np.where(labels == NONE, 6.5, self._rng.uniform(2.0, 4.5))
        passed = over & (labels >= 0) & (labels != NONE)
        self._close(rows, passed, features.since_peak_s, end_us)
        self.open_tags = np.unique(tags[labels != NONE])
        return [
            self._true_decision(int(tags[i]), int(doors[i]), int(labels[i]), end_us)
            for i in np.flatnonzero(passed).tolist()
        ]

    def _label(self, tag: int, door: int, at_us: int, end_us: int) -> int:
        """OUT, IN or NONE; -1 while the crossing that this track shows is still to come."""
        near = [c for c in self._truth.get((tag, door), ()) if abs(c[0] - at_us) <= NEAR_US]
        if not near:
            return NONE
        time_us, way = min(near, key=lambda c: abs(c[0] - at_us))
        return way if time_us <= end_us else -1

    def _note(
        self, order: Floats, passage: Floats, labels: Labels, crossing_s: Floats, doors: Labels
    ) -> None:
        samples = self._samples
        samples.order.append(order)
        samples.passage.append(passage)
        samples.label.append(labels)
        samples.crossing_s.append(crossing_s)
        samples.group.append(samples.groups + doors)
        samples.groups += len(self._coverage.site.doors)

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
            k_factor_db=u(0.0, 8.0),
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
    core = Core(site, world.tags)
    truth: Crossings = defaultdict(list)
    engine = core.engine
    engine.replace_doors(
        lambda coverage, states: Teacher(
            coverage, states, truth, samples, np.random.default_rng(seed)
        )
    )
    for step_us in range(STEP_US, round(seconds * 1e6) + 1, STEP_US):
        batch = world.advance(step_us)
        for fact in batch.truth:
            if "door" in fact and "epc" in fact:
                tag = world.tags.find(bytes.fromhex(fact["epc"]))
                assert tag is not None
                way = OUT if fact["direction"] == "out" else IN
                door = site.door_numbers[fact["door"]]
                truth[tag, door].append((fact["t"] + START_US, way))
        reads = batch.reads.copy()
        for name in ("time_us", "first_us", "at_us"):
            reads[name] += START_US
        sensors = [
            SensorReading(
                sensor=e.sensor,
                value=e.value,
                time_us=e.time_us + START_US,
                at_us=e.time_us + START_US,
            )
            for e in batch.sensors
        ]
        core.tick(Inputs(reads=[reads], sensors=sensors), step_us + START_US)


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
    for step in range(1, ROUNDS + 1):
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
        sys.stderr.write(f"world {seed}: {sum(map(len, samples.label))} snapshots\n")
    order, passage = np.concatenate(samples.order), np.concatenate(samples.passage)
    label, crossing_s = np.concatenate(samples.label), np.concatenate(samples.crossing_s)
    alone = fit(order, passage, label)
    first = alone.logits(order, passage)
    votes = votes_of(softmax(first), crossing_s, np.concatenate(samples.group))
    inputs = together_inputs(first, votes)
    together = fit(*inputs, label)
    model = PassageModel(alone, together)
    chances = softmax(together.logits(*inputs))
    best = chances[:, :2].argmax(axis=1)
    sure = chances[:, :2].max(axis=1) >= 0.97
    about = {
        "worlds": worlds,
        "seconds_each": seconds,
        "first_seed": first_seed,
        "snapshots": len(label),
        "passages": int((label != NONE).sum()),
        "right_alone": round(float((softmax(first).argmax(axis=1) == label).mean()), 4),
        "right_together": round(float((chances.argmax(axis=1) == label).mean()), 4),
        "right_when_sure": round(float((best == label)[sure].mean()), 4),
        "sure_of_passages": round(float((sure & (best == label))[label != NONE].mean()), 4),
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
