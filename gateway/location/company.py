"""Company: which other tags pass at the same door at the same moment, and does this one keep step?

Tags travel in groups, so that others are the strongest evidence there is — and tags that pass
elsewhere just then are the strongest evidence against. Those whose passage has been confirmed count
on for a while: the ones that were hardly read come last.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from gateway.location.passage_features import Bools, Features, Floats

#: Tags whose crossings are this close travel together.
GROUP_S = 1.5
#: Peaks further apart than this are no more out of step.
MOST_APART_S = 3.0
#: Who passed this long ago is no company any more.
REMEMBERED_US = 8_000_000
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


@dataclass(slots=True)
class Passed:
    """Tags that passed of late, for certain: columns in order of decision."""

    doors: Numbers
    crossing_us: Times
    peak_us: Times  # (passed, 2)
    heard: Bools  # (passed, 2)
    ways: Floats  # (passed, 2): 1 for the way that it took

    @classmethod
    def nobody(cls) -> Passed:
        """Nobody passed."""
        times = np.zeros((0, 2), dtype=np.int64)
        return cls(
            np.zeros(0, dtype=np.intp), times[:, 0], times, times.astype(bool), np.zeros((0, 2))
        )

    def and_these(self, doors: Numbers, features: Features, chances: Floats, end_us: int) -> Passed:
        """With the tracks that have just been found to pass; without those of long ago."""
        kept = np.flatnonzero(self.crossing_us > end_us - REMEMBERED_US)
        these = Passed(
            doors,
            features.crossing_us,
            end_us + np.round(features.peak_s.T * 1e6).astype(np.int64),
            features.heard.T,
            np.eye(2)[chances[:, :2].argmax(axis=1)],
        )
        return Passed(
            *(
                np.concatenate((getattr(self, f.name)[kept], getattr(these, f.name)))
                for f in fields(Passed)
            )
        )


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
    moved = chances.sum(axis=1, keepdims=True) * heard
    mine = np.hstack((chances, moved, moved * peak_s))
    theirs = np.hstack(
        (passed.ways, passed.heard, passed.heard * ((passed.peak_us - end_us) / 1e6))
    )
    places = _places(doors, features.crossing_us, end_us)
    their_places = _places(passed.doors, passed.crossing_us, end_us)
    sums = _near(places, np.concatenate((places, their_places)), np.concatenate((mine, theirs)))
    sums -= mine
    votes, weight, moments = np.maximum(sums[:, :2], 0.0), sums[:, 2:4], sums[:, 4:]
    known = heard & (weight > 0.5)
    apart = np.abs(peak_s - moments / np.maximum(weight, 1e-6)) * known
    sides = known.sum(axis=1)
    apart_s = np.where(sides, apart.sum(axis=1) / np.maximum(sides, 1), 0.0)
    return Company(votes, _elsewhere(tags, votes.sum(axis=1)), np.minimum(apart_s, MOST_APART_S))


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
