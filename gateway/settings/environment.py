"""Settings from the environment: `RFID_GATEWAY_MQTT__HOST` is `mqtt.host`.

A variable with `__` between levels must be a setting. One without may also belong to somebody else
(Kubernetes sets `RFID_GATEWAY_PORT` beside a service of that name), so it is refused only when it
nearly is a setting, and passed over otherwise. An empty variable is as good as none. A block or a
list may be given whole, as YAML or JSON. A secret may be given as it is: the setting then refers to
the variable, and its text goes no further.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from gateway.settings.document import parse_value
from gateway.settings.messages import model_at
from gateway.settings.node import Node, Place
from gateway.settings.report import Report, quoted, suggestion
from gateway.settings.schema import Settings
from gateway.settings.section import SecretRef

PREFIX = "RFID_GATEWAY_"
LEVEL = "__"


class _Names(BaseSettings, Settings):
    """The settings as pydantic-settings looks for them in the environment."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter=LEVEL)


class _Source(EnvSettingsSource):
    """Reads whole blocks as strictly as files are read."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ARG002
        """The block in dicts, lists and texts; what cannot be read, the model refuses."""
        node = parse_value(value, field_name, Report()) if isinstance(value, str) else None
        return node.plain() if node else value


def read_environment(environ: Mapping[str, str], report: Report) -> Node:
    """What the environment sets, as a tree whose places are the names of the variables."""
    ours = {name.upper(): name for name in environ if name.upper().startswith(PREFIX)}
    _check_names(ours, report)
    given = {upper: name for upper, name in ours.items() if environ[name]}
    secrets = {upper for upper in given if model_at(Settings, _path(upper)) is SecretRef}
    source = _Source(_Names)
    source.env_vars = {u.lower(): environ[n] for u, n in given.items() if u not in secrets}
    values = source()
    for upper in secrets:
        _set(values, _path(upper), {"env": given[upper]})
    return _tree(values, (), given)


def _path(upper: str) -> tuple[str, ...]:
    return tuple(upper.removeprefix(PREFIX).lower().split(LEVEL))


def _set(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *above, last = path
    for step in above:
        below = values.setdefault(step, {})
        if not isinstance(below, dict):
            return  # the model refuses what stands in the way
        values = below
    values[last] = value


def _check_names(ours: Mapping[str, str], report: Report) -> None:
    known = [key.upper() for key in Settings.model_fields]
    for upper, name in ours.items():
        rest = upper.removeprefix(PREFIX)
        first = rest.split(LEVEL)[0]
        if first in known:
            continue
        near = difflib.get_close_matches(first, known, n=1, cutoff=0.8)
        if LEVEL in rest or near:
            hint = suggestion(first, known).replace("did you mean '", f"did you mean '{PREFIX}")
            report.problem(Place(name), f"there is no setting {quoted(first.lower())}{hint}")


def _tree(value: Any, path: tuple[str, ...], given: Mapping[str, str], above: str = "") -> Node:
    """Values with the variable that set them, for a block that of its first key."""
    source = given.get(PREFIX + LEVEL.join(path).upper(), above)
    if isinstance(value, dict):
        children = {key: _tree(v, (*path, key), given, source) for key, v in value.items()}
        for child in children.values():
            child.key = child.place
        first = next((child.place for child in children.values()), Place("environment"))
        return Node(children, Place(source) if source else first)
    if isinstance(value, list):
        return Node([_tree(v, path, given, source) for v in value], Place(source))
    return Node(value, Place(source))
