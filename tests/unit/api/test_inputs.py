"""The stream of inputs, as a recording."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from tests.servers import eventually
from tests.unit.api.serving import asking, new_gateway, served


class Tap:
    """What the service gives: lines while there are some."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[bytes] = asyncio.Queue()
        self.listeners = 0

    async def subscribe(self) -> AsyncGenerator[bytes, None]:
        """One listener's lines; an empty one ends them."""
        self.listeners += 1
        try:
            while lines := await self.lines.get():
                yield lines
        finally:
            self.listeners -= 1


async def test_lines_come_through_as_they_are_and_end_with_the_tap() -> None:
    tap = Tap()
    for lines in (b'{"t":1}\n{"t":2}\n', b'{"t":3}\n', b""):
        tap.lines.put_nowait(lines)
    async with served(new_gateway(inputs=tap.subscribe)) as client:
        answer = await client.get("/api/v1/inputs")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert answer.content == b'{"t":1}\n{"t":2}\n{"t":3}\n'
    assert tap.listeners == 0


async def test_a_listener_that_leaves_gives_its_tap_back() -> None:
    tap = Tap()
    async with served(new_gateway(inputs=tap.subscribe)) as client:
        async with client.stream("GET", "/api/v1/inputs") as response:
            tap.lines.put_nowait(b'{"t":1}\n')
            async with asyncio.timeout(5):
                assert await anext(response.aiter_lines()) == '{"t":1}'
        await eventually(lambda: tap.listeners == 0)


async def test_without_a_tap_it_says_so() -> None:
    async with asking(new_gateway()) as client:
        answer = await client.get("/api/v1/inputs")
    assert answer.status_code == 503
    assert "inputs" in answer.json()["detail"]
