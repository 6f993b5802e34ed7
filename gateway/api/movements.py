"""Movements: what was committed, in that order, to be fetched page by page without missing any."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from gateway.api import models
from gateway.api.answers import movements_answer, stored
from gateway.api.context import Context
from gateway.api.parameters import Limit

After = Annotated[
    str, Query(pattern="^[0-9]{1,18}$", description="`next` of the page before; 0: the beginning.")
]


def movement_router(context: Context) -> APIRouter:
    """`GET /api/v1/movements`."""
    router = APIRouter(prefix="/api/v1", tags=["movements"])

    @router.get("/movements", summary="Movements in order", response_model=models.MovementPage)
    async def movements(after: After = "0", limit: Limit = 100) -> Response:
        """Movements committed after a cursor, oldest first; later ones by asking with `next`."""
        rows = await stored(context.history.movements_after, int(after), limit)
        following = str(rows[-1].cursor) if rows else after
        return movements_answer({"next": following, "more": len(rows) == limit}, rows)

    return router
