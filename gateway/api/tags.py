"""Tags: where one is, and which ones fit."""

from __future__ import annotations

import asyncio
from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api import models
from gateway.api.answers import JSON, json_answer
from gateway.api.context import Context
from gateway.api.cursors import cursor_of, number_of
from gateway.api.forgotten import forgotten
from gateway.api.parameters import Cursor, Limit, StateName
from gateway.api.problems import Problem, quoted, unknown
from gateway.api.resolve import find_tag, no_tag, parse_epc
from gateway.api.shapes import STATES, tag_json
from gateway.live import LiveView
from gateway.model.epc_key import MAX_KEY_CHARACTERS, parse_key


def hot_tag_route(context: Context) -> Route:
    """`GET /api/v1/tags/{epc}`: a plain route, see `schema` for its description."""
    live = context.live

    async def tag(request: Request) -> Response:
        text = request.path_params["epc"]
        found = find_tag(live, key := parse_epc(text))
        if found is None:
            told = await forgotten(context, text, key.epcs)
            raise no_tag(text, key) if told is None else Problem(404, told)
        return json_answer(request, orjson.dumps(tag_json(live, found)))

    return Route("/api/v1/tags/{epc:path}", tag)


def tag_router(context: Context) -> APIRouter:
    """`GET /api/v1/tags`."""
    router = APIRouter(prefix="/api/v1", tags=["tags"])
    live = context.live

    @router.get("/tags", summary="Tags that fit", response_model=models.TagPage)
    async def tags(
        zone: str | None = None,
        gtin: Annotated[str | None, Query(max_length=MAX_KEY_CHARACTERS)] = None,
        state: StateName = None,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> Response:
        """Tags in the order in which they were first read."""
        numbers = live.site.zone_numbers
        if zone is not None and zone not in numbers:
            raise unknown("zone", zone, numbers)
        item = None if gtin is None else _gtin(gtin)
        if item is not None:
            await catch_up(live)
        page = live.select(
            limit=limit,
            after=number_of(live, cursor),
            zone=None if zone is None else numbers[zone],
            presence=None if state is None else STATES[state],
            gtin=item,
        )
        rows = [tag_json(live, live.tag_numbered(number)) for number in page.numbers]
        return JSON({"tags": rows, "next": cursor_of(live, page.after)})

    return router


async def catch_up(live: LiveView) -> None:
    """Let the column of GTINs take in every tag, without holding up others."""
    while live.gtins.behind:
        live.gtins.extend()
        await asyncio.sleep(0)


def _gtin(text: str) -> str:
    try:
        gtin = parse_key(text).gtin
    except ValueError as error:
        raise Problem(400, str(error)) from error
    if gtin is None:
        raise Problem(
            400, f"{quoted(text)} is no GTIN: 8, 12, 13 or 14 digits with a right check digit."
        )
    return gtin
