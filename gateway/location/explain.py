"""Evidence as a person reads it: what each antenna said, the runner-up, the strongest reasons."""

from __future__ import annotations

from typing import Any

import numpy as np

from gateway.location.evidence import Scores
from gateway.location.states import TagStates
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
    site: Site, states: TagStates, tag: int, scores: Scores, row: int
) -> dict[str, Any]:
    """Reads per antenna, and each candidate zone's share of the evidence."""
    totals: dict[str, float] = {}
    for zone, total in zip(scores.zones[row].tolist(), scores.totals[row].tolist(), strict=True):
        if zone >= 0:
            totals[site.zones[zone].id] = total
    whole = sum(totals.values()) or 1.0
    ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    runner_up = None
    if len(ranked) > 1:
        runner_up = {"zone": ranked[1][0], "probability": round(ranked[1][1] / whole, 3)}
    return {"reads": antenna_reads(site, states, tag), "runner_up": runner_up}
