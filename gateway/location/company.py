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
#: Where among what is summed up the features begin.
_LOOKS = 7

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
        if not len(self.tags):
            return found
        which = np.flatnonzero(np.isin(tags, self.tags))
        others = (tags[which, None] == self.tags) & (doors[which, None] != self.doors)
        apart_us = np.abs(crossing_us[which, None] - self.crossing_us)
        found[which] = (others & (apart_us < ELSEWHERE_US)).any(axis=1)
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


class Neighbours:
    """Tracks of a moment, ordered by tag, and who of them and of those who passed is near whom.

    That does not change with what is thought of them. Arrays have a column for each track.
    """

    def __init__(
        self, tags: Numbers, doors: Numbers, features: Features, passed: Passed, end_us: int
    ) -> None:
        self._heard, self._peak_s = features.heard, features.peak_s
        self._looks = np.concatenate((features.order.T, features.passage.T))
        stood = features.passage_column("most_prominent_db") / STOOD_DB
        self._stood = np.minimum(np.maximum(stood, 0.0), 1.0)
        places = _places(doors, features.crossing_us, end_us)
        line = np.concatenate((places, _places(passed.doors, passed.crossing_us, end_us)))
        self._order = np.argsort(line, kind="stable")
        line = line[self._order]
        self._first = np.searchsorted(line, places - GROUP_S)
        self._last = np.searchsorted(line, places + GROUP_S, side="right")
        # What each adds to the picture of those near it; of who passed it is known.
        theirs_s = passed.heard * ((passed.peak_us - end_us) / 1e6)
        theirs = (passed.ways, passed.heard, theirs_s, np.zeros((len(passed.tags), 1)))
        self._values = np.empty((_LOOKS + len(self._looks), len(line)))
        self._values[:, len(tags) :] = np.concatenate(
            (*theirs, passed.order, passed.passage), axis=1
        ).T
        self._starts = np.flatnonzero(np.concatenate((tags[:1] >= 0, tags[1:] != tags[:-1])))
        self._tracks_of_tag = np.diff(np.append(self._starts, len(tags)))

    def company(self, chances: Floats) -> Company:
        """Ask all tracks; `chances` are those of each by itself."""
        heard, peak_s, ways = self._heard, self._peak_s, chances[:, :2].T
        either = ways[0] + ways[1]
        mine = self._values[:, : len(chances)]
        mine[:2], mine[2:4] = ways, either * heard
        mine[4:6] = mine[2:4] * peak_s
        mine[6] = self._stood * (1.0 - either)
        mine[_LOOKS:] = either * self._looks
        sums = self._near() - mine
        votes, weight, moments = np.maximum(sums[:2], 0.0), sums[2:4], sums[4:6]
        moved = votes[0] + votes[1]
        known = heard & (weight > 0.5)
        apart = np.abs(peak_s - moments / np.maximum(weight, 1e-6)) * known
        sides = np.maximum(known[0].astype(np.intp) + known[1], 1)
        # Few who perhaps moved say little: what they look like is drawn toward nothing.
        pooled = (sums[_LOOKS:] / (moved + 1.0)).T
        orders = len(ORDER_FEATURES)
        return Company(
            votes=votes.T,
            elsewhere=self._elsewhere(moved),
            apart_s=np.minimum((apart[0] + apart[1]) / sides, MOST_APART_S),
            stayed=np.maximum(sums[6], 0.0),
            order=pooled[:, :orders],
            passage=pooled[:, orders:],
        )

    def _near(self) -> Floats:
        """The sums of the values of all that are near each track, itself included."""
        sums = np.zeros((len(self._values), len(self._order) + 1))
        np.cumsum(self._values.take(self._order, axis=1), axis=1, out=sums[:, 1:])
        return np.asarray(sums.take(self._last, axis=1) - sums.take(self._first, axis=1))

    def _elsewhere(self, votes: Floats) -> Floats:
        """The votes at the other tracks of the same tag."""
        if not len(votes):
            return votes
        of_tag = np.add.reduceat(votes, self._starts)
        return np.asarray(of_tag.repeat(self._tracks_of_tag) - votes)


def company_of(
    tags: Numbers,
    doors: Numbers,
    features: Features,
    chances: Floats,
    passed: Passed,
    end_us: int,
) -> Company:
    """Ask all tracks of a moment, ordered by tag; `chances` are those of each by itself."""
    return Neighbours(tags, doors, features, passed, end_us).company(chances)


def _places(doors: Numbers, crossing_us: Times, end_us: int) -> Floats:
    """Crossings on one line: seconds, those of different doors far apart."""
    return np.asarray(doors * FAR_S + (crossing_us - end_us) / 1e6)
