"""Evidence as a person reads it: what each antenna said, the runner-up, the strongest reasons."""

from __future__ import annotations

from typing import Any

import numpy as np

from gateway.location.odds import Odds
from gateway.location.states import NO_ZONE, TagStates
from gateway.model.movement import iso_utc
from gateway.model.place import Site


def antenna_reads(site: Site, states: TagStates, tag: int) -> list[dict[str, Any]]:
    """Power and last read per antenna, strongest evidence first."""
    rows = []
    for slot in np.argsort(-states.slot_weight[tag], kind="stable").tolist():
        number = int(states.slot_antenna[tag, slot])
        if number < 0:
            continue
        antenna = site.antennas[number]
        rows.append(
            {
                "antenna": f"{antenna.reader}/{antenna.port}",
                "weight": round(float(states.slot_weight[tag, slot]), 2),
                "rssi_dbm": round(float(states.slot_dbm[tag, slot]), 1),
                "first": iso_utc(int(states.slot_first_us[tag, slot])),
                "last": iso_utc(int(states.slot_us[tag, slot])),
            }
        )
    return rows


def zone_evidence(
    site: Site, states: TagStates, tag: int, odds: Odds, row: int, zone: int
) -> dict[str, Any]:
    """Reads per antenna, the runner-up with its probability, and what spoke for the zone."""
    named = zip(odds.zones[row].tolist(), odds.chances()[row].tolist(), strict=True)
    ranked = sorted(
        ((chance, site.zones[z].id) for z, chance in named if z not in (zone, NO_ZONE)),
        key=lambda one: (-one[0], one[1]),
    )
    runner_up = None
    if ranked:
        runner_up = {"zone": ranked[0][1], "probability": round(ranked[0][0], 3)}
    return {"reads": antenna_reads(site, states, tag), "runner_up": runner_up, "reasons": []}
