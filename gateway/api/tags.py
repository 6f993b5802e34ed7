"""Tags: where one is, which ones fit, many at once, and what has happened to one."""

from __future__ import annotations

import asyncio
from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api import models
from gateway.api.answers import JSON, json_answer, movements_answer, stored
from gateway.api.context import Context
from gateway.api.cursors import cursor_of, number_of
from gateway.api.lookup import Answer, find_tag, look_up, parse_epc, tag_of
from gateway.api.parameters import Cursor, Limit, StateName
from gateway.api.problems import Problem, quoted, unknown
from gateway.api.shapes import STATES, Json, gtin_json, tag_json, zone_json
from gateway.live import LiveView
from gateway.model.epc_key import MAX_KEY_CHARACTERS, parse_key

#: Each costs a look at every tag.
MAX_GTINS_PER_LOOKUP = 20
#: Keys that are looked up before other requests get their turn.
_KEYS_PER_TURN = 50


def hot_tag_route(context: Context) -> Route:
    """`GET /api/v1/tags/{epc}`: a plain route, see `schema` for its description."""
    live = context.live

    async def tag(request: Request) -> Response:
        found = tag_of(live, request.path_params["epc"])
        return json_answer(request, orjson.dumps(tag_json(live, found)))

    return Route("/api/v1/tags/{epc:path}", tag)


def tag_router(context: Context) -> APIRouter:
    """The declared routes about tags."""
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
            await _catch_up(live)
        page = live.select(
            limit=limit,
            after=number_of(live, cursor),
            zone=None if zone is None else numbers[zone],
            presence=None if state is None else STATES[state],
            gtin=item,
        )
        rows = [tag_json(live, live.tag_numbered(number)) for number in page.numbers]
        return JSON({"tags": rows, "next": cursor_of(live, page.after)})

    @router.post("/lookup", summary="Many keys at once", response_model=models.LookupAnswer)
    async def lookup(request: models.LookupRequest) -> Response:
        """Up to 1,000 keys: EPCs in any form, SSCCs, GTINs, zones; an entry for each, in order."""
        answers = []
        for start in range(0, len(request.keys), _KEYS_PER_TURN):
            keys = request.keys[start : start + _KEYS_PER_TURN]
            answers += [(key, look_up(live, key)) for key in keys]
            await asyncio.sleep(0)
        gtins = {answer.gtin for _, answer in answers if answer.gtin is not None}
        if len(gtins) > MAX_GTINS_PER_LOOKUP:
            raise Problem(400, f"At most {MAX_GTINS_PER_LOOKUP} GTINs can be looked up at once.")
        stock: dict[str, Json] = {}
        for item in gtins:
            await _catch_up(live)
            stock[item] = gtin_json(live, item)
        return JSON({"results": [_entry(live, key, answer, stock) for key, answer in answers]})

    @router.get(
        "/tags/{epc:path}/history",
        summary="What has happened to a tag",
        response_model=models.History,
    )
    async def history(epc: str, limit: Limit = 100) -> Response:
        """The last movements of one tag, newest first."""
        key = parse_epc(epc)
        known = find_tag(live, key)
        for candidate in (known.epc,) if known else key.epcs:
            rows = await stored(context.history.movements_of, candidate, limit)
            if rows or known:
                head = {"epc": candidate.hex().upper()}
                return movements_answer(head, rows)
        raise Problem(404, f"No movement of {quoted(epc)} is on record.")

    return router


def _entry(live: LiveView, key: str, answer: Answer, stock: dict[str, Json]) -> Json:
    """`models.Found`."""
    entry: Json = {
        "key": key,
        "kind": None,
        "tag": None,
        "gtin": None,
        "zone": None,
        "problem": answer.problem,
    }
    if answer.tag is not None:
        return entry | {"kind": "tag", "tag": tag_json(live, answer.tag)}
    if answer.zone is not None:
        return entry | {"kind": "zone", "zone": zone_json(live, answer.zone)}
    if answer.gtin is not None:
        return entry | {"kind": "gtin", "gtin": stock[answer.gtin]}
    return entry


async def _catch_up(live: LiveView) -> None:
    """Let the column of GTINs catch up without holding others up."""
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
