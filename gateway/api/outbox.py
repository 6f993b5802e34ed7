"""The outbox: what waits for each sink, and what was set aside."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from gateway.api import outbox_models as models
from gateway.api.answers import JSON
from gateway.api.context import Context, Outbox
from gateway.api.problems import Problem
from gateway.errors import GatewayError, StoreError

T = TypeVar("T")

#: How long a change may wait for the store.
WRITE_S = 10.0

SinkName = Annotated[str, Path(max_length=100, description="The sink's name.")]


def outbox_router(context: Context) -> APIRouter:
    """The declared routes about the outbox."""
    router = APIRouter(prefix="/api/v1/outbox", tags=["outbox"])

    @router.get("", summary="What waits for each sink", response_model=models.OutboxReport)
    async def report() -> Response:
        """Every sink that is configured, and those removed a short while ago."""
        return JSON(await _done(_outbox(context).report()))

    @router.get("/dead-letters", summary="What sinks refused", response_model=models.DeadLetterPage)
    async def dead_letters(
        sink: Annotated[str | None, Query(max_length=100, description="Only of this sink.")] = None,
        after: Annotated[int, Query(ge=0, lt=2**62, description="`next` of the page before.")] = 0,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> Response:
        """Records that were refused for good, each with the reason, in the order of refusal."""
        found = await _done(_outbox(context).dead_letters(sink, after, limit))
        following = found[-1]["number"] if len(found) == limit else None
        return JSON({"dead_letters": found, "next": following})

    @router.post("/{sink}/retry", summary="Try again now", response_model=models.Retried)
    async def retry(sink: SinkName, chosen: models.Chosen) -> Response:
        """Have the sink try at once, even when it is held, and dead letters with it."""
        seqs = None if chosen.all else chosen.seqs
        return JSON({"again": await _done(_outbox(context).retry(sink, seqs))})

    @router.post("/{sink}/drop", summary="Remove dead letters", response_model=models.Dropped)
    async def drop(sink: SinkName, chosen: models.Chosen) -> Response:
        """Remove dead letters for good; what waits for the sink is not touched."""
        seqs = None if chosen.all else chosen.seqs
        return JSON({"dropped": await _done(_outbox(context).drop(sink, seqs))})

    return router


def _outbox(context: Context) -> Outbox:
    if context.outbox is None:
        raise Problem(404, "This gateway delivers nothing: it has no outbox.")
    return context.outbox


async def _done(asked: Awaitable[T]) -> T:
    """The answer; `Problem` when there is no such thing, or the store cannot do it now."""
    try:
        async with asyncio.timeout(WRITE_S):
            return await asked
    except (sqlite3.Error, StoreError, TimeoutError) as error:
        said = str(error) or "it takes too long"
        raise Problem(503, f"The store cannot do that now: {said}.") from error
    except GatewayError as error:
        raise Problem(404, str(error)) from error
