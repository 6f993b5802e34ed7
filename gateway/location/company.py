"""Company: which other tags pass at the same door at the same moment, and does this one keep step?

Tags travel in groups, so that others are the strongest evidence there is — and tags that pass
elsewhere just then are the strongest evidence against. Those whose passage has been confirmed count
on for a while: the ones that were hardly read come last.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from gateway.location.passage_features import (
    ORDER_FEATURES,
    PASSAGE_FEATURES,
    Bools,
    Features,
    Floats,
)

#: Tags whose crossings are this close travel together.
GROUP_S = 1.5
#: Peaks further apart than this are no more out of step.
MOST_APART_S = 3.0
#: A tag that stands out by this much would be seen to go through.
STOOD_DB = 10.0
#: Who passed this long ago is no company any more.
REMEMBERED_US = 8_000_000
#: A tag that passed one door did not pass another so shortly before or after.
ELSEWHERE_US = 4_000_000
#: Further apart than any two crossings of one moment, in seconds.
FAR_S = 1000.0

Numbers = npt.NDArray[np.intp]
Times = npt.NDArray[np.int64]


@dataclass(slots=True)
class Company:
    """What the others do, one value per track."""

    votes: Floats  # (tracks, 2): how many others went out and in here and then, by themselves
    elsewhere: Floats  # how many went through other doors at which the tag was heard, too
    apart_s: Floats  # how far its peaks are from those of the others
    stayed: Floats  # how many others stood out here and then, and did not go through
    order: Floats  # (tracks, order features): those of the others, those that moved weigh most
    passage: Floats  # (tracks, passage features), likewise

    @classmethod
    def joined(cls, parts: list[Company]) -> Company:
        """The company of the tracks of all parts."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))

    def repeated(self, rows: list[int], times: int) -> Company:
        """That of some tracks, each so often."""
        columns = (getattr(self, field.name)[rows] for field in fields(self))
        return Company(*(np.repeat(column, times, axis=0) for column in columns))


@dataclass(slots=True)
class Passed:
    """Tags that passed of late, for certain: columns in order of decision."""

    tags: Numbers
    doors: Numbers
    crossing_us: Times
    peak_us: Times  # (passed, 2)
    heard: Bools  # (passed, 2)
    ways: Floats  # (passed, 2): 1 for the way that it took
    order: Floats  # (passed, order features): what it looked like then
    passage: Floats

    @classmethod
    def nobody(cls) -> Passed:
        """Nobody passed."""
        times = np.zeros((0, 2), dtype=np.int64)
        nobody = np.zeros(0, dtype=np.intp)
        return cls(
            nobody,
            nobody,
            times[:, 0],
            times,
            times.astype(bool),
            np.zeros((0, 2)),
            np.zeros((0, len(ORDER_FEATURES))),
            np.zeros((0, len(PASSAGE_FEATURES))),
        )

    def of_late(self, end_us: int) -> Passed:
        """Without those who passed long ago."""
        kept = self.crossing_us > end_us - REMEMBERED_US
        if kept.all():
            return self
        return Passed(*(getattr(self, field.name)[kept] for field in fields(Passed)))

    def elsewhere(self, tags: Numbers, doors: Numbers, crossing_us: Times) -> Bools:
        """Tracks whose tag is known to have passed another door at about that time."""
        found = np.zeros(len(tags), dtype=bool)
        for n in np.flatnonzero(np.isin(tags, self.tags)).tolist():
            others = (self.tags == tags[n]) & (self.doors != doors[n])
            found[n] = (np.abs(self.crossing_us[others] - crossing_us[n]) < ELSEWHERE_US).any()
        return found

    def and_these(
        self, tags: Numbers, doors: Numbers, features: Features, chances: Floats, end_us: int
    ) -> Passed:
        """With the tracks that have just been found to pass."""
        these = Passed(
            tags,
            doors,
            features.crossing_us,
            end_us + np.round(features.peak_s.T * 1e6).astype(np.int64),
            features.heard.T,
            np.eye(2)[chances[:, :2].argmax(axis=1)],
            features.order,
            features.passage,
        )
        both = ((getattr(self, f.name), getattr(these, f.name)) for f in fields(Passed))
        return Passed(*(np.concatenate(pair) for pair in both))


def company_of(
    tags: Numbers,
    doors: Numbers,
    features: Features,
    chances: Floats,
    passed: Passed,
    end_us: int,
) -> Company:
    """Ask all tracks of a moment, ordered by tag; `chances` are those of each by itself."""
    chances = chances[:, :2]
    heard, peak_s = features.heard.T, features.peak_s.T
    either = chances.sum(axis=1, keepdims=True)
    moved, looks = either * heard, np.hstack((features.order, features.passage))
    stood = np.clip(features.passage_column("most_prominent_db") / STOOD_DB, 0.0, 1.0)[:, None]
    stayed = stood * (1.0 - either)
    mine = np.hstack((chances, moved, moved * peak_s, stayed, either * looks))
    theirs = np.hstack(
        (
            passed.ways,
            passed.heard,
            passed.heard * ((passed.peak_us - end_us) / 1e6),
            np.zeros((len(passed.doors), 1)),
            passed.order,
            passed.passage,
        )
    )
    places = _places(doors, features.crossing_us, end_us)
    their_places = _places(passed.doors, passed.crossing_us, end_us)
    sums = _near(places, np.concatenate((places, their_places)), np.concatenate((mine, theirs)))
    sums -= mine
    votes, weight, moments = np.maximum(sums[:, :2], 0.0), sums[:, 2:4], sums[:, 4:6]
    known = heard & (weight > 0.5)
    apart = np.abs(peak_s - moments / np.maximum(weight, 1e-6)) * known
    sides = known.sum(axis=1)
    apart_s = np.where(sides, apart.sum(axis=1) / np.maximum(sides, 1), 0.0)
    # Few who perhaps moved say little: what they look like is drawn toward nothing.
    pooled = sums[:, 7:] / (votes.sum(axis=1, keepdims=True) + 1.0)
    order, passage = np.split(pooled, [features.order.shape[1]], axis=1)
    elsewhere = _elsewhere(tags, votes.sum(axis=1))
    stayed = np.maximum(sums[:, 6], 0.0)
    return Company(votes, elsewhere, np.minimum(apart_s, MOST_APART_S), stayed, order, passage)


def _places(doors: Numbers, crossing_us: Times, end_us: int) -> Floats:
    """Crossings on one line: seconds, those of different doors far apart."""
    return np.asarray(doors * FAR_S + (crossing_us - end_us) / 1e6)


def _near(places: Floats, others: Floats, values: Floats) -> Floats:
    """The sums of the values of all others that are near each place."""
    order = np.argsort(others, kind="stable")
    sums = np.concatenate((np.zeros((1, values.shape[1])), values[order].cumsum(axis=0)))
    line = others[order]
    first = np.searchsorted(line, places - GROUP_S)
    last = np.searchsorted(line, places + GROUP_S, side="right")
    return np.asarray(sums[last] - sums[first])


def _elsewhere(tags: Numbers, votes: Floats) -> Floats:
    """The votes at the other tracks of the same tag."""
    if not len(tags):
        return votes
    starts = np.flatnonzero(np.concatenate(([True], tags[1:] != tags[:-1])))
    counts = np.diff(np.append(starts, len(tags)))
    return np.asarray(np.repeat(np.add.reduceat(votes, starts), counts) - votes)
