"""Fellows: tags that came into view together are of one load, and go through a door together.

Of a tag that was hardly read at a door its own reads say little, and of one that both sides go on
hearing they are at odds; where most of its fellows have surely passed there, it was among them.
"""

from __future__ import annotations

import numpy as np

from gateway.location.company import Numbers, Passed
from gateway.location.passage_features import Bools, Features, Floats
from gateway.location.ripeness import LATE_S, SETTLE_S, WELL_KNOWN
from gateway.location.states import TagStates

#: Fellows came into view this close to each other.
TOGETHER_US = 2_000_000
#: So many of them must have passed, so great a share of those that were heard there, and so great a
#: share of all that passed there just then.
FEWEST, LEAST_SHARE, LEAST_OF_LOAD = 4, 0.5, 0.4
#: What most fellows have done is at least as likely as this, if what was read of the tag itself
#: makes it no less likely than that: late, when nothing more is to be expected, and before.
CHANCE, LEAST_CHANCE, LEAST_EARLY = 0.9, 0.4, 0.5
#: The fellows have passed this near to when the tag would have.
NEAR_US = 5_000_000


class Fellows:
    """Who came with whom, by what is known of tags."""

    def __init__(self, states: TagStates) -> None:
        self._states = states

    def speak(
        self, tags: Numbers, doors: Numbers, features: Features, chances: Floats, passed: Passed
    ) -> Bools:
        """Which tracks of a moment passed as most of their fellows did; `chances` say so after it.

        Asked are those whose last peak is past, and that have not stood there for long.
        """
        along = np.zeros(len(tags), dtype=bool)
        least = np.where(features.since_peak_s >= LATE_S, LEAST_CHANCE, LEAST_EARLY)
        likely = (features.since_peak_s >= SETTLE_S) & (chances[:, :2].max(axis=1) >= least)
        likely &= (features.passage_column("usual") < WELL_KNOWN) & ~features.half
        asked = np.flatnonzero(likely)
        if not len(asked) or not len(passed.tags):
            return along
        along[asked] = self._went(asked, tags, doors, features, chances, passed)
        raised = np.flatnonzero(along & (chances[:, :2].max(axis=1) < CHANCE))
        ways = chances[raised, :2].argmax(axis=1)
        chances[raised] = (1.0 - CHANCE) / 2.0
        chances[raised, ways] = CHANCE
        return along

    def _went(
        self,
        asked: Numbers,
        tags: Numbers,
        doors: Numbers,
        features: Features,
        chances: Floats,
        passed: Passed,
    ) -> Bools:
        first_us, tag = self._states.first_us, tags[asked][:, None]
        came_us, crossing_us = first_us[tag], features.crossing_us[asked][:, None]
        door, way = doors[asked][:, None], chances[asked, :2].argmax(axis=1)[:, None]
        then = np.abs(passed.crossing_us - crossing_us) <= NEAR_US
        load = then & (passed.doors == door) & (passed.ways.argmax(axis=1) == way)
        fellows = then & (np.abs(first_us[passed.tags] - came_us) <= TOGETHER_US)
        went = fellows & load
        # Of those that passed elsewhere only who did so where the tag is heard, too.
        fellows &= (tags == tag) @ (doors[:, None] == passed.doors)
        others = (np.abs(first_us[tags] - came_us) <= TOGETHER_US) & (doors == door) & (tags != tag)
        number = np.count_nonzero(went, axis=1)
        stayed = others @ (1.0 - chances[:, :2].sum(axis=1))
        told = np.count_nonzero(fellows, axis=1) + stayed
        enough = (number >= FEWEST) & (number >= LEAST_SHARE * told)
        return np.asarray(enough & (number >= LEAST_OF_LOAD * np.count_nonzero(load, axis=1)))
