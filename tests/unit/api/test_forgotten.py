"""A tag that is not known any more is told from the history, in a sentence."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from gateway.model.movement import Kind, Movement
from tests.unit.api.serving import Gateway, asking, new_gateway
from tests.unit.live.world import NOW_US, PLAIN, SGTIN, SGTIN_URI, movement

SENTENCE = (
    "is forgotten: it was gone, and not read for long. On record: last seen in yard at "
    "2024-11-21 15:50 UTC; departed from yard at 2024-11-21 16:50 UTC; "
    "door-1 out (staging-1 to yard) at 2024-11-21 15:40 UTC."
)


def departed(seq: int = 2) -> Movement:
    """It was read for ten minutes more in the yard, and then no longer."""
    return replace(
        movement(SGTIN, seq),
        kind=Kind.DEPARTED,
        from_zone="yard",
        to_zone=None,
        door=None,
        direction=None,
        event_time_us=NOW_US + 70 * 60_000_000,
        dwell_s=600.0,
    )


@pytest.fixture
def gateway() -> Gateway:
    gateway = new_gateway(PLAIN)
    gateway.history.records += [(SGTIN, movement(SGTIN, 1).to_json())]
    gateway.history.records += [(SGTIN, departed().to_json())]
    return gateway


@pytest.mark.parametrize("text", [SGTIN.hex(), SGTIN_URI])
async def test_a_forgotten_tag_is_told_wherever_it_is_asked_for(
    gateway: Gateway, text: str
) -> None:
    async with asking(gateway) as client:
        one = await client.get(f"/api/v1/tags/{text}")
        assert (one.status_code, one.json()["detail"]) == (404, f"Tag '{text}' {SENTENCE}")
        why = await client.get(f"/api/v1/tags/{text}/why")
        assert (why.status_code, why.json()["detail"]) == (404, f"Tag '{text}' {SENTENCE}")
        (found,) = (await client.post("/api/v1/lookup", json={"keys": [text]})).json()["results"]
        assert (found["kind"], found["problem"]) == (None, f"Tag '{text}' {SENTENCE}")
        assert (await client.get(f"/api/v1/tags/{text}/history")).status_code == 200


async def test_only_so_much_is_told_as_is_on_record(gateway: Gateway) -> None:
    gateway.history.records = [(SGTIN, departed().to_json())]
    async with asking(gateway) as client:
        told = (await client.get(f"/api/v1/tags/{SGTIN.hex()}")).json()["detail"]
    assert told.endswith("On record: departed from yard at 2024-11-21 16:50 UTC.")


async def test_a_history_that_cannot_be_read_is_as_good_as_none(gateway: Gateway) -> None:
    gateway.history.fails_with = sqlite3.OperationalError("disk I/O error")
    gateway.history.records = []
    async with asking(gateway) as client:
        told = (await client.get(f"/api/v1/tags/{SGTIN.hex()}")).json()["detail"]
    assert told == f"No tag '{SGTIN.hex()}' has been read here."
