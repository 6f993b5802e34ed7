"""The server: bound before anything starts, without signal handlers, ended in order."""

from __future__ import annotations

import asyncio
import signal
import socket

import pytest

from gateway.api.server import listen, serve
from gateway.errors import Unavailable
from tests.unit.api.serving import new_gateway, served


def test_a_port_in_use_is_one_sentence_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=rf"127\.0\.0\.1:{port}: Address already in use\."):
            listen("127.0.0.1", port)


def test_the_second_of_two_gateways_does_not_get_the_port() -> None:
    with (
        listen("127.0.0.1", 0) as first,
        pytest.raises(Unavailable, match="Another gateway may be running"),
    ):
        listen("127.0.0.1", first.getsockname()[1])


def test_an_address_that_is_not_ours_is_one_sentence() -> None:
    with pytest.raises(Unavailable, match=r"cannot listen on 192\.0\.2\.1:8080"):
        listen("192.0.2.1", 8080)


async def test_requests_are_answered_and_signals_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with served(new_gateway()) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
        url = client.base_url
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(url.host, url.port)


async def test_ipv6_is_served_where_the_machine_has_it() -> None:
    try:
        listener = listen("::1", 0)
    except Unavailable:
        pytest.skip("no IPv6 on loopback here")
    gateway = new_gateway()
    async with serve(gateway.app, listener, gateway.streams) as url:
        assert url.startswith("http://[::1]:")
