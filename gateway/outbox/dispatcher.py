"""A dispatcher: carries the journal to one sink, in order, for as long as it takes.

The sink only tries; what a failure means is decided here by its kind:

    Retry     the same records again, after a growing, jittered delay (or when the sink says)
    Hold      the other side refuses our configuration: keep everything, try slowly, raise an alarm
    Rejected  a record that will never be accepted is set aside with the reason; the rest goes on

At least once: a record counts as delivered when the cursor behind it has been committed, so a crash
in between repeats at most one batch, with the same ids and bodies.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from gateway.backoff import Backoff
from gateway.errors import Hold, Rejected, Retry
from gateway.model.delivery import Record, Sink
from gateway.outbox.queue import DAMAGED, Queue
from gateway.outbox.second_tries import SecondTries

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: How a dispatcher lets time pass between two tries.
Sleep = Callable[[float], Coroutine[Any, Any, None]]

RETRY_FIRST_S, RETRY_MOST_S = 0.2, 30.0
HOLD_S = (30.0, 60.0)
#: The longest that a sink may ask us to wait; a mistaken Retry-After must not stop it for a week.
LONGEST_AFTER_S = 3_600.0


#: Refusals of one page that the log tells one by one; 'outbox ls' has all.
MOST_TOLD = 5


class State(StrEnum):
    """What a dispatcher is doing, in a word that users see."""

    STARTING = "starting"
    IDLE = "idle"
    DELIVERING = "delivering"
    RETRYING = "retrying"
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkStatus:
    """How one sink is. `pending` counts records of every kind, also those it does not take."""

    name: str
    state: State
    reason: str | None  # why it is retrying or held: one clause for the user
    retry_at_us: int | None  # when it tries again by itself
    pending: int
    oldest_us: int | None  # when the oldest record that it has still to take was committed
    delivered: int  # since the start
    set_aside: int
    retries: int

    @property
    def words(self) -> str:
        """One line for the user."""
        if self.reason is None:
            return f"sink {self.name}: {self.state}, {self.pending} waiting"
        return f"sink {self.name}: {self.reason}; {self.pending} wait in the outbox, trying again"


class Dispatcher:
    """One sink's way through the outbox. `run` until cancelled; `wake` when there is more."""

    def __init__(
        self,
        queue: Queue,
        sink: Sink,
        delivered: int,
        *,
        sleep: Sleep = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._queue = queue
        self._sink = sink
        self._upto = delivered
        self._sleep = sleep
        self._rng = rng or random.Random()
        self._backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S, self._rng)
        self._more = asyncio.Event()
        self._state = State.STARTING
        self._reason: str | None = None
        self._retry_at_us: int | None = None
        self._pausing: asyncio.Task[None] | None = None
        self._second_tries = SecondTries(queue, sink, self._rng)
        self._oldest_us: int | None = None
        self._delivered = self._set_aside = self._retries = 0

    @property
    def status(self) -> SinkStatus:
        """How the sink is now."""
        return SinkStatus(
            name=self._sink.name,
            state=self._state,
            reason=self._reason,
            retry_at_us=self._retry_at_us,
            pending=self._queue.waiting(self._upto),
            oldest_us=self._oldest_us,
            delivered=self._delivered,
            set_aside=self._set_aside,
            retries=self._retries,
        )

    def wake(self) -> None:
        """There are new records; in the event loop's thread."""
        self._more.set()

    def hurry(self) -> None:
        """Try now, whatever it is waiting for, and look for letters to be tried again."""
        self._second_tries.want()
        self._backoff.reset()
        self._more.set()
        if self._pausing is not None:
            self._pausing.cancel()

    async def run(self) -> None:
        """Deliver until cancelled; the sink is closed then."""
        try:
            await self._persist(self._sink.open)
            while True:
                self._more.clear()
                come_back_s = await self._second_tries.turn()
                if not await self._persist(self._next_page):
                    self._state = State.IDLE
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(come_back_s):
                            await self._more.wait()
        finally:
            await self._sink.close()

    async def _next_page(self) -> bool:
        """Deliver and settle one page; False when there was nothing new."""
        sink = self._sink
        page = await self._queue.page(sink.name, self._upto, sink.kinds, sink.max_batch)
        self._oldest_us = page.oldest_us
        sound = [record for record in page.records if record.body]
        reasons = await self._deliver(sound) if sound else {}
        reasons |= {record.seq: DAMAGED for record in page.records if not record.body}
        if page.upto == self._upto:
            return False
        rejected = {record: reasons[record.seq] for record in page.records if record.seq in reasons}
        await self._queue.settle(self._sink.name, page.upto, rejected)
        self._upto = page.upto
        self._oldest_us = None
        self._delivered += len(page.records) - len(rejected)
        self._set_aside += len(rejected)
        self._tell(rejected)
        return True

    def _tell(self, rejected: Mapping[Record, str]) -> None:
        """Say what was set aside: a few of them, for a sink may refuse everything."""
        for record, reason in list(rejected.items())[:MOST_TOLD]:
            logger.error(
                "sink %s refused %s %s for good: %s; it is set aside, the rest goes on",
                self._sink.name,
                record.kind,
                record.id,
                reason,
            )
        if (more := len(rejected) - MOST_TOLD) > 0:
            logger.error("sink %s refused %d more of the same page", self._sink.name, more)

    async def _deliver(self, records: Sequence[Record]) -> dict[int, str]:
        """Deliver some records; a batch that is refused as a whole is tried again in halves."""
        if self._reason is None:
            self._state = State.DELIVERING
        try:
            return await self._persist(lambda: self._sink.deliver(records))
        except Rejected as refusal:
            if len(records) == 1:
                return {records[0].seq: str(refusal)}
        half = len(records) // 2
        return await self._deliver(records[:half]) | await self._deliver(records[half:])

    async def _persist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Make an attempt until it succeeds; only `Rejected` comes out of here."""
        while True:
            try:
                result = await attempt()
            except Rejected:
                raise
            except Hold as refusal:
                await self._pause(State.HELD, str(refusal), self._rng.uniform(*HOLD_S))
            except Retry as failure:
                if failure.progress:
                    self._backoff.reset()
                await self._pause(State.RETRYING, str(failure), self._delay_s(failure.after_s))
            except Exception as error:  # a sink's or the disk's mistake must not end the others
                if self._reason is None:
                    logger.exception("sink %s failed unexpectedly", self._sink.name)
                reason = f"it failed unexpectedly ({type(error).__name__}: {error})"
                await self._pause(State.RETRYING, reason, self._delay_s(None))
            else:
                self._recover()
                return result

    def _delay_s(self, after_s: float | None) -> float:
        if after_s is None:
            return self._backoff.next_s()
        return min(LONGEST_AFTER_S, max(0.0, after_s)) * self._rng.uniform(1.0, 1.2)

    async def _pause(self, state: State, reason: str, delay_s: float) -> None:
        self._retries += 1
        self._fail(state, reason)
        self._retry_at_us = self._queue.now_us() + round(delay_s * 1e6)
        self._pausing = asyncio.create_task(self._sleep(delay_s))
        try:
            await asyncio.wait({self._pausing})
        finally:
            self._pausing.cancel()
            self._pausing = self._retry_at_us = None

    def _fail(self, state: State, reason: str) -> None:
        """A try has failed; a new reason goes to the log, a known one does not."""
        told = reason == self._reason
        self._state, self._reason = state, reason
        if not told:
            level = logging.ERROR if state is State.HELD else logging.WARNING
            logger.log(level, "%s", self.status.words)

    def _recover(self) -> None:
        """A try has succeeded."""
        self._backoff.reset()
        if self._reason is not None:
            self._state, self._reason = State.DELIVERING, None
            logger.info("sink %s delivers again", self._sink.name)
