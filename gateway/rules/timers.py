"""Timers: what falls due when, in order of time; a timer that was set anew is passed over."""

from __future__ import annotations

import heapq

#: (position of the rule, purpose, subject): what falls due together does so in this order.
TimerName = tuple[int, str, str]


class Timers:
    """One due time for each name; a heap with lazy deletion."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, TimerName]] = []
        self._due: dict[TimerName, int] = {}

    def __len__(self) -> int:
        return len(self._due)

    @property
    def next_due_us(self) -> int | None:
        """When the first falls due."""
        heap, due = self._heap, self._due
        while heap and due.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def set(self, name: TimerName, due_us: int) -> None:
        """Let `name` fall due at `due_us`, and only then."""
        if self._due.get(name) == due_us:
            return
        self._due[name] = due_us
        heapq.heappush(self._heap, (due_us, name))
        if len(self._heap) > 2 * len(self._due) + 1_000:
            self._heap = [(due, name) for name, due in self._due.items()]
            heapq.heapify(self._heap)

    def cancel(self, name: TimerName) -> None:
        """Let `name` not fall due."""
        self._due.pop(name, None)

    def due_us(self, name: TimerName) -> int | None:
        """When `name` falls due, None if it does not."""
        return self._due.get(name)

    def pop(self, until_us: int) -> tuple[int, TimerName] | None:
        """The first that falls due at or before `until_us`."""
        due_us = self.next_due_us
        if due_us is None or due_us > until_us:
            return None
        _, name = heapq.heappop(self._heap)
        del self._due[name]
        return due_us, name
