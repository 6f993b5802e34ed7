"""Origins: every setting in force, and where its value comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.settings.node import Node
from gateway.settings.schema import Settings
from gateway.settings.section import SecretRef

_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its dotted name, its value as JSON has it, and the place that set it.

    A secret's value is the reference to it, which is all that settings ever hold of a secret.
    """

    name: str
    value: Any
    origin: str  # file:line:column, the name of an environment variable, or `default`


def settings_in_force(settings: Settings, tree: Node) -> list[Setting]:
    """Every setting in the order of gateway.yaml; blocks that are absent are left out."""
    return list(_settings(settings, settings.model_dump(mode="json"), tree, ()))


def _settings(model: Any, dumped: Any, tree: Node, path: tuple[str, ...]) -> Iterator[Setting]:
    if isinstance(dumped, dict) and not isinstance(model, SecretRef):
        inside = [
            setting
            for key, value in dumped.items()
            for setting in _settings(getattr(model, key), value, tree, (*path, key))
        ]
        origin = _origin(tree, path)
        yield from inside or ([Setting(".".join(path), {}, origin)] if origin != _DEFAULT else [])
    elif dumped is not None:
        yield Setting(".".join(path), _given(dumped), _origin(tree, path))


def _given(value: Any) -> Any:
    """The value without the keys that say nothing."""
    if isinstance(value, dict):
        return {key: _given(inner) for key, inner in value.items() if inner is not None}
    return [_given(inner) for inner in value] if isinstance(value, list) else value


def _origin(tree: Node, path: tuple[str, ...]) -> str:
    node = tree
    for step in path:
        below = node.child(step)
        if below is None:
            return _DEFAULT
        node = below
    return str(node.key or node.place)
