"""Presence in zones: arrived, moved, missing, departed — with hysteresis and honest silence.

A case opens when a tag is read where it is not believed to be, and is looked at twice a second
while reads feed it. Where a tag that was nowhere has arrived is decided here, and when one has been
unseen for too long; whether one has moved in `moves.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gateway.location.coverage import INSIDE, Coverage
from gateway.location.epochs import EPOCH_US, TURN_US, is_turn
from gateway.location.evidence import Bools, Numbers
from gateway.location.explain import zone_evidence
from gateway.location.kin import Kin
from gateway.location.mates import LEAVES, Mates, together
from gateway.location.moves import FRESH_US, Moves
from gateway.location.odds import Odds, ZoneOdds
from gateway.location.states import NO_MATES, NO_ZONE, TagStates
from gateway.location.times import NEVER_US, arrive_after, limits
from gateway.location.words import Words
from gateway.model.movement import Decision, Kind, Presence, Status
from gateway.model.place import ZoneKind
from gateway.model.tags import TagIndex
from gateway.model.tuning import LocationTuning

#: A case is closed when nothing has fed it for this long.
CLOSE_US = 6_000_000
#: A case is looked at in every so many turns if the tag was read at home about as lately as
#: elsewhere.
AT_HOME_US = 1_500_000
SURE_TURNS = 8
#: So many times as long is waited for a tag first read that is just now at a door, or where only
#: power tells zones apart.
WAIT_TIMES = 2
#: On which side of a door a tag came into view is this likely to be right, at least.
SIDE_CHANCE = 0.6


class ZonePresence:
    """Decides arrivals, moves between zones, missing and departed tags."""

    def __init__(
        self,
        coverage: Coverage,
        states: TagStates,
        odds: ZoneOdds,
        tuning: LocationTuning,
        side_first_seen: Callable[[int, int, int], int],
        tags: TagIndex,
    ) -> None:
        self._side_first_seen = side_first_seen  # (tag, door, now) → INSIDE or OUTSIDE
        self._coverage, self._states, self._odds = coverage, states, odds
        self._moves = Moves(coverage, states, tuning)
        self._mates = Mates(coverage, states)
        self._kin = Kin(states, tags, odds.profiles.shared)
        self._words = Words()
        self._arrive = arrive_after(coverage.site, tuning)
        zones = coverage.site.zones
        self._missing_us = limits([z.missing_after_s for z in zones])
        self._departed_us = limits([z.departed_after_s for z in zones])
        self._outside: Bools = np.array([z.kind is ZoneKind.OUTSIDE for z in zones] or [False])
        self._forget_us = round(tuning.forget_after_s * 1e6)
        self._watched: Bools = np.asarray(coverage.covers.any(axis=0))
        self._open = np.zeros(0, dtype=np.intp)  # tags whose case is open, in order
        self._begun_us = 0

    @property
    def busy(self) -> bool:
        """Whether a case is open that time alone may decide."""
        return len(self._open) > 0

    def ask(self, asked: Numbers, end_us: int) -> None:
        """Open the cases of tags that an epoch asks about."""
        states = self._states
        new = asked[states.case_us[asked] == 0]
        if not len(new):
            return
        if self._odds.profiles.any:
            self._kin.meet(new)
        states.case_us[new] = end_us
        states.rival[new] = NO_ZONE
        self._open = np.sort(np.concatenate((self._open, new)))

    def decide(self, held: Numbers, end_us: int) -> list[Decision]:
        """Twice a second decide all open cases but those of `held` tags."""
        states = self._states
        self._begun_us = self._begun_us or end_us
        if not len(self._open) or not is_turn(end_us):
            return []
        tags = self._open[self._unsure(self._open, end_us)]
        if not len(tags):
            self._close(tags, end_us)
            return []
        odds = self._weigh(tags, end_us)
        nowhere = np.asarray(states.presence[tags] != Presence.PRESENT)
        at_door = np.isin(tags, held)
        decisions = list(self._arrivals(tags, nowhere, at_door, odds, end_us))
        decisions += self._moves.decide(tags, ~nowhere & ~at_door, odds, end_us)
        decided = np.array([d.tag for d in decisions], dtype=np.intp)
        self._mates.part(decided, end_us - CLOSE_US)
        self._close(decided, end_us)
        return decisions

    def forget(self, tags: Numbers) -> None:
        """Nothing is known of these tags any more."""
        self._open = self._open[~np.isin(self._open, tags)]
        self._mates.leave(tags)
        self._kin.forget(tags)
        self._words.forget(tags)

    def _unsure(self, tags: Numbers, end_us: int) -> Bools:
        """Open cases to look at now: tags last read at home, and nowhere better, take turns.

        So do those of which only odds can tell that they are elsewhere.
        """
        states = self._states
        zones, antennas = states.zone[tags], states.slot_antenna[tags]
        at_home = self._coverage.covers[antennas, zones[:, None]] & (
            states.slot_us[tags] > states.last_us[tags, None] - AT_HOME_US
        )
        rivals = states.rival[tags]
        slow = (rivals == NO_ZONE) | self._coverage.overlap[zones, rivals]
        sure = (states.presence[tags] == Presence.PRESENT) & slow
        turn = states.turn[tags] % SURE_TURNS == end_us // TURN_US % SURE_TURNS
        turn |= states.case_us[tags] > end_us - TURN_US
        return np.asarray(turn | ~(sure & at_home.any(axis=1)))

    def _close(self, decided: Numbers, end_us: int) -> None:
        states, open_ = self._states, self._open
        keep = (states.fed_us[open_] > end_us - CLOSE_US) | (states.rival[open_] != NO_ZONE)
        if len(decided):
            keep &= ~np.isin(open_, decided)
        states.case_us[open_[~keep]] = 0
        self._open = open_[keep]

    def _weigh(self, tags: Numbers, end_us: int) -> Odds:
        """The odds of tags as of shortly after their last reads, their mates' word included."""
        odds = self._odds_of(tags, end_us)
        if not self._odds.profiles.any:
            return odds  # then one tag can be as sure as many
        states = self._states
        self._mates.meet(tags, odds.looks, self._begun_us)
        groups = np.unique(states.mates[tags])
        asked = self._mates.members(groups[groups != NO_MATES].astype(np.intp))
        kin = self._kin.around(tags).ravel()
        others = np.setdiff1d(np.concatenate((asked, kin[kin >= 0])), tags).astype(np.intp)
        self._words.note(tags, odds, end_us)
        if len(stale := self._words.stale(others, end_us)):
            self._words.note(stale, self._odds_of(stale, end_us), end_us)
        everyone = np.concatenate((tags, others))
        zones, logs, live = self._words.of(everyone)
        mates = together(states.mates[everyone].astype(np.intp), zones, logs, live)[: len(tags)]
        kin_say = self._kin.say(everyone, len(tags), zones, logs, live)
        zones, logs = zones[: len(tags)], logs[: len(tags)]
        best = (logs + mates).argmax(axis=1)
        strange = logs.max(axis=1) - logs[np.arange(len(tags)), best] > LEAVES
        self._mates.leave(tags[strange])
        mates[strange] = 0.0
        mates += kin_say
        return Odds(
            zones=zones,
            logs=logs + mates,
            mates=mates,
            looks=odds.looks,
            temperature=odds.temperature,
        )

    def _odds_of(self, tags: Numbers, end_us: int) -> Odds:
        return self._odds.of(tags, np.minimum(self._states.last_us[tags] + FRESH_US, end_us))

    def _arrivals(
        self, tags: Numbers, nowhere: Bools, at_door: Bools, odds: Odds, end_us: int
    ) -> Iterator[Decision]:
        """Where tags are that were nowhere; one that is just now at a door is waited for."""
        states = self._states
        rows = np.flatnonzero(nowhere & (states.first_us[tags] > 0))
        if not len(rows):
            return
        tags, best = tags[rows], odds.logs[rows].argmax(axis=1)
        zones, antennas = odds.zones[rows, best], odds.looks.strongest()[0][rows]
        since_us = np.maximum(states.first_us[tags], states.case_us[tags] - EPOCH_US)
        wait = at_door[rows] | self._odds.profiles.shared[zones]
        after_us = self._arrive.of(zones, antennas) * np.where(wait, WAIT_TIMES, 1)
        due = (zones != NO_ZONE) & (end_us - since_us >= after_us)
        if not due.any():
            return
        chances = odds.chances()[rows, best]
        for i in np.flatnonzero(due).tolist():
            tag, zone, chance, row = int(tags[i]), int(zones[i]), float(chances[i]), int(rows[i])
            if at_door[row]:
                zone, chance = self._before_door(tag, zone, chance, odds, row, end_us)
            yield self._arrival(tag, zone, chance, odds, row)

    def _before_door(
        self, tag: int, zone: int, chance: float, odds: Odds, row: int, end_us: int
    ) -> tuple[int, float]:
        """The side of the door on which a tag that is on its way through came into view."""
        coverage, looks = self._coverage, odds.looks
        own = coverage.covers[looks.antenna[row], zone] & (looks.heard[row] > 0.0)
        strongest = int(np.where(own, looks.dbm[row], -np.inf).argmax())
        door = int(coverage.door[looks.antenna[row, strongest]])
        if door < 0:
            return zone, chance
        inside = self._side_first_seen(tag, door, end_us) == INSIDE
        return int((coverage.inside if inside else coverage.outside)[door]), max(
            chance, SIDE_CHANCE
        )

    def _arrival(self, tag: int, zone: int, chance: float, odds: Odds, row: int) -> Decision:
        coverage, states = self._coverage, self._states
        shared = bool(coverage.shared[zone])
        return Decision(
            tag=tag,
            kind=Kind.ARRIVED,
            status=Status.CONFIRMED,
            event_time_us=max(int(states.first_us[tag]), int(states.since_us[tag])),
            to_zone=coverage.site.zones[zone].id,
            confidence=chance * odds.certainty(row, shared),
            evidence=zone_evidence(coverage.site, states, tag, odds, row, zone, shared=shared),
        )

    def overdue(self, tags: int, end_us: int) -> list[Decision]:
        """Tags unseen for too long where they should be seen (call about once a second)."""
        states, coverage = self._states, self._coverage
        zone = states.zone[:tags]
        here = (states.presence[:tags] == Presence.PRESENT) & (zone >= 0)
        seen_us = np.maximum(states.last_us[:tags], coverage.seeing_since_us[zone])
        silent_us = end_us - seen_us
        sighted = self._watched[zone] & ~coverage.blind[zone]
        missing: Bools = np.asarray(here & sighted & (silent_us >= self._missing_us[zone]))
        expected = sighted | ~self._watched[zone]
        gone: Bools = np.asarray(here & expected & (silent_us >= self._departed_us[zone]))
        rows = np.flatnonzero(missing | gone)
        overdue = [self._overdue(tag, bool(gone[tag]), int(seen_us[tag])) for tag in rows.tolist()]
        return overdue + self._long_gone(here & ~gone & ~missing, end_us)

    def _long_gone(self, here: Bools, end_us: int) -> list[Decision]:
        """Tags outside, where nobody sees them go, that were not read for as long as one is kept.

        Else a broken antenna in the yard would have everything remembered that ever left.
        """
        never = self._departed_us[: len(self._outside)] == NEVER_US
        unseen = self._outside & (self._coverage.blind | never)
        if not unseen.any():
            return []
        states = self._states
        rows = np.flatnonzero(here & unseen[states.zone[: len(here)]])
        rows = rows[end_us - states.last_us[rows] >= self._forget_us]
        last_us = states.last_us[rows]
        return [
            self._overdue(tag, True, at_us, self._forget_us)
            for tag, at_us in zip(rows.tolist(), last_us.tolist(), strict=True)
        ]

    def _overdue(self, tag: int, gone: bool, seen_us: int, after_us: int | None = None) -> Decision:
        """`after_us`: it was waited for so long without anybody's looking."""
        states, site = self._states, self._coverage.site
        zone = int(states.zone[tag])
        reason = ""
        if after_us is None:
            after_us = int((self._departed_us if gone else self._missing_us)[zone])
            reason = ", antennas working"
        last_us = int(states.last_us[tag])
        return Decision(
            tag=tag,
            kind=Kind.DEPARTED if gone else Kind.MISSING,
            status=Status.CONFIRMED,
            event_time_us=max(seen_us + after_us, int(states.since_us[tag])),
            from_zone=site.zones[zone].id,
            confidence=float(states.confidence[tag]),
            dwell_s=max(0, last_us - int(states.since_us[tag])) / 1e6,
            evidence={"reasons": [[f"not read for {after_us / 1e6:g} s{reason}", 1.0]]},
        )
