"""The passage classifier: features → probabilities of out, in and no passage, in two rounds.

Both rounds are logistic, so that their terms are the explanation. The first looks at each tag
alone; the second lets the tags that crossed at the same door and time vote, which is the strongest
evidence there is: tags travel in groups. Out and in share their weights, mirrored. The weights are
data (`passage_model.json`), learnt by `gateway/bench/training.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import orjson

from gateway.location.passage_features import (
    ORDER_FEATURES,
    PASSAGE_FEATURES,
    Features,
    Floats,
)

OUT, IN, NONE = 0, 1, 2


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
    """Both rounds. `temperature` divides the last log-odds: how sure it may be."""

    alone: Round
    together: Round
    temperature: float = 1.0

    def alone_chances(self, features: Features) -> Floats:
        """(n, 3) probabilities by the tag alone."""
        return softmax(self.alone.logits(features.order, features.passage))

    def chances(self, features: Features, votes: Floats) -> Floats:
        """(n, 3) probabilities with the votes (n, 2) of the tags alongside for out and in."""
        first = self.alone.logits(features.order, features.passage)
        order, passage = together_inputs(first, votes)
        return softmax(self.together.logits(order, passage) / self.temperature)

    def reasons(self, features: Features, votes: Floats, row: int, outward: bool) -> list[Any]:
        """`[words, weight]` of what spoke most for the decision, strongest first."""
        sign = 1.0 if outward else -1.0
        scale_order = float(self.together.order[0])
        scale_passage = float(self.together.passage[0])
        terms: list[tuple[str, float]] = []
        for n, words in enumerate(ORDER_FEATURES.values()):
            terms.append((words, sign * scale_order * self.alone.order[n] * features.order[row, n]))
        for n, words in enumerate(PASSAGE_FEATURES.values()):
            value = features.passage[row, n] - _MIDDLE[n]
            terms.append((words, scale_passage * self.alone.passage[n] * value))
        mine, other = (votes[row, 0], votes[row, 1])[:: 1 if outward else -1]
        vote = self.together.order[1] * (np.log1p(mine) - np.log1p(other))
        vote += self.together.passage[1] * np.log1p(mine + other)
        terms.append((f"{mine:.0f} tags beside it moved likewise", float(vote)))
        terms.sort(key=lambda term: -abs(term[1]))
        return [
            [words, round(float(weight), 2)] for words, weight in terms[:6] if abs(weight) > 0.05
        ]


def together_inputs(first: Floats, votes: Floats) -> tuple[Floats, Floats]:
    """Inputs of the second round from the first one's log-odds and the votes."""
    way = first[:, OUT]
    passed = np.abs(way) - first[:, NONE]
    totals = np.log1p(votes.sum(axis=1))
    order = np.stack([way, np.log1p(votes[:, 0]) - np.log1p(votes[:, 1])], axis=1)
    return order, np.stack([-first[:, NONE], totals, np.minimum(passed, 0.0)], axis=1)


def softmax(logits: Floats) -> Floats:
    """Probabilities of log-odds, row by row."""
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


#: What a passage feature is when nothing happens; reasons are told against it.
_MIDDLE = np.array([6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 2.0, 0.0, 0.0, 0.0])


def from_json(data: dict[str, Any]) -> PassageModel:
    """The model of a weights file; ValueError when it was learnt for other features."""
    if list(data["order_features"]) != list(ORDER_FEATURES):
        raise ValueError("the weights were learnt for other order features")
    if list(data["passage_features"]) != list(PASSAGE_FEATURES):
        raise ValueError("the weights were learnt for other passage features")
    rounds = [
        Round(np.array(r["order"]), np.array(r["passage"]), float(r["bias"]))
        for r in (data["alone"], data["together"])
    ]
    return PassageModel(rounds[0], rounds[1], float(data.get("temperature", 1.0)))


def to_json(model: PassageModel, **about: Any) -> dict[str, Any]:
    """The weights as a file holds them, with what is known about them."""

    def weights(one: Round) -> dict[str, Any]:
        return {
            "order": [round(float(w), 4) for w in one.order],
            "passage": [round(float(w), 4) for w in one.passage],
            "bias": round(one.bias, 4),
        }

    return {
        **about,
        "order_features": list(ORDER_FEATURES),
        "passage_features": list(PASSAGE_FEATURES),
        "alone": weights(model.alone),
        "together": weights(model.together),
        "temperature": round(model.temperature, 3),
    }


@cache
def shipped() -> PassageModel:
    """The weights that come with the program."""
    text = files("gateway.location").joinpath("passage_model.json").read_bytes()
    return from_json(orjson.loads(text))
