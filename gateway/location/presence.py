"""Presence in zones: arrived, moved, missing, departed — with hysteresis and honest silence.

A tag has *moved* when it has been read only at another zone for a while, or when the evidence for
another zone has been clearly ahead for as long. Between the two zones of a door only the first
holds: there the doors decide (doors.py), because a load beside a door is read from both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from gateway.location.coverage import INSIDE, Coverage
from gateway.location.evidence import Evidence, Numbers, Scores
from gateway.location.explain import zone_evidence
from gateway.location.states import NO_ZONE, TagStates
from gateway.model.movement import Decision, Direction, Kind, Presence, Status
from gateway.model.place import ZoneKind
from gateway.model.tuning import LocationTuning

#: Evidence for another zone must be this many times that for its own.
AHEAD = 2.5
#: A tag that "has moved" must have been read at the new place within this time.
FRESH_US = 3_000_000
#: Weight of evidence without which a tag is not taken to be beyond a door: about a read a second.
THROUGH_A_DOOR = 3.0
#: Never: far beyond any time that occurs.
NEVER_US = np.iinfo(np.int64).max // 4

Bools = npt.NDArray[np.bool_]


class ZonePresence:
    """Decides arrivals, moves between zones, missing and departed tags."""

    def __init__(
        self,
        coverage: Coverage,
        states: TagStates,
        evidence: Evidence,
        tuning: LocationTuning,
        side_first_seen: Callable[[int, int, int], int],
    ) -> None:
        self._side_first_seen = side_first_seen  # (tag, door, now) → INSIDE or OUTSIDE
        self._coverage, self._states, self._evidence = coverage, states, evidence
        zones = coverage.site.zones
        self._arrive_us = round(tuning.arrive_after_s * 1e6)
        self._move_us = np.array(
            [round((z.move_after_s or tuning.move_after_s) * 1e6) for z in zones] or [0]
        )
        self._missing_us = _limits([z.missing_after_s for z in zones])
        self._departed_us = _limits([z.departed_after_s for z in zones])
        self._outside = np.array([z.kind is ZoneKind.OUTSIDE for z in zones] or [False])
        self._watched: Bools = np.asarray(coverage.covers.any(axis=0))
        self._waiting = np.zeros(0, dtype=np.intp)  # tags whose case is open

    @property
    def busy(self) -> bool:
        """Whether a case is open that time alone may decide."""
        return len(self._waiting) > 0

    def decide(self, sighted: Numbers, held: Numbers, end_us: int) -> list[Decision]:
        """Decide for the tags of this epoch and those whose case is open; `held` ones wait."""
        tags = _merged(sighted, self._waiting)
        if not len(tags):
            return []
        tags = tags[self._unsettled(tags, end_us)]
        decisions: list[Decision] = []
        if len(tags):
            scores = self._evidence.scores(tags, end_us)
            nowhere = self._nowhere(tags)
            decisions += self._arrivals(tags, nowhere, scores, end_us)
            free = ~nowhere & ~np.isin(tags, held)
            decisions += self._moves(tags, free, scores, end_us)
        decided = {d.tag for d in decisions}
        self._waiting = np.array([t for t in tags.tolist() if t not in decided], dtype=np.intp)
        return decisions

    def _nowhere(self, tags: Numbers) -> Bools:
        return np.asarray(self._states.presence[tags] != Presence.PRESENT)

    def _unsettled(self, tags: Numbers, end_us: int) -> Bools:
        """Tags that are nowhere yet, or were read of late by an antenna of another zone."""
        states, since_us = self._states, end_us - 2 * FRESH_US
        nowhere = self._nowhere(tags)
        return np.asarray(np.where(nowhere, states.last_us[tags], states.away_us[tags]) > since_us)

    def _arrivals(
        self, tags: Numbers, nowhere: Bools, scores: Scores, end_us: int
    ) -> Iterator[Decision]:
        states = self._states
        due = nowhere & (end_us - states.first_us[tags] >= self._arrive_us)
        for row in np.flatnonzero(due).tolist():
            zone, share = self._arrival_zone(int(tags[row]), row, scores, end_us)
            if zone == NO_ZONE:
                continue
            tag = int(tags[row])
            yield Decision(
                tag=tag,
                kind=Kind.ARRIVED,
                status=Status.CONFIRMED,
                event_time_us=max(int(states.first_us[tag]), int(states.since_us[tag])),
                to_zone=self._coverage.site.zones[zone].id,
                confidence=share,
                evidence=zone_evidence(self._coverage.site, states, tag, scores, row),
            )

    def _arrival_zone(self, tag: int, row: int, scores: Scores, end_us: int) -> tuple[int, float]:
        """The zone of most evidence; at a door the side on which it came into view."""
        totals, zones = scores.totals[row], scores.zones[row]
        best = int(totals.argmax())
        if totals[best] <= 0.0:
            return NO_ZONE, 0.0
        coverage = self._coverage
        rest = totals[zones != zones[best]].max(initial=0.0)
        share = float(totals[best] / (totals[best] + rest))
        door = int(coverage.door[self._states.slot_antenna[tag, scores.slots[best]]])
        if door < 0:
            return int(zones[best]), share
        inside = self._side_first_seen(tag, door, end_us) == INSIDE
        return int((coverage.inside if inside else coverage.outside)[door]), max(share, 0.6)

    def _moves(self, tags: Numbers, free: Bools, scores: Scores, end_us: int) -> Iterator[Decision]:
        states = self._states
        rows = np.flatnonzero(free)
        if not len(rows):
            return
        zones, totals = scores.zones[rows], scores.totals[rows]
        home = states.zone[tags[rows]]
        at_home = zones == home[:, None]
        own = np.where(at_home, totals, 0.0).max(axis=1)
        others = np.where(at_home | (zones < 0), 0.0, totals)
        best = others.argmax(axis=1)
        index = np.arange(len(rows))
        there = zones[index, best]
        ahead = others[index, best] > np.maximum(AHEAD * own, 0.0)
        self._follow_rival(tags[rows], there, ahead, end_us)
        alone, stronger = self._settled_there(tags[rows], home, there, end_us)
        for i in np.flatnonzero((others[index, best] > 0.0) & (alone | stronger)).tolist():
            tag, zone = int(tags[rows[i]]), int(there[i])
            reason = "read only there" if alone[i] else "much stronger there"
            rest = own[i] + np.where(zones[i] == zone, 0.0, others[i]).max(initial=0.0)
            share = float(others[i, best[i]] / (others[i, best[i]] + rest + 1e-9))
            door = self._door_used(tag, int(home[i]), zone)
            row = int(rows[i])
            yield self._move(tag, int(home[i]), zone, door, reason, share, scores, row)

    def _follow_rival(
        self, tags: Numbers, there: npt.NDArray[np.int16], ahead: Bools, end_us: int
    ) -> None:
        """Remember since when the same other zone has been ahead."""
        states = self._states
        same = ahead & (states.rival[tags] == there)
        states.rival_us[tags] = np.where(same, states.rival_us[tags], end_us)
        states.rival[tags] = np.where(ahead, there, np.int16(NO_ZONE))

    def _settled_there(
        self,
        tags: Numbers,
        home: npt.NDArray[np.int16],
        there: npt.NDArray[np.int16],
        end_us: int,
    ) -> tuple[Bools, Bools]:
        """Whether each tag has for long enough been read only there, or much stronger there."""
        states, coverage = self._states, self._coverage
        antennas, move_us = states.slot_antenna[tags], self._move_us[there]
        slots = (antennas >= 0) & coverage.covers[antennas, there[:, None]]
        last_us = np.where(slots, states.slot_us[tags], 0).max(axis=1)
        first_us = np.where(slots, states.slot_first_us[tags], NEVER_US).min(axis=1)
        fresh = last_us >= end_us - FRESH_US
        alone_us = end_us - np.maximum(states.home_us[tags], first_us)
        alone = fresh & (alone_us >= move_us) & (last_us - first_us >= move_us // 2)
        # Through a door nothing else must have heard it meanwhile, and a few strays are not enough.
        behind = coverage.door_between[home, there] >= 0
        other_us = np.where((antennas >= 0) & ~slots, states.slot_us[tags], 0).max(axis=1)
        weight = np.where(slots, self._evidence.faded(tags, end_us), 0.0).sum(axis=1)
        alone &= ~behind | ((end_us - other_us >= move_us) & (weight >= THROUGH_A_DOOR))
        same = (states.rival[tags] == there) & (coverage.door_between[home, there] < 0)
        ahead_us = end_us - states.rival_us[tags]
        return alone, fresh & same & (ahead_us >= move_us)

    def _door_used(self, tag: int, home: int, zone: int) -> int:
        """The door between two zones, of several the one that hears the tag; -1 if none."""
        states, coverage = self._states, self._coverage
        door = int(coverage.door_between[home, zone])
        antennas = states.slot_antenna[tag]
        heard = np.where(coverage.covers[antennas, zone], states.slot_us[tag], 0)
        nearest = int(coverage.door[antennas[int(heard.argmax())]])
        return nearest if door >= 0 and nearest >= 0 else door

    def _move(
        self, tag: int, home: int, zone: int, door: int, reason: str, share: float,
        scores: Scores, row: int,
    ) -> Decision:  # fmt: skip
        states, site = self._states, self._coverage.site
        slots = np.flatnonzero(self._coverage.covers[states.slot_antenna[tag], zone])
        first_us = int(states.slot_first_us[tag][slots].min())
        since_us = int(states.since_us[tag])
        event_us = max(first_us, since_us, min(int(states.home_us[tag]), int(states.last_us[tag])))
        direction = None
        if door >= 0:
            inward = zone == int(self._coverage.inside[door])
            direction = Direction.IN if inward else Direction.OUT
        evidence = zone_evidence(site, states, tag, scores, row)
        evidence["reasons"] = [[reason, round(share, 3)]]
        return Decision(
            tag=tag,
            kind=Kind.MOVED,
            status=Status.CONFIRMED,
            event_time_us=event_us,
            from_zone=site.zones[home].id,
            to_zone=site.zones[zone].id,
            door=site.doors[door].id if door >= 0 else None,
            direction=direction,
            confidence=min(share, 0.95),
            dwell_s=(event_us - since_us) / 1e6,
            evidence=evidence,
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
        return [self._overdue(tag, bool(gone[tag]), int(seen_us[tag])) for tag in rows.tolist()]

    def _overdue(self, tag: int, gone: bool, seen_us: int) -> Decision:
        states, site = self._states, self._coverage.site
        zone = int(states.zone[tag])
        after_us = int((self._departed_us if gone else self._missing_us)[zone])
        last_us = int(states.last_us[tag])
        return Decision(
            tag=tag,
            kind=Kind.DEPARTED if gone else Kind.MISSING,
            status=Status.CONFIRMED,
            event_time_us=max(seen_us + after_us, int(states.since_us[tag])),
            from_zone=site.zones[zone].id,
            confidence=float(states.confidence[tag]),
            dwell_s=max(0, last_us - int(states.since_us[tag])) / 1e6,
            evidence={"reasons": [[f"not read for {after_us / 1e6:g} s, antennas working", 1.0]]},
        )


def _limits(after_s: list[float | None]) -> npt.NDArray[np.int64]:
    return np.array([NEVER_US if s is None else round(s * 1e6) for s in after_s] or [NEVER_US])


def _merged(one: Numbers, other: Numbers) -> Numbers:
    """Two ordered lists of tags as one, each tag once."""
    if not len(other):
        return one
    at = np.minimum(np.searchsorted(one, other), max(0, len(one) - 1))
    new = other if not len(one) else other[one[at] != other]
    return np.sort(np.concatenate((one, new))) if len(new) else one
