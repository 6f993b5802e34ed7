"""Second tries: dead letters that a person wants delivered after all.

They go in the order of their commits, one by one, between the pages of new records: what is in the
journal and not yet delivered is younger than any of them. A letter that is refused again stays
aside with the new reason; while the sink is in trouble they wait, and hold nothing else back.
"""

from __future__ import annotations

import logging
import random
import time

from gateway.backoff import Backoff
from gateway.errors import Rejected
from gateway.model.delivery import Record, Sink
from gateway.outbox.queue import DAMAGED, Queue

logger = logging.getLogger(__name__)

#: Letters in one turn, and for how long a turn begins another, so that new records need not wait.
TURN = 10
TURN_S = 0.5
FIRST_S, MOST_S = 1.0, 60.0


class SecondTries:
    """Those of one sink. `want` when letters were marked; `turn` whenever there is time."""

    def __init__(self, queue: Queue, sink: Sink, rng: random.Random) -> None:
        self._queue = queue
        self._sink = sink
        self._backoff = Backoff(FIRST_S, MOST_S, rng)
        self._wanted = True  # some may have been marked while nothing ran
        self._not_before_s = 0.0

    def want(self) -> None:
        """Letters were marked, or their sink is thought to work again: look at once."""
        self._wanted = True
        self._not_before_s = 0.0
        self._backoff.reset()

    async def turn(self) -> float | None:
        """Try a few; returns after how many seconds to come back, None when nothing is left."""
        if not self._wanted:
            return None
        wait_s = self._not_before_s - time.monotonic()
        if wait_s > 0:
            return wait_s
        self._wanted = False  # before looking: who marks more meanwhile is not overlooked
        try:
            found = await self._queue.wanted_again(self._sink.name, TURN)
            ends_at_s = time.monotonic() + TURN_S
            for record in found:
                await self._try(record)
                if time.monotonic() > ends_at_s:
                    self._wanted = True
                    break
        except Exception as failure:  # noqa: BLE001 - whatever it is, the new records go on
            return self._later(failure)
        self._backoff.reset()
        self._wanted = self._wanted or len(found) == TURN
        return 0.0 if self._wanted else None

    async def _try(self, record: Record) -> None:
        name = self._sink.name
        try:
            refused = await self._sink.deliver([record]) if record.body else {record.seq: DAMAGED}
        except Rejected as refusal:
            refused = {record.seq: str(refusal)}
        reason = refused.get(record.seq)
        await self._queue.settle_again(name, record, reason)
        if reason is None:
            logger.info("sink %s took %s %s after all", name, record.kind, record.id)
        else:
            logger.error("sink %s refused %s %s again: %s", name, record.kind, record.id, reason)

    def _later(self, failure: Exception) -> float:
        self._wanted = True
        delay_s = self._backoff.next_s()
        self._not_before_s = time.monotonic() + delay_s
        logger.warning(
            "sink %s: what was set aside could not be tried again (%s); later",
            self._sink.name,
            failure,
        )
        return delay_s
