"""Doors: did the tag pass, and which way?

A case opens when a tag's power stands out over its own baseline at a door; it is announced when
the classifier is fairly sure, and confirmed once the tag has stayed on its new side for a while.
A load that turns back looks like a passage until then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.location.beams import BEAM_US, Beams
from gateway.location.coverage import INSIDE, OUTSIDE, Coverage
from gateway.location.epochs import EPOCH_US
from gateway.location.explain import antenna_reads
from gateway.location.passage_features import (
    Features,
    Floats,
    Surroundings,
    features_of,
    is_plain,
    shape_of,
)
from gateway.location.passage_model import IN, NONE, OUT, PassageModel, shipped
from gateway.location.sightings import Sightings
from gateway.location.states import NO_ZONE, TagStates
from gateway.location.tracks import BIN_US, SILENT_DBM, Numbers, Tracks
from gateway.model.device import SensorReading
from gateway.model.movement import Decision, Direction, Kind, Presence, Status

#: A case opens at this much over what is usual for the tag, on the side where it stands out more.
OPEN_DB = 4.0
#: Of a case that is older than this nothing new is expected.
RECENT_US = 8_000_000
#: Tags that were hardly read count while as many others as this pass at their door.
COMPANY = 3.0
#: A passage is told at once when it is this likely; see `_policy`.
PROVISIONAL = 0.90
CONFIRMED = 0.97
CONFIRMED_TOGETHER = 0.85
CONFIRMED_LATE = 0.80
#: From this long after its last peak a case may be confirmed; later less certainty will do.
SETTLE_S = 2.0
LATE_S = 4.5
GIVE_UP_S = 6.5
#: Tags whose crossings are this close travel together.
GROUP_S = 1.5
#: Doors compete within this many bins of the crossing.
RIVAL_BINS = 8
#: A tag that arrived where a passage leads this shortly before may have been put there by its
#: first reads.
FIRST_READS_US = 8_000_000
_NO_CASES = (np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.int64))


class Doors:
    """Decides passages of tags, and knows which tags are just now at a door."""

    def __init__(
        self, coverage: Coverage, states: TagStates, model: PassageModel | None = None
    ) -> None:
        self._coverage, self._states = coverage, states
        self._given_model = model
        self._tracks = Tracks(coverage)
        site = coverage.site
        self._doors = len(site.doors)
        sides = np.zeros((len(site.doors), 2), dtype=bool)
        at_doors = np.flatnonzero(coverage.door >= 0)
        sides[coverage.door[at_doors], coverage.side[at_doors]] = True
        self._both_sides = np.asarray(sides.all(axis=1))
        self.beams = Beams(site)
        self.open_tags: Numbers = np.zeros(0, dtype=np.intp)
        #: Doors at which tags are that may be passing, and when they would have.
        self.open_cases: tuple[Numbers, npt.NDArray[np.int64]] = _NO_CASES

    @property
    def _model(self) -> PassageModel:
        # Asked for when it is needed: training replaces the weights, whatever they were.
        return self._given_model or shipped()

    @property
    def busy(self) -> bool:
        """Whether any tag is at a door: time alone may decide."""
        return len(self._tracks) > 0

    def observe(self, sightings: Sightings, sensors: Iterable[SensorReading], end_us: int) -> None:
        """Enter one epoch."""
        self.beams.observe(sensors)
        self._tracks.advance(end_us)
        self._tracks.add(sightings)

    def side_first_seen(self, tag: int, door: int, end_us: int) -> int:
        """The side on which a tag was stronger when it was first seen at a door of late."""
        row = self._tracks.row_of(tag, door)
        if row is None:
            return INSIDE
        shape = shape_of(*self._tracks.window(np.array([row]), end_us))
        return OUTSIDE if shape.first_side[0] > 0.0 else INSIDE

    def decide(self, end_us: int) -> list[Decision]:
        """Passages that are announced or confirmed at the end of this epoch."""
        if end_us // BIN_US == (end_us - EPOCH_US) // BIN_US:
            return []  # nothing has been added to the picture but part of a bin
        rows = self._candidates(end_us)
        self.open_tags, self.open_cases = np.zeros(0, dtype=np.intp), _NO_CASES
        if not len(rows):
            return []
        features = self.features(rows, end_us)
        alone = self._model.alone_chances(features)
        votes = self._votes(rows, features, alone)
        chances = self._model.chances(features, votes)
        # A tag that travels alone has nobody to vote for it: if its passage is plain, it counts.
        plain = is_plain(features) & (alone[:, :2].max(axis=1) > chances[:, :2].max(axis=1))
        chances = np.where(plain[:, None], alone, chances)
        outward = chances[:, OUT] > chances[:, IN]
        chance = chances[:, :2].max(axis=1)
        since_s = features.since_peak_s
        mine = np.where(outward, votes[:, OUT], votes[:, IN])
        itself = np.where(outward, alone[:, OUT], alone[:, IN])
        company = (mine >= COMPANY) & (votes.sum(axis=1) - mine <= mine / 4.0) & (itself >= 0.5)
        ripe = (chance >= np.where(company, CONFIRMED_TOGETHER, CONFIRMED)) & (since_s >= SETTLE_S)
        ripe |= (chance >= CONFIRMED_LATE) & (since_s >= LATE_S)
        early = (chance >= PROVISIONAL) & (since_s >= 0.5) & ~ripe
        tracks, decisions = self._tracks, []
        for i in np.flatnonzero(ripe | early).tolist():
            row, sign = int(rows[i]), 1 if outward[i] else -1
            if not ripe[i] and tracks.announced[row] == sign:
                continue
            tracks.announced[row] = 0 if ripe[i] else sign
            case = _Case(row, i, features, votes, chances[i], bool(outward[i]), bool(ripe[i]))
            decision = self._decision(case)
            if decision is not None:
                decisions.append(decision)
        self._close(rows, ripe, since_s, end_us)
        undecided = np.flatnonzero(~ripe & (chance >= 0.3))
        self.open_tags = np.unique(tracks.tag[rows[undecided]])
        self.open_cases = (tracks.door[rows[undecided]], features.crossing_us[undecided])
        return decisions

    def _close(
        self, rows: Numbers, ripe: npt.NDArray[np.bool_], since_s: Floats, end_us: int
    ) -> None:
        """What is decided, or was not in time, is not looked at again."""
        tracks, tags = self._tracks, self._tracks.tag
        done = rows[ripe]
        # A tag that passed one door did not pass another at the same time.
        done = np.union1d(done, np.flatnonzero(np.isin(tags, tags[done])))
        done = np.union1d(done, rows[~ripe & (since_s >= GIVE_UP_S)])
        tracks.settled_us[done] = end_us
        tracks.announced[done] = 0

    def _candidates(self, end_us: int) -> Numbers:
        """Tracks that stood out of late over what is usual for them, and are not settled.

        At a door that is watched from both sides a tag must have been read on both. One that was
        not counts when others pass there just then.
        """
        tracks = self._tracks
        if not len(tracks):
            return np.zeros(0, dtype=np.intp)
        recent_us = tracks.last_us.max(axis=1)
        live = np.flatnonzero(
            (recent_us > end_us - RECENT_US) & (recent_us > tracks.settled_us + BIN_US)
        )
        power, _ = tracks.window(live, end_us)
        peaks = power.max(axis=2)
        heard = np.asarray(peaks > SILENT_DBM)
        prominence: Floats = np.where(heard, peaks - tracks.usual_dbm(live), -99.0)
        doors = tracks.door[live]
        both = np.asarray(heard[:, INSIDE] & heard[:, OUTSIDE]) | ~self._both_sides[doors]
        stands_out = both & (prominence.max(axis=1) >= OPEN_DB)
        rows = live[stands_out]
        passing = self._passing(rows, end_us)
        return np.sort(np.concatenate((rows, live[~both & passing[doors]])))

    def _passing(self, rows: Numbers, end_us: int) -> npt.NDArray[np.bool_]:
        """Doors through which, by these tracks alone, a load is going."""
        if not len(rows):
            return np.zeros(self._doors, dtype=bool)
        alone = self._model.alone_chances(self.features(rows, end_us))[:, :2].sum(axis=1)
        load = np.bincount(self._tracks.door[rows], weights=alone, minlength=self._doors)
        return np.asarray(load >= COMPANY)

    def features(self, rows: Numbers, end_us: int) -> Features:
        """The classifier's view of tracks."""
        tracks = self._tracks
        power, ages_s = tracks.window(rows, end_us)
        shape = shape_of(power, ages_s)
        crossing_s = shape.crossing_s()
        crossing_us = end_us + np.round(crossing_s * 1e6).astype(np.int64)
        doors = tracks.door[rows]
        beam_order, beams_s, one_beam = self.beams.near(doors, crossing_us)
        around = Surroundings(
            baseline_dbm=tracks.usual_dbm(rows).astype(np.float64),
            rivalry_db=self._rivalry(rows, power, np.searchsorted(ages_s, crossing_s)),
            beam_order=beam_order,
            beams_s=beams_s,
            one_beam=one_beam,
            origin=self._origin(rows),
        )
        return features_of(shape, around, end_us)

    def _votes(self, rows: Numbers, features: Features, alone: Floats) -> Floats:
        """(n, 2): how many other tags went out and in at the same door and time, by themselves."""
        alone = alone[:, :2]
        votes = np.zeros_like(alone)
        doors, crossing_s = self._tracks.door[rows], features.crossing_us / 1e6
        for door in np.unique(doors).tolist():
            here = np.flatnonzero(doors == door)
            near = np.abs(crossing_s[here, None] - crossing_s[None, here]) <= GROUP_S
            votes[here] = near.astype(np.float64) @ alone[here] - alone[here]
        return votes

    def _rivalry(self, rows: Numbers, power: npt.NDArray[np.float32], at: Numbers) -> Floats:
        """How much stronger the tag was here than at other doors around its crossing, in dB."""
        tracks = self._tracks
        margin = np.full(len(rows), 10.0)
        # Tracks are ordered by tag: those of one tag are neighbours.
        tags = np.concatenate(([-1], tracks.tag, [-1]))
        bins = np.arange(power.shape[2])
        around = np.abs(bins[None, :] - at[:, None]) <= RIVAL_BINS
        here_dbm = np.where(around, power.max(axis=1), SILENT_DBM).max(axis=1)
        for step in (-1, 1):
            neighbour = rows + step
            mine = np.flatnonzero(tags[neighbour + 1] == tags[rows + 1])
            while len(mine):
                heard = tracks.recent(neighbour[mine]).max(axis=1)
                best = np.where(around[mine], heard, SILENT_DBM).max(axis=1)
                margin[mine] = np.minimum(margin[mine], here_dbm[mine] - best)
                neighbour = neighbour + step
                inside = (neighbour[mine] >= 0) & (neighbour[mine] < len(tracks))
                mine = mine[inside]
                mine = mine[tags[neighbour[mine] + 1] == tags[rows[mine] + 1]]
        return margin

    def _origin(self, rows: Numbers) -> Floats:
        """+1 where the tag is known inside the door, -1 where it is known outside, else 0."""
        tracks, states, coverage = self._tracks, self._states, self._coverage
        tags, doors = tracks.tag[rows], tracks.door[rows]
        zones = states.zone[tags]
        known = states.presence[tags] == Presence.PRESENT
        inside, outside = zones == coverage.inside[doors], zones == coverage.outside[doors]
        return np.where(known & inside, 1.0, np.where(known & outside, -1.0, 0.0))

    def _decision(self, case: _Case) -> Decision | None:
        tracks, states, site = self._tracks, self._states, self._coverage.site
        tag, door = int(tracks.tag[case.row]), site.doors[int(tracks.door[case.row])]
        to_zone, behind = (
            (door.outside, door.inside) if case.outward else (door.inside, door.outside)
        )
        here = int(states.zone[tag]) if states.presence[tag] == Presence.PRESENT else NO_ZONE
        crossing_us = int(case.features.crossing_us[case.index])
        since_us = int(states.since_us[tag])
        if here == site.zone_numbers[to_zone]:
            if crossing_us - since_us > FIRST_READS_US or states.seq[tag] > 1:
                return None  # it is there already: this is its own echo
            here = NO_ZONE  # it was put there by its first reads
        event_us = max(crossing_us, since_us)
        row = case.index
        likelier = NONE if case.chances[NONE] >= case.chances[:2].min() else None
        return Decision(
            tag=tag,
            kind=Kind.MOVED,
            status=Status.CONFIRMED if case.confirmed else Status.PROVISIONAL,
            event_time_us=event_us,
            from_zone=site.zones[here].id if here != NO_ZONE else behind,
            to_zone=to_zone,
            door=door.id,
            direction=Direction.OUT if case.outward else Direction.IN,
            confidence=float(case.chances[:2].max()),
            dwell_s=(event_us - since_us) / 1e6 if here != NO_ZONE else None,
            evidence={
                "reads": antenna_reads(site, states, tag),
                "sensors": self.beams.story(
                    int(tracks.door[case.row]), crossing_us - BEAM_US, crossing_us + BEAM_US
                ),
                "runner_up": {
                    "what": "no passage" if likelier == NONE else "the other way",
                    "probability": round(float(np.sort(case.chances)[-2]), 4),
                },
                "reasons": self._model.reasons(
                    case.features, case.votes, row, outward=case.outward
                ),
            },
        )


@dataclass(frozen=True, slots=True)
class _Case:
    """One track's case at the moment of a decision; `index` is its row in features and votes."""

    row: int
    index: int
    features: Features
    votes: Floats
    chances: Floats
    outward: bool
    confirmed: bool
