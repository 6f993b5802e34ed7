"""Notes to systemd: ready, status in words, stopping, and the watchdog.

The watchdog is fed by progress: only when every part of the gateway has completed a step since the
last time. A gateway that is alive but moves nothing gets restarted.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Mapping

from gateway.telemetry.health import Health

logger = logging.getLogger(__name__)

_MAX_STATUS_CHARACTERS = 200
_SHORTEST_CHECK_S = 0.05


class Notifier:
    """Speaks to the service manager that started us; without one every call does nothing."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the zero octet of an abstract socket.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._failed = False
        self.watchdog_s = _watchdog_s(environment) if address else None

    def ready(self) -> None:
        """Start-up is over; dependants may start."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        line = " ".join(text.split())
        self._send(f"STATUS={line[:_MAX_STATUS_CHARACTERS]}")

    def stopping(self) -> None:
        """Shutdown has begun."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """The gateway makes progress."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.connect(self._address)
                sender.send(message.encode())
            self._failed = False
        except OSError as error:
            if not self._failed:
                logger.warning("systemd does not take our notes: %s", error)
            self._failed = True


class Watchdog:
    """Feeds the watchdog while all parts of `health` make progress."""

    def __init__(self, notifier: Notifier, health: Health) -> None:
        self._notifier = notifier
        self._health = health
        self._fed_at = health.beats()

    def feed(self) -> bool:
        """Feed if every part has moved since the last time; whether it did."""
        beats = self._health.beats()
        if any(beats[part] <= before for part, before in self._fed_at.items()):
            return False
        self._fed_at = beats
        self._notifier.watchdog()
        return True

    async def run(self) -> None:
        """Try four times per interval that systemd asks for; return at once if it asks for none."""
        interval_s = self._notifier.watchdog_s
        if interval_s is None:
            return
        while True:
            await asyncio.sleep(max(interval_s / 4, _SHORTEST_CHECK_S))
            self.feed()


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """The interval within which systemd wants to hear of us, None when it does not."""
    interval, process = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not interval.isdecimal() or int(interval) == 0:
        return None
    if process and process != str(os.getpid()):
        return None
    return int(interval) / 1_000_000
