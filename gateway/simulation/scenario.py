"""Scenarios: the numbers of a simulated warehouse. Two are built in; the rest are mappings.

A scenario says nothing of a site: the same traffic can run in any warehouse. Everything that is
random in a world is drawn from these numbers and the world's seed.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import GatewayError

Range = tuple[float, float]
BANDS = ("fcc", "etsi")


class ScenarioError(GatewayError):
    """A scenario that cannot be simulated as it is described."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioModel:
    """How power travels and how readers ask: links, antennas, fading, inventory."""

    band: str = "fcc"  # fcc: 50 channels, hop every 0.2-0.4 s; etsi: 4 channels, hop every 4 s
    tx_power_dbm: float = 30.0  # where the site gives an antenna none
    antenna_gain_dbi: float = 6.0
    antenna_beamwidth_deg: float = 65.0
    front_to_back_db: float = 19.0
    path_loss_exponent: float = 1.9
    aisle_exponent: float = 2.3
    polarisation_loss_db: float = 3.0
    tag_gain_dbi: float = 2.0
    tag_loss_sd_db: float = 3.0  # mounting losses |N(0, sd)|
    tag_sensitivity_dbm: Range = (-19.0, 1.2)  # mean and standard deviation
    modulation_loss_db: Range = (5.0, 8.0)
    wall_loss_db: float = 9.0
    k_factor_db: float = 5.0  # Rician: line of sight against scatter, at doors
    aisle_k_factor_db: float = 1.5
    reverse_correlation: float = 0.8  # of the fading on the way back with that on the way out
    people_amplitude: float = 0.12  # scatter that changes with time: people and trucks moving
    rssi_noise_db: float = 0.6
    rssi_step_db: float = 0.5
    rssi_floor_dbm: float = -84.0
    phase_noise_rad: float = 0.13
    dwell_ms: Range = (50.0, 120.0)  # on one antenna before the reader goes to the next
    inventory_per_s: float = 220.0  # singulations a second with many tags in the field
    round_overhead_ms: float = 15.0
    session: int = 0  # 0; 1 with `single_target`: a tag keeps silent for a while once read
    single_target: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """How many pallets there are, with what on them. The numbers of pallets never change."""

    staged_per_door: int = 3
    parked_beside_doors: int = 1  # pallets that stand just beside a door for ever
    pallets_in_yard: int = 4
    bins_filled: float = 0.4
    pallets_in_bins: int = 8  # at most
    tags_per_pallet: tuple[int, int] = (8, 30)
    dead_tags: float = 0.01
    products: Mapping[str, float] = field(  # share of each kind of goods
        default_factory=lambda: {"dry": 0.5, "mixed": 0.35, "liquid": 0.15}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Who moves when. Times in seconds."""

    door_job_every_s: Range = (6.0, 10.0)
    put_away_every_s: Range = (12.0, 20.0)
    first_job_s: float = 0.3
    first_put_away_s: float = 5.0
    speed_m_per_s: Range = (0.8, 2.0)
    plate_speed_m_per_s: Range = (0.6, 1.1)  # over the dock plate, in the door
    turn_back: float = 0.1  # share of jobs that approach a door and turn back
    return_empty: float = 0.35  # after a pallet out: the truck comes back in without a load
    handling_s: Range = (1.2, 2.5)  # to lift or put down
    trailer_stay_s: Range = (15.0, 40.0)  # a pallet in the trailer, until the trailer drives off


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What sensors do wrong."""

    beam_jitter_ms: Range = (5.0, 50.0)
    missed_beams: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All numbers of one simulated warehouse."""

    name: str
    radio: RadioModel = field(default_factory=RadioModel)
    stock: Stock = field(default_factory=Stock)
    traffic: Traffic = field(default_factory=Traffic)
    faults: Faults = field(default_factory=Faults)


BUILT_IN: dict[str, Scenario] = {
    # Something to look at within seconds: brisk trucks, no dead tags.
    "demo": Scenario(
        name="demo",
        stock=Stock(dead_tags=0.0),
        traffic=Traffic(
            door_job_every_s=(4.0, 8.0),
            speed_m_per_s=(1.3, 2.0),
            plate_speed_m_per_s=(0.9, 1.3),
            handling_s=(0.5, 1.0),
            return_empty=0.2,
        ),
    ),
    # The calm round of a warehouse at work.
    "steady": Scenario(
        name="steady",
        stock=Stock(staged_per_door=4, parked_beside_doors=2, pallets_in_yard=6),
        traffic=Traffic(door_job_every_s=(12.0, 30.0), put_away_every_s=(20.0, 60.0)),
    ),
}


def named(name: str) -> Scenario:
    """The built-in scenario of that name."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    raise ScenarioError(
        f"there is no built-in scenario '{name}'{_did_you_mean(name, BUILT_IN)}; "
        f"expected {', '.join(sorted(BUILT_IN))}, or the path of a scenario file"
    )


def from_mapping(mapping: Mapping[str, Any], *, name: str) -> Scenario:
    """A scenario described as nested mappings: what is absent is as in `like` (default: steady).

    `{"like": "demo", "radio": {"k_factor_db": 1.0}, "stock": {"dead_tags": 0.02}}`
    """
    described = dict(mapping)
    base = named(str(described.pop("like", "steady")))
    parts = {part: getattr(base, part) for part in ("radio", "stock", "traffic", "faults")}
    for key, value in described.items():
        if key not in parts:
            raise ScenarioError(f"{name}: unknown key '{key}'{_did_you_mean(key, parts)}")
        if not isinstance(value, Mapping):
            raise ScenarioError(f"{name}: {key}: expected keys and values, found {value!r}")
        parts[key] = _changed(parts[key], value, where=f"{name}: {key}")
    return Scenario(name=name, **parts)


def _changed(part: Any, changes: Mapping[str, Any], where: str) -> Any:
    """A copy of one part of a scenario with some numbers replaced, each checked for its type."""
    known = {f.name: getattr(part, f.name) for f in dataclasses.fields(part)}
    checked = {}
    for key, value in changes.items():
        if key not in known:
            raise ScenarioError(f"{where}: unknown key '{key}'{_did_you_mean(key, known)}")
        checked[key] = _like(known[key], value, where=f"{where}.{key}")
    return dataclasses.replace(part, **checked)


def _like(known: Any, value: Any, where: str) -> Any:
    """`value`, when it has the form of `known`; a ScenarioError otherwise.

    Numbers may come as text, as the settings' YAML loader gives them.
    """
    if isinstance(known, tuple) and isinstance(value, (list, tuple)) and len(value) == len(known):
        low, high = (_like(k, v, where) for k, v in zip(known, value, strict=True))
        # (mean, standard deviation) is the one pair that is not a range
        if low <= high or where.endswith("tag_sensitivity_dbm"):
            return (low, high)
    elif isinstance(known, Mapping) and isinstance(value, Mapping):
        if value and all(k in known for k in value):
            return {k: _like(0.0, v, f"{where}.{k}") for k, v in value.items()}
    elif isinstance(known, bool):
        if str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
    elif isinstance(known, str):
        if value in BANDS:
            return value
    elif (number := _number(value, type(known))) is not None:
        return number
    raise ScenarioError(f"{where}: expected something like {_example(known)}, found {value!r}")


def _number(value: Any, form: type) -> Any:
    """An int or a finite float; None when `value` is neither a number nor the text of one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = form(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and float(number) == float(value) else None


def _example(known: Any) -> str:
    if isinstance(known, str):
        return " or ".join(BANDS)
    return repr(dict(known) if isinstance(known, Mapping) else known)


def _did_you_mean(word: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""
