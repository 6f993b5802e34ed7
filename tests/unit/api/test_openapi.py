"""The OpenAPI document describes every route, and the answers keep to it."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.routing import Route

from gateway.api import models
from gateway.model.device import SensorReading
from gateway.model.movement import Presence
from tests.unit.api.serving import Gateway, asking, new_gateway
from tests.unit.live.world import GTIN, NOW_US, PLAIN, SGTIN, outcome, row, status


@pytest.fixture
def gateway() -> Gateway:
    gateway = new_gateway(SGTIN, PLAIN, b"\x07")
    gateway.move()
    reading = SensorReading(sensor="door-1/inner", value=True, time_us=NOW_US, at_us=NOW_US)
    gateway.live.apply(
        outcome(
            tags=[row(PLAIN, presence=Presence.UNKNOWN)],
            sensors=[reading],
            statuses=[status(port=1), status()],
        )
    )
    return gateway


def _schema(gateway: Gateway) -> dict[str, Any]:
    return gateway.app.openapi()


def test_every_route_is_described_and_every_description_is_a_route(gateway: Gateway) -> None:
    declared = get_openapi(title="", version="", routes=gateway.app.routes)["paths"]
    plain = [route for route in gateway.app.routes if isinstance(route, Route)]
    paths = {route.path.replace(":path", "") for route in plain} - {"/api/openapi.json"}
    assert not paths & set(declared)
    assert set(_schema(gateway)["paths"]) == paths | set(declared)


def test_every_reference_resolves_and_every_schema_is_used(gateway: Gateway) -> None:
    schema = _schema(gateway)
    text = str(schema)
    for name in schema["components"]["schemas"]:
        assert f"#/components/schemas/{name}'" in text, f"{name} is not used"
    used = {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}
    assert used == set(schema["components"]["schemas"])


def test_every_operation_says_what_a_problem_looks_like(gateway: Gateway) -> None:
    for path, operations in _schema(gateway)["paths"].items():
        for operation in operations.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"], path
            assert operation["summary"]


@pytest.mark.parametrize(
    ("path", "model"),
    [
        (f"/api/v1/tags/{SGTIN.hex()}", models.Tag),
        (f"/api/v1/tags/{PLAIN.hex()}", models.Tag),
        ("/api/v1/tags/07", models.Tag),
        ("/api/v1/tags", models.TagPage),
        ("/api/v1/tags?limit=1", models.TagPage),
        (f"/api/v1/tags/{SGTIN.hex()}/history", models.History),
        ("/api/v1/zones", models.ZoneList),
        ("/api/v1/zones/yard", models.Zone),
        ("/api/v1/zones/yard/tags", models.TagPage),
        ("/api/v1/doors", models.DoorList),
        ("/api/v1/movements", models.MovementPage),
        ("/api/v1/readers", models.ReaderList),
        ("/api/v1/sensors", models.SensorList),
    ],
)
async def test_answers_are_what_their_models_say(
    gateway: Gateway, path: str, model: type[BaseModel]
) -> None:
    async with asking(gateway) as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    model.model_validate_json(answer.content)


async def test_the_answer_to_a_lookup_is_what_its_model_says(gateway: Gateway) -> None:
    async with asking(gateway) as client:
        keys = [SGTIN.hex(), GTIN, "yard", "nope"]
        answer = await client.post("/api/v1/lookup", json={"keys": keys})
    models.LookupAnswer.model_validate_json(answer.content)


async def test_problems_are_what_their_model_says(gateway: Gateway) -> None:
    async with asking(gateway) as client:
        answer = await client.get("/api/v1/zones/nope")
    models.ProblemDocument.model_validate_json(answer.content)


async def test_the_document_is_served(gateway: Gateway) -> None:
    async with asking(gateway) as client:
        answer = await client.get("/api/openapi.json")
    assert answer.json()["info"]["title"] == "rfid-gateway"
