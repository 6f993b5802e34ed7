"""A sink that does what the test says: takes records, or fails as told, and remembers all."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from gateway.errors import Rejected
from gateway.model.delivery import RECORD_KINDS, Record


class ScriptedSink:
    """Accepts everything; `script` holds errors to raise first (None: one success).

    `rejects` are ids that it refuses for good, by way of the result; `accepted` is what the other
    side has, in order of arrival. While `gate` is not set, deliveries hang.
    """

    def __init__(
        self, name: str = "scripted", kinds: frozenset[str] = RECORD_KINDS, max_batch: int = 10
    ) -> None:
        self.name = name
        self.kinds = kinds
        self.max_batch = max_batch
        self.script: deque[Exception | None] = deque()
        self.open_script: deque[Exception | None] = deque()
        self.rejects: set[str] = set()
        self.refuses_batches_with: set[str] = set()
        self.accepted: list[Record] = []
        self.batches: list[list[Record]] = []
        self.opened = self.closed = 0
        self.gate = asyncio.Event()
        self.gate.set()

    @property
    def ids(self) -> list[str]:
        """The ids that the other side has, each at its first arrival."""
        return list(dict.fromkeys(record.id for record in self.accepted))

    async def open(self) -> None:
        """Open, or fail as told."""
        self.opened += 1
        _raise_next(self.open_script)

    async def deliver(self, records: Sequence[Record]) -> dict[int, str]:
        """Deliver, or fail as told."""
        self.batches.append(list(records))
        await self.gate.wait()
        _raise_next(self.script)
        if any(record.id in self.refuses_batches_with for record in records):
            raise Rejected("the batch holds something that is not wanted")
        refused = {r.seq: "not wanted" for r in records if r.id in self.rejects}
        self.accepted += [r for r in records if r.seq not in refused]
        return refused

    async def close(self) -> None:
        """Count the closings."""
        self.closed += 1


def _raise_next(script: deque[Exception | None]) -> None:
    error = script.popleft() if script else None
    if error is not None:
        raise error
