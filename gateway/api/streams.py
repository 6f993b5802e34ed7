"""Streams: answers that last. Few at a time, ended when their listener goes, lags or we stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.api.problems import Problem

logger = logging.getLogger(__name__)

#: A listener that takes nothing for so long is let go.
SEND_DEADLINE_S = 20.0


class Streams:
    """The streams that are open, and the end of them all."""

    def __init__(self, limit: int = 64, send_deadline_s: float = SEND_DEADLINE_S) -> None:
        self.limit = limit
        self.send_deadline_s = send_deadline_s
        self._open: set[asyncio.Task[None]] = set()
        self._ended = False

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def begin(self) -> None:
        """Take streams (again)."""
        self._ended = False

    def end(self) -> None:
        """End every stream and take no more, so that the server can stop."""
        self._ended = True
        for task in self._open:
            task.cancel()

    def refusal(self) -> Problem | None:
        """Why no stream can begin now; None if one can."""
        if self._ended:
            return Problem(503, "The gateway is stopping.", {"retry-after": "5"})
        if self.count >= self.limit:
            full = f"{self.limit} streams are open, which is the most at a time."
            return Problem(503, full, {"retry-after": "30"})
        return None

    def add(self, task: asyncio.Task[None]) -> None:
        """Take a stream in until it is done."""
        self._open.add(task)
        task.add_done_callback(self._open.discard)


class StreamResponse(Response):
    """Sends chunks as they come, until they end, the listener goes, or it takes none of them."""

    def __init__(
        self, streams: Streams, chunks: AsyncGenerator[bytes, None], media_type: str
    ) -> None:
        super().__init__(media_type=media_type, headers={"cache-control": "no-store"})
        del self.headers["content-length"]
        self._streams = streams
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send; or say that there are too many."""
        async with aclosing(self._chunks):
            if (refusal := self._streams.refusal()) is not None:
                await refusal.response()(scope, receive, send)
                return
            sending = asyncio.create_task(self._send_all(send), name="api-stream")
            leaving = asyncio.create_task(_disconnected(receive), name="api-stream-listener")
            self._streams.add(sending)
            try:
                await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
                listens = not leaving.done()
            finally:
                sending.cancel()
                leaving.cancel()
                await asyncio.wait((sending, leaving))
        if not sending.cancelled() and (error := sending.exception()) is not None:
            if not isinstance(error, TimeoutError):
                raise error
            logger.info("a listener took nothing for %g s: let go", self._streams.send_deadline_s)
        elif listens:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, send: Send) -> None:
        """Raises TimeoutError when the listener does not take a chunk in time."""
        loop = asyncio.get_running_loop()
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with asyncio.timeout(None) as deadline:
            async for chunk in self._chunks:
                deadline.reschedule(loop.time() + self._streams.send_deadline_s)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                deadline.reschedule(None)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
