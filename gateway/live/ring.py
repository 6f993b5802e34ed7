"""EventRing: the newest events, encoded once, from which every listener reads at its own pace.

A listener keeps nothing but the id of the last event that it has; one that falls behind the ring
is told so. That bounds what listeners cost, however many they are and however slow.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """What an event tells; also its name in the event stream."""

    MOVEMENT = "movement"
    PROVISIONAL = "provisional"  # a movement that is not yet certain, and may never be
    PASSAGE = "passage"
    PROVISIONAL_PASSAGE = "provisional-passage"  # a load while it passes, and when it did not
    ALERT = "alert"
    READER = "reader"
    SENSOR = "sensor"  # one that cannot be believed, or can be again


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `zones` are those that it concerns, `body` is its JSON object."""

    id: int
    kind: EventKind
    zones: tuple[str | None, ...]
    body: bytes


class EventRing:
    """The last `capacity` events, or fewer when their bodies exceed `max_bytes` together.

    Ids grow by one, from `first_id` on. Started with the time in microseconds, they grow over
    restarts as well, so that an id of an earlier process is known to be one.
    """

    def __init__(
        self, *, first_id: int = 1, capacity: int = 10_000, max_bytes: int = 16_000_000
    ) -> None:
        self.first_id = first_id  # of the oldest event that is still here
        self.last_id = first_id - 1
        self._slots: list[Event | None] = [None] * capacity
        self._max_bytes = max_bytes
        self._bytes = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def __len__(self) -> int:
        return self.last_id - self.first_id + 1

    def append(self, kind: EventKind, zones: tuple[str | None, ...], body: bytes) -> Event:
        """Add an event and wake those who wait for one."""
        event = Event(self.last_id + 1, kind, zones, body)
        if len(self) == len(self._slots):
            self._forget_oldest()
        self._slots[event.id % len(self._slots)] = event
        self.last_id = event.id
        self._bytes += len(body)
        while self._bytes > self._max_bytes and len(self) > 1:
            self._forget_oldest()
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        return event

    def holds(self, event_id: int) -> bool:
        """Whether everything after `event_id` is still here, so that one can go on from it."""
        return self.first_id - 1 <= event_id <= self.last_id

    def after(self, event_id: int, limit: int) -> list[Event]:
        """At most `limit` events that follow `event_id`, oldest first.

        IndexError unless the ring `holds` them.
        """
        if not self.holds(event_id):
            raise IndexError(f"event {event_id} is not in the ring")
        end = min(event_id + limit, self.last_id)
        found = (self._slots[n % len(self._slots)] for n in range(event_id + 1, end + 1))
        return [event for event in found if event is not None]

    async def wait_after(self, event_id: int) -> None:
        """Return when there is an event that follows `event_id`."""
        while self.last_id <= event_id:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.add(waiting)
            try:
                await waiting
            finally:
                self._waiting.discard(waiting)

    def _forget_oldest(self) -> None:
        slot = self.first_id % len(self._slots)
        oldest = self._slots[slot]
        self._bytes -= len(oldest.body) if oldest else 0
        self._slots[slot] = None
        self.first_id += 1
