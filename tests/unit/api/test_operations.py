"""Alive, ready, and in figures; and what every request has to keep to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.api.guard import MAX_BODY_BYTES, MAX_REQUESTS_AT_ONCE
from tests.unit.api.serving import Gateway, asking, new_gateway, served
from tests.unit.live.world import SGTIN


@pytest.fixture
def gateway() -> Gateway:
    return new_gateway(SGTIN)


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(gateway) as client:
        yield client


async def test_health_is_about_progress(gateway: Gateway, client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "alive")
    gateway.health._last_s["store"] -= 60.0
    answer = await client.get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (503, "stalled")
    assert answer.json()["parts"]["store"]["stalled"]
    assert not answer.json()["parts"]["core"]["stalled"]


async def test_readiness_has_reasons(gateway: Gateway, client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready",
        "reasons": {"gateway": "The gateway is starting."},
    }
    gateway.health.ready("gateway")
    assert (await client.get("/readyz")).status_code == 200


async def test_metrics_are_scraped(gateway: Gateway, client: httpx.AsyncClient) -> None:
    gateway.move()
    gateway.metrics.tags_known.set(1)
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "rfid_gateway_tags_known 1.0" in answer.text
    assert SGTIN.hex() not in answer.text.lower()


async def test_every_answer_has_safe_headers(client: httpx.AsyncClient) -> None:
    for path in ("/api/v1/zones", "/nope", "/healthz"):
        headers = (await client.get(path)).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/nope", 404),
        ("GET", "/docs", 404),
        ("POST", "/api/v1/zones", 405),
        ("DELETE", "/api/v1/tags/00", 405),
        ("GET", "/api/v1/tags/" + "0" * 3_000, 414),
        ("GET", "/api/v1/tags?zone=" + "0" * 3_000, 414),
    ],
)
async def test_what_does_not_exist_is_a_problem_too(
    client: httpx.AsyncClient, method: str, path: str, code: int
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == code
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


async def test_bodies_are_bounded_whatever_their_header_says(client: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 50_000 + 1):
            yield b" " * 50_000

    said = await client.post("/api/v1/lookup", content=b" " * (MAX_BODY_BYTES + 1))
    unsaid = await client.post(
        "/api/v1/lookup", content=chunks(), headers={"content-type": "application/json"}
    )
    for answer in (said, unsaid):
        assert answer.status_code == 413
        assert "1,000,000 octets" in answer.json()["detail"]


async def test_a_mistake_of_ours_is_a_problem_and_no_traceback(
    gateway: Gateway, client: httpx.AsyncClient
) -> None:
    gateway.history.fails_with = KeyError("secret detail")
    answer = await client.get("/api/v1/movements")
    assert answer.status_code == 500
    assert answer.json()["detail"] == "The gateway made a mistake; its log says more."


async def test_requests_beyond_the_cap_are_asked_to_come_again(gateway: Gateway) -> None:
    release = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b'{"keys":'
        await release.wait()
        yield b'["yard"]}'

    async with served(gateway) as client:
        json = {"content-type": "application/json"}
        async with httpx.AsyncClient(
            base_url=client.base_url, limits=httpx.Limits(max_connections=None), timeout=10
        ) as many:
            slow = [
                asyncio.create_task(many.post("/api/v1/lookup", content=body(), headers=json))
                for _ in range(MAX_REQUESTS_AT_ONCE)
            ]
            async with asyncio.timeout(10):
                while (answer := await client.get("/api/v1/zones")).status_code != 503:
                    pass
            assert answer.headers["retry-after"] == "1"
            release.set()
            answers = await asyncio.gather(*slow)
        assert {a.status_code for a in answers} == {200}
        assert (await client.get("/api/v1/zones")).status_code == 200
