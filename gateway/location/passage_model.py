"""The passage classifier: features → probabilities of out, in and no passage, in two rounds.

Both rounds are logistic, so that their terms are the explanation. The first looks at each tag
alone; the second lets the tags that crossed at the same door and time vote, which is the strongest
evidence there is: tags travel in groups. Out and in share their weights, mirrored. There is one
pair of rounds for cases that are fresh and one for those that have come to rest. The weights are
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
#: From this long after its last peak a case has come to rest, in seconds.
REST_S = 1.5


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
class Rounds:
    """Both rounds for cases of one age."""

    alone: Round
    together: Round


@dataclass(frozen=True, slots=True)
class PassageModel:
    """Rounds for fresh cases and for those `REST_S` old; `temperature` tempers how sure it is."""

    fresh: Rounds
    rested: Rounds
    temperature: float = 1.0

    def alone_chances(self, features: Features) -> Floats:
        """(n, 3) probabilities by the tag alone."""
        inputs = alone_inputs(features.order, features.passage)
        return softmax(self._by_age(features, *(r.alone.logits(*inputs) for r in self._ages)))

    def chances(self, features: Features, votes: Floats) -> Floats:
        """(n, 3) probabilities with the votes (n, 2) of the tags alongside for out and in."""
        inputs = together_inputs(features.order, features.passage, votes)
        logits = self._by_age(features, *(r.together.logits(*inputs) for r in self._ages))
        return softmax(logits / self.temperature)

    def reasons(self, features: Features, votes: Floats, row: int, *, outward: bool) -> list[Any]:
        """`[words, weight]` of what spoke most for the decision, strongest first.

        The weight of a feature is what the log-odds would lose without it.
        """
        used = (self.rested if features.since_peak_s[row] >= REST_S else self.fresh).together
        orders, passages = len(ORDER_FEATURES), len(PASSAGE_FEATURES)
        # Row 0 is the case itself; in every other row one thing is as if it had not been.
        cases = 2 + orders + passages
        order = np.repeat(features.order[[row]], cases, axis=0)
        passage = np.repeat(features.passage[[row]], cases, axis=0)
        vote = np.repeat(votes[[row]], cases, axis=0)
        vote[1] = 0.0
        order[2 + np.arange(orders), np.arange(orders)] = 0.0
        passage[2 + orders + np.arange(passages), np.arange(passages)] = _AT_REST
        logits = used.logits(*together_inputs(order, passage, vote))
        way = OUT if outward else IN
        odds = logits[:, way] - np.logaddexp(logits[:, 1 - way], logits[:, NONE])
        mine, other = votes[row, way], votes[row, 1 - way]
        likewise = "likewise" if mine >= other else "the other way"
        alongside = f"{max(mine, other):.0f} tags beside it moved {likewise}"
        words = [alongside, *ORDER_FEATURES.values(), *PASSAGE_FEATURES.values()]
        terms = sorted(zip(words, odds[0] - odds[1:], strict=True), key=lambda term: -abs(term[1]))
        return [[text, round(float(weight), 2)] for text, weight in terms[:6] if abs(weight) > 0.05]

    @property
    def _ages(self) -> tuple[Rounds, Rounds]:
        return self.fresh, self.rested

    def _by_age(self, features: Features, fresh: Floats, rested: Floats) -> Floats:
        return np.where((features.since_peak_s >= REST_S)[:, None], rested, fresh)


_PASSAGE = {name: n for n, name in enumerate(PASSAGE_FEATURES)}
_CERTAIN = ("travel", "crossed", "still", "burst", "order_s")


def alone_inputs(order: Floats, passage: Floats) -> tuple[Floats, Floats]:
    """Inputs of the first round: the features, and how they go together with prominence."""
    most = passage[:, [_PASSAGE["most_prominent_db"]]] / 10.0
    least = passage[:, [_PASSAGE["least_prominent_db"]]] / 10.0
    together = passage[:, [_PASSAGE[name] for name in _CERTAIN]]
    return np.hstack([order, order * least]), np.hstack([passage, together * most])


def together_inputs(order: Floats, passage: Floats, votes: Floats) -> tuple[Floats, Floats]:
    """Inputs of the second round: those of the first, the votes, and both together."""
    total = np.log1p(votes.sum(axis=1))[:, None]
    way = (np.log1p(votes[:, 0]) - np.log1p(votes[:, 1]))[:, None]
    first_order, first_passage = alone_inputs(order, passage)
    still = passage[:, [_PASSAGE["still"]]]
    return (
        np.hstack([first_order, way, way * still]),
        np.hstack([first_passage, total, total * passage / 3.0]),
    )


def softmax(logits: Floats) -> Floats:
    """Probabilities of log-odds, row by row."""
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


#: What the passage features are when nothing happens; reasons are told against it.
_AT_REST = np.array([4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.8, 0.0, 0.3, 0.0, 0.0, 0.0])


def from_json(data: dict[str, Any]) -> PassageModel:
    """The model of a weights file; ValueError when it was learnt for other features."""
    if list(data["order_features"]) != list(ORDER_FEATURES):
        raise ValueError("the weights were learnt for other order features")
    if list(data["passage_features"]) != list(PASSAGE_FEATURES):
        raise ValueError("the weights were learnt for other passage features")
    fresh, rested = (
        Rounds(*(_round(data[age][name]) for name in ("alone", "together")))
        for age in ("fresh", "rested")
    )
    return PassageModel(fresh, rested, float(data.get("temperature", 1.0)))


def _round(data: dict[str, Any]) -> Round:
    return Round(np.array(data["order"]), np.array(data["passage"]), float(data["bias"]))


def to_json(model: PassageModel, **about: Any) -> dict[str, Any]:
    """The weights as a file holds them, with what is known about them."""

    def weights(one: Round) -> dict[str, Any]:
        return {
            "order": [round(float(w), 4) for w in one.order],
            "passage": [round(float(w), 4) for w in one.passage],
            "bias": round(one.bias, 4),
        }

    def ages(rounds: Rounds) -> dict[str, Any]:
        return {"alone": weights(rounds.alone), "together": weights(rounds.together)}

    return {
        **about,
        "order_features": list(ORDER_FEATURES),
        "passage_features": list(PASSAGE_FEATURES),
        "fresh": ages(model.fresh),
        "rested": ages(model.rested),
        "temperature": round(model.temperature, 3),
    }


@cache
def shipped() -> PassageModel:
    """The weights that come with the program."""
    text = files("gateway.location").joinpath("passage_model.json").read_bytes()
    return from_json(orjson.loads(text))
