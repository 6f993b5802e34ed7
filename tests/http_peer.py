"""An HTTP server on loopback that is strict about what it takes and answers as a test says."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import orjson

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_TARGET = re.compile(r"/[\x21-\x7e]*")


@dataclass(frozen=True)
class Request:
    """What was asked. Names of headers are in lower case, none comes twice."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return orjson.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What to answer. `raw` replaces everything; None as status hangs up without a word."""

    status: int | None = 204
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    raw: bytes | None = None
    delay_s: float = 0.0


#: Decides what is answered; a script entry or this.
Rule = Callable[[Request], Answer | Awaitable[Answer]]


class HttpPeer:
    """Remembers all `requests` in order of arrival; `script` is answered first, then `rule`.

    What is not proper HTTP/1.1 goes into `faults`, which a test finds empty at the end.
    """

    def __init__(self, rule: Rule | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.faults: list[str] = []
        self.connections = 0
        self.script: deque[Answer] = deque()
        self.rule: Rule = rule or (lambda _: Answer())
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        """The address of the peer."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/hook"

    async def start(self) -> None:
        """Listen, on the same port each time."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self._tls, limit=1 << 20
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()
        if error is None:
            assert self.faults == []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.connections += 1
        try:
            while (request := await self._read(reader)) is not None:
                self.requests.append(request)
                if not await self._answer(request, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._open.discard(task)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Request | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as end:
            if end.partial:
                self.faults.append(f"a request was cut off: {end.partial[:80]!r}")
            return None
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        if version != "HTTP/1.1" or not _TARGET.fullmatch(target):
            self.faults.append(f"request line {first!r}")
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(": ")
            if not colon or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
                self.faults.append(f"header {line!r}")
            if name.lower() in headers:
                self.faults.append(f"{name} comes twice")
            headers[name.lower()] = value
        if "host" not in headers or "transfer-encoding" in headers:
            self.faults.append(f"headers {headers}")
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Request(method, target, headers, body)

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answer; False when the connection ends with that."""
        told = self.script.popleft() if self.script else self.rule(request)
        answer = told if isinstance(told, Answer) else await told
        await asyncio.sleep(answer.delay_s)
        if answer.raw is not None:
            writer.write(answer.raw)
            await writer.drain()
            return False
        if answer.status is None:
            return False
        head = [f"HTTP/1.1 {answer.status} Said", *(f"{k}: {v}" for k, v in answer.headers)]
        if answer.status != 204:
            head.append(f"Content-Length: {len(answer.body)}")
        writer.write("\r\n".join([*head, "", ""]).encode() + answer.body)
        await writer.drain()
        return True
