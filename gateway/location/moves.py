"""Moves: has a tag left its zone for another one?

It has when it has been read only there for a while, or when the odds of the other zone have been
clearly better for as long. Between the two zones of a door only the first holds: there the doors
decide (doors.py), because a load beside a door is read from both sides. Where two places have gone
on reading a tag side by side, that one of them pauses says little; a way that the site does not
have takes longer to believe; and while its own antennas are out, silence at home says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.location.coverage import MOST_BY_HALF, Coverage
from gateway.location.evidence import Bools, Floats, Numbers
from gateway.location.explain import zone_evidence
from gateway.location.odds import NOWHERE, Odds
from gateway.location.states import NO_ZONE, TagStates
from gateway.location.times import NEVER_US, Times, move_after
from gateway.model.movement import Decision, Direction, Kind, Status
from gateway.model.tuning import LocationTuning

#: The odds of another zone must be ahead by this much, as a logarithm; ahead by less than the
#: second they must be so for longer, by the square of what is lacking.
AHEAD = 2.5
CLEARLY = 4.5
#: … and where the same antennas watch both places: there nothing but the odds tells them apart.
AHEAD_BESIDE, CLEARLY_BESIDE = 0.5, 2.0
#: What is read only there has not moved all the same if the odds are against it by this much.
FAR_BEHIND = 3.0
#: A tag "has moved" to where it has been read within this time.
FRESH_US = 3_000_000
#: Looks at the new place that are more than a stray read or two.
NO_STRAYS = 2.0
#: What the looks that failed to come at home must say: that two were expected.
LEAST_MISSED = 0.25
#: … and by how much more, believed half, the silence itself does when it began elsewhere just then.
CAME_SAYS = 4.0
#: Looks at the new place, and how long both places may have read a tag that was on its way.
LEAST_LOOKS = 3.0
CROSSING_US = 2_000_000
#: Looks without which a tag is not taken to be beyond a door: about one a second.
THROUGH_A_DOOR = 3.0
#: What the looks that failed to come at home must say of a tag that began to be read beyond a door
#: just then, and of one that both sides had read before, or that is read far worse there.
CAME_MISSED = 0.6
BESIDE_MISSED = 3.0
FAR_WORSE_DB = 10.0
#: Where a tag is found to be beyond a door it did not just pass, this much longer is waited.
CORRECTION_TIMES = 4
#: Nothing is known of how a tag was read at home any more: then it takes this much longer.
FORGOTTEN_TIMES = 2
#: How sure one may be of the way through a door that nothing saw it go.
UNSEEN = 0.95
#: The door is told if that is at least this likely, and both sides read the tag, or neither, for no
#: longer than this.
SURE = 0.65
NOT_BESIDE_US = 12_000_000
#: A way that the site does not have must be seen for so many times as long …
NO_WAY_TIMES = 3
#: … unless the tag was out of sight for long enough to take the steps between.
STEP_US = 2_000_000
#: While its zone is blind a tag that is heard elsewhere has moved only if about as well as there.
AS_WELL_DB = 3.0


@dataclass(slots=True)
class _Place:
    """How tags were read at one zone each: by the slots whose antennas watch it."""

    slots: Bools
    first_us: Times
    last_us: Times
    dbm: Floats
    looks: Floats
    missed: Floats


@dataclass(slots=True)
class _Cases:
    """Tags that may have moved: from where, to where, and how far the odds are ahead."""

    tags: Numbers
    rows: Numbers  # of the odds
    home: npt.NDArray[np.int16]
    there: npt.NDArray[np.int16]
    best: Numbers  # column of `there`
    lead: Floats
    here_place: _Place
    new_place: _Place

    def some(self, odds: Odds) -> Bools:
        """Those that have another zone to go to."""
        return np.asarray(odds.logs[self.rows, self.best] > NOWHERE / 2)


class Moves:
    """Decides moves between zones, and remembers which zone has been ahead since when."""

    def __init__(self, coverage: Coverage, states: TagStates, tuning: LocationTuning) -> None:
        self._coverage, self._states = coverage, states
        self._after = move_after(coverage.site, tuning)

    def decide(self, tags: Numbers, free: Bools, odds: Odds, end_us: int) -> Iterator[Decision]:
        """The moves of `tags` that are `free` to be decided; `odds` are theirs."""
        rows = np.flatnonzero(free)
        cases = self._cases(tags[rows], rows, odds)
        if cases is None:
            return
        came = self._came(cases, odds)
        alone = self._alone(cases, odds, end_us) & ((cases.lead > AHEAD) | came)
        alone &= cases.some(odds)
        moved = alone | (self._better(cases, odds, end_us) & cases.some(odds))
        if not moved.any():
            return
        chances = odds.chances()[cases.rows, cases.best]
        # Most tags stand: odds that are only just ahead are as likely to be wrong.
        doubt = 1.0 / (1.0 + np.exp(AHEAD - np.maximum(cases.lead, -FAR_BEHIND)))
        chances = np.where(came, chances, chances * doubt)
        chances = np.maximum(chances, came * self._came_chance(cases))
        for i in np.flatnonzero(moved).tolist():
            yield self._move(cases, i, odds, float(chances[i]), end_us, alone=bool(alone[i]))

    def _cases(self, tags: Numbers, rows: Numbers, odds: Odds) -> _Cases | None:
        """Those tags whose odds leave it open whether they have moved; None if there are none."""
        states, index = self._states, np.arange(len(rows))
        zones, logs, home = odds.zones[rows], odds.logs[rows], states.zone[tags]
        at_home = zones == home[:, None]
        others = np.where(at_home, NOWHERE, logs)
        best = others.argmax(axis=1)
        lead = others[index, best] - np.where(at_home, logs, NOWHERE).max(axis=1)
        states.rival[tags[lead <= -FAR_BEHIND]] = NO_ZONE
        open_ = np.flatnonzero(lead > -FAR_BEHIND)
        if not len(open_):
            return None
        tags, rows, best = tags[open_], rows[open_], best[open_]
        home, lead = home[open_], lead[open_]
        there = odds.zones[rows, best]
        here_place = self._place(odds, rows, home)
        here_place.last_us = np.maximum(here_place.last_us, states.home_us[tags])
        new_place = self._place(odds, rows, there)
        return _Cases(tags, rows, home, there, best, lead, here_place, new_place)

    def _place(self, odds: Odds, rows: Numbers, zones: npt.NDArray[np.int16]) -> _Place:
        looks = odds.looks
        slots = self._coverage.covers[looks.antenna[rows], zones[:, None]]
        return _Place(
            slots=slots,
            first_us=np.where(slots, looks.first_us[rows], NEVER_US).min(axis=1),
            last_us=np.where(slots, looks.last_us[rows], 0).max(axis=1),
            dbm=np.where(slots, looks.dbm[rows], -np.inf).max(axis=1),
            looks=np.where(slots, looks.weight[rows], 0.0).sum(axis=1),
            missed=np.where(slots, looks.missed[rows], np.inf).min(axis=1),
        )

    def _alone(self, cases: _Cases, odds: Odds, end_us: int) -> Bools:
        """Whether each tag has for long enough been read only there."""
        here, new = cases.here_place, cases.new_place
        as_of_us = np.minimum(self._states.last_us[cases.tags] + FRESH_US, end_us)
        after_us = self._move_us(cases, odds)
        alone = as_of_us - np.maximum(here.last_us, new.first_us) >= after_us * self._times(cases)
        alone &= new.last_us - new.first_us >= after_us // 2
        alone &= self._home_may_tell(cases, odds) & (new.looks >= NO_STRAYS)
        behind = self._coverage.door_between[cases.home, cases.there] >= 0
        return alone & (~behind | self._beyond(cases, odds, as_of_us, after_us))

    def _came(self, cases: _Cases, odds: Odds) -> Bools:
        """Whether tags began to be read there when they ceased to be read at home.

        Silence is expected of a home whose antennas are out: then that it began there must do.
        """
        here, new = cases.here_place, cases.new_place
        began = new.first_us >= here.last_us - CROSSING_US
        missed = (here.missed >= LEAST_MISSED) | self._blind(cases, odds)
        missed &= new.looks >= LEAST_LOOKS
        return began & missed & (cases.lead > -FAR_BEHIND)

    def _came_chance(self, cases: _Cases) -> Floats:
        """How likely tags that came did move, by the silence at home alone; 0: it says nothing.

        How well they are heard says little between places with antennas of their own, and beside
        a door silence does.
        """
        coverage, home, there = self._coverage, cases.home, cases.there
        apart = ~coverage.overlap[home, there] & (coverage.door_between[home, there] < 0)
        missed = cases.here_place.missed
        says = apart & np.isfinite(missed)
        return np.where(says, 1.0 - np.exp(-CAME_SAYS * np.where(says, missed, 0.0)), 0.0)

    def _better(self, cases: _Cases, odds: Odds, end_us: int) -> Bools:
        """Whether the odds have for long enough been better there; not at a door."""
        states, tags, there = self._states, cases.tags, cases.there
        fresh = cases.new_place.last_us >= end_us - FRESH_US
        overlap = self._coverage.overlap[cases.home, there]
        least = np.where(overlap, AHEAD_BESIDE, AHEAD)
        clearly = np.where(overlap, CLEARLY_BESIDE, CLEARLY)
        ahead = fresh & (cases.lead > least)
        # Which of several that are all but one to the antennas is ahead changes from look to look:
        # what counts is for how long home has been behind.
        rivals = states.rival[tags]
        same = ahead & ((rivals == there) | self._coverage.overlap[rivals, there])
        states.rival_us[tags] = np.where(same, states.rival_us[tags], end_us)
        states.rival[tags] = np.where(ahead, there, np.int16(NO_ZONE))
        doubt = np.maximum(clearly / np.maximum(cases.lead, least), 1.0)
        after_us = self._move_us(cases, odds) * self._times(cases) * doubt * doubt
        beside = self._coverage.door_between[cases.home, there] < 0
        after_us *= np.where(beside, 1, CORRECTION_TIMES)
        sure = beside | (cases.lead >= CLEARLY)
        return ahead & sure & (end_us - states.rival_us[tags] >= after_us)

    def _move_us(self, cases: _Cases, odds: Odds) -> Times:
        dbm = np.where(cases.new_place.slots, odds.looks.dbm[cases.rows], -np.inf)
        antennas = odds.looks.antenna[cases.rows, dbm.argmax(axis=1)]
        return self._after.of(cases.there, antennas)

    def _times(self, cases: _Cases) -> Times:
        """How many times as long as usual a move must be seen."""
        steps = self._coverage.steps(cases.home, cases.there).astype(np.int64)
        unseen_us = np.maximum(cases.new_place.first_us - cases.here_place.last_us, 0)
        return np.where((steps - 1) * STEP_US > unseen_us, NO_WAY_TIMES, 1)

    def _home_may_tell(self, cases: _Cases, odds: Odds) -> Bools:
        """Whether silence at home says anything: not while its antennas are out.

        Then it counts that a tag is heard about as well elsewhere, or was not heard there before.
        """
        here, new = cases.here_place, cases.new_place
        well = new.dbm >= here.dbm - AS_WELL_DB
        began = new.first_us >= here.last_us - CROSSING_US
        return np.asarray(~self._blind(cases, odds) | well | began)

    def _blind(self, cases: _Cases, odds: Odds) -> Bools:
        """Whether the antennas that heard each tag at home are out."""
        here = cases.here_place
        down = here.slots & ~self._coverage.up[odds.looks.antenna[cases.rows]]
        unheard = ~here.slots.any(axis=1) & self._coverage.blind[cases.home]
        return np.asarray(down.any(axis=1) | unheard)

    def _beyond(self, cases: _Cases, odds: Odds, as_of_us: Times, after_us: Times) -> Bools:
        """Whether tags are surely beyond a door that nothing saw them pass.

        Beside a door a tag is read from both sides, and now and then by one of them only. So
        nothing else may have heard it meanwhile, that not by a few stray reads, and home must have
        failed to hear it often enough.
        """
        looks, here, new = odds.looks, cases.here_place, cases.new_place
        elsewhere = (looks.weight[cases.rows] > 0.0) & ~new.slots
        other_us = np.where(elsewhere, looks.last_us[cases.rows], 0).max(axis=1)
        only_us = as_of_us - other_us
        began = new.first_us >= here.last_us - CROSSING_US
        well = new.dbm >= here.dbm - FAR_WORSE_DB
        missed = here.missed >= np.where(began & well, CAME_MISSED, BESIDE_MISSED)
        forgotten = ~here.slots.any(axis=1)
        long = only_us >= after_us * np.where(forgotten, FORGOTTEN_TIMES, 1)
        return np.asarray(long & (missed | forgotten) & (new.looks >= THROUGH_A_DOOR))

    def _move(
        self, cases: _Cases, i: int, odds: Odds, chance: float, end_us: int, *, alone: bool
    ) -> Decision:
        states, site = self._states, self._coverage.site
        tag, zone, home = int(cases.tags[i]), int(cases.there[i]), int(cases.home[i])
        last_us, since_us = int(states.last_us[tag]), int(states.since_us[tag])
        begun_us = int(states.rival_us[tag])
        if alone:
            begun_us = max(int(cases.new_place.first_us[i]), int(cases.here_place.last_us[i]))
        event_us = max(min(begun_us, last_us), since_us)
        door, direction = self._door_used(cases, i, chance) if alone else -1, None
        if door >= 0:
            inward = zone == int(self._coverage.inside[door])
            direction = Direction.IN if inward else Direction.OUT
        row = int(cases.rows[i])
        shared = bool(self._coverage.shared[zone])
        evidence = zone_evidence(site, states, tag, odds, row, zone, shared=shared)
        evidence["reasons"] = self._reasons(cases, i, odds, (end_us - begun_us) / 1e6, alone=alone)
        return Decision(
            tag=tag,
            kind=Kind.MOVED,
            status=Status.CONFIRMED,
            event_time_us=event_us,
            from_zone=site.zones[home].id,
            to_zone=site.zones[zone].id,
            door=site.doors[door].id if door >= 0 else None,
            direction=direction,
            confidence=min(chance * odds.certainty(row, shared), self._surest(door)),
            dwell_s=(event_us - since_us) / 1e6,
            evidence=evidence,
        )

    def _surest(self, door: int) -> float:
        """How sure one may be of a way that led through this door, or through none."""
        if door < 0:
            return 1.0
        return MOST_BY_HALF if self._coverage.half[door] else UNSEEN

    def _door_used(self, cases: _Cases, i: int, chance: float) -> int:
        """The door that a tag surely went through, of several the one that hears it; else -1.

        Out of sight for long it may have gone another way; read from both sides for as long it may
        have stood there.
        """
        coverage, home, zone = self._coverage, int(cases.home[i]), int(cases.there[i])
        unseen_us = int(cases.new_place.first_us[i]) - int(cases.here_place.last_us[i])
        if chance < SURE or abs(unseen_us) > NOT_BESIDE_US:
            return -1
        tag, antennas = int(cases.tags[i]), self._states.slot_antenna[int(cases.tags[i])]
        heard = np.where(coverage.covers[antennas, zone], self._states.slot_us[tag], 0)
        nearest = int(coverage.door[antennas[int(heard.argmax())]])
        if nearest < 0:
            return int(coverage.door_between[home, zone])
        joins = {int(coverage.inside[nearest]), int(coverage.outside[nearest])} == {home, zone}
        return nearest if joins else -1

    def _reasons(
        self, cases: _Cases, i: int, odds: Odds, for_s: float, *, alone: bool
    ) -> list[Any]:
        """`[words, weight]`, strongest first; the weights add up to the log-odds."""
        row, site = int(cases.rows[i]), self._coverage.site
        home, zone = site.zones[int(cases.home[i])].id, site.zones[int(cases.there[i])].id
        missed = float(cases.here_place.missed[i])
        missed = missed if np.isfinite(missed) else 0.0
        at_home = odds.zones[row] == cases.home[i]
        mates = float(odds.mates[row, cases.best[i]] - odds.mates[row][at_home].max(initial=0.0))
        rest = float(cases.lead[i]) - missed - mates
        where = "read only at" if alone else "heard best at"
        reasons = [
            (f"{where} {zone} for {for_s:.1f} s", rest),
            (f"not read at {home}, where it used to be", missed),
            ("the tags that belong with it are there", mates),
        ]
        reasons.sort(key=lambda reason: -abs(reason[1]))
        return [[words, round(weight, 2)] for words, weight in reasons if abs(weight) >= 0.05]
