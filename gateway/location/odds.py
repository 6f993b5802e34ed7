"""Odds: which zone the looks at a tag speak for, as log-likelihoods.

Power counts relative to the tag's own strongest antenna, which takes out how well the tag itself
can be read. Of a zone without a profile no other antenna should hear the tag better than its own;
where there is a profile all differences are held against it, and the silence of an antenna that
should hear the zone counts as well. No single antenna can say
more than `MOST_DB` lets it: bias by goods and multipath does not average out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.location.coverage import Coverage
from gateway.location.evidence import Bools, Evidence, Floats, Looks, Numbers
from gateway.location.profiles import Profiles
from gateway.location.states import NO_ZONE, TagStates

#: An antenna that does not watch a zone hears it at least this much weaker.
ASIDE_DB = 6.0
#: Power differs from what is expected by about this much, whatever is done.
SPREAD_DB = 5.0
MOST_DB = 15.0
MOST_ASIDE_DB = 25.0
#: An antenna that counts less than this is silent.
SILENT = 0.05
#: An antenna that is silent hears at least this much less than the weakest that is not.
BELOW_WEAKEST_DB = 2.0
#: Against a zone of which no antenna ever heard the tag.
UNHEARD = 4.0
#: Odds are not as sure as they look: what biases one antenna biases its neighbour.
TEMPERATURE = 1.5
#: Log-likelihood of a column that is no zone.
NOWHERE = -1e9

Zones = npt.NDArray[np.int16]


@dataclass(slots=True)
class Odds:
    """Candidate zones of some tags, each once, NO_ZONE where there are fewer. (tags, zones)."""

    zones: Zones
    logs: Floats  # log-likelihood, about 0 at best; NOWHERE for NO_ZONE
    mates: Floats  # what of it the tags say that belong with them: mates and kin
    looks: Looks

    def chances(self) -> Floats:
        """The same as probabilities, each row adding up to 1."""
        logs = (self.logs - self.logs.max(axis=1, keepdims=True)) / TEMPERATURE
        chances = np.exp(logs)
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))


class ZoneOdds:
    """Weighs looks."""

    def __init__(
        self, coverage: Coverage, states: TagStates, evidence: Evidence, profiles: Profiles
    ) -> None:
        self._coverage, self._states = coverage, states
        self._evidence, self.profiles = evidence, profiles

    def of(self, tags: Numbers, as_of_us: npt.NDArray[np.int64]) -> Odds:
        """The odds of every zone that tags are heard in, or believed to be in."""
        looks = self._evidence.looks(tags, as_of_us)
        zones = self._candidates(tags, looks)
        logs = self._exclusive(zones, looks)
        if self.profiles.any:
            rows = self.profiles.row[zones]
            shared = np.flatnonzero((rows >= 0).any(axis=1))
            if len(shared):
                part = _some(looks, shared)
                by_profile = self._by_profile(zones[shared], rows[shared], part)
                logs[shared] = np.where(rows[shared] >= 0, by_profile, logs[shared])
        logs = np.where(zones == NO_ZONE, NOWHERE, logs)
        return Odds(zones=zones, logs=logs, mates=np.zeros(logs.shape), looks=looks)

    def _candidates(self, tags: Numbers, looks: Looks) -> Zones:
        watched = self.profiles.audible[looks.antenna]
        watched = np.where(looks.heard[:, :, None] > SILENT, watched, np.int16(NO_ZONE))
        home = self._states.zone[tags]
        zones = np.concatenate(
            (watched.reshape(len(tags), watched.shape[1] * watched.shape[2]), home[:, None]), axis=1
        )
        zones = np.sort(zones, axis=1)
        zones[:, 1:][zones[:, 1:] == zones[:, :-1]] = NO_ZONE
        used = int((zones != NO_ZONE).sum(axis=1).max(initial=1))
        kept: Zones = np.sort(zones, axis=1)[:, -max(1, used) :]
        return kept

    def _exclusive(self, zones: Zones, looks: Looks) -> Floats:
        """Zones whose antennas watch them alone: no other antenna should hear the tag better."""
        own = self._coverage.covers[looks.antenna[:, None, :], zones[:, :, None]]
        heard, dbm = looks.heard[:, None, :], looks.dbm[:, None, :]
        own_now: Bools = own & (heard > SILENT)
        usual = own_now | (own & ~own_now.any(axis=2, keepdims=True))
        level_dbm = np.where(usual, dbm, -np.inf).max(axis=2, keepdims=True)
        known = np.isfinite(level_dbm)
        excess_db = np.maximum(dbm - np.where(known, level_dbm, 0.0) + ASIDE_DB, 0.0)
        against = np.where(own | ~known, 0.0, heard * _cost(excess_db, MOST_ASIDE_DB)).sum(axis=2)
        missed = np.where(own, looks.missed[:, None, :], np.inf).min(axis=2)
        missed = np.where(np.isfinite(missed), missed, UNHEARD)
        return np.asarray(-against - missed)

    def _by_profile(self, zones: Zones, rows: Numbers, looks: Looks) -> Floats:
        """Zones that share antennas: all power against the zone's profile."""
        profiles, coverage = self.profiles, self._coverage
        expected_db = profiles.expected_db[rows[:, :, None], looks.antenna[:, None, :]]
        known = ~np.isnan(expected_db)
        expected_db = np.where(known, expected_db, 0.0)
        heard, dbm = looks.heard[:, None, :], looks.dbm[:, None, :]
        counts = np.where(known, heard, 0.0)
        total = counts.sum(axis=2)
        level_dbm = (counts * (dbm - expected_db)).sum(axis=2) / np.maximum(total, 1e-9)
        off_db = dbm - expected_db - level_dbm[:, :, None]
        excess_db = np.maximum(dbm - level_dbm[:, :, None] + ASIDE_DB, 0.0)
        against = heard * np.where(known, _cost(off_db), _cost(excess_db))
        silence = self._silence(rows, looks, level_dbm)
        own = coverage.covers[looks.antenna[:, None, :], zones[:, :, None]]
        missed = np.where(own, looks.missed[:, None, :], np.inf).min(axis=2)
        missed = np.where(np.isfinite(missed), missed, UNHEARD)
        # Some difference there always is, the more the more antennas hear the tag.
        usual = np.maximum(total - 1.0, 0.0) / 2
        logs = usual - against.sum(axis=2) - silence
        # What the silence of single antennas says is in how much they are heard.
        logs -= np.where((own & (heard > SILENT)).any(axis=2), 0.0, missed)
        return np.asarray(np.where(total > SILENT, logs, -UNHEARD))

    def _silence(self, rows: Numbers, looks: Looks, level_dbm: Floats) -> Floats:
        """What it says that antennas are silent which should hear a tag of the zone."""
        profiles, up = self.profiles, self._coverage.up
        live = looks.heard > SILENT
        weakest_dbm = np.where(live, looks.dbm, np.inf).min(axis=1)[:, None]
        most = looks.heard.max(axis=1)[:, None]
        against = np.zeros(rows.shape)
        for place in range(profiles.hearers.shape[1]):
            antennas = np.where(rows >= 0, profiles.hearers[rows, place], -1)
            hears = ((looks.antenna[:, None, :] == antennas[:, :, None]) & live[:, None, :]).any(
                axis=2
            )
            expected_dbm = level_dbm + profiles.expected_db[rows, antennas]
            over_db = np.maximum(expected_dbm - weakest_dbm + BELOW_WEAKEST_DB, 0.0)
            counts = (antennas >= 0) & ~hears & up[antennas] & np.isfinite(over_db)
            against += np.where(counts, most * _cost(np.where(counts, over_db, 0.0)), 0.0)
        return against


def _cost(off_db: Floats, most_db: float = MOST_DB) -> Floats:
    """What a difference from the expected power says against a zone, in log-odds."""
    return np.asarray((np.minimum(np.abs(off_db), most_db) / SPREAD_DB) ** 2 / 2)


def _some(looks: Looks, rows: Numbers) -> Looks:
    return Looks(
        antenna=looks.antenna[rows],
        dbm=looks.dbm[rows],
        weight=looks.weight[rows],
        heard=looks.heard[rows],
        missed=looks.missed[rows],
        first_us=looks.first_us[rows],
        last_us=looks.last_us[rows],
    )
