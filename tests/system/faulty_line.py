"""A line to a reader that can be broken in every way, and mended: a TCP forwarder with faults.

    with FaultyLine(emulated_reader_port) as line:
        line.be("refusing")      # nothing listens at line.port
        line.be("absent")        # a connection is neither taken nor refused
        line.be("mute")          # taken, and not a word; what was open stays open and says nothing
        line.be("garbage")       # taken, and greeted in another protocol
        line.be("breaking")      # the connection ends in the middle of a message
        line.be("whole")         # forwarded

Connections that are open when the fault begins end with it, except when it is "mute".
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from types import TracebackType
from typing import Self

GREETING = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"
#: Of what the reader says, so much comes through a breaking line: less than its first message.
BREAKS_AFTER_BYTES = 20
TURN_S = 0.02


class FaultyLine:
    """One port, before one reader; use it as a context."""

    def __init__(self, reader_port: int) -> None:
        self._reader_port = reader_port
        self._fault = "whole"
        self._lock = threading.Lock()
        self._pairs: dict[socket.socket, socket.socket] = {}  # both ways
        self._to_reader: set[socket.socket] = set()
        self._others: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faulty line", daemon=True)
        self.port = 0
        self._listen(backlog=8)

    def be(self, fault: str) -> None:
        """Break the line in this way, or make it whole."""
        with self._lock:
            self._fault = fault
            if fault != "mute":
                self._hang_up()
            self._stop_listening()
            if fault == "absent":
                self._listen(backlog=0)
                self._fill_queue()
            elif fault != "refusing":
                self._listen(backlog=8)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ending.set()
        self._thread.join()
        self._hang_up()
        self._stop_listening()

    def _listen(self, backlog: int) -> None:
        listener = self._listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        listener.listen(backlog)
        listener.setblocking(False)

    def _fill_queue(self) -> None:
        """Strangers that nobody takes in: who comes after them gets no answer at all."""
        for _ in range(4):
            stranger = socket.socket()
            stranger.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                stranger.connect(("127.0.0.1", self.port))
            self._others.append(stranger)

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _hang_up(self) -> None:
        for sock in (*self._pairs, *self._others):
            _reset(sock)
        self._pairs.clear()
        self._to_reader.clear()
        self._others.clear()

    def _run(self) -> None:
        while not self._ending.is_set():
            with self._lock:
                ready, _, _ = select.select(self._sockets(), [], [], 0)
                for sock in ready:
                    if sock is self._listener:
                        self._accept()
                    elif sock in self._pairs:
                        self._forward(sock)
            if not ready:
                self._ending.wait(TURN_S)

    def _sockets(self) -> list[socket.socket]:
        listening = self._fault != "absent" and self._listener is not None
        taken = [self._listener] if listening and self._listener is not None else []
        return [*taken, *(self._pairs if self._fault != "mute" else ())]

    def _accept(self) -> None:
        assert self._listener is not None
        client, _ = self._listener.accept()
        if self._fault in ("whole", "breaking"):
            reader = socket.create_connection(("127.0.0.1", self._reader_port), 5.0)
            self._pairs[client], self._pairs[reader] = reader, client
            self._to_reader.add(reader)
            return
        self._others.append(client)
        if self._fault == "garbage":
            client.sendall(GREETING)

    def _forward(self, sock: socket.socket) -> None:
        other = self._pairs[sock]
        breaks = self._fault == "breaking" and sock in self._to_reader
        try:
            data = sock.recv(BREAKS_AFTER_BYTES if breaks else 1 << 16)
            other.sendall(data)
        except OSError:
            data = b""
        if breaks or not data:
            del self._pairs[sock], self._pairs[other]
            self._to_reader -= {sock, other}
            sock.close()
            other.close()


def _reset(sock: socket.socket) -> None:
    """Close at once, with nothing left of it in the system."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()
