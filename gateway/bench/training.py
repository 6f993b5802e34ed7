"""Learns the passage classifier's weights on simulated docks with randomised parameters.

    python -m gateway.bench.training --out gateway/location/passage_model.json

With `--only half_with_beams` only the cases at doors with beams that one side watches are learnt.
Every world has its own radio, traffic, stock, reports, faults and site, drawn widely, so that the
weights follow the physics and not one setting of one generator. Labels come from the truth: at that
moment the track's tag had crossed its door, or it had not. How sure a probability is to be taken is
learnt from what the finished doors decide in other worlds. The same seeds give the same weights.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from gateway.bench.pupil import Crossings, Lesson, Pupil, busy, gates, one_sided, plain, simulated
from gateway.location.company import Company, Passed, company_of
from gateway.location.coverage import Coverage
from gateway.location.doors import Doors
from gateway.location.passage_features import Bools, Features, Floats
from gateway.location.passage_model import (
    IN,
    KINDS,
    NONE,
    OUT,
    ROUNDS,
    PassageModel,
    Round,
    alone_inputs,
    from_json,
    kinds_of,
    softmax,
    to_json,
    together_inputs,
)
from gateway.location.states import TagStates
from gateway.location.tracks import Numbers
from gateway.model.movement import Decision, Direction, Kind, Status
from gateway.model.place import Side

#: A track shows a passage for this long after it; then it fades out of the picture.
LABELLED_US, FADED_US = 7_000_000, 12_000_000
#: A crossing that is this near to come is neither a passage nor none.
SOON_US = 1_500_000
#: Moments of a world that are taken down, as a share of all.
TAKEN = 0.25
WORLDS, HELD_OUT, SECONDS, FIRST_SEED = 40, 10, 100.0, 7_000
#: Docks that one side watches are not those that both sides do.
ANOTHER = 500
PENALTY = 1e-4
#: Newton's method: so many steps, none longer than this; it is over when they are so short.
STEPS, LONGEST_STEP, SETTLED = 25, 3.0, 1e-3
#: A decision belongs to a crossing that is so near.
NEAR_US = 5_000_000
POINTS = 12

Labels = npt.NDArray[np.int64]
Inputs = tuple[Floats, Floats]
#: Of each kind of cases the weights of one round, None if they are to be learnt.
Known = Sequence[Round | None]
Single = npt.NDArray[np.float32]


@dataclass(slots=True)
class Moment:
    """Tracks that were looked at together, and what was true of them."""

    tags: Numbers
    doors: Numbers
    features: Features
    labels: Labels  # -1 where the truth itself is between two
    passed: Passed
    end_us: int


class Teacher(Doors):
    """Doors that decide by the truth, a while after each crossing, and note what they saw."""

    def __init__(
        self,
        coverage: Coverage,
        states: TagStates,
        truth: Crossings,
        moments: list[Moment],
        rng: np.random.Generator,
    ) -> None:
        super().__init__(coverage, states)
        self._truth, self._moments, self._rng = truth, moments, rng

    def decide(self, end_us: int) -> list[Decision]:
        """Label what stands out; let the engine believe what is true."""
        if not self.is_due(end_us):
            return []
        self._passed = self._passed.of_late(end_us)
        self.open_tags = np.zeros(0, dtype=np.intp)
        self._passing = self._truly_passing(end_us)
        rows, features = self._cases(end_us)
        if not len(rows):
            return []
        tags, doors = self._tracks.tag[rows], self._tracks.door[rows]
        # What is to be learnt of beams holds before they have told anything, too.
        features.beams = np.isin(doors, self.beams.paired)
        settled_us = self._tracks.settled_us[rows].tolist()
        spots = zip(tags.tolist(), doors.tolist(), strict=True)
        labels = np.array(
            [
                self._label(spot, since_us, end_us)
                for spot, since_us in zip(spots, settled_us, strict=True)
            ]
        )
        if self._rng.random() < TAKEN:
            self._moments.append(Moment(tags, doors, features, labels, self._passed, end_us))
        over = features.since_peak_s >= self._rng.uniform(2.0, 6.5, len(rows))
        passed = over & (labels >= 0) & (labels != NONE)
        self._remember(rows, passed, features, np.eye(3)[labels], end_us)
        self._close(rows, passed, features, end_us)
        self.open_tags = np.unique(tags[labels != NONE])
        return [
            self._true_decision(int(tags[i]), int(doors[i]), int(labels[i]), end_us)
            for i in np.flatnonzero(passed).tolist()
        ]

    def _truly_passing(self, end_us: int) -> Bools:
        """Doors through which a load has just gone in truth, or where much stands out."""
        doors = self._tracks.door[self._candidates(end_us)]
        passing = np.bincount(doors, minlength=len(self._half)) >= 8
        for (_, door), crossings in self._truth.items():
            if end_us - 5_000_000 <= crossings[-1][0] <= end_us:
                passing[door] = True
        return np.asarray(passing)

    def _label(self, spot: tuple[int, int], settled_us: int, end_us: int) -> int:
        """OUT, IN or NONE; -1 where the truth itself is between the two."""
        known = [c for c in self._truth.get(spot, ()) if c[0] > settled_us]
        passed = [c for c in known if end_us - LABELLED_US <= c[0] <= end_us]
        if passed:
            # To and fro within one picture is no passage in the end, but no lesson either.
            return passed[-1][1] if len(passed) == 1 else -1
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


def lessons(worlds: int, first_seed: int, seconds: float) -> Iterator[tuple[int, Lesson]]:
    """Warehouses with every number drawn, long busy docks, plain docks, and gates in the open.

    Some are watched from one side only, which is told in another way.
    """
    for seed in range(first_seed, first_seed + worlds):
        yield seed, simulated(seed, seconds)
        yield seed, plain(seed, seconds * 0.6)
        yield seed, gates(seed, seconds)
        for lesson in one_sided_lessons(seed, seconds):
            yield seed, lesson
        if seed % 2:
            yield seed, busy(seed, seconds * 0.5)


def one_sided_lessons(seed: int, seconds: float) -> Iterator[Lesson]:
    """A warehouse and a plain dock that are watched from one side only."""
    watched = Side.INSIDE if seed % 4 < 2 else Side.OUTSIDE
    yield one_sided(simulated(seed + ANOTHER, seconds * 0.6), watched)
    yield one_sided(plain(seed + ANOTHER, seconds * 0.3), watched)


def collect(moments: list[Moment], lesson: Lesson, seed: int) -> None:
    """Add what a dock of its own showed."""
    pupil = Pupil(lesson)
    pupil.teach(
        lambda coverage, states: Teacher(
            coverage, states, pupil.truth, moments, np.random.default_rng(seed)
        )
    )
    for _ in pupil.attend():
        pass


@dataclass(slots=True)
class Samples:
    """All moments as columns."""

    moments: list[Moment]
    order: Floats = field(init=False)
    passage: Floats = field(init=False)
    labels: Labels = field(init=False)
    kinds: Floats = field(init=False)
    fair: Bools = field(init=False)

    def __post_init__(self) -> None:
        features = [m.features for m in self.moments]
        self.order = np.concatenate([f.order for f in features])
        self.passage = np.concatenate([f.passage for f in features])
        self.labels = np.concatenate([m.labels for m in self.moments])
        since_s = np.concatenate([f.since_peak_s for f in features])
        half = np.concatenate([f.half for f in features])
        beams = np.concatenate([f.beams for f in features])
        self.kinds = kinds_of(since_s, half, beams)
        self.fair = (self.labels >= 0) & (since_s >= 0.4)

    def company(self, chances: Floats) -> Company:
        """The company of every track, moment by moment, as the doors count it."""
        parts, at = [], 0
        for m in self.moments:
            end = at + len(m.tags)
            parts.append(
                company_of(m.tags, m.doors, m.features, chances[at:end], m.passed, m.end_us)
            )
            at = end
        return Company.joined(parts)

    def fitted(self, inputs: Inputs, known: Known) -> tuple[tuple[Round, ...], Floats]:
        """The weights of one round for each kind of cases, and what they make of all.

        What is `known` is not learnt.
        """
        rounds, logits = [], np.zeros((len(self.labels), 3))
        for number, old in enumerate(known):
            mine = self.kinds == number
            chosen = mine & self.fair
            one = old or fit(inputs[0][chosen], inputs[1][chosen], self.labels[chosen])
            logits[mine] = one.logits(inputs[0][mine], inputs[1][mine])
            rounds.append(one)
        return tuple(rounds), softmax(logits)


def fit(order: Floats, passage: Floats, label: Labels) -> Round:
    """The weights that make the labels most likely, with a small penalty on their size."""
    order_sd = np.sqrt((order**2).mean(axis=0)) + 1e-3
    middle, passage_sd = passage.mean(axis=0), passage.std(axis=0) + 1e-3
    x = (order / order_sd).astype(np.float32)
    z = np.hstack([(passage - middle) / passage_sd, np.ones((len(label), 1))]).astype(np.float32)
    truth = np.eye(3, dtype=np.float32)[label]
    penalty = np.full(x.shape[1] + z.shape[1], 2.0 * PENALTY * len(label))
    penalty[-1] = 1e-6 * len(label)
    weights = np.zeros(len(penalty))
    for _ in range(STEPS):
        now = weights.astype(np.float32)
        way, stay = x @ now[: x.shape[1]], -(z @ now[x.shape[1] :])
        chances = softmax(np.stack([way, -way, stay], axis=1))
        second, first = _slope(x, z, chances, truth)
        step = np.linalg.solve(second + np.diag(penalty), first + penalty * weights)
        # Far from the best weights a whole step may lead too far.
        weights -= step * min(1.0, LONGEST_STEP / float(np.abs(step).max() + 1e-9))
        if np.abs(step).max() < SETTLED:
            break
    w, v, bias = np.split(weights, [x.shape[1], -1])
    return Round(w / order_sd, v / passage_sd, float(bias[0]) - float(middle @ (v / passage_sd)))


def _slope(x: Single, z: Single, chances: Floats, truth: Single) -> tuple[Floats, Floats]:
    """Second and first derivatives of the loss: Newton's step solves for them."""
    moved = chances[:, OUT] - chances[:, IN]
    wrong = chances - truth
    ways = chances[:, OUT] + chances[:, IN] - moved**2
    stays = chances[:, NONE] * (1.0 - chances[:, NONE])
    both = chances[:, NONE] * moved
    across = x.T @ (z * both[:, None])
    second = np.block([[x.T @ (x * ways[:, None]), across], [across.T, z.T @ (z * stays[:, None])]])
    first = np.concatenate([x.T @ (wrong[:, OUT] - wrong[:, IN]), -(z.T @ wrong[:, NONE])])
    return second.astype(np.float64), first.astype(np.float64)


def learn(samples: Samples, known: Sequence[Known]) -> PassageModel:
    """The three rounds, one after the other; `known` has what is not to be learnt, by round."""
    rounds, chances = samples.fitted(alone_inputs(samples.order, samples.passage), known[0])
    all_rounds = [rounds]
    for one in known[1:]:
        company = samples.company(chances)
        inputs = together_inputs(samples.order, samples.passage, company)
        rounds, chances = samples.fitted(inputs, one)
        all_rounds.append(rounds)
    return PassageModel(tuple(all_rounds), np.array([[0.0, 1.0], [0.0, 1.0]]))


def verdicts(lesson: Lesson, model: PassageModel) -> list[tuple[float, bool]]:
    """What the doors decide by themselves: how likely they found it, and whether it was so."""
    pupil = Pupil(lesson)
    pupil.teach(lambda coverage, states: Doors(coverage, states, model))
    doors = lesson.site.door_numbers
    told = [
        (lesson.tags.find(bytes.fromhex(m.epc)), m)
        for m in pupil.attend()
        if m.door is not None and "sensors" in m.evidence
    ]
    found = []
    for tag, movement in told:
        way = OUT if movement.direction is Direction.OUT else IN
        known = pupil.truth.get((tag or 0, doors[movement.door or ""]), ())
        right = any(w == way and abs(t - movement.event_time_us) <= NEAR_US for t, w in known)
        found.append((movement.confidence, right))
    return found


def calibrated(found: list[tuple[float, bool]]) -> Floats:
    """How often each probability was right, never falling: (2, points)."""
    ordered = sorted(found)
    parts = np.array_split(np.array(ordered, dtype=np.float64), POINTS)
    blocks: list[list[float]] = []
    for part in parts:
        # One more, half right: few cases prove little.
        blocks.append([part[:, 0].mean(), part[:, 1].sum() + 0.5, len(part) + 1.0])
        while len(blocks) > 1 and blocks[-2][1] / blocks[-2][2] >= blocks[-1][1] / blocks[-1][2]:
            one, other = blocks[-2], blocks.pop()
            total = one[2] + other[2]
            mean = (one[0] * one[2] + other[0] * other[2]) / total
            blocks[-1] = [mean, one[1] + other[1], total]
    return np.array([[p for p, _, _ in blocks], [right / n for _, right, n in blocks]])


def train(
    worlds: int, held_out: int, seconds: float, first_seed: int
) -> tuple[PassageModel, dict[str, Any]]:
    """Weights, and what is worth knowing about how they were learnt."""
    moments: list[Moment] = []
    for seed, lesson in lessons(worlds, first_seed, seconds):
        collect(moments, lesson, seed)
        sys.stderr.write(f"world {seed}: {sum(len(m.tags) for m in moments)} snapshots\n")
    samples = Samples(moments)
    model = learn(samples, [[None] * len(KINDS)] * len(ROUNDS))
    found: list[tuple[float, bool]] = []
    for seed, lesson in lessons(held_out, first_seed + worlds, seconds):
        found += verdicts(lesson, model)
        sys.stderr.write(f"held out {seed}: {len(found)} decisions\n")
    model = PassageModel(model.rounds, calibrated(found))
    sure = [right for chance, right in found if model.confidence_of(chance) >= 0.99]
    about = {
        "worlds": worlds,
        "held_out": held_out,
        "seconds_each": seconds,
        "first_seed": first_seed,
        "snapshots": len(samples.labels),
        "passages": int(((samples.labels == OUT) | (samples.labels == IN)).sum()),
        "decisions": len(found),
        "right": round(float(np.mean([right for _, right in found])), 4),
        "sure": len(sure),
        "right_when_sure": round(float(np.mean(sure) if sure else 0.0), 4),
    }
    return model, about


def relearn(
    model: PassageModel, kind: str, worlds: int, seconds: float, first_seed: int
) -> tuple[PassageModel, dict[str, Any]]:
    """These weights, with those of one kind of one-sided cases learnt anew."""
    moments: list[Moment] = []
    for seed in range(first_seed, first_seed + worlds):
        for lesson in one_sided_lessons(seed, seconds):
            collect(moments, lesson, seed)
        sys.stderr.write(f"world {seed}: {sum(len(m.tags) for m in moments)} snapshots\n")
    number, samples = KINDS.index(kind), Samples(moments)
    known = [[*rounds[:number], None, *rounds[number + 1 :]] for rounds in model.rounds]
    chosen = samples.labels[samples.kinds == number]
    about = {
        "worlds": worlds,
        "seconds_each": seconds,
        "first_seed": first_seed,
        "snapshots": len(chosen),
        "passages": int(((chosen == OUT) | (chosen == IN)).sum()),
    }
    return PassageModel(learn(samples, known).rounds, model.confidence), about


def main() -> None:
    """Train and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--worlds", type=int, default=WORLDS)
    parser.add_argument("--held-out", type=int, default=HELD_OUT)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    parser.add_argument(
        "--only", choices=KINDS[2:], help="learn these cases, keep what --out has of all others"
    )
    options = parser.parse_args()
    if options.only:
        data = orjson.loads(options.out.read_bytes())
        about = data["about"]
        model, about[options.only] = relearn(
            from_json(data), options.only, options.worlds, options.seconds, options.seed
        )
    else:
        model, about = train(options.worlds, options.held_out, options.seconds, options.seed)
    text = orjson.dumps(to_json(model, about=about), option=orjson.OPT_INDENT_2)
    options.out.write_bytes(text + b"\n")
    sys.stderr.write(f"{about}\n")


if __name__ == "__main__":
    main()
