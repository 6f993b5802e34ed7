"""Movements: what was committed, page by page without missing any; and what one tag has done."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from gateway.api import models
from gateway.api.answers import JSON, movements_answer, stored
from gateway.api.context import Context
from gateway.api.forgotten import forgotten
from gateway.api.parameters import Limit
from gateway.api.problems import Problem, quoted
from gateway.api.resolve import find_tag, parse_epc
from gateway.model.in_words import in_words

After = Annotated[
    str, Query(pattern="^[0-9]{1,18}$", description="`next` of the page before; 0: the beginning.")
]


def movement_router(context: Context) -> APIRouter:
    """`GET /api/v1/movements` and `GET /api/v1/tags/{epc}/history`."""
    router = APIRouter(prefix="/api/v1", tags=["movements"])

    @router.get("/movements", summary="Movements in order", response_model=models.MovementPage)
    async def movements(after: After = "0", limit: Limit = 100) -> Response:
        """Movements committed after a cursor, oldest first; later ones by asking with `next`."""
        rows = await stored(context.history.movements_after, int(after), limit)
        following = str(rows[-1].cursor) if rows else after
        return movements_answer({"next": following, "more": len(rows) == limit}, rows)

    @router.get(
        "/tags/{epc:path}/history",
        summary="What has happened to a tag",
        response_model=models.History,
    )
    async def history(epc: str, limit: Limit = 100) -> Response:
        """The last movements of one tag, newest first."""
        key = parse_epc(epc)
        known = find_tag(context.live, key)
        for candidate in (known.epc,) if known else key.epcs:
            rows = await stored(context.history.movements_of, candidate, limit)
            if rows or known:
                return movements_answer({"epc": candidate.hex().upper()}, rows)
        raise Problem(404, f"No movement of {quoted(epc)} is on record.")

    @router.get(
        "/tags/{epc:path}/why",
        summary="Why a tag is believed to be where it is",
        response_model=models.Why,
    )
    async def why(epc: str) -> Response:
        """Its last movement, also in plain words, and what the antennas read of it now."""
        key = parse_epc(epc)
        known = find_tag(context.live, key)
        if known is None:
            told = await forgotten(context, epc, key.epcs)
            raise Problem(404, told or f"{quoted(epc)} was never read here.")
        rows = await stored(context.history.movements_of, known.epc, 1)
        movement = orjson.loads(rows[0].body) if rows else None
        return JSON(
            {
                "epc": known.epc.hex().upper(),
                "movement": movement,
                "words": in_words(movement) if movement else [],
                "reads": context.live.heard_by(known.number),
            }
        )

    return router
