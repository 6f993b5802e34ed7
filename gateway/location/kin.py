"""Kin: tags whose numbers follow each other, where such tags are found to stand together.

Labels come off a roll in order, and what is packed together was often labelled one after the
other. Whether that is so at a site is measured: how often neighbours in number agree about their
zone, against how often any two tags do. As far as they do, their word counts for each other's zone,
which matters most for what stood there before anybody watched it arrive.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.location.evidence import Bools, Floats, Numbers
from gateway.location.states import NO_MATES, NO_ZONE, TagStates
from gateway.model.tags import TagIndex

#: Numbers further apart than this do not follow each other: some between may be lost or dead.
MOST_APART = 3
#: So many neighbours on either side are asked.
REACH = 7
#: So many that follow each other are looked at in the same turn.
TURN_OF = 16
#: Kin came into view within this time of each other.
TOGETHER_US = 10_000_000
#: Fewer pairs than this tell nothing about whether neighbours stand together …
LEAST_PAIRS = 40.0
#: … and what was seen before counts as much as so many pairs at most.
MOST_PAIRS = 2_000.0
#: How likely neighbours may be to stand together. Below the second it counts as never.
AGREEMENTS = np.array([0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95])
#: Chances count as if one in a hundred had been anywhere: they are surer than they should be.
ANYWHERE = 0.01
#: All kin together say no more than this, in log-odds: a tag that goes its own way must be able to.
MOST_SAID = 8.0
#: Where zones have antennas of their own a tag says most itself: kin say no more than this, and
#: count by this much less than if they were independent.
MOST_SAID_APART, TEMPER_APART = 5.0, 1.5

Zones = npt.NDArray[np.int16]


class Kin:
    """Neighbours in number by tag number, and how far they agree."""

    def __init__(self, states: TagStates, tags: TagIndex, shared: Bools) -> None:
        self._states, self._tags = states, tags
        self._shared = shared  # by zone: whether antennas that watch it watch others, too
        # With one more entry at the end, for nobody.
        self._next = np.full(1, -1, dtype=np.int32)
        self._before = np.full(1, -1, dtype=np.int32)
        self._linked = np.zeros(1, dtype=bool)
        self._row = np.full(1, -1, dtype=np.int32)  # of those that are asked
        self._pairs = 0.0
        # Log-likelihood of what was seen, by how far apart numbers are and how likely they agree.
        self._logs = np.zeros((REACH, len(AGREEMENTS)))
        self._zones: Floats = np.zeros(len(shared))  # how often tags were in each zone

    @property
    def agreement(self) -> Floats:
        """How likely neighbours are to stand together, beyond chance, by how many lie between."""
        known = self._pairs >= LEAST_PAIRS
        return np.where(known, AGREEMENTS[self._logs.argmax(axis=1)], 0.0)

    def meet(self, tags: Numbers) -> None:
        """Find the neighbours of tags, once for each."""
        if len(tags) and tags[-1] >= len(self._next) - 1:
            more = max(int(tags[-1]) + 2, 2 * len(self._next)) - len(self._next)
            nobody = np.full(more, -1, dtype=np.int32)
            self._next = np.append(self._next, nobody)
            self._before = np.append(self._before, nobody)
            self._row = np.append(self._row, nobody)
            self._linked = np.append(self._linked, np.zeros(more, dtype=bool))
        for tag in tags[~self._linked[tags]].tolist():
            self._linked[tag] = True
            epc = self._tags.epc(tag)
            # Kin are looked at together.
            self._states.turn[tag] = int.from_bytes(epc[-2:]) // TURN_OF & 0xFF
            after, before = self._neighbour(epc, 1), self._neighbour(epc, -1)
            if after >= 0:
                self._next[tag], self._before[after] = after, tag
            if before >= 0:
                self._before[tag], self._next[before] = before, tag

    def forget(self, tags: Numbers) -> None:
        """Whoever gets these numbers next is nobody's kin yet."""
        tags = tags[tags < len(self._next) - 1]
        for links, back in ((self._next, self._before), (self._before, self._next)):
            others = links[tags]
            back[others[others >= 0]] = -1
        self._next[tags] = self._before[tags] = -1
        self._linked[tags] = False

    def _neighbour(self, epc: bytes, way: int) -> int:
        value, known = int.from_bytes(epc), len(self._next)
        for step in range(1, MOST_APART + 1):
            number = value + way * step
            if 0 <= number < 1 << 8 * len(epc):
                tag = self._tags.find(number.to_bytes(len(epc)))
                # One that was not met yet will find this tag when it is: whether it is known of
                # already depends on when its reads came in.
                if tag is not None and tag < known and self._linked[tag]:
                    return tag
        return -1

    def around(self, tags: Numbers) -> npt.NDArray[np.int32]:
        """(tags, 2 × REACH): the neighbours before and after by distance, -1 where none is."""
        columns = np.empty((2 * REACH, len(tags)), dtype=np.int32)
        for side, links in enumerate((self._before, self._next)):
            at: npt.NDArray[np.integer] = tags
            for place in range(side * REACH, (side + 1) * REACH):
                at = columns[place] = links[at]  # after the last one comes the last entry, -1
        return columns.T

    def say(self, tags: Numbers, asking: int, zones: Zones, logs: Floats, live: Bools) -> Floats:
        """What the kin of the first `asking` tags add to their odds, (asking, zones).

        It is learnt from all `tags`; they may have any order.
        """
        self._row[tags] = np.arange(len(tags))
        rows = self._row[self.around(tags)]
        self._row[tags] = -1
        counts = (rows >= 0) & live[rows] & live[:, None]
        counts &= self._together(tags[:, None], tags[rows])
        said = np.zeros((asking, logs.shape[1]))
        if not counts.any():
            return said
        chances, known, columns = _by_zone(zones, logs)
        self._learn(chances, known, rows[:, REACH:], counts[:, REACH:])
        agreement = np.tile(self.agreement, 2)
        rows, counts, columns = rows[:asking], counts[:asking], columns[:asking]
        asked, places = np.nonzero(counts & (agreement > 0.0))
        near = agreement[places, None]
        theirs = chances[rows[asked, places, None], columns[asked]]
        np.add.at(said, asked, np.log(near * theirs + (1.0 - near) / chances.shape[1]))
        is_zone = zones[:asking] != NO_ZONE
        apart = ~self._shared[zones[:asking]].any(axis=1, keepdims=True)
        said = np.where(is_zone, said / np.where(apart, TEMPER_APART, 1.0), -np.inf)
        most = said.max(axis=1, keepdims=True)
        said -= np.where(np.isfinite(most), most, 0.0)  # a tag at a door has no zone at all
        least = -np.where(apart, MOST_SAID_APART, MOST_SAID)
        return np.where(is_zone, np.maximum(said, least), 0.0)

    def _together(self, tags: Numbers, others: Numbers) -> Bools:
        """Whether two tags came into view together, and have not gone with others since."""
        states = self._states
        apart_us = np.abs(states.first_us[tags] - states.first_us[others])
        alone = (states.mates[tags] == NO_MATES) & (states.mates[others] == NO_MATES)
        return np.asarray(alone & (apart_us <= TOGETHER_US))

    def _learn(
        self, chances: Floats, known: Zones, after: npt.NDArray[np.int32], counts: Bools
    ) -> None:
        """How much likelier two neighbours' chances are if both stand in one place.

        Where most tags are in one zone anyhow, that neighbours are both there says little.
        """
        zones, next_to = known.astype(np.intp), counts[:, 0]
        pairs = float(np.count_nonzero(next_to))
        fade = min(1.0, MOST_PAIRS / (self._pairs + pairs + 1.0))
        self._pairs = fade * (self._pairs + pairs)
        self._zones *= fade
        self._zones[zones] += chances[next_to].sum(axis=0)
        usual = np.maximum(self._zones[zones] / max(self._zones.sum(), 1e-9), 1e-6)
        self._logs *= fade
        tags, places = np.nonzero(counts)
        mine, theirs = chances[tags], chances[after[tags, places]]
        together = ANYWHERE + (1.0 - ANYWHERE) * (mine * theirs / usual).sum(axis=1)
        likely = AGREEMENTS[:, None] * together + 1.0 - AGREEMENTS[:, None]
        self._logs += (np.log(likely) @ (places[:, None] == np.arange(REACH))).T


def _by_zone(zones: Zones, logs: Floats) -> tuple[Floats, Zones, npt.NDArray[np.intp]]:
    """Chances by zone, (tags, all zones that occur); these; and the column of each entry."""
    known, columns = np.unique(zones, return_inverse=True)
    columns = columns.reshape(zones.shape)
    chances = np.zeros((len(zones), len(known)))
    np.put_along_axis(chances, columns, np.exp(logs - logs.max(axis=1, keepdims=True)), axis=1)
    chances[:, known == NO_ZONE] = 0.0
    total = chances.sum(axis=1, keepdims=True)
    return chances / np.maximum(total, 1e-9), known, columns
