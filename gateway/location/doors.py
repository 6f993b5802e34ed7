"""Doors: did the tag pass, and which way?

A case opens when a tag's power stands out over what is usual for it at a door; it is announced when
the classifier is fairly sure, and confirmed once the tag has stayed on its new side for a while.
A load that turns back looks like a passage until then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.location.announcements import Announcements
from gateway.location.beams import BEAM_US, Beams
from gateway.location.company import Company, Neighbours, Passed
from gateway.location.coverage import INSIDE, MOST_BY_HALF, OUTSIDE, Coverage
from gateway.location.epochs import is_turn
from gateway.location.explain import antenna_reads
from gateway.location.fellows import Fellows
from gateway.location.line import in_beams, is_through, standing
from gateway.location.mouths import stands_in_mouth
from gateway.location.passage_features import (
    Bools,
    Features,
    Floats,
    Power,
    Surroundings,
    features_of,
    is_plain,
    shape_of,
    side_first_seen,
)
from gateway.location.passage_model import IN, NONE, OUT, PassageModel, shipped
from gateway.location.retractions import Retractions
from gateway.location.ripeness import (
    CONFIRMED,
    CONFIRMED_LATE,
    LONE,
    PROVISIONAL,
    THROUGH_S,
    WELL_KNOWN,
    is_ripe,
)
from gateway.location.sightings import Sightings
from gateway.location.states import NO_ZONE, TagStates
from gateway.location.stops import Stops
from gateway.location.tracks import BIN_US, BINS, Numbers, Tracks, bins_around
from gateway.location.walls import doors_of_wall, is_behind, was_beyond, zones_of_wall
from gateway.model.movement import Decision, Direction, Kind, Presence, Status

#: Of a case that is older than this nothing new is expected.
RECENT_US = 8_000_000
WINDOW_US = BINS * BIN_US
#: While as many tags as this are passing at a door, tags that were hardly read there count, too.
COMPANY = 3.0
#: A passage of what has stood there for long is plain when both sides saw it stand out so far.
MOST_PLAIN_DB = 10.0
#: Among so many that stood out and stayed nobody travels alone.
CROWD = 10.0
#: A case that is not decided so long after its last peak never will be.
GIVE_UP_S, GIVE_UP_LINGERING_S = 6.5, 11.0
#: Doors compete within this many bins of the crossing, and by so much at most.
RIVAL_BINS = 8
MOST_RIVALRY_DB = 10.0
#: A tag that has been where it is for less than this before it crossed may not have been there.
FRESH_US = 3_000_000
#: A tag that arrived where a passage leads this shortly before may have been put there by its
#: first reads.
FIRST_READS_US = 8_000_000
#: One that surely passes, and has been there for longer than this, must have come back unseen.
RETURNED_US = WINDOW_US
_NO_CASES = (np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.int64))


class Doors:
    """Decides passages of tags, and knows which tags are just now at a door."""

    def __init__(
        self, coverage: Coverage, states: TagStates, model: PassageModel | None = None
    ) -> None:
        self._coverage, self._states = coverage, states
        self._given_model = model
        self._tracks = Tracks(coverage)
        self.beams = Beams(coverage.site)
        self._stops = Stops(self.beams, self._tracks, len(coverage.site.doors))
        self.retractions = Retractions(coverage, states, self._tracks)
        self._announcements = Announcements(states, self._tracks, coverage.site.door_numbers)
        self._passed, self._fellows = Passed.nobody(), Fellows(states)
        self._half, self._beside = coverage.half, doors_of_wall(coverage)
        self._zones = zones_of_wall(coverage)
        #: Doors at which a load was passing when they were last looked at.
        self._passing: Bools = np.zeros(len(self._half), dtype=bool)
        self.open_tags: Numbers = np.zeros(0, dtype=np.intp)
        #: Doors at which tags are that may be passing, and when they would have.
        self.open_cases: tuple[Numbers, npt.NDArray[np.int64]] = _NO_CASES

    @property
    def _model(self) -> PassageModel:
        # Asked for when it is needed: training replaces the weights, whatever they were.
        return self._given_model or shipped()

    @property
    def busy(self) -> bool:
        """Whether any tag is at a door, or was announced: time alone may decide."""
        return len(self._tracks) > 0 or self._announcements.any

    def observe(self, sightings: Sightings, end_us: int) -> None:
        """Enter what was read in one or several epochs, up to this time."""
        self._tracks.advance(end_us)
        self._tracks.add(sightings)
        self._tracks.forget(end_us)

    def side_first_seen(self, tag: int, door: int, end_us: int) -> int:
        """The side on which a tag was stronger when it was first seen at a door of late."""
        row = self._tracks.row_of(tag, door)
        if row is None:
            return INSIDE
        power, _ = self._tracks.window(np.array([row]), end_us)
        return OUTSIDE if side_first_seen(power)[0] > 0.0 else INSIDE

    def vetoes(self, tags: Numbers, doors: Numbers, outward: Bools, end_us: int) -> Bools:
        """Where a tag is read beyond a door of late, but nothing says that it went through.

        Ask it before tags that were read only beyond `doors` (`outward`: only outside) for a while
        are said to have moved; see `mouths.py`.
        """
        return stands_in_mouth(self._tracks, tags, doors, outward, end_us)

    def is_due(self, end_us: int) -> bool:
        """Whether the epoch that ends then is one after which cases are looked at."""
        return is_turn(end_us)

    def decide(self, end_us: int) -> list[Decision]:
        """Passages that are announced, confirmed, or come to nothing, by the end of this epoch."""
        if not self.is_due(end_us):
            return []
        decisions, cases = self._decided(end_us)
        self._announcements.note(decisions, end_us)
        return decisions + self._announcements.taken_back(cases, end_us)

    def _decided(self, end_us: int) -> tuple[list[Decision], Numbers]:
        """What is announced or confirmed, and the rows of all cases that were looked at."""
        self._passed = self._passed.of_late(end_us)
        self.open_tags, self.open_cases = np.zeros(0, dtype=np.intp), _NO_CASES
        self._tracks.hold(standing(self.beams, end_us))
        rows, features = self._cases(end_us)
        if not len(rows):
            self._passing = self._are_passing(self._passed.doors[:0], np.zeros(0), end_us)
            return [], rows
        tags = self._tracks.tag[rows]
        chances, company = self._judged(rows, features, end_us)
        along = self._fellows.speak(tags, self._tracks.door[rows], features, chances, self._passed)
        chance = chances[:, :2].max(axis=1)
        best = _best_of_tag(tags, chance)
        outward = chances[:, OUT] > chances[:, IN]
        sure_s = self._tracks.sure_for_s(rows, outward, chance >= CONFIRMED, end_us)
        through = self._through(rows, outward, best & (sure_s >= THROUGH_S), features)
        # What its load's stop alone kept back need not be as sure as it was, once it went on.
        waited = self._tracks.waiting[rows] == np.where(outward, 1, -1)
        ripe = is_ripe(features, chances, company, sure_s, through, along)
        ripe = best & (ripe | (waited & (chance >= CONFIRMED_LATE)))
        ripe &= ~self._stops.before_the_line(rows, outward, ripe, features.crossing_us, end_us)
        early = best & (chance >= PROVISIONAL) & (features.since_peak_s >= 0.5) & ~ripe
        early &= ~features.half
        told = self._told(rows, outward, ripe, early)
        reasons = self._model.reasons(features, company, [i for i in told if ripe[i]])
        cases = [_Case(int(rows[i]), i, features, chances[i], bool(ripe[i])) for i in told]
        decisions = [self._decision(case, reasons, end_us) for case in cases]
        self._remember(rows, ripe, features, chances, end_us)
        self.retractions.note(rows[ripe], outward[ripe])
        self._close(rows, ripe, features, end_us)
        undecided = np.flatnonzero(~ripe & (chance >= 0.3))
        self.open_tags = np.unique(tags[undecided])
        likely = np.flatnonzero(best & ~ripe & (chance >= 0.6))
        self.open_cases = (self._tracks.door[rows[likely]], features.crossing_us[likely])
        return [decision for decision in decisions if decision is not None], rows

    def _cases(self, end_us: int) -> tuple[Numbers, Features]:
        """Open cases, in order of tag and door, and what they look like.

        At a door that is watched from both sides a tag must have been read on both. One that was
        not counts when others pass there just then.
        """
        rows = self._candidates(end_us)
        if self._passing.any():
            rows = self._tracks.in_order(np.concatenate((rows, self._along(rows, end_us))))
        return rows, self.features(rows, end_us)

    def _candidates(self, end_us: int) -> Numbers:
        """Tracks that stood out of late and are not settled, in order of tag and door."""
        tracks = self._tracks
        unsettled_us = np.maximum(tracks.settled_us + BIN_US, end_us - RECENT_US)
        rows = np.flatnonzero(tracks.stood_us > unsettled_us)
        since_us = np.maximum(tracks.settled_us[rows], end_us - WINDOW_US)
        both = (tracks.last_us[:, rows] > since_us).all(axis=0)
        return tracks.in_order(rows[both | self._half[tracks.door[rows]]])

    def _are_passing(self, doors: Numbers, likely: Floats, end_us: int) -> Bools:
        """Doors through which, by tracks there alone and those decided, a load is going."""
        late = self._passed.crossing_us > end_us - RECENT_US
        doors = np.concatenate((doors, self._passed.doors[late]))
        weights = np.concatenate((likely, np.ones(np.count_nonzero(late))))
        return np.asarray(np.bincount(doors, weights=weights, minlength=len(self._half)) >= COMPANY)

    def _along(self, rows: Numbers, end_us: int) -> Numbers:
        """Other tracks at doors where a load is passing: read on one side only, or hardly."""
        tracks = self._tracks
        since_us = np.maximum(tracks.settled_us + BIN_US, end_us - RECENT_US)
        live = (tracks.last_us.max(axis=0) > since_us) & self._passing[tracks.door]
        live[rows] = False
        return np.flatnonzero(live)

    def features(self, rows: Numbers, end_us: int) -> Features:
        """The classifier's view of tracks."""
        tracks = self._tracks
        power, ages_s = tracks.window(rows, end_us)
        blocks, doors = tracks.blocks.take(rows, axis=1).max(axis=0), tracks.door[rows]
        shape = shape_of(power, ages_s, blocks == 0.0)
        crossing_us = end_us + np.round(shape.crossing_s * 1e6).astype(np.int64)
        beam_order, beams_s, one_beam = self.beams.near(doors, crossing_us)
        around = Surroundings(
            usual_dbm=tracks.usual_dbm.take(rows, axis=1),
            known=np.minimum(blocks / 4.0, 1.0),
            rivalry_db=self._rivalry(rows, power, np.searchsorted(ages_s, shape.crossing_s)),
            beam_order=beam_order,
            beams_s=beams_s,
            one_beam=one_beam,
            origin=self._origin(rows, crossing_us),
            half=self._half[doors],
            beams=self.beams.telling[doors],
        )
        return features_of(shape, around, end_us)

    def _rivalry(self, rows: Numbers, power: Power, at: Numbers) -> Floats:
        """How much stronger the tag was here than at other doors around its crossing, in dB."""
        margin = np.full(len(rows), MOST_RIVALRY_DB)
        starts, ends = self._tracks.spans(self._tracks.tag[rows])
        counts = ends - starts
        if not len(rows) or counts.max() < 2:
            return margin
        # Every pair of a case and a track of the same tag.
        cases = np.repeat(np.arange(len(rows)), counts)
        places = np.arange(len(cases)) - np.repeat(np.cumsum(counts) - counts, counts)
        others = self._tracks.row[starts[cases] + places]
        rival = others != rows[cases]
        cases, others = cases[rival], others[rival]
        cells = bins_around(at, RIVAL_BINS) * len(rows) + np.arange(len(rows))
        here = np.maximum(power[:, INSIDE], power[:, OUTSIDE]).ravel().take(cells).max(axis=0)
        there = self._tracks.loudest(others, at[cases], RIVAL_BINS)
        firsts = np.flatnonzero(np.concatenate(([True], cases[1:] != cases[:-1])))
        ahead_db = here[cases[firsts]] - np.maximum.reduceat(there, firsts)
        margin[cases[firsts]] = np.minimum(ahead_db, MOST_RIVALRY_DB)
        return margin

    def _origin(self, rows: Numbers, crossing_us: npt.NDArray[np.int64]) -> Floats:
        """+1 where the tag was inside the door before, -1 where it was outside, 0: not known."""
        states, coverage = self._states, self._coverage
        tags, doors = self._tracks.tag[rows], self._tracks.door[rows]
        zones = states.zone[tags]
        known = states.presence[tags] == Presence.PRESENT
        # Where its first reads at this very passage put it says nothing.
        known &= states.since_us[tags] < crossing_us - FRESH_US
        inside, outside = zones == coverage.inside[doors], zones == coverage.outside[doors]
        return np.where(known & inside, 1.0, np.where(known & outside, -1.0, 0.0))

    def _judged(self, rows: Numbers, features: Features, end_us: int) -> tuple[Floats, Company]:
        """Probabilities, and the company that counted."""
        tags, doors = self._tracks.tag[rows], self._tracks.door[rows]
        neighbours = Neighbours(tags, doors, features, self._passed, end_us)
        alone, chances, company = self._model.decide(features, neighbours.company)
        # Those that were hardly read do not make a load.
        likely = alone[:, :2].sum(axis=1) * (features.heard.all(axis=0) | features.half)
        self._passing = self._are_passing(doors, likely, end_us)
        # A tag that travels alone has nobody to vote for it: if its passage is plain, it counts.
        # One among many that stood out and stayed does not travel.
        lone = company.votes.sum(axis=1) + company.elsewhere < LONE
        lone &= company.stayed < CROWD
        # Of one that has stood there for long it must be plainer still.
        known = features.passage_column("usual") >= WELL_KNOWN
        most_plain = features.passage_column("least_prominent_db") >= MOST_PLAIN_DB
        plain = lone & is_plain(features) & (~known | most_plain)
        # What has been about for longer stands out over nothing while its level is not known.
        plain &= ~self._tracks.is_strange(rows, features.crossing_us - WINDOW_US)
        plain &= alone[:, :2].max(axis=1) > chances[:, :2].max(axis=1)
        chances = np.where(plain[:, None], alone, chances)
        # A tag that passed one door did not pass another at the same time.
        chances[self._passed.elsewhere(tags, doors, features.crossing_us)] = np.eye(3)[NONE]
        chances[self._denied(rows, features, chances)] = np.eye(3)[NONE]
        return chances, company

    def _denied(self, rows: Numbers, features: Features, chances: Floats) -> Bools:
        """Cases that the doors beside speak against.

        What both sides of a door saw pass may be on its way yet; what only its company speaks for
        must not be heard behind the wall.
        """
        denied = np.zeros(len(rows), dtype=bool)
        asked = (chances[:, :2].max(axis=1) >= 0.5) & ~features.half & self._beside.any()
        one_sided = features.passage_column("both") == 0.0
        for veto, of in ((was_beyond, asked), (is_behind, asked & one_sided)):
            if len(some := np.flatnonzero(of)):
                outward, crossing_us = chances[some, OUT] > chances[some, IN], features.crossing_us
                denied[some] |= veto(
                    self._tracks, self._beside, rows[some], outward, crossing_us[some]
                )
        return denied

    def _through(self, rows: Numbers, outward: Bools, asked: Bools, features: Features) -> Bools:
        """Of which of the cases that are `asked` for the beams saw the load go through and on."""
        through = np.zeros(len(rows), dtype=bool)
        for i in np.flatnonzero(asked).tolist():
            through[i] = is_through(
                self.beams,
                int(self._tracks.door[rows[i]]),
                outward=bool(outward[i]),
                about_us=int(features.crossing_us[i]),
            )
        return through

    def _told(self, rows: Numbers, outward: Bools, ripe: Bools, early: Bools) -> list[int]:
        """Cases that there is something new to tell of."""
        signs = np.where(outward, 1, -1)
        announced = self._tracks.announced
        new = ripe | (early & (announced[rows] != signs))
        announced[rows[early]] = signs[early]
        return list(np.flatnonzero(new).tolist())

    def _remember(
        self, rows: Numbers, ripe: Bools, features: Features, chances: Floats, end_us: int
    ) -> None:
        """Who passed is company to those who have not been decided yet."""
        which = np.flatnonzero(ripe)
        if len(which):
            tags, doors = self._tracks.tag[rows[which]], self._tracks.door[rows[which]]
            these = features.taken(which)
            self._passed = self._passed.and_these(tags, doors, these, chances[which], end_us)

    def _close(self, rows: Numbers, ripe: Bools, features: Features, end_us: int) -> None:
        """What is decided, or was not in time, is not looked at again."""
        tracks = self._tracks
        # A tag that passed one door did not pass another at the same time.
        passed = np.unique(tracks.tag[rows[ripe]])
        starts, ends = tracks.spans(passed)
        done = [tracks.row[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
        if done:
            tracks.settle(np.concatenate(done), end_us, moved=True)
        lingering = features.passage_column("lingers") > 0.0
        patience_s = np.where(lingering, GIVE_UP_LINGERING_S, GIVE_UP_S)
        old = ~ripe & (features.since_peak_s >= patience_s)
        # What goes through may stop there.
        old &= ~np.isin(tracks.door[rows], in_beams(self.beams, end_us))
        old &= tracks.settled_us[rows] < end_us
        tracks.settle(rows[old], end_us, moved=False)

    def _decision(self, case: _Case, reasons: list[list[Any]], end_us: int) -> Decision | None:
        """The decision about a case, None if it tells nothing new; takes its reasons in order."""
        tracks, states, site = self._tracks, self._states, self._coverage.site
        told = reasons.pop(0) if case.confirmed else []
        tag, number = int(tracks.tag[case.row]), int(tracks.door[case.row])
        door, outward = site.doors[number], bool(case.chances[OUT] > case.chances[IN])
        to_zone, behind = (door.outside, door.inside) if outward else (door.inside, door.outside)
        here = int(states.zone[tag]) if states.presence[tag] == Presence.PRESENT else NO_ZONE
        crossing_us = int(case.features.crossing_us[case.index])
        if case.confirmed:
            by_beams = self._stops.crossed_us(
                case.row, outward=outward, about_us=crossing_us, end_us=end_us
            )
            self._stops.learn(case.row, outward=outward, about_us=crossing_us, end_us=end_us)
            crossing_us = by_beams or crossing_us
        since_us = int(states.since_us[tag])
        chance = float(case.chances[:2].max())
        if here != NO_ZONE and self._zones[number, OUTSIDE if outward else INSIDE, here]:
            first_reads = crossing_us - since_us <= FIRST_READS_US and states.seq[tag] <= 1
            first_reads &= bool(tracks.settled_us[case.row] <= since_us)  # … and not by passing
            long_ago = chance >= CONFIRMED and crossing_us - since_us > RETURNED_US
            beside = here != site.zone_numbers[to_zone]
            again = not beside and self._came_again(case.row, since_us)
            if not (first_reads or long_ago or again):
                return None  # it is there already: this is its own echo
            here = NO_ZONE  # it was put there by its first reads, or came back unseen
        event_us = max(crossing_us, since_us)
        half = bool(case.features.half[case.index])
        confidence = min(chance, MOST_BY_HALF) if half else self._model.confidence_of(chance)
        return Decision(
            tag=tag,
            kind=Kind.MOVED,
            status=Status.CONFIRMED if case.confirmed else Status.PROVISIONAL,
            event_time_us=event_us,
            from_zone=site.zones[here].id if here != NO_ZONE else behind,
            to_zone=to_zone,
            door=door.id,
            direction=Direction.OUT if outward else Direction.IN,
            confidence=confidence,
            dwell_s=(event_us - since_us) / 1e6 if here != NO_ZONE else None,
            evidence=self._evidence(case, number, crossing_us, told),
        )

    def _came_again(self, row: int, since_us: int) -> bool:
        """Whether the tag had been out of the door's hearing since it arrived where it is."""
        heard_us = self._tracks.first_us[:, row]
        return bool((heard_us[heard_us > 0] > since_us).all())

    def _evidence(
        self, case: _Case, door: int, crossing_us: int, reasons: list[Any]
    ) -> dict[str, Any]:
        other = "no passage" if case.chances[NONE] >= case.chances[:2].min() else "the other way"
        probability = round(float(np.sort(case.chances)[-2]), 4)
        evidence: dict[str, Any] = {"runner_up": {"what": other, "probability": probability}}
        if not case.confirmed:
            return evidence  # what is only announced need not be proven
        tag = int(self._tracks.tag[case.row])
        return {
            "reads": antenna_reads(self._coverage.site, self._states, tag),
            "sensors": self.beams.story(door, crossing_us - BEAM_US, crossing_us + BEAM_US),
            **evidence,
            "reasons": reasons,
        }


@dataclass(frozen=True, slots=True)
class _Case:
    """One track's case at the moment of a decision; `index` is its row in the features."""

    row: int
    index: int
    features: Features
    chances: Floats
    confirmed: bool


def _best_of_tag(tags: Numbers, chance: Floats) -> Bools:
    """The likeliest case of each tag; tags are in order, of equals the first counts."""
    if not len(tags):
        return np.zeros(0, dtype=bool)
    starts = np.concatenate(([True], tags[1:] != tags[:-1]))
    most = np.maximum.reduceat(chance, np.flatnonzero(starts))
    number = np.cumsum(starts) - 1
    likeliest = np.flatnonzero(chance == most[number])
    of_tag = number[likeliest]
    best = np.zeros(len(tags), dtype=bool)
    best[likeliest[np.concatenate(([True], of_tag[1:] != of_tag[:-1]))]] = True
    return best
