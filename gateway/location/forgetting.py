"""Forgetting: which tags need not be known any longer.

Forgotten is who is gone — departed, missing, or read without ever having been anywhere — and was
not read for long. When more tags are known than there may be, those go before their time that have
been unread longest. Who is present stays, whatever happens.
"""

from __future__ import annotations

import numpy as np

from gateway.location.evidence import Bools, Numbers
from gateway.location.states import TagStates
from gateway.model.movement import Presence
from gateway.model.tuning import LocationTuning

#: It is looked this often whom to forget, and so many are forgotten at once.
EVERY_US = 10_000_000
MOST_AT_ONCE = 10_000
#: For want of room tags are forgotten from when all but this part of it is taken …
SPARE = 16
#: … and not before they were unread for so long: until then there may be more to say of them.
LEAST_UNREAD_US = 600_000_000

_STAYS = (Presence.PRESENT, Presence.UNKNOWN)


class Forgetting:
    """Chooses tags to be forgotten, by event time alone. `early` counts those for want of room."""

    def __init__(self, states: TagStates, tuning: LocationTuning) -> None:
        self.early = 0
        self._states = states
        self._after_us = max(round(tuning.forget_after_s * 1e6), LEAST_UNREAD_US)
        self._room = tuning.max_tags - tuning.max_tags // SPARE
        self._turn = 0

    def due(self, tags: int, end_us: int) -> Numbers:
        """Those of the first `tags` numbers to be forgotten now, in order; ask once a second."""
        turn = end_us // EVERY_US
        if turn == self._turn:
            return np.zeros(0, dtype=np.intp)
        self._turn = turn
        last_us = self._states.last_us[:tags]
        gone = (last_us > 0) & ~np.isin(self._states.presence[:tags], _STAYS)
        due = np.flatnonzero(gone & (last_us <= end_us - self._after_us))
        lacking = int(np.count_nonzero(last_us)) - len(due) - self._room
        if lacking > 0:
            due = self._sooner(due, gone, lacking, end_us)
        if len(due) > MOST_AT_ONCE:
            due = due[np.argpartition(last_us[due], MOST_AT_ONCE)[:MOST_AT_ONCE]]
        return np.sort(due)

    def _sooner(self, due: Numbers, gone: Bools, lacking: int, end_us: int) -> Numbers:
        """With those that have to make room though their time has not come."""
        last_us = self._states.last_us[: len(gone)]
        more = np.flatnonzero(gone & (last_us <= end_us - LEAST_UNREAD_US))
        more = np.setdiff1d(more, due, assume_unique=True)
        lacking = min(lacking, max(0, MOST_AT_ONCE - len(due)))
        if len(more) > lacking:
            more = more[np.argpartition(last_us[more], lacking)[:lacking]]
        self.early += len(more)
        return np.concatenate((due, more))
