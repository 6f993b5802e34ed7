"""Sockets to readers: found, opened and tuned without ever keeping the caller waiting."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any, NamedTuple

#: Reader-initiated connections that may wait to be taken.
_BACKLOG = 4
#: Some systems do not know it; there the keepalives alone find a dead link.
_TCP_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", None)


class Address(NamedTuple):
    """Where a socket connects to or listens at."""

    family: int
    where: Any  # as the socket module wants it, by family

    def __str__(self) -> str:
        return shown(self.where[0], self.where[1])


def shown(host: str, port: int) -> str:
    """An address as people write it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def numeric(host: str, port: int) -> list[Address] | None:
    """The address of a host that is written in numbers; None for a name, which has to be found."""
    try:
        return _found(host, port, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None


class Lookup:
    """A name being resolved, in a thread of its own: the system may take half a minute for it.

    `addresses` is None until it is done; empty, with `trouble` in words, when nothing was found.
    """

    def __init__(self, host: str, port: int) -> None:
        self.addresses: list[Address] | None = None
        self.trouble = ""
        self._host, self._port = host, port
        threading.Thread(target=self._run, name=f"lookup {host}", daemon=True).start()

    def _run(self) -> None:
        addresses: list[Address] = []
        try:
            addresses = _found(self._host, self._port, 0)
        except (OSError, UnicodeError) as error:
            self.trouble = getattr(error, "strerror", None) or str(error)
        self.addresses = addresses


def dial(address: Address, user_timeout_s: float) -> socket.socket:
    """A socket that is connecting; when it becomes writable, `outcome` says how it went.

    Raises OSError when the system refuses at once.
    """
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        tune(sock, user_timeout_s)
        with suppress(BlockingIOError):
            sock.connect(address.where)
    except BaseException:
        sock.close()
        raise
    return sock


def outcome(sock: socket.socket) -> int:
    """How a dial ended: 0, or the number of the error."""
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def listen_at(address: Address) -> socket.socket:
    """A listening socket; raises OSError when the address cannot be had."""
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(address.where)
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def tune(sock: socket.socket, user_timeout_s: float) -> None:
    """Make a connection prompt, never waited for, and given up when its bytes go unanswered."""
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if _TCP_USER_TIMEOUT is not None:
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_USER_TIMEOUT, round(user_timeout_s * 1_000))


def _found(host: str, port: int, flags: int) -> list[Address]:
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys(Address(family, where) for family, _, _, _, where in rows))
