"""Scenarios: the numbers of a simulated warehouse, from the files beside this one or from others.

A scenario says nothing of a site, unless it brings one along: the same traffic can run in any
warehouse. Everything that is random in a world is drawn from these numbers and the world's seed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from gateway.settings.document import parse_document
from gateway.settings.report import Report
from gateway.simulation.scenario_check import ScenarioError, changed, did_you_mean
from gateway.simulation.scenario_parts import (
    Faults,
    Premises,
    RadioModel,
    Reports,
    Stock,
    TrafficModel,
)

#: What a scenario that says nothing else is like.
USUAL = "steady"
#: The scenario of all defaults.
REFERENCE = "reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All numbers of one simulated warehouse."""

    name: str
    site: Premises = field(default_factory=Premises)
    radio: RadioModel = field(default_factory=RadioModel)
    stock: Stock = field(default_factory=Stock)
    traffic: TrafficModel = field(default_factory=TrafficModel)
    reports: Reports = field(default_factory=Reports)
    faults: Faults = field(default_factory=Faults)


PARTS = tuple(f.name for f in dataclasses.fields(Scenario) if f.name != "name")


def names() -> list[str]:
    """The built-in scenarios."""
    files = (resources.files("gateway.simulation") / "scenarios").iterdir()
    return sorted(f.name.removesuffix(".yaml") for f in files if f.name.endswith(".yaml"))


@cache
def named(name: str) -> Scenario:
    """The built-in scenario of that name."""
    if name not in names():
        raise ScenarioError(
            f"there is no built-in scenario '{name}'{did_you_mean(name, names())}; "
            f"expected {', '.join(names())}, or the path of a scenario file"
        )
    file = resources.files("gateway.simulation") / "scenarios" / f"{name}.yaml"
    report = Report()
    node = parse_document(file.read_text(encoding="utf-8"), file.name, report)
    report.raise_problems()
    assert node is not None
    if name == REFERENCE:
        return _changed(Scenario(name=name), node.plain())
    return from_mapping(node.plain(), name=name)


def from_mapping(mapping: Mapping[str, Any], *, name: str) -> Scenario:
    """A scenario described as nested mappings: what is absent is as in `like` (default: steady).

    `{"like": "demo", "radio": {"k_factor_db": 1.0}, "stock": {"dead_tags": 0.02}}`
    """
    described = dict(mapping)
    base = named(str(described.pop("like", USUAL)))
    return _changed(dataclasses.replace(base, name=name), described)


def _changed(base: Scenario, described: Mapping[str, Any]) -> Scenario:
    parts: dict[str, Any] = {}
    for key, value in described.items():
        if key not in PARTS:
            raise ScenarioError(f"{base.name}: unknown key '{key}'{did_you_mean(key, PARTS)}")
        if not isinstance(value, Mapping):
            raise ScenarioError(f"{base.name}: {key}: expected keys and values, found {value!r}")
        parts[key] = changed(getattr(base, key), value, where=f"{base.name}: {key}")
    return dataclasses.replace(base, **parts)
