"""Reuse: numbers of forgotten tags for new ones, once nobody can mean the old tag by them.

A number is on its way for a while after a read: in an epoch that is still open, in a tap, in the
live view, which learns last of all that a tag was forgotten. It is free when the live view has let
go of it, and nothing has been known under it in two looks in a row.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gateway.location.states import TagStates
from gateway.model.tags import TagIndex, TagNumbers

#: How often it is looked for numbers that are free, and how many are released then.
EVERY_US = 60_000_000
MOST_AT_ONCE = 100_000


class Reuse:
    """Owned by the core's thread; `let_go` alone may be called anywhere.

    `waiting` gives the tags whose reads have still to be decided upon.
    """

    def __init__(
        self, tags: TagIndex, states: TagStates, waiting: Callable[[], TagNumbers]
    ) -> None:
        self._tags, self._states, self._waiting = tags, states, waiting
        self._told = Counter[int]()  # how often forgotten without the live view's knowing it yet
        self._let_go: deque[TagNumbers] = deque()
        self._blank = np.zeros(0, np.bool_)  # at the last look
        self._due_us = 0

    def forgotten(self, tags: npt.NDArray[np.intp]) -> None:
        """The live view will be told that these are forgotten."""
        self._told.update(tags.tolist())

    def let_go(self, numbers: TagNumbers) -> None:
        """The live view has forgotten these."""
        self._let_go.append(numbers)

    def look(self, now_us: int) -> None:
        """Release what is free; call between ticks, with everything drained in its epoch."""
        while self._let_go:
            known = self._let_go.popleft().tolist()
            self._told.subtract(known)
            for number in known:
                if self._told[number] <= 0:
                    del self._told[number]
        if now_us < self._due_us:
            return
        self._due_us = now_us + EVERY_US
        blank = self._tags.in_use()
        known_us = self._states.last_us[: len(blank)]
        blank[: len(known_us)] &= known_us == 0
        blank[self._waiting()] = False
        blank[np.fromiter(self._told, np.intp, len(self._told))] = False
        free = np.flatnonzero(self._blank & blank[: len(self._blank)])[:MOST_AT_ONCE]
        if len(free):
            self._tags.release(free.astype(np.uint32))
            blank[free] = False
        self._blank = blank
