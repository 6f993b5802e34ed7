"""Look-up: many keys at once, of whatever kind each is."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fastapi import APIRouter
from starlette.responses import Response

from gateway.api import models
from gateway.api.answers import JSON
from gateway.api.context import Context
from gateway.api.forgotten import forgotten
from gateway.api.problems import Problem
from gateway.api.resolve import Answer, look_up
from gateway.api.shapes import Json, gtin_json, tag_json, zone_json
from gateway.api.tags import catch_up
from gateway.live import LiveView

#: Each costs a look at every tag.
MAX_GTINS = 20
#: Each costs a look into the history.
MAX_RECALLED = 20
#: Keys that are looked up before other requests get their turn.
_KEYS_PER_TURN = 50


def lookup_router(context: Context) -> APIRouter:
    """`POST /api/v1/lookup`."""
    router = APIRouter(prefix="/api/v1", tags=["tags"])
    live = context.live

    @router.post("/lookup", summary="Many keys at once", response_model=models.LookupAnswer)
    async def lookup(request: models.LookupRequest) -> Response:
        """Up to 1,000 keys: EPCs in any form, SSCCs, GTINs, zones; an entry for each, in order."""
        answers = []
        for start in range(0, len(request.keys), _KEYS_PER_TURN):
            keys = request.keys[start : start + _KEYS_PER_TURN]
            answers += [(key, look_up(live, key)) for key in keys]
            await asyncio.sleep(0)
        gtins = {answer.gtin for _, answer in answers if answer.gtin is not None}
        if len(gtins) > MAX_GTINS:
            raise Problem(400, f"At most {MAX_GTINS} GTINs can be looked up at once.")
        await _recall(context, answers)
        stock: dict[str, Json] = {}
        for item in gtins:
            await catch_up(live)
            stock[item] = gtin_json(live, item)
        return JSON({"results": [_entry(live, key, answer, stock) for key, answer in answers]})

    return router


async def _recall(context: Context, answers: list[tuple[str, Answer]]) -> None:
    """Say of the first tags that are not known what is on record of them."""
    unknown = [n for n, (_, answer) in enumerate(answers) if answer.unknown]
    for number in unknown[:MAX_RECALLED]:
        key, answer = answers[number]
        told = await forgotten(context, key, answer.unknown)
        if told is not None:
            answers[number] = key, replace(answer, problem=told)


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
