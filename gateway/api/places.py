"""Zones and doors."""

from __future__ import annotations

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api import models
from gateway.api.answers import JSON, json_answer
from gateway.api.context import Context
from gateway.api.cursors import cursor_of, number_of
from gateway.api.parameters import Cursor, Limit, StateName
from gateway.api.problems import unknown
from gateway.api.shapes import STATES, door_json, tag_json, zone_json


def hot_zone_route(context: Context) -> Route:
    """`GET /api/v1/zones/{id}`: a plain route, see `schema` for its description."""
    live = context.live
    numbers = live.site.zone_numbers

    async def zone(request: Request) -> Response:
        name = request.path_params["id"]
        number = numbers.get(name)
        if number is None:
            raise unknown("zone", name, numbers)
        revision = f"{live.start_id:x}.{live.zone_revisions[number]:x}.{live.devices.revision:x}"
        return json_answer(request, orjson.dumps(zone_json(live, number)), revision)

    return Route("/api/v1/zones/{id}", zone)


def place_router(context: Context) -> APIRouter:
    """The declared routes about places."""
    router = APIRouter(prefix="/api/v1", tags=["places"])
    live = context.live
    site = live.site

    @router.get("/zones", summary="All zones", response_model=models.ZoneList)
    async def zones(request: Request) -> Response:
        """Every zone and what it holds."""
        revision = f"{live.start_id:x}.{live.revision:x}.{live.devices.revision:x}"
        rows = [zone_json(live, number) for number in range(len(site.zones))]
        return json_answer(request, orjson.dumps({"zones": rows}), revision)

    @router.get("/zones/{id}/tags", summary="What is in a zone", response_model=models.TagPage)
    async def zone_tags(
        id: str,  # noqa: A002 - the path's own word
        state: StateName = None,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> Response:
        """The tags of a zone; those missing from it too, as their state says."""
        if id not in site.zone_numbers:
            raise unknown("zone", id, site.zone_numbers)
        page = live.select(
            limit=limit,
            after=number_of(live, cursor),
            zone=site.zone_numbers[id],
            presence=None if state is None else STATES[state],
        )
        rows = [tag_json(live, live.tag_numbered(number)) for number in page.numbers]
        return JSON({"tags": rows, "next": cursor_of(live, page.after)})

    @router.get("/doors", summary="All doors", response_model=models.DoorList)
    async def doors() -> Response:
        """Every door with its readers and sensors."""
        return JSON({"doors": [door_json(live, door) for door in site.doors]})

    return router
