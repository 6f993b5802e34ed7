"""Carries the spool to the time series database: what is sampled, and may be shed.

The rules are those of the outbox: later again, with a growing delay, or held while our settings are
refused. What is different: lines that are refused are counted and forgotten.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from gateway.backoff import Backoff
from gateway.errors import Hold, Retry
from gateway.series.spool import Batch, Spool
from gateway.sinks.influxdb_write import InfluxWriter, Written

logger = logging.getLogger(__name__)

#: Lines of one request.
BATCH_LINES = 5_000
#: Requests that one batch may cost before what is still in doubt is given up.
MOST_REQUESTS = 200
RETRY_FIRST_S, RETRY_MOST_S = 0.5, 30.0
HOLD_S = (30.0, 60.0)
LONGEST_AFTER_S = 3_600.0


class SpoolDelivery:
    """`run` until cancelled; `wake` when lines were appended. `reason` says why it does not go.

    `refused` is told how many lines were refused for good.
    """

    def __init__(
        self,
        spool: Spool,
        writer: InfluxWriter,
        refused: Callable[[int], object] = lambda _: None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.reason: str | None = None
        self.delivered = self.refused = 0  # lines since the start
        self._spool, self._writer, self._count_refused = spool, writer, refused
        self._sleep = sleep
        self._rng = rng or random.Random()
        self._backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S, self._rng)
        self._more = asyncio.Event()

    def wake(self) -> None:
        """There are new lines; in the event loop's thread."""
        self._more.set()

    async def run(self) -> None:
        """Deliver until cancelled; the connection is closed then."""
        try:
            while True:
                self._more.clear()
                batch = await asyncio.to_thread(self._spool.read, BATCH_LINES)
                if batch is None:
                    await self._more.wait()
                    continue
                self._tell(batch, await self._written(batch))
                await asyncio.to_thread(self._spool.settle, batch)
        finally:
            await self._writer.close()

    async def _written(self, batch: Batch) -> Written:
        """Try until the database has taken the batch, or refused lines of it."""
        while True:
            try:
                written = await self._writer.write(batch.lines, most_requests=MOST_REQUESTS)
            except Hold as refusal:
                await self._pause(str(refusal), self._rng.uniform(*HOLD_S))
            except Retry as failure:
                delay_s = self._backoff.next_s()
                if failure.after_s is not None:
                    delay_s = min(LONGEST_AFTER_S, max(0.0, failure.after_s))
                await self._pause(str(failure), delay_s)
            else:
                self._backoff.reset()
                if self.reason is not None:
                    logger.info("time series are delivered again")
                self.reason = None
                return written

    async def _pause(self, reason: str, delay_s: float) -> None:
        if reason != self.reason:
            logger.warning("time series wait on the disk: %s", reason)
        self.reason = reason
        await self._sleep(delay_s)

    def _tell(self, batch: Batch, written: Written) -> None:
        self.refused += len(written.refused)
        self.delivered += len(batch.lines) - len(written.refused)
        if written.refused:
            self._count_refused(len(written.refused))
            reason = next(iter(written.refused.values()))
            logger.warning("%d points were refused for good: %s", len(written.refused), reason)
