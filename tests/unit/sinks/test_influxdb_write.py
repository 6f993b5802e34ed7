"""Writing lines, against a strict stand-in for the answers of the v2 and v3 write APIs."""

from __future__ import annotations

import base64
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from gateway.errors import Hold, Retry
from gateway.model.delivery import InfluxConfig, Secret
from gateway.sinks.influxdb_write import InfluxWriter
from tests.http_peer import Answer, HttpPeer, Request, Rule

LINES = [b"movement,site=s confidence=%d.0 %d" % (n, n) for n in range(100)]


def config_for(peer: HttpPeer, **changes: object) -> InfluxConfig:
    values: dict[str, object] = {
        "api": "v2",
        "url": f"http://127.0.0.1:{peer.port}/",
        "org": "dc & co",
        "database": "rfid/raw",
        "token": Secret("s3cret"),
    }
    return InfluxConfig(**(values | changes))  # type: ignore[arg-type]


@asynccontextmanager
async def opened(config: InfluxConfig) -> AsyncIterator[InfluxWriter]:
    writer = InfluxWriter(config)
    await writer.open()
    try:
        yield writer
    finally:
        await writer.close()


def lines_of(request: Request) -> list[bytes]:
    packed = request.headers.get("content-encoding") == "gzip"
    body = zlib.decompress(request.body, 31) if packed else request.body
    assert body.endswith(b"\n")
    return body.splitlines()


def database(stored: set[bytes], refuses: Callable[[bytes], bool], status: int) -> Rule:
    """A database that stores what is good of a batch and refuses the rest, as partial writes do."""

    def answer(request: Request) -> Answer:
        lines = lines_of(request)
        good = {line for line in lines if not refuses(line)}
        stored.update(good)
        if len(good) == len(lines):
            return Answer(204)
        return Answer(status, body=orjson.dumps({"code": "invalid", "message": "no such field"}))

    return answer


@pytest.mark.parametrize(
    ("changes", "path", "query", "authorization"),
    [
        (
            {"api": "v1", "org": None, "token": None, "retention_policy": "a week"},
            "/write",
            {"db": ["rfid/raw"], "rp": ["a week"], "precision": ["ns"]},
            None,
        ),
        (
            {"api": "v1", "org": None, "token": None, "username": "u", "password": Secret("p:ä")},
            "/write",
            {"db": ["rfid/raw"], "precision": ["ns"]},
            f"Basic {base64.b64encode('u:p:ä'.encode()).decode()}",
        ),
        (
            {},
            "/api/v2/write",
            {"org": ["dc & co"], "bucket": ["rfid/raw"], "precision": ["ns"]},
            "Token s3cret",
        ),
        (
            {"api": "v3", "org": None},
            "/api/v3/write_lp",
            {"db": ["rfid/raw"], "precision": ["nanosecond"], "accept_partial": ["true"]},
            "Bearer s3cret",
        ),
    ],
)
@pytest.mark.parametrize("gzip", [True, False])
async def test_each_write_api_is_asked_in_its_own_way(
    changes: dict[str, object],
    path: str,
    query: dict[str, list[str]],
    authorization: str | None,
    gzip: bool,
) -> None:
    async with HttpPeer() as peer, opened(config_for(peer, gzip=gzip, **changes)) as writer:
        written = await writer.write(LINES)
    assert (written.refused, written.requests) == ({}, 1)
    (request,) = peer.requests
    target = urlsplit(request.target)
    assert (request.method, target.path, parse_qs(target.query)) == ("POST", path, query)
    assert request.headers.get("authorization") == authorization
    assert request.headers["content-type"] == "text/plain; charset=utf-8"
    assert ("content-encoding" in request.headers) is gzip
    assert lines_of(request) == LINES


@pytest.mark.parametrize("api", ["v2", "v3"])
@pytest.mark.parametrize("status", [400, 422])
async def test_a_partial_write_leaves_out_only_what_is_refused(api: str, status: int) -> None:
    stored: set[bytes] = set()
    bad = {LINES[3], LINES[4], LINES[99]}
    rule = database(stored, bad.__contains__, status)
    async with HttpPeer(rule) as peer, opened(config_for(peer, api=api)) as writer:
        written = await writer.write(LINES)
    assert written.refused.keys() == {3, 4, 99}
    assert all("no such field" in reason for reason in written.refused.values())
    assert stored == set(LINES) - bad
    assert written.requests < 40


async def test_a_batch_of_nothing_but_bad_lines_ends_after_so_many_requests() -> None:
    async with HttpPeer(lambda _: Answer(400)) as peer, opened(config_for(peer)) as writer:
        written = await writer.write(LINES, most_requests=10)
    assert written.refused.keys() == set(range(100))
    assert written.requests < 30


async def test_what_is_too_large_is_halved() -> None:
    stored: list[bytes] = []

    def answer(request: Request) -> Answer:
        if len(lines_of(request)) > 30:
            return Answer(413)
        stored.extend(lines_of(request))
        return Answer(204)

    async with HttpPeer(answer) as peer, opened(config_for(peer)) as writer:
        assert (await writer.write(LINES)).refused == {}
    assert stored == LINES


@pytest.mark.parametrize("api", ["v2", "v3"])
@pytest.mark.parametrize("status", [401, 403, 404])
async def test_what_concerns_the_settings_holds(api: str, status: int) -> None:
    async with (
        HttpPeer(lambda _: Answer(status)) as peer,
        opened(config_for(peer, api=api)) as writer,
    ):
        with pytest.raises(Hold, match=str(status)):
            await writer.write(LINES)
    assert len(peer.requests) == 1


@pytest.mark.parametrize("api", ["v2", "v3"])
@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_what_may_pass_is_tried_again_when_the_database_says(api: str, status: int) -> None:
    answer = Answer(status, headers=(("Retry-After", "7"),))
    async with HttpPeer(lambda _: answer) as peer, opened(config_for(peer, api=api)) as writer:
        with pytest.raises(Retry) as failure:
            await writer.write(LINES)
    assert failure.value.after_s == 7.0


async def test_a_missing_retention_policy_is_no_fault_that_passes() -> None:
    answer = Answer(500, body=b'{"error":"retention policy not found: week"}')
    async with HttpPeer(lambda _: answer) as peer, opened(config_for(peer)) as writer:
        with pytest.raises(Hold, match="retention policy not found"):
            await writer.write(LINES)


async def test_a_refusal_and_then_an_outage_is_an_outage() -> None:
    async with HttpPeer() as peer, opened(config_for(peer)) as writer:
        peer.script.extend([Answer(400), Answer(204), Answer(503)])
        with pytest.raises(Retry):
            await writer.write(LINES)


async def test_the_token_is_in_no_message() -> None:
    async with HttpPeer(lambda _: Answer(401)) as peer, opened(config_for(peer)) as writer:
        with pytest.raises(Hold) as failure:
            await writer.write(LINES)
    assert "s3cret" not in str(failure.value)


async def test_nothing_to_write_asks_nobody() -> None:
    async with HttpPeer() as peer, opened(config_for(peer)) as writer:
        assert (await writer.write([])).refused == {}
    assert peer.requests == []
