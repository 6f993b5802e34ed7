"""The HTTP server in the daemon's own event loop: bound first, then served, then ended in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.types import ASGIApp

from gateway.api.streams import Streams
from gateway.errors import Unavailable

#: Connections at once, streams and idle ones included.
MAX_CONNECTIONS = 256
BACKLOG = 128
KEEP_ALIVE_S = 15
STOP_S = 3
STUCK_MS = 30_000


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, before anything else is started; `Unavailable` says why there is none."""
    where = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Unavailable(f"The API cannot listen on {where}: {error.strerror}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it: one whose other side takes nothing ends, buffers and all.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_MS)
        listener.bind(address)
        # Listening at once: two gateways that start together must not both get the port.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"The API cannot listen on {where}: {error.strerror}. Another gateway may be running; "
            "set api.listen in gateway.yaml to another address."
        ) from error
    listener.setblocking(False)
    return listener


@contextlib.asynccontextmanager
async def serve(app: ASGIApp, listener: socket.socket, streams: Streams) -> AsyncIterator[str]:
    """Serve `app` while the context lasts; gives its URL. Streams are ended first."""
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_S,
        )
    )
    streams.begin()
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="api-server")
    try:
        yield _url(listener)
    finally:
        streams.end()
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: signals are the daemon's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _is_news(record: logging.LogRecord) -> bool:
    """False for what uvicorn says when a listener was let go: we have said that already."""
    return "without completing response" not in record.getMessage()


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
