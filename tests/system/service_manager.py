"""systemd's end of the notify protocol."""

from __future__ import annotations

import socket
import uuid


class ServiceManager:
    """Hears what a daemon notifies that is started with its `address` as NOTIFY_SOCKET."""

    def __init__(self) -> None:
        self.address = f"@rfid-gateway-{uuid.uuid4().hex}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + self.address[1:])
        self._socket.setblocking(False)
        self._notes: list[str] = []

    @property
    def notes(self) -> list[str]:
        """Everything that was notified so far."""
        while True:
            try:
                self._notes.append(self._socket.recv(4_096).decode())
            except BlockingIOError:
                return self._notes

    @property
    def fed(self) -> int:
        """How often the watchdog has been fed."""
        return self.notes.count("WATCHDOG=1")

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
