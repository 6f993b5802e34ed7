"""Zones, doors, readers and sensors."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.model.device import ReaderState, SensorHealth, SensorReading
from gateway.model.movement import Presence
from tests.unit.api.serving import Gateway, asking, new_gateway
from tests.unit.live.world import NOW_US, PLAIN, SGTIN, SSCC_TAG, outcome, row, status


@pytest.fixture
def gateway() -> Gateway:
    gateway = new_gateway(SGTIN, PLAIN, SSCC_TAG)
    tags = [row(SGTIN), row(PLAIN, presence=Presence.MISSING), row(SSCC_TAG, "yard")]
    gateway.live.apply(outcome(tags=tags, statuses=[status(), status("bins-1")]))
    return gateway


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(gateway) as client:
        yield client


async def test_zones_say_what_they_hold(client: httpx.AsyncClient) -> None:
    zones = (await client.get("/api/v1/zones")).json()["zones"]
    assert [zone["id"] for zone in zones] == ["staging-1", "bin-a-01", "yard"]
    assert zones[0] == {
        "id": "staging-1",
        "name": "Staging 1",
        "kind": "staging",
        "parent": None,
        "tags": 1,
        "present": 1,
        "unknown": 0,
        "missing": 1,
        "last_change": "2024-11-21T15:40:00.123Z",
        "blind": None,
    }
    assert (await client.get("/api/v1/zones/staging-1")).json() == zones[0]


async def test_a_zone_that_cannot_be_seen_says_why(
    gateway: Gateway, client: httpx.AsyncClient
) -> None:
    occupied = status("bins-1", ReaderState.OCCUPIED, reason="It serves another client.")
    gateway.live.apply(outcome(statuses=[occupied]))
    zone = (await client.get("/api/v1/zones/bin-a-01")).json()
    assert zone["blind"] == "reader bins-1 is occupied: It serves another client."


@pytest.mark.parametrize("path", ["/api/v1/zones/staging1", "/api/v1/zones/staging1/tags"])
async def test_an_unknown_zone_gets_the_nearest_one(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.json()["detail"] == "There is no zone 'staging1'. Did you mean 'staging-1'?"


async def test_without_a_near_one_the_zones_are_named(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/api/v1/zones/{'q' * 500}")
    assert answer.json()["detail"].endswith("There are 3: staging-1, bin-a-01, yard.")
    assert len(answer.text) < 400


@pytest.mark.parametrize("path", ["/api/v1/zones", "/api/v1/zones/staging-1"])
async def test_zones_are_sent_again_only_when_they_changed(
    gateway: Gateway, client: httpx.AsyncClient, path: str
) -> None:
    held = {"if-none-match": (await client.get(path)).headers["etag"]}
    assert (await client.get(path, headers=held)).status_code == 304
    gateway.live.apply(outcome(tags=[row(SGTIN, "yard")]))
    assert (await client.get(path, headers=held)).status_code == 200


async def test_the_tags_of_a_zone_include_those_missing_from_it(client: httpx.AsyncClient) -> None:
    path = "/api/v1/zones/staging-1/tags"
    states = [tag["state"] for tag in (await client.get(path)).json()["tags"]]
    assert states == ["present", "missing"]
    missing = (await client.get(f"{path}?state=missing")).json()["tags"]
    assert [tag["epc"] for tag in missing] == [PLAIN.hex().upper()]
    page = (await client.get(f"{path}?limit=1")).json()
    rest = (await client.get(f"{path}?limit=1&cursor={page['next']}")).json()
    assert [len(page["tags"]), len(rest["tags"]), rest["next"]] == [1, 1, None]


async def test_doors_have_readers_and_sensors(gateway: Gateway, client: httpx.AsyncClient) -> None:
    broken = SensorReading(sensor="door-1/inner", value=True, time_us=NOW_US, at_us=NOW_US)
    ill = SensorHealth(sensor="door-1/inner", problem="It flickers.", time_us=NOW_US)
    gateway.live.apply(outcome(sensors=[broken], sensor_health=[ill]))
    (door,) = (await client.get("/api/v1/doors")).json()["doors"]
    assert door == {
        "id": "door-1",
        "name": "door-1",
        "inside": "staging-1",
        "outside": "yard",
        "readers": ["dock-1"],
        "inner_beam": {
            "id": "door-1/inner",
            "value": True,
            "time": "2024-11-21T15:40:00.123Z",
            "problem": "It flickers.",
        },
        "outer_beam": None,
        "contact": {"id": "door-1/contact", "value": None, "time": None, "problem": None},
    }


async def test_readers_say_how_they_and_their_antennas_are(
    gateway: Gateway, client: httpx.AsyncClient
) -> None:
    faulty = status(state=ReaderState.FAULTY, port=2, reason="No cable.")
    gateway.live.apply(outcome(statuses=[faulty]))
    reader, other = (await client.get("/api/v1/readers")).json()["readers"]
    assert (reader["id"], reader["up"], reader["state"]) == ("dock-1", True, "up")
    first, second = reader["antennas"]
    assert (first["up"], first["side"], first["zones"]) == (True, "inside", ["staging-1", "yard"])
    assert (second["up"], second["state"], second["reason"]) == (False, "faulty", "No cable.")
    assert other["antennas"][0]["zones"] == ["bin-a-01"]
    gateway.live.apply(outcome(statuses=[status(state=ReaderState.DOWN, reason="Refused.")]))
    reader = (await client.get("/api/v1/readers")).json()["readers"][0]
    assert [a["state"] for a in reader["antennas"]] == ["down", "down"]


async def test_sensors_show_their_last_values(gateway: Gateway, client: httpx.AsyncClient) -> None:
    warm = SensorReading(sensor="hall/temp", value=21.5, time_us=NOW_US, at_us=NOW_US)
    gateway.live.apply(outcome(sensors=[warm]))
    sensors = (await client.get("/api/v1/sensors")).json()["sensors"]
    assert sensors == [
        {
            "id": "door-1/inner",
            "kind": "beam",
            "unit": None,
            "value": None,
            "time": None,
            "problem": None,
        },
        {
            "id": "hall/temp",
            "kind": "temperature",
            "unit": "C",
            "value": 21.5,
            "time": "2024-11-21T15:40:00.123Z",
            "problem": None,
        },
    ]
