"""The passage classifier: features → probabilities of out, in and no passage, in three rounds.

All rounds are logistic, so that their terms are the explanation. The first looks at each tag alone;
in the second the tags that crossed at the same door and time vote, which is the strongest evidence
there is: tags travel in groups; in the third they vote again, knowing better. Out and in share
their weights, mirrored. Cases that are fresh, cases that have come to rest, and those at doors that
are watched from one side only have weights of their own. The weights are data
(`passage_model.json`), learnt by `gateway/bench/training.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import orjson

from gateway.location.company import MOST_APART_S, Company
from gateway.location.passage_features import (
    ORDER_FEATURES,
    PASSAGE_FEATURES,
    Features,
    Floats,
)

OUT, IN, NONE = 0, 1, 2
#: From this long after its last peak a case has come to rest, in seconds.
REST_S = 1.5
#: Kinds of cases, each with weights of its own.
KINDS = ("fresh", "rested", "half")
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
class PassageModel:
    """`rounds[round][kind]`; `confidence` is how often each probability was right, (2, points)."""

    rounds: tuple[tuple[Round, ...], ...]
    confidence: Floats

    def alone(self, features: Features) -> Floats:
        """(n, 3) probabilities by the tag alone."""
        return self._chances(0, features, alone_inputs(features.order, features.passage))

    def together(self, number: int, features: Features, company: Company) -> Floats:
        """(n, 3) probabilities in round `number`, from 1, with what the others do."""
        inputs = together_inputs(features.order, features.passage, company)
        return self._chances(number, features, inputs)

    def decide(
        self, features: Features, company_by: Callable[[Floats], Company]
    ) -> tuple[Floats, Floats, Company]:
        """Probabilities by each tag alone and in the end, and the company that counted."""
        first = chances = self.alone(features)
        company = company_by(chances)
        for number in range(1, len(self.rounds)):
            if number > 1:
                company = company_by(chances)
            chances = self.together(number, features, company)
        return first, chances, company

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

    def _chances(self, number: int, features: Features, inputs: tuple[Floats, Floats]) -> Floats:
        return softmax(self._logits(number, _kinds(features), inputs))

    def _logits(self, number: int, kinds: Floats, inputs: tuple[Floats, Floats]) -> Floats:
        # All kinds for all rows: picking the rows of each kind would cost more.
        rounds, rows = self.rounds[number], np.arange(len(kinds))
        ways = inputs[0] @ np.stack([one.order for one in rounds], axis=1)
        stays = inputs[1] @ np.stack([one.passage for one in rounds], axis=1)
        way = ways[rows, kinds]
        none = -stays[rows, kinds] - np.array([one.bias for one in rounds])[kinds]
        return np.stack([way, -way, none], axis=1)


def _kinds(features: Features) -> Floats:
    return np.where(features.half, 2, features.since_peak_s >= REST_S)


def kinds_of(since_peak_s: Floats, half: Floats) -> Floats:
    """The number of each case's kind."""
    return np.where(half, 2, since_peak_s >= REST_S)


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
_CERTAIN = (
    "travel", "crossed", "still", "burst", "order_s", "balance", "rivalry_db", "usual",
    "fell", "left", "lingers",
)  # fmt: skip


def alone_inputs(order: Floats, passage: Floats) -> tuple[Floats, Floats]:
    """Inputs of the first round: the features, and how they go together with prominence."""
    most = passage[:, [_PASSAGE["most_prominent_db"]]] / 10.0
    least = passage[:, [_PASSAGE["least_prominent_db"]]] / 10.0
    some = np.minimum(np.hstack([most, least]), 0.8)
    together = passage[:, [_PASSAGE[name] for name in _CERTAIN]]
    return np.hstack([order, order * least]), np.hstack([passage, some, together * most])


def together_inputs(order: Floats, passage: Floats, company: Company) -> tuple[Floats, Floats]:
    """Inputs of the later rounds: those of the first, the company, and both together."""
    votes = company.votes
    moved = votes.sum(axis=1)
    total = np.log1p(moved)[:, None]
    elsewhere = np.log1p(company.elsewhere)[:, None]
    way = (np.log1p(votes[:, 0]) - np.log1p(votes[:, 1]))[:, None]
    step = 1.0 - company.apart_s[:, None] / MOST_APART_S
    share = (moved / (moved + company.stayed + 1.0))[:, None]
    first_order, first_passage = alone_inputs(order, passage)
    most, rivalry, still, both, beams, beam = (
        passage[:, [_PASSAGE[name]]]
        for name in ("most_prominent_db", "rivalry_db", "still", "both", "beams", "one_beam")
    )
    # A tag that was heard on one side only can but do as the others do.
    one_sided = 1.0 - both
    orders = [first_order, way, way * still, way * step, way * share]
    orders += [company.order, company.order * one_sided]
    passages = [first_passage, total, total * step, total * passage / 3.0]
    passages += [elsewhere, elsewhere * rivalry / 10.0, np.maximum(elsewhere - total, 0.0)]
    passages += [company.passage, np.abs(company.order), company.order * order]
    passages += [np.log1p(company.stayed)[:, None], share, share * total]
    passages += [share * beams, share * (beam - beams)]
    passages += [one_sided * total, one_sided * total * most / 10.0, one_sided * (1.0 - step)]
    passages += [one_sided * company.passage[:, [_PASSAGE["both"]]], one_sided * rivalry / 10.0]
    return np.hstack(orders), np.hstack(passages)


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
