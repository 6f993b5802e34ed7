"""Fit: a tree of text into a model, telling every misfit and going on with what fits.

Going on is what lets the checks between files run in the same breath as the checks inside them:
a zone with a misspelt key is still a zone that doors may name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.settings.messages import label, meant, sentence
from gateway.settings.node import Node, Step
from gateway.settings.report import MAX_PROBLEMS, Report
from gateway.settings.section import Section

S = TypeVar("S", bound=Section)
_Path = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class _Misfit:
    """One of pydantic's errors and the node that it is about: the holder of what is missing."""

    details: ErrorDetails
    path: _Path
    node: Node

    @property
    def kind(self) -> str:
        return self.details["type"]

    @property
    def key(self) -> str:
        """The key that is missing or unknown."""
        return str(self.details["loc"][-1])


def fit(node: Node, model: type[S], report: Report) -> tuple[S, Node] | None:
    """The node as a `model`, with the tree that it was made of; None when nothing usable is left.

    What does not fit is reported and left out: a key from its mapping, an item from its list, and
    what cannot do without it as well. The tree that is returned has the model's very shape.
    """
    while True:
        try:
            return model.model_validate(node.plain()), node
        except ValidationError as error:
            misfits = [_misfit(details, node) for details in error.errors(include_url=False)]
        _tell(misfits, model, report)
        if any(misfit.path == () for misfit in misfits):
            return None
        node = _without(node, [misfit.path for misfit in misfits])


def _misfit(details: ErrorDetails, root: Node) -> _Misfit:
    loc = details["loc"][:-1] if details["type"] == "missing" else details["loc"]
    trail = root.follow(loc)
    if details["type"].startswith("union_tag") and (kind := trail[-1][1].child("kind")):
        trail.append(("kind", kind))
    path = tuple(step for step, _ in trail if step is not None)
    return _Misfit(details, path, trail[-1][1])


def _tell(misfits: Sequence[_Misfit], model: type[Section], report: Report) -> None:
    """Report the misfits but those that only follow from others, or from what those left out."""
    deeper = {m.path[:depth] for m in misfits for depth in range(len(m.path))}
    misspelt = {
        (m.path[:-1], meant(m.details, model))
        for m in misfits[:MAX_PROBLEMS]
        if m.kind == "extra_forbidden"
    }
    for misfit in misfits:
        missing = misfit.kind == "missing"
        follows = (misfit.path, misfit.key) in misspelt if missing else misfit.path in deeper
        if follows or misfit.node.lacks:
            continue
        if report.full:
            return
        unknown_key = misfit.kind == "extra_forbidden"
        place = misfit.node.key if unknown_key and misfit.node.key else misfit.node.place
        where = label(misfit.path[:-1] if unknown_key else misfit.path)
        report.problem(place, sentence(misfit.details, where, model))


def _without(node: Node, paths: Sequence[_Path]) -> Node:
    """A copy of the tree that lacks what stands at `paths`, and knows it."""
    gone = {path[0] for path in paths if len(path) == 1}
    deeper: dict[Step, list[_Path]] = {}
    for path in paths:
        deeper.setdefault(path[0], []).append(path[1:])

    def kept(step: Step, child: Node) -> Node:
        return _without(child, deeper[step]) if step in deeper else child

    value = node.value
    if isinstance(value, dict):
        value = {k: kept(k, child) for k, child in value.items() if k not in gone}
    elif isinstance(value, list):
        value = [kept(n, child) for n, child in enumerate(value) if n not in gone]
    return Node(value, node.place, node.key, lacks=True)
