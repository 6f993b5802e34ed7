"""Checks what a scenario file says: names, forms and limits of its numbers."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.errors import GatewayError

#: What a text may be.
CHOICES = {"band": ("fcc", "etsi"), "layout": ("none", "dock", "rack")}
#: Pairs that are mean and standard deviation, not a range.
NOT_RANGES = ("tag_sensitivity_dbm",)
#: Numbers that are shares of a whole.
SHARES = frozenset(
    {
        "bins_filled", "dead_tags", "hard_tags", "reverse_correlation", "return_empty", "turn_back",
        "come_back", "stop_in_door", "two_pallets", "together", "neighbours", "cross_loaded",
        "late", "missed_beams", "beams_stuck_broken", "beams_stuck_free", "contacts_stuck_closed",
        "outages_in_passages", "outages_kept", "faults_told",
    }
)  # fmt: skip
#: Least and most of the others, where it is not from 0 to a million.
LIMITS: dict[str, tuple[float, float]] = {
    "doors": (1, 200),
    "pitch_m": (1, 100),
    "columns": (1, 500),
    "levels": (1, 10),
    "antennas": (1, 500),
    "outside_m": (-20, 0),
    "power_dbm": (0, 36),
    "tx_power_dbm": (0, 36),
    "antenna_beamwidth_deg": (5, 360),
    "path_loss_exponent": (1, 6),
    "aisle_exponent": (1, 6),
    "tag_gain_dbi": (-20, 10),
    "tag_sensitivity_dbm": (-40, 20),
    "k_factor_db": (-30, 40),
    "aisle_k_factor_db": (-30, 40),
    "rssi_step_db": (0.01, 20),
    "rssi_floor_dbm": (-120, 0),
    "dwell_ms": (5, 60_000),
    "inventory_per_s": (1, 5_000),
    "session": (0, 3),
    "staged_per_door": (0, 50),
    "parked_beside_doors": (0, 200),
    "pallets_in_yard": (0, 5_000),
    "pallets_in_bins": (0, 5_000),
    "cartons_per_bin": (0, 12),
    "tags_per_pallet": (0, 2_000),
    "tags_per_carton": (0, 500),
    "speed_m_per_s": (0.1, 20),
    "plate_speed_m_per_s": (0.05, 20),
    "cross_speed_m_per_s": (0.1, 20),
    "door_job_every_s": (0.5, 1e6),
    "put_away_every_s": (0.5, 1e6),
    "turn_back_m": (-5, 8),
    "mouth_m": (-2, 3),
    "trucks_per_door": (1, 2),
}
ORDINARY = (0.0, 1e6)


class ScenarioError(GatewayError):
    """A scenario that cannot be simulated as it is described."""


def changed(part: Any, changes: Mapping[str, Any], where: str) -> Any:
    """A copy of one part of a scenario with some numbers replaced, each checked."""
    known = {f.name: getattr(part, f.name) for f in dataclasses.fields(part)}
    checked = {}
    for key, value in changes.items():
        if key not in known:
            raise ScenarioError(f"{where}: unknown key '{key}'{did_you_mean(key, known)}")
        checked[key] = _like(known[key], value, key, where=f"{where}.{key}")
    return dataclasses.replace(part, **checked)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A suggestion to append to a sentence about an unknown word; empty when nothing is near."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _like(known: Any, value: Any, key: str, where: str) -> Any:
    """`value`, when it has the form of `known` and lies within the limits of `key`.

    Numbers may come as text, as the settings' YAML loader gives them.
    """
    if isinstance(known, tuple) and isinstance(value, (list, tuple)) and len(value) == len(known):
        low, high = (_like(k, v, key, where) for k, v in zip(known, value, strict=True))
        if low <= high or key in NOT_RANGES:
            return (low, high)
    elif isinstance(known, Mapping) and isinstance(value, Mapping):
        if value and all(k in known for k in value):
            shares = {k: _like(0.0, v, k, f"{where}.{k}") for k, v in value.items()}
            if sum(shares.values()) > 0:
                return shares
    elif isinstance(known, bool):
        if str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
    elif isinstance(known, str):
        if value in CHOICES[key]:
            return value
    elif not isinstance(known, tuple) and (number := _number(value, type(known))) is not None:
        return _within_limits(number, key, where)
    raise ScenarioError(f"{where}: expected something like {_example(known, key)}, found {value!r}")


def _within_limits(number: Any, key: str, where: str) -> Any:
    low, high = (0.0, 1.0) if key in SHARES else LIMITS.get(key, ORDINARY)
    if low <= number <= high:
        return number
    raise ScenarioError(f"{where}: expected {low:g} to {high:g}, found {number:g}")


def _number(value: Any, form: type) -> Any:
    """An int or a finite float; None when `value` is neither a number nor the text of one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = form(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and float(number) == float(value) else None


def _example(known: Any, key: str) -> str:
    if isinstance(known, str):
        return " or ".join(CHOICES[key])
    return repr(dict(known) if isinstance(known, Mapping) else known)
