"""Carton-mates: tags that came together, at the same time and to the same antennas.

What the antennas say of one tag is biased by its own goods and angle; mates have each their own
bias and one common place, so that together they tell bins apart far better than any alone. Groups
are learnt from cases that open together, are bounded, and are left by who goes its own way.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.location.coverage import Coverage
from gateway.location.evidence import Antennas, Floats, Looks, Numbers
from gateway.location.states import NO_ANTENNA, NO_MATES, NO_ZONE, TagStates
from gateway.model.movement import Presence

#: Cases of mates open within this time of the one before, and all within the second.
TOGETHER_US = 1_000_000
BURST_US = 2_000_000
#: Most tags of one group; more that come together make several.
MOST_MATES = 32
#: Fewer that come together may do so by chance.
LEAST_MATES = 3
#: For this long after an antenna began to watch, what it reads was there before.
BEGINNING_US = 10_000_000
#: The word of the other mates counts by this much less than if they were independent.
TEMPER = 1.5
#: What a mate that cannot be in a zone says against it.
AGAINST = 4.5
#: A tag whose own odds are so much against the group's zone is none of it.
LEAVES = 6.0


class Mates:
    """Group numbers of tags (`TagStates.mates`, from 1) and the members of every group."""

    def __init__(self, coverage: Coverage, states: TagStates) -> None:
        self._coverage, self._states = coverage, states
        self._members = np.full((64, MOST_MATES), -1, dtype=np.int32)
        self._count = np.zeros(64, dtype=np.int16)
        self._begun_us = np.zeros(64, dtype=np.int64)  # group 0 is none, and began long ago
        self._free = list(range(63, 0, -1))
        self._area = _areas(coverage)
        shared = coverage.covers.astype(np.float32) @ coverage.covers.astype(np.float32).T
        self._overlap = shared > 0

    def members(self, groups: Numbers) -> Numbers:
        """The tags of groups, in order."""
        tags = self._members[groups]
        return np.unique(tags[tags >= 0]).astype(np.intp)

    def meet(self, tags: Numbers, looks: Looks, begun_us: int) -> None:
        """Of tags with open cases, who came together becomes mates.

        `begun_us` is when anything began to be watched.
        """
        states, coverage = self._states, self._coverage
        opened_us, zones = states.case_us[tags], states.zone[tags]
        antennas, first_us = looks.strongest()
        watched_us = np.maximum(coverage.up_since_us[antennas], begun_us)
        came = opened_us - watched_us >= BEGINNING_US
        # Who is heard best at home, or where it was heard before, has not come from anywhere.
        stays = coverage.covers[antennas, zones] | (first_us < opened_us - BURST_US)
        came &= ~(stays & (states.presence[tags] == Presence.PRESENT))
        came &= (states.fed_us[tags] >= opened_us) & (antennas != NO_ANTENNA)
        new = opened_us - self._begun_us[states.mates[tags]] > BURST_US
        if not (came & new).any():
            return
        tags, antennas, new, opened_us = tags[came], antennas[came], new[came], opened_us[came]
        order = np.lexsort((tags, opened_us, self._area[antennas]))
        tags, antennas, new, opened_us = tags[order], antennas[order], new[order], opened_us[order]
        for start, end in _bursts(self._area[antennas], opened_us):
            if end - start >= LEAST_MATES and new[start:end].any():
                self._join(tags[start:end], antennas[start:end], new[start:end], opened_us[start])

    def _join(
        self, tags: Numbers, antennas: Antennas, new: npt.NDArray[np.bool_], begun_us: int
    ) -> None:
        """Put the new tags of a burst into the group that its others have begun, or a new one."""
        most = np.bincount(antennas).argmax()
        beside = self._overlap[antennas, most]
        tags, new = tags[beside], new[beside]
        begun = self._states.mates[tags[~new]]
        group = int(np.bincount(begun).argmax()) if len(begun) else NO_MATES
        joining = tags[new]
        self.leave(joining)
        while len(joining):
            if group == NO_MATES or self._count[group] == MOST_MATES:
                if len(joining) < LEAST_MATES:
                    return
                group = self._begin(begun_us)
            some = joining[: MOST_MATES - int(self._count[group])]
            places = np.flatnonzero(self._members[group] < 0)[: len(some)]
            self._members[group, places] = some
            self._count[group] += len(some)
            self._states.mates[some] = group
            joining = joining[len(some) :]

    def part(self, tags: Numbers, since_us: int) -> None:
        """Tags have moved: those of which most mates have not been read elsewhere go alone."""
        states = self._states
        for group in np.unique(states.mates[tags]).tolist():
            members = self.members(np.array([group])) if group != NO_MATES else tags[:0]
            if 2 * np.count_nonzero(states.fed_us[members] > since_us) < len(members):
                self.leave(tags[states.mates[tags] == group])

    def leave(self, tags: Numbers) -> None:
        """Tags go their own way."""
        for tag in tags[self._states.mates[tags] != NO_MATES].tolist():
            group = int(self._states.mates[tag])
            self._members[group, self._members[group] == tag] = -1
            self._states.mates[tag] = NO_MATES
            self._count[group] -= 1
            if not self._count[group]:
                self._free.append(group)

    def _begin(self, begun_us: int) -> int:
        if not self._free:
            groups = len(self._count)
            more = np.full((groups, MOST_MATES), -1, dtype=np.int32)
            self._members = np.concatenate((self._members, more))
            self._count = np.concatenate((self._count, np.zeros(groups, dtype=np.int16)))
            self._begun_us = np.concatenate((self._begun_us, np.zeros(groups, dtype=np.int64)))
            self._free = list(range(2 * groups - 1, groups - 1, -1))
        group = self._free.pop()
        self._begun_us[group] = begun_us
        return group


def together(
    groups: Numbers, zones: npt.NDArray[np.int16], logs: Floats, live: npt.NDArray[np.bool_]
) -> Floats:
    """What the mates of each tag add to its own odds, (tags, zones); 0 for who has none.

    Rows that are not `live` say nothing.
    """
    counts = (zones != NO_ZONE) & (groups != NO_MATES)[:, None]
    said = np.where(counts & live[:, None], np.maximum(logs, -AGAINST) + AGAINST, 0.0)
    _, numbers = np.unique(groups, return_inverse=True)
    places = numbers[:, None] * (int(zones.max(initial=0)) + 2) + (zones - NO_ZONE)
    totals = np.bincount(places.ravel(), weights=said.ravel())
    others = totals[places] - said
    return np.asarray(np.where(counts, others / TEMPER, 0.0))


def _bursts(areas: Numbers, opened_us: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Where bursts of cases begin and end, in rows ordered by area and time."""
    bursts, start = [], 0
    rows = list(zip(areas.tolist(), opened_us.tolist(), strict=True))
    for row, (area, at_us) in enumerate(rows):
        if row and (
            area != rows[start][0]
            or at_us - rows[row - 1][1] > TOGETHER_US
            or at_us - rows[start][1] > BURST_US
        ):
            bursts.append((start, row))
            start = row
    return [*bursts, (start, len(rows))]


def _areas(coverage: Coverage) -> npt.NDArray[np.intp]:
    """Antennas that are connected by common zones, or by a door, are of one area."""
    area = np.arange(len(coverage.covers))
    for zone in range(coverage.covers.shape[1]):
        watching = np.flatnonzero(coverage.covers[:, zone])
        if len(watching) > 1:
            area[np.isin(area, area[watching])] = area[watching].min()
    return area
