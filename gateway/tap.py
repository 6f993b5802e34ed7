"""The tap: a running gateway's inputs as lines of a recording, for `record` and for bug reports."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator

from gateway.drivers.recording_lines import lines_of
from gateway.model.outcome import Inputs
from gateway.model.place import Site
from gateway.model.tags import TagIndex
from gateway.runtime import Runtime

logger = logging.getLogger(__name__)

#: Ticks with input that may wait for one listener; one that lags further is let go.
MOST_WAITING = 400
#: Lines handed on at a time: the event loop must not be held up by a busy tick.
MOST_LINES = 2_000
#: A listener hears at least this often that the gateway is there.
HEARTBEAT_S = 1.0


class InputTap:
    """Opens streams of recording lines; nothing is copied while nobody listens."""

    def __init__(self, runtime: Runtime, site: Site, tags: TagIndex) -> None:
        self._runtime, self._site, self._tags = runtime, site, tags

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """Everything that comes in from now on, several lines at a time.

        Ends when the listener lags more than `MOST_WAITING` ticks behind: a recording with gaps
        would be worse than none.
        """
        loop, waiting, more = asyncio.get_running_loop(), deque[Inputs](), asyncio.Event()

        def take(inputs: Inputs) -> None:  # in the core thread
            if inputs.reads or inputs.sensors or inputs.statuses or inputs.commands:
                waiting.append(
                    Inputs(
                        reads=[reads.copy() for reads in inputs.reads],
                        sensors=list(inputs.sensors),
                        statuses=list(inputs.statuses),
                        commands=list(inputs.commands),
                    )
                )
                loop.call_soon_threadsafe(more.set)

        end = self._runtime.tap(take)
        try:
            while len(waiting) <= MOST_WAITING:
                if not waiting:
                    more.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(HEARTBEAT_S):
                            await more.wait()
                    if not waiting:
                        yield b"\n"  # an empty line is nothing to a recording
                    continue
                batch: list[bytes] = []
                for line in lines_of(waiting.popleft(), self._site, self._tags):
                    batch.append(line)
                    if len(batch) >= MOST_LINES:
                        yield b"".join(batch)
                        batch.clear()
                        await asyncio.sleep(0)
                if batch:
                    yield b"".join(batch)
            logger.warning("a recording was ended: its listener could not keep up")
        finally:
            end()
