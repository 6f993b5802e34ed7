"""The passage classifier: features → probabilities of out, in and no passage, in three rounds.

All rounds are logistic, so that their terms are the explanation. The first looks at each tag alone;
in the second the tags that crossed at the same door and time vote, which is the strongest evidence
there is: tags travel in groups; in the third they vote again, knowing better. Out and in share
their weights, mirrored. Cases that are fresh, cases that have come to rest, and those at doors that
are watched from one side only, without beams or with them, have weights of their own. The weights
are data (`passage_model.json`), learnt by `gateway/bench/training.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import orjson

from gateway.location.company import MOST_APART_S, Company
from gateway.location.passage_features import (
    ORDER_FEATURES,
    PASSAGE_FEATURES,
    Bools,
    Features,
    Floats,
)

#: Of a round: what speaks for a way, and for a passage; (tracks, inputs) each.
Inputs = tuple[Floats, Floats]

OUT, IN, NONE = 0, 1, 2
#: From this long after its last peak a case has come to rest, in seconds.
REST_S = 1.5
#: Kinds of cases, each with weights of its own.
KINDS = ("fresh", "rested", "half", "half_with_beams")
ROUNDS = ("alone", "together", "again")
#: Reasons that are told.
MOST_REASONS, LEAST_WEIGHT = 6, 0.05


@dataclass(frozen=True, slots=True)
class Round:
    """Weights of one round: log-odds = order · `order` toward out, passage · `passage` + `bias`."""

    order: Floats
    passage: Floats
    bias: float

    def logits(self, order: Floats, passage: Floats) -> Floats:
        """(n, 3) log-odds of out, in, none."""
        way = order @ self.order
        return np.stack([way, -way, -(passage @ self.passage) - self.bias], axis=1)


@dataclass(frozen=True, slots=True)
class _AllKinds:
    """The weights of one round, a column for each kind."""

    order: Floats
    passage: Floats
    bias: Floats

    @classmethod
    def of(cls, rounds: tuple[Round, ...]) -> _AllKinds:
        return cls(
            np.stack([one.order for one in rounds], axis=1),
            np.stack([one.passage for one in rounds], axis=1),
            np.array([one.bias for one in rounds]),
        )


@dataclass(frozen=True, slots=True)
class PassageModel:
    """`rounds[round][kind]`; `confidence` is how often each probability was right, (2, points)."""

    rounds: tuple[tuple[Round, ...], ...]
    confidence: Floats
    _all_kinds: tuple[_AllKinds, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_all_kinds", tuple(map(_AllKinds.of, self.rounds)))

    def alone(self, features: Features) -> Floats:
        """(n, 3) probabilities by the tag alone."""
        return self._chances(0, _kinds(features), alone_inputs(features.order, features.passage))

    def decide(
        self, features: Features, company_by: Callable[[Floats], Company]
    ) -> tuple[Floats, Floats, Company]:
        """Probabilities by each tag alone and in the end, and the company that counted."""
        order, passage, kinds = features.order, features.passage, _kinds(features)
        plain = alone_inputs(order, passage)
        alone = chances = self._chances(0, kinds, plain)
        for number in range(1, len(self.rounds)):
            company = company_by(chances)
            inputs = _with_company(plain, order, passage, company)
            chances = self._chances(number, kinds, inputs)
        return alone, chances, company

    def confidence_of(self, chance: float) -> float:
        """How often a passage that looked as likely as this was one."""
        return float(np.interp(chance, self.confidence[0], self.confidence[1]))

    def reasons(self, features: Features, company: Company, rows: list[int]) -> list[list[Any]]:
        """For each of some tracks `[words, weight]` of what spoke most for its direction.

        The weight of a feature is what the log-odds would lose without it.
        """
        if not rows:
            return []
        orders, passages = len(ORDER_FEATURES), len(PASSAGE_FEATURES)
        # Case 0 is the track itself; in every other case one thing is as if it had not been.
        cases = 2 + orders + passages
        order = np.repeat(features.order[rows][:, None], cases, axis=1)
        passage = np.repeat(features.passage[rows][:, None], cases, axis=1)
        order[:, 2 + np.arange(orders), np.arange(orders)] = 0.0
        passage[:, 2 + orders + np.arange(passages), np.arange(passages)] = _AT_REST
        others = company.repeated(rows, cases)
        for column in (others.votes, others.order, others.passage):
            column.reshape(len(rows), cases, -1)[:, 1] = 0.0
        inputs = together_inputs(order.reshape(-1, orders), passage.reshape(-1, passages), others)
        kinds = np.repeat(_kinds(features)[rows], cases)
        logits = self._logits(len(self.rounds) - 1, kinds, inputs).reshape(len(rows), cases, 3)
        return [_told(logits[n], company.votes[row]) for n, row in enumerate(rows)]

    def _chances(self, number: int, kinds: Floats, inputs: Inputs) -> Floats:
        return softmax(self._logits(number, kinds, inputs))

    def _logits(self, number: int, kinds: Floats, inputs: Inputs) -> Floats:
        # All kinds for all rows: picking the rows of each kind would cost more.
        all_kinds, rows = self._all_kinds[number], np.arange(len(kinds))
        way = (inputs[0] @ all_kinds.order)[rows, kinds]
        none = -(inputs[1] @ all_kinds.passage)[rows, kinds] - all_kinds.bias[kinds]
        return np.array([way, -way, none]).T


def _kinds(features: Features) -> Floats:
    return kinds_of(features.since_peak_s, features.half, features.beams)


def kinds_of(since_peak_s: Floats, half: Bools, beams: Bools) -> Floats:
    """The number of each case's kind."""
    return np.where(half, np.where(beams, 3, 2), since_peak_s >= REST_S)


def _told(logits: Floats, votes: Floats) -> list[Any]:
    way = OUT if logits[0, OUT] > logits[0, IN] else IN
    odds = logits[:, way] - np.logaddexp(logits[:, 1 - way], logits[:, NONE])
    mine, other = votes[way], votes[1 - way]
    likewise = "likewise" if mine >= other else "the other way"
    alongside = f"{max(mine, other):.0f} tags beside it moved {likewise}"
    words = [alongside, *ORDER_FEATURES.values(), *PASSAGE_FEATURES.values()]
    weights = (odds[0] - odds[1:]).tolist()
    terms = sorted(zip(words, weights, strict=True), key=lambda term: -abs(term[1]))
    strongest = [term for term in terms[:MOST_REASONS] if abs(term[1]) > LEAST_WEIGHT]
    return [[text, round(weight, 2)] for text, weight in strongest]


_PASSAGE = {name: n for n, name in enumerate(PASSAGE_FEATURES)}
#: What each passage feature is when nothing happens.
_AT_REST = np.zeros(len(PASSAGE_FEATURES))
_AT_REST[_PASSAGE["most_prominent_db"]] = 4.0
_AT_REST[_PASSAGE["still"]] = 0.8
_AT_REST[_PASSAGE["burst"]] = 0.3
_AT_REST[_PASSAGE["usual"]] = 1.0
_AT_REST[_PASSAGE["lingers"]] = 0.5
_AT_REST[_PASSAGE["undecided"]] = 0.7
_CERTAIN = [_PASSAGE[name] for name in (
    "travel", "crossed", "still", "burst", "order_s", "balance", "rivalry_db", "usual",
    "fell", "left", "lingers",
)]  # fmt: skip
_PROMINENT = [_PASSAGE[name] for name in ("most_prominent_db", "least_prominent_db")]
_SINGLED_OUT = [
    _PASSAGE[name]
    for name in ("most_prominent_db", "rivalry_db", "still", "both", "beams", "one_beam")
]
_BOTH = _PASSAGE["both"]


def alone_inputs(order: Floats, passage: Floats) -> Inputs:
    """Inputs of the first round: the features, and how they go together with prominence."""
    order, passage = order.T, passage.T
    prominent = passage[_PROMINENT] / 10.0
    most, least = prominent[:1], prominent[1:]
    some = np.minimum(prominent, 0.8)
    together = passage[_CERTAIN] * most
    return np.concatenate((order, order * least)).T, np.concatenate((passage, some, together)).T


def together_inputs(order: Floats, passage: Floats, company: Company) -> Inputs:
    """Inputs of the later rounds: those of the first, the company, and both together."""
    return _with_company(alone_inputs(order, passage), order, passage, company)


def _with_company(first: Inputs, order: Floats, passage: Floats, company: Company) -> Inputs:
    # A row for each input and a column for each track: what is put together lies together.
    order, passage = order.T, passage.T
    their_order, their_passage = company.order.T, company.passage.T
    votes = np.log1p(company.votes.T)
    moved = company.votes[:, 0] + company.votes[:, 1]
    stayed = company.stayed
    total, elsewhere, way = np.log1p(moved)[None], np.log1p(company.elsewhere)[None], votes[:1]
    way = way - votes[1:]
    step = 1.0 - company.apart_s[None] / MOST_APART_S
    share = (moved / (moved + stayed + 1.0))[None]
    most, rivalry, still, both, beams, beam = (passage[n : n + 1] for n in _SINGLED_OUT)
    # A tag that was heard on one side only can but do as the others do.
    one_sided = 1.0 - both
    orders = [first[0].T, way, way * still, way * step, way * share]
    orders += [their_order, their_order * one_sided]
    passages = [first[1].T, total, total * step, total * passage / 3.0]
    passages += [elsewhere, elsewhere * rivalry / 10.0, np.maximum(elsewhere - total, 0.0)]
    passages += [their_passage, np.abs(their_order), their_order * order]
    passages += [np.log1p(stayed)[None], share, share * total]
    passages += [share * beams, share * (beam - beams)]
    passages += [one_sided * total, one_sided * total * most / 10.0, one_sided * (1.0 - step)]
    passages += [one_sided * their_passage[_BOTH : _BOTH + 1], one_sided * rivalry / 10.0]
    return np.concatenate(orders).T, np.concatenate(passages).T


def softmax(logits: Floats) -> Floats:
    """Probabilities of log-odds, row by row."""
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def from_json(data: dict[str, Any]) -> PassageModel:
    """The model that a file holds; ValueError if it was learnt for other features."""
    if list(data["order_features"]) != list(ORDER_FEATURES):
        raise ValueError("the weights were learnt for other order features")
    if list(data["passage_features"]) != list(PASSAGE_FEATURES):
        raise ValueError("the weights were learnt for other passage features")
    rounds = tuple(tuple(_round(data[name][kind]) for kind in KINDS) for name in ROUNDS)
    return PassageModel(rounds, np.array(data["confidence"]))


def _round(data: dict[str, Any]) -> Round:
    return Round(np.array(data["order"]), np.array(data["passage"]), float(data["bias"]))


def to_json(model: PassageModel, **about: Any) -> dict[str, Any]:
    """The weights as a file holds them, with what is known about them."""
    weights = {
        name: {kind: _weights(one) for kind, one in zip(KINDS, kinds, strict=True)}
        for name, kinds in zip(ROUNDS, model.rounds, strict=True)
    }
    return {
        **about,
        "order_features": list(ORDER_FEATURES),
        "passage_features": list(PASSAGE_FEATURES),
        "confidence": np.round(model.confidence, 4).tolist(),
        **weights,
    }


def _weights(one: Round) -> dict[str, Any]:
    return {
        "order": [round(float(w), 4) for w in one.order],
        "passage": [round(float(w), 4) for w in one.passage],
        "bias": round(one.bias, 4),
    }


@cache
def shipped() -> PassageModel:
    """The weights that come with the program."""
    text = files("gateway.location").joinpath("passage_model.json").read_bytes()
    return from_json(orjson.loads(text))
