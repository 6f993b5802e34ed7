"""Who uses a connection to the broker, and what such a user may do in its thread."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any, Protocol

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

logger = logging.getLogger(__name__)


class Listener(Protocol):
    """Who uses a connection; every call comes in the connection's thread."""

    def connected(self, client: Client, session_present: bool) -> None:
        """A connection is up: subscribe, publish what is retained."""

    def lost(self, reason: str) -> None:
        """The connection has ended, or could not be made: one clause for the user."""

    def received(self, client: Client, message: MQTTMessage) -> None:
        """A message came; blocking here holds the broker back."""

    def published(self, mid: int, code: ReasonCode) -> None:
        """The broker has answered a QoS 1 publication, or one of QoS 0 was sent."""

    def subscribed(self, mid: int, codes: list[ReasonCode]) -> None:
        """The broker has answered a subscription."""


def tell(callback: Callable[..., object], *arguments: Any) -> None:
    """Call somebody whose mistakes must not end the connection's thread."""
    try:
        callback(*arguments)
    except Exception:
        logger.exception("a user of the MQTT connection failed")


def cut(client: Client) -> None:
    """End a connection abruptly; in its thread."""
    sock = client.socket()
    if isinstance(sock, socket.socket):
        sock.shutdown(socket.SHUT_RDWR)
