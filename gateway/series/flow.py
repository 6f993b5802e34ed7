"""The flow of figures: sampled each second, kept in the history, and spooled for the database.

    sampler ──▶ points ──┬─▶ history (series.db)
                         └─▶ lines ──▶ spool ──▶ the database, if there is one

Everything that touches the disk happens in a thread of its own, so that nothing waits for it.
Movements are not spooled: they reach the database by way of the outbox.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar

from gateway.clock import Clock
from gateway.series.antenna_reads import AntennaReads
from gateway.series.history import History
from gateway.series.line_protocol import SeriesLines
from gateway.series.points import MOVEMENT, Point
from gateway.series.sampler import Sampler
from gateway.series.spool import Spool
from gateway.telemetry.metrics import Metrics

logger = logging.getLogger(__name__)

T = TypeVar("T")

SURVEY_S = 1.0
#: Surveys between two writes of the history.
_FLUSH_SURVEYS = 10


class SeriesFlow:
    """`run` until cancelled; `spooled` is called after lines were appended to the spool."""

    def __init__(
        self,
        sampler: Sampler,
        reads: AntennaReads,
        history: History,
        spool: Spool | None,
        clock: Clock,
        metrics: Metrics,
        spooled: Callable[[], None] = lambda: None,
    ) -> None:
        self._sampler, self._reads, self._clock, self._metrics = sampler, reads, clock, metrics
        self._history, self._spool, self._spooled = history, spool, spooled
        self._lines = SeriesLines()
        self._surveys = 0
        self._shed = dict.fromkeys(("backlog", "history", "spool"), 0)

    async def run(self) -> None:
        """Survey each second until cancelled; what is left is kept then."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="series") as thread:
            try:
                while True:
                    await asyncio.sleep(SURVEY_S)
                    try:
                        await self._survey(thread)
                    except Exception:  # figures are expendable: they must not end the gateway
                        logger.exception("the figures of this second are lost")
            finally:
                # Not awaited: leaving the executor waits for it.
                now_us = self._clock.now_us()
                thread.submit(self._end, self._sampler.survey(now_us), now_us)

    async def _survey(self, thread: Executor) -> None:
        now_us = self._clock.now_us()
        tallies = None
        if self._sampler.window_due(now_us):
            tallies = await _done(thread.submit(self._reads.drain))
        # From here to the thread nothing waits: what was taken out must not get lost at the end.
        points = self._sampler.survey(now_us)
        if tallies is not None:
            points += self._sampler.window(now_us, tallies)
        if await _done(thread.submit(self._keep, points, now_us)):
            self._spooled()

    def _keep(self, points: list[Point], now_us: int) -> bool:
        """Keep the points, in the thread; whether the spool has grown."""
        self._reads.fold()
        self._history.add(points)
        self._surveys += 1
        if self._surveys % _FLUSH_SURVEYS == 0:
            self._history.flush(now_us)
        spooled = self._to_spool(points)
        self._count(points)
        return spooled

    def _to_spool(self, points: list[Point]) -> bool:
        if self._spool is None:
            return False
        sampled = (self._lines.line(p) for p in points if p.measurement is not MOVEMENT)
        lines = [line.encode("utf-8", "replace") for line in sampled if line is not None]
        if lines:
            self._spool.append(lines)
        return bool(lines)

    def _end(self, points: list[Point], now_us: int) -> None:
        self._keep(points, now_us)
        self._history.flush(now_us)
        self._history.close()
        if self._spool is not None:
            self._spool.close()

    def _count(self, points: list[Point]) -> None:
        for point in points:
            self._metrics.series_points[point.measurement.name].inc()
        shed = {
            "backlog": self._sampler.shed + self._reads.shed,
            "history": self._history.shed,
            "spool": self._spool.shed if self._spool is not None else 0,
        }
        for reason, total in shed.items():
            self._metrics.series_shed[reason].inc(total - self._shed[reason])
        self._shed = shed
        if self._spool is not None:
            self._metrics.series_spool_bytes.set(self._spool.size_bytes)


async def _done(job: Future[T]) -> T:
    """The thread's answer; the job is done even if nobody waits for it any more."""
    return await asyncio.shield(asyncio.wrap_future(job))
