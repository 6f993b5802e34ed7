"""Nodes: what a person wrote, as text, each value with the place where it stands.

Scalars are kept as text; the models decide what is a number. A value that is written without
quotes and means "nothing" in YAML (`~`, `null`, nothing at all) is None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Step = str | int


class Place(NamedTuple):
    """Where something is written. Line 0: the source has no lines (an environment variable)."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


@dataclass(slots=True)
class Node:
    """A mapping, a list, a text or nothing, and its place; `key` is where its key stands.

    `lacks` tells that something in it was left out, because it did not fit.
    """

    value: dict[str, Node] | list[Node] | str | None
    place: Place
    key: Place | None = None
    lacks: bool = False

    def plain(self) -> Any:
        """The same as dicts, lists, texts and None, without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def child(self, step: Step) -> Node | None:
        """The value of a key or the item of a list; None when there is no such thing."""
        if isinstance(self.value, dict) and isinstance(step, str):
            return self.value.get(step)
        if isinstance(self.value, list) and isinstance(step, int) and step < len(self.value):
            return self.value[step]
        return None

    def ids(self, key: str) -> dict[str, None]:
        """The ids in the list at `key`, in its order, of those entries as well that do not fit."""
        entries = self.child(key)
        if entries is None or not isinstance(entries.value, list):
            return {}
        found = [entry.child("id") for entry in entries.value]
        return {node.value: None for node in found if node and isinstance(node.value, str)}

    def at(self, *steps: Step) -> Node:
        """The node at the end of `steps`, or the deepest one on the way that exists."""
        return self.follow(steps)[-1][1]

    def follow(self, steps: Sequence[Step]) -> list[tuple[Step | None, Node]]:
        """The nodes along `steps`, from this one to the deepest that exists, each with its step.

        A step that leads nowhere is passed over when a later one leads on: the locations of
        pydantic name the member of a union, which is nothing that a person wrote.
        """
        trail: list[tuple[Step | None, Node]] = [(None, self)]
        for step in steps:
            found = trail[-1][1].child(step)
            if found is not None:
                trail.append((step, found))
        return trail


def named_by_its_file(root: Node, stem: str) -> None:
    """Give a device without an `id` the name of its file, so that it is checked like any other."""
    given = root.child("id")
    if isinstance(root.value, dict) and (given is None or given.value is None):
        root.value["id"] = Node(stem, root.place)


def merged(
    base: Node, over: Node, whole: Callable[[tuple[str, ...]], bool], path: tuple[str, ...] = ()
) -> Node:
    """`over` laid on `base`: mappings are merged key by key, everything else is replaced.

    So is a mapping at a path that is `whole`, one value that happens to be written as a mapping.
    """
    if not isinstance(base.value, dict) or not isinstance(over.value, dict) or whole(path):
        return over
    value = dict(base.value)
    for key, node in over.value.items():
        value[key] = merged(value[key], node, whole, (*path, key)) if key in value else node
    return Node(value, base.place, over.key or base.key)
