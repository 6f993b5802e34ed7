"""The other sides of a simulated gateway: they remember all, and fail as they are told."""

from __future__ import annotations

import random
from collections.abc import Sequence

from gateway.errors import Hold, Retry
from gateway.model.delivery import Record


class FickleSink:
    """Takes movements, at true times; `fault` is how it fails until `until_us`."""

    max_batch = 20
    kinds = frozenset({"movement"})

    def __init__(self, name: str, seed: int, *, rejects: float = 0.0) -> None:
        self.name = name
        self.now_us = 0
        self.fault: str | None = None
        self.until_us = 0
        self.accepted: list[tuple[int, Record]] = []
        self.refused: dict[str, bytes] = {}  # id → body
        self._seed, self._rejects = seed, rejects

    async def open(self) -> None:
        """It is there."""

    async def close(self) -> None:
        """Nothing to let go."""

    async def deliver(self, records: Sequence[Record]) -> dict[int, str]:
        """Take them, or fail."""
        fault = self.fault if self.now_us < self.until_us else None
        if fault in ("retry", "retry later"):
            raise Retry("it is away", after_s=7.0 if fault == "retry later" else None)
        if fault == "hold":
            raise Hold("it does not want us")
        if fault == "mistake":
            raise ZeroDivisionError("a mistake in the sink")
        taken = records[: len(records) // 2] if fault == "takes half and fails" else records
        reasons = {}
        for record in taken:
            if random.Random(f"{self._seed}/{self.name}/{record.id}").random() < self._rejects:
                reasons[record.seq] = "not wanted"
                self.refused[record.id] = record.body
            else:
                self.accepted.append((self.now_us, record))
        if fault is not None:
            raise Retry("it has failed in the middle")
        return reasons
