"""Somebody else's client, who has the reader to itself: connected, silent but for keepalives."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self


class OtherClient:
    """Holds a reader's only connection while the context lasts."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        self._socket = socket.create_connection(("127.0.0.1", self._port), 5.0)
        assert self._socket.recv(1_024)  # the reader's greeting: it is ours
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._socket is not None
        self._socket.close()
