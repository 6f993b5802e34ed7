"""Fit: a tree of text into a model, telling every misfit and going on with what fits.

Going on is what lets the checks between files run in the same breath as the checks inside them:
a zone with a misspelt key is still a zone that doors may name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.settings.messages import label, sentence
from gateway.settings.node import Node, Place, Step
from gateway.settings.report import Report
from gateway.settings.section import Section

S = TypeVar("S", bound=Section)
_Path = tuple[Step, ...]


def fit(node: Node, model: type[S], report: Report) -> tuple[S, Node] | None:
    """The node as a `model`, with the tree that it was made of; None when nothing usable is left.

    What does not fit is reported and left out: a key from its mapping, an item from its list, and
    what cannot do without it as well. The tree that is returned has the model's very shape.
    """
    lacking: set[Place] = set()  # mappings and lists that something was left out of
    while True:
        try:
            return model.model_validate(node.plain()), node
        except ValidationError as error:
            unfit = []
            for details in error.errors(include_url=False):
                path, holders = _tell(details, node, model, lacking, report)
                unfit.append((path, holders))
        if any(path == () for path, _ in unfit):
            return None
        for _, holders in unfit:
            lacking |= holders
        node = _without(node, [path for path, _ in unfit])


def _tell(
    details: ErrorDetails, root: Node, model: type[Section], lacking: set[Place], report: Report
) -> tuple[_Path, set[Place]]:
    """Report one misfit, unless it only complains of what was left out; its path and holders."""
    trail = root.follow(details["loc"])
    path = tuple(step for step, _ in trail if step is not None)
    at = trail[-1][1]
    missing = details["type"] == "missing"
    if at.place not in lacking:
        place = at.key if details["type"] == "extra_forbidden" and at.key else at.place
        where = (*path, details["loc"][-1]) if missing else path
        report.problem(place, sentence(details, label(where), model))
    return path, {holder.place for _, holder in trail[:-1]}


def _without(node: Node, paths: Sequence[_Path]) -> Node:
    """A copy of the tree that lacks what stands at `paths`."""
    gone = {path[0] for path in paths if len(path) == 1}
    deeper: dict[Step, list[_Path]] = {}
    for path in paths:
        deeper.setdefault(path[0], []).append(path[1:])

    def kept(step: Step, child: Node) -> Node:
        return _without(child, deeper[step]) if step in deeper else child

    if isinstance(node.value, dict):
        mapping = {k: kept(k, child) for k, child in node.value.items() if k not in gone}
        return Node(mapping, node.place, node.key)
    if isinstance(node.value, list):
        items = [kept(n, child) for n, child in enumerate(node.value) if n not in gone]
        return Node(items, node.place, node.key)
    return node
