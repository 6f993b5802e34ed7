"""Companions: tags that seem to have gone with a load, though nothing read them at the door.

Who came to a zone together leaves it together. When nearly all of them have passed a door, and one
has not been read since, it was most likely among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gateway.location.states import TagStates
from gateway.model.movement import Presence
from gateway.model.passage import Inferred

#: Tags that came to a zone within this long of the load's middle one came with it.
TOGETHER_US = 15_000_000
#: One that has gone with the load was read this shortly before, and not this long after it.
BEFORE_US = 20_000_000
AFTER_US = 1_500_000
#: So many must have passed; of the load so many must have come together, and of those that came
#: together so many must have passed.
FEWEST = 3
LEAST_OF_LOAD = 0.8
LEAST_SHARE = 0.75
#: However many passed, the others may have been left behind something that hides them.
MOST_CERTAIN = 0.9


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a tag of a load was before, and since when."""

    zone: int
    since_us: int


def companions(
    states: TagStates, tags: Sequence[int], origins: Sequence[Origin], start_us: int, end_us: int
) -> tuple[Inferred, ...]:
    """Tags that were not read at the door, but came with those that passed and are gone since.

    Call it when the load has passed long enough ago that a tag left behind would have been read.
    """
    if len(origins) < FEWEST:
        return ()
    zones = np.array([origin.zone for origin in origins])
    zone = int(np.bincount(zones).argmax())
    since_us = np.sort([origin.since_us for origin in origins if origin.zone == zone])
    middle_us = int(since_us[len(since_us) // 2])
    passed = int(np.count_nonzero(np.abs(since_us - middle_us) <= TOGETHER_US))
    there = np.flatnonzero((states.zone == zone) & (states.presence == Presence.PRESENT))
    there = np.setdiff1d(there, tags)
    there = there[np.abs(states.since_us[there] - middle_us) <= TOGETHER_US]
    last_us = states.last_us[there]
    gone = there[(last_us >= start_us - BEFORE_US) & (last_us <= end_us + AFTER_US)]
    share = passed / (passed + len(there) - len(gone))
    if (
        passed < max(FEWEST, LEAST_OF_LOAD * len(origins))
        or share < LEAST_SHARE
        or len(gone) > passed
    ):
        return ()
    likely = MOST_CERTAIN * share * passed / (passed + 1)
    reason = f"came with {passed} tags of this load, and was not read since"
    return tuple(
        Inferred(tag=tag, probability=round(likely, 3), reason=reason) for tag in gone.tolist()
    )
