"""Evidence as a person reads it: what each antenna said, the runner-up, the strongest reasons."""

from __future__ import annotations

from typing import Any

from gateway.location.odds import Odds
from gateway.location.states import NO_ANTENNA, NO_ZONE, TagStates
from gateway.model.movement import iso_utc
from gateway.model.place import Side, Site
from gateway.model.reads import NO_RSSI_CDBM

#: Zones that are told with their chances: the likeliest, and no less than that.
MOST_ZONES = 16
LEAST_CHANCE = 0.001


def antenna_reads(site: Site, states: TagStates, tag: int) -> list[dict[str, Any]]:
    """What each antenna read of a tag, in its last run of reads; strongest evidence first.

    Powers are null where the reader gives none. Times are those of the first, the strongest and
    the last read.
    """
    weights = states.slot_weight[tag].tolist()
    numbers = states.slot_antenna[tag].tolist()
    peaks_cdbm, means_dbm = states.slot_peak_cdbm[tag].tolist(), states.slot_dbm[tag].tolist()
    firsts_us, lasts_us = states.slot_first_us[tag].tolist(), states.slot_us[tag].tolist()
    reads, after_ms = states.slot_reads[tag].tolist(), states.slot_peak_ms[tag].tolist()
    rows = []
    for slot in sorted(range(len(weights)), key=weights.__getitem__, reverse=True):
        number = numbers[slot]
        if number == NO_ANTENNA:
            continue
        antenna, known = site.antennas[number], peaks_cdbm[slot] > NO_RSSI_CDBM
        row: dict[str, Any] = {"antenna": f"{antenna.reader}/{antenna.port}"}
        if antenna.door is None:
            row["zones"] = antenna.zones
        else:
            row["door"], row["side"] = antenna.door, antenna.side or Side.INSIDE
        row["reads"] = reads[slot]
        row["rssi_max_dbm"] = peaks_cdbm[slot] / 100.0 if known else None
        row["rssi_mean_dbm"] = round(means_dbm[slot], 1) if known else None
        row["strongest"] = iso_utc(firsts_us[slot] + after_ms[slot] * 1_000) if known else None
        row["first"], row["last"] = iso_utc(firsts_us[slot]), iso_utc(lasts_us[slot])
        rows.append(row)
    return rows


def zone_evidence(
    site: Site, states: TagStates, tag: int, odds: Odds, row: int, zone: int, *, shared: bool
) -> dict[str, Any]:
    """Reads per antenna, the runner-up with its probability, and what spoke for the zone.

    Where antennas overlap (`shared`), the chance of each zone as well; what is lacking to 1 is that
    the tag is anywhere else.
    """
    named = zip(odds.zones[row].tolist(), odds.chances()[row].tolist(), strict=True)
    ranked = sorted(
        ((chance, site.zones[z].id) for z, chance in named if z != NO_ZONE),
        key=lambda one: (-one[0], one[1]),
    )
    runner_up = None
    others = [one for one in ranked if one[1] != site.zones[zone].id]
    if others:
        runner_up = {"zone": others[0][1], "probability": round(others[0][0], 3)}
    evidence = {"reads": antenna_reads(site, states, tag), "runner_up": runner_up, "reasons": []}
    if shared:
        certainty = odds.certainty(row, shared)
        chances = ((name, round(chance * certainty, 4)) for chance, name in ranked[:MOST_ZONES])
        evidence["zones"] = {name: chance for name, chance in chances if chance >= LEAST_CHANCE}
    return evidence
