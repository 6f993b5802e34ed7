"""Settings from the environment: `RFID_GATEWAY_MQTT__HOST` is `mqtt.host`.

A variable with `__` between levels must be a setting. One without may also belong to somebody else
(Kubernetes sets `RFID_GATEWAY_PORT` beside a service of that name), so it is refused only when it
nearly is a setting, and passed over otherwise.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

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


def read_environment(environ: Mapping[str, str], report: Report) -> Node:
    """What the environment sets, as a tree whose places are the names of the variables."""
    ours = {name.upper(): name for name in environ if name.upper().startswith(PREFIX)}
    _check_names(ours, report)
    source = EnvSettingsSource(_Names)
    source.env_vars = {upper.lower(): environ[name] for upper, name in ours.items()}
    root = Node({}, Place("environment"))
    try:
        values = source()
    except SourceError as error:
        report.problem(Place("environment"), f"{error}: expected JSON")
        return root
    return _tree(values, (), root.place, ours)


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


def _tree(value: Any, path: tuple[str, ...], above: Place, ours: Mapping[str, str]) -> Node:
    variable = PREFIX + LEVEL.join(path).upper()
    place = Place(ours[variable]) if variable in ours else above
    if isinstance(value, dict):
        children = {k: _tree(v, (*path, k), place, ours) for k, v in value.items()}
        for child in children.values():
            child.key = child.place
        return Node(children, place)
    if isinstance(value, list):
        return Node([_tree(v, path, place, ours) for v in value], place)
    if value is None:
        return Node(None, place)
    text = (
        value
        if isinstance(value, str)
        else str(value).lower()
        if value in (True, False)
        else str(value)
    )
    if model_at(Settings, path) is SecretRef:
        # The variable itself is the reference: its text is never carried any further.
        return Node({"env": Node(place.source, place, place)}, place)
    return Node(text, place)
