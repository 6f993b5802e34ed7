"""Evidence: what the antennas say about each tag's zone, decaying with time.

Every sighting adds to the slot of its antenna; a slot fades with the time constant of what the
antenna watches. Power counts relative to the tag's own strongest antenna, which takes out how well
the tag itself can be read. Reads are not independent looks, so their number counts little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.location.coverage import Coverage
from gateway.location.sightings import Sightings
from gateway.location.states import NO_ANTENNA, SLOTS, TagStates
from gateway.model.place import ZoneKind

#: Seconds in which evidence fades to 1/e. At doors things move, in storage they stand.
FADE_S = {
    ZoneKind.STORAGE: 15.0,
    ZoneKind.QUARANTINE: 15.0,
    ZoneKind.STAGING: 6.0,
    ZoneKind.TRANSIT: 4.0,
    ZoneKind.OUTSIDE: 4.0,
}
DOOR_FADE_S = 4.0
#: A pause longer than this ends a run of reads at an antenna.
RUN_GAP_US = 5_000_000
#: Most looks that one sighting counts for.
MOST_LOOKS = 3
#: How quickly the remembered power follows new sightings.
POWER_GAIN = 0.3

Numbers = npt.NDArray[np.intp]


@dataclass(slots=True)
class Scores:
    """Zone evidence of some tags. Arrays of (tags, slots × zones per antenna)."""

    zones: npt.NDArray[np.int16]  # candidate zone, -1 none
    totals: npt.NDArray[np.float64]  # evidence for that zone over all antennas
    slots: npt.NDArray[np.intp]  # slot that each candidate comes from


class Evidence:
    """Keeps the slots of `TagStates` and reads zone evidence out of them."""

    def __init__(self, coverage: Coverage, states: TagStates) -> None:
        self._coverage = coverage
        self._states = states
        fade_s = np.full(len(coverage.covers), DOOR_FADE_S)
        for number, antenna in enumerate(coverage.site.antennas):
            if antenna.door is None:
                kinds = (coverage.site.zones[z].kind for z in coverage.zones[number] if z >= 0)
                fade_s[number] = max(FADE_S[kind] for kind in kinds)
        self._fade_us = (fade_s * 1e6).astype(np.float64)

    def add(self, sightings: Sightings, end_us: int) -> None:
        """Enter one epoch's sightings, ordered by tag; late ones enter faded, where they belong."""
        tags = sightings["tag"].astype(np.intp)
        starts = np.concatenate(([True], tags[1:] != tags[:-1]))
        first_rows = np.maximum.accumulate(np.where(starts, np.arange(len(tags)), 0))
        ranks = np.arange(len(tags)) - first_rows
        most = int(ranks.max())
        if not most:
            self._add_round(sightings, tags, end_us)
            return
        for rank in range(most + 1):
            # One row per tag and round: plain fancy assignment then loses nothing.
            chosen = ranks == rank
            self._add_round(sightings[chosen], tags[chosen], end_us)

    def _add_round(self, rows: Sightings, tags: Numbers, end_us: int) -> None:
        states, antennas = self._states, rows["antenna"].astype(np.int16)
        hit = states.slot_antenna[tags] == antennas[:, None]
        slots = hit.argmax(axis=1)
        # Slots of all tags in one row: indexing that way takes half the time.
        spots = tags * SLOTS + slots
        has = hit.ravel()[np.arange(0, hit.size, SLOTS) + slots]
        if not has.all():
            new = ~has
            weakest = self.faded(tags[new], end_us).argmin(axis=1)
            spots[new] = tags[new] * SLOTS + weakest
        known_us = states.slot_us.reshape(-1)
        last_us = rows["last_us"]
        old_us = known_us[spots]
        known_us[spots] = np.where(has, np.maximum(old_us, last_us), last_us)
        states.slot_antenna.reshape(-1)[spots] = antennas
        self._weigh(rows, spots, antennas, has, last_us - old_us)
        self._touch(tags, rows, antennas)

    def _weigh(
        self,
        rows: Sightings,
        spots: Numbers,
        antennas: npt.NDArray[np.int16],
        has: npt.NDArray[np.bool_],
        after_us: npt.NDArray[np.int64],
    ) -> None:
        """Weight, power and first read of the slots; `after_us` is negative for late sightings."""
        states = self._states
        weight, dbm = states.slot_weight.reshape(-1), states.slot_dbm.reshape(-1)
        fade = np.exp(-np.abs(after_us) / self._fade_us[antennas])
        late = has & (after_us < 0)
        looks = np.minimum(rows["count"], MOST_LOOKS)
        old = np.where(has, weight[spots], 0.0)
        weight[spots] = np.where(late, old + looks * fade, old * fade + looks)
        run = has & (after_us < RUN_GAP_US)
        mean_dbm = rows["mean_cdbm"] / 100.0
        old_dbm = dbm[spots]
        gain = np.where(late, 0.0, POWER_GAIN)
        dbm[spots] = np.where(run, old_dbm + gain * (mean_dbm - old_dbm), mean_dbm)
        first = states.slot_first_us.reshape(-1)
        first[spots] = np.where(run, np.minimum(first[spots], rows["first_us"]), rows["first_us"])

    def _touch(self, tags: Numbers, rows: Sightings, antennas: npt.NDArray[np.int16]) -> None:
        """Last read anywhere, at the tag's own zone, and elsewhere."""
        states, last_us = self._states, rows["last_us"]
        fresh = states.first_us[tags] == 0
        if fresh.any():
            states.first_us[tags[fresh]] = rows["first_us"][fresh]
        states.last_us[tags] = np.maximum(states.last_us[tags], last_us)
        zones = states.zone[tags]
        home = (zones >= 0) & self._coverage.covers[antennas, zones]
        away = tags[~home]
        states.home_us[tags] = np.where(
            home, np.maximum(states.home_us[tags], last_us), states.home_us[tags]
        )
        states.away_us[away] = np.maximum(states.away_us[away], last_us[~home])

    def faded(self, tags: Numbers, end_us: int) -> npt.NDArray[np.float64]:
        """Slot weights as they are worth at `end_us`; -1 for an empty slot."""
        states = self._states
        antennas = states.slot_antenna[tags]
        age_us = np.maximum(end_us - states.slot_us[tags], 0)
        weights = states.slot_weight[tags] * np.exp(-age_us / self._fade_us[antennas])
        return np.where(antennas == NO_ANTENNA, -1.0, weights)

    def scores(self, tags: Numbers, end_us: int) -> Scores:
        """Zone evidence of `tags` at `end_us`, for every zone that their antennas watch."""
        states = self._states
        weights = np.maximum(self.faded(tags, end_us), 0.0)
        dbm = np.where(weights > 0.0, states.slot_dbm[tags], -np.inf)
        best_dbm = dbm.max(axis=1, keepdims=True, initial=-200.0)
        worth = weights * 10.0 ** ((np.maximum(dbm, -200.0) - best_dbm) / 20.0)
        per_antenna = self._coverage.zones.shape[1]
        zones = self._coverage.zones[states.slot_antenna[tags]].reshape(len(tags), -1)
        worth = np.repeat(worth, per_antenna, axis=1)
        zones = np.where(worth > 0.0, zones, np.int16(-1))
        totals = np.zeros(zones.shape)
        for column in range(zones.shape[1]):
            same = zones == zones[:, column, None]
            totals[:, column] = np.where(same, worth, 0.0).sum(axis=1)
        totals[zones < 0] = 0.0
        slots = np.repeat(np.arange(weights.shape[1]), per_antenna)
        return Scores(zones=zones, totals=totals, slots=slots)
