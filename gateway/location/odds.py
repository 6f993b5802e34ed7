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
from gateway.location.shares import whole_dbm
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
#: Where antennas overlap, what is common to tags that belong together is no proof of their zone.
TEMPERATURE, TEMPERATURE_SHARED = 1.5, 3.0
#: How likely something hides a tag from an antenna that should hear it: its goods, its angle.
HIDDEN = 0.1
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
    temperature: Floats  # by tag

    def chances(self) -> Floats:
        """The same as probabilities, each row adding up to 1."""
        logs = (self.logs - self.logs.max(axis=1, keepdims=True)) / self.temperature[:, None]
        chances = np.exp(logs)
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))

    def certainty(self, row: int, shared: bool) -> float:
        """That what was read tells at all where a tag is.

        Reads may be stray. And where antennas overlap (`shared`), the only one that hears a tag may
        be the only one from which nothing hides it: what is before the others it cannot rule out.
        """
        certainty = self.looks.certainty(row)
        if not shared:
            return certainty
        hearing = int(np.count_nonzero(self.looks.heard[row] > SILENT))
        return min(certainty, 1.0 - HIDDEN ** max(1, hearing))


class ZoneOdds:
    """Weighs looks, pair by pair of a tag and a zone: a column for each pair, a row for each slot.

    With the pairs in the columns what is summed up over the slots costs least.
    """

    def __init__(
        self, coverage: Coverage, states: TagStates, evidence: Evidence, profiles: Profiles
    ) -> None:
        self._coverage, self._states = coverage, states
        self._evidence, self.profiles = evidence, profiles
        self._antennas = len(coverage.covers)  # the last stands for none
        # By row of the profiles and antenna, in one line: indexing that way takes half the time.
        self._known = ~np.isnan(profiles.expected_db).ravel()
        self._expected_db = np.where(self._known, profiles.expected_db.ravel(), 0.0)
        rows = np.arange(len(profiles.hearers))[:, None]
        heard_db = profiles.expected_db[rows, profiles.hearers]
        self._hearers = np.ascontiguousarray(profiles.hearers.T % self._antennas)
        self._hearers_db = np.where(profiles.hearers < 0, np.nan, heard_db).T.copy()

    def of(self, tags: Numbers, as_of_us: npt.NDArray[np.int64]) -> Odds:
        """The odds of every zone that tags are heard in, or believed to be in."""
        looks = self._evidence.looks(tags, as_of_us)
        zones = self._candidates(tags, looks)
        of_tag, places = np.nonzero(zones != NO_ZONE)
        of_zone = zones[of_tag, places].astype(np.intp)
        logs = np.full(zones.shape, NOWHERE)
        rows = self.profiles.row[of_zone]
        columns = _Columns.of(looks, self._antennas)
        for weigh, which in (
            (self._exclusive, np.flatnonzero(rows < 0)),
            (self._by_profile, np.flatnonzero(rows >= 0)),
        ):
            if len(which):
                tag = of_tag[which]
                logs[tag, places[which]] = weigh(of_zone[which], tag, columns)
        shared = self.profiles.shared[zones].any(axis=1)
        return Odds(
            zones=zones,
            logs=logs,
            mates=np.zeros(logs.shape),
            looks=looks,
            temperature=np.where(shared, TEMPERATURE_SHARED, TEMPERATURE),
        )

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

    def _exclusive(self, zones: Numbers, tags: Numbers, columns: _Columns) -> Floats:
        """Zones whose antennas watch them alone: no other antenna should hear the tag better."""
        own = self._own(zones, columns.antenna.take(tags, axis=1))
        heard, dbm = columns.heard.take(tags, axis=1), columns.dbm.take(tags, axis=1)
        own_now: Bools = own & (heard > SILENT)
        usual = own_now | (own & ~own_now.any(axis=0))
        level_dbm = np.where(usual, dbm, -np.inf).max(axis=0)
        known = np.isfinite(level_dbm)
        excess_db = np.maximum(dbm - np.where(known, level_dbm, 0.0) + ASIDE_DB, 0.0)
        against = np.where(own | ~known, 0.0, heard * _cost(excess_db, MOST_ASIDE_DB)).sum(axis=0)
        return np.asarray(-against - _missed(own, columns.missed.take(tags, axis=1)))

    def _by_profile(self, zones: Numbers, tags: Numbers, columns: _Columns) -> Floats:
        """Zones that share antennas: all power against the zone's profile."""
        antennas, rows = columns.antenna.take(tags, axis=1), self.profiles.row[zones]
        cells = rows * self._antennas + antennas
        known, expected_db = self._known.take(cells), self._expected_db.take(cells)
        heard, dbm = columns.heard.take(tags, axis=1), columns.dbm.take(tags, axis=1)
        counts = heard * known
        total = counts.sum(axis=0)
        over_db = dbm - expected_db
        level_dbm = (counts * over_db).sum(axis=0) / np.maximum(total, 1e-9)
        # Where nothing is expected of an antenna it counts if it hears the tag too well.
        excess_db = np.maximum(dbm - level_dbm + ASIDE_DB, 0.0)
        off_db = np.where(known, over_db - level_dbm, excess_db)
        against = (heard * _cost(off_db)).sum(axis=0) + self._silence(
            rows, tags, level_dbm, columns
        )
        own = self._own(zones, antennas)
        # Some difference there always is, the more the more antennas hear the tag.
        usual = np.maximum(total - 1.0, 0.0) / 2
        # What the silence of single antennas says is in how much they are heard.
        own_now = (own & (heard > SILENT)).any(axis=0)
        missed = np.where(own_now, 0.0, _missed(own, columns.missed.take(tags, axis=1)))
        return np.where(total > SILENT, usual - against - missed, -UNHEARD)

    def _silence(
        self, rows: Numbers, tags: Numbers, level_dbm: Floats, columns: _Columns
    ) -> Floats:
        """What it says that antennas are silent which should hear a tag of the zone."""
        hearers, expected_db = self._hearers.take(rows, axis=1), self._hearers_db.take(rows, axis=1)
        over_db = level_dbm + expected_db - columns.weakest_dbm[tags] + BELOW_WEAKEST_DB
        counts = self._coverage.up[hearers] & ~np.isnan(expected_db)
        counts &= ~columns.hears[tags, hearers]
        costs = columns.most[tags] * _cost(np.maximum(over_db, 0.0))
        return np.asarray(np.where(counts, costs, 0.0).sum(axis=0))

    def _own(self, zones: Numbers, antennas: Numbers) -> Bools:
        covers = self._coverage.covers
        return covers.ravel().take(antennas * covers.shape[1] + zones)


@dataclass(slots=True)
class _Columns:
    """Looks with a column for each tag and a row for each slot, and what follows from them."""

    antenna: Numbers  # the last number for none
    dbm: Floats
    heard: Floats
    missed: Floats
    weakest_dbm: Floats  # by tag, of the antennas that hear it
    most: Floats  # by tag: how much the antenna counts that counts most
    hears: Bools  # (tags, antennas)

    @classmethod
    def of(cls, looks: Looks, antennas: int) -> _Columns:
        live = looks.heard > SILENT
        antenna = looks.antenna.astype(np.intp) % antennas
        hears = np.zeros((len(live), antennas), dtype=bool)
        tags, slots = np.nonzero(live)
        dbm = whole_dbm(looks.dbm, looks.share)
        hears[tags, antenna[tags, slots]] = True
        return cls(
            antenna=np.ascontiguousarray(antenna.T),
            dbm=np.ascontiguousarray(dbm.T),
            heard=np.ascontiguousarray(looks.heard.T),
            missed=np.ascontiguousarray(looks.missed.T),
            weakest_dbm=np.where(live, dbm, np.inf).min(axis=1),
            most=looks.heard.max(axis=1),
            hears=hears,
        )


def _missed(own: Bools, missed: Floats) -> Floats:
    """What silence says against a zone: that of its own antenna that says least."""
    least = np.where(own, missed, np.inf).min(axis=0)
    return np.where(np.isfinite(least), least, UNHEARD)


def _cost(off_db: Floats, most_db: float = MOST_DB) -> Floats:
    """What a difference from the expected power says against a zone, in log-odds."""
    return np.asarray((np.minimum(np.abs(off_db), most_db) / SPREAD_DB) ** 2 / 2)
