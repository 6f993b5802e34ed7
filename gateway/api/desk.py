"""Alerts, items and shipments: what people and a WMS tell the gateway, and ask of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from gateway.api import desk_models as models
from gateway.api.answers import JSON
from gateway.api.context import Context, Desk
from gateway.api.problems import Problem
from gateway.errors import GatewayError, StoreError, Unavailable

T = TypeVar("T")

#: How long a write of items may take.
WRITE_S = 30.0
MAX_PROBLEMS = 20

Id = Annotated[str, Path(max_length=200)]


def desk_router(context: Context) -> APIRouter:
    """The declared routes about alerts, items and shipments."""
    router = APIRouter(prefix="/api/v1")
    _add_rules(router, context)
    _add_alerts(router, context)
    _add_shipments(router, context)
    _add_items(router, context)

    @router.post("/reload", summary="Take up changed rules", tags=["operations"])
    async def reload() -> models.Reloaded:
        """Read the files of the site again: all of it is taken up, or nothing."""
        return models.Reloaded(done=await _asked(_desk(context).reload))

    return router


def _add_rules(router: APIRouter, context: Context) -> None:
    @router.get("/rules", summary="Rules", tags=["alerts"])
    async def rules() -> Any:
        """The rules in force: where each is written, what it holds, what went wrong with it."""
        return {"rules": await _done(_desk(context).rules())}

    @router.get("/rules/{id}/explain", summary="Why, or why not", tags=["alerts"])
    async def explain(
        id: Id,  # noqa: A002
        epc: Annotated[str | None, Query(max_length=512, description="A tag.")] = None,
        subject: Annotated[
            str | None, Query(max_length=512, description="A door, zone, sensor, reader or SKU.")
        ] = None,
    ) -> Any:
        """Each condition of a rule with what it wants and sees now, timers, and what is told."""
        if epc is not None and subject is not None:
            raise Problem(422, "Give epc or subject, not both.")
        return await _done(_desk(context).explain(id, subject if epc is None else epc))


def _add_alerts(router: APIRouter, context: Context) -> None:
    @router.get("/alerts", summary="Alerts", tags=["alerts"], response_model=models.AlertList)
    async def alerts(
        state: Annotated[models.StateName | None, Query(description="Only these.")] = None,
        rule: Annotated[str | None, Query(max_length=200, description="Of this rule.")] = None,
    ) -> Response:
        """Alerts that fire or ended a short while ago, the newest first."""
        return JSON({"alerts": await _asked(lambda: _desk(context).alerts(state, rule))})

    @router.post("/alerts/{id}/ack", summary="Take note", tags=["alerts"])
    async def acknowledge(id: Id, given: models.Ack) -> models.Taken:  # noqa: A002
        """Acknowledge an alert: it is not told again, and a latched one ends."""
        desk = _desk(context)
        await _done(desk.acknowledge(id, given.by, given.note, given.for_s))
        return models.Taken(id=id)

    @router.post("/alerts/{id}/silence", summary="Silence it", tags=["alerts"])
    async def silence_one(id: Id, given: models.Quiet) -> Any:  # noqa: A002
        """Hear nothing of the rule and fields of this alert for a while."""
        desk = _desk(context)
        meant = [a for a in await _asked(desk.alerts) if a["id"].startswith(id)]
        if len(meant) != 1:
            raise Problem(404, f"{len(meant)} alerts have the id '{id[:80]}'.")
        scalar = {k: v for k, v in meant[0]["fields"].items() if isinstance(v, (str, int, float))}
        quiet = models.Silence(**given.model_dump(), rule=meant[0]["rule"], match=scalar)
        return await _done(desk.silence(**quiet.model_dump()))

    @router.get("/silences", summary="Silences", tags=["alerts"])
    async def silences() -> Any:
        """Silences that are on."""
        return {"silences": await _asked(lambda: _desk(context).silences())}

    @router.post("/silences", summary="Silence alerts", tags=["alerts"])
    async def silence(given: models.Silence) -> Any:
        """Hear nothing of some alerts for a while."""
        return await _done(_desk(context).silence(**given.model_dump()))

    @router.delete("/silences/{id}", summary="End a silence", tags=["alerts"])
    async def unsilence(id: Id) -> models.Taken:  # noqa: A002
        """Hear of them again."""
        await _done(_desk(context).unsilence(id))
        return models.Taken(id=id)

    @router.get("/holds", summary="Zones that are held", tags=["alerts"])
    async def holds() -> Any:
        """Zones that rules hold, each with the rule and why."""
        return {"holds": await _asked(lambda: _desk(context).holds())}

    @router.delete("/holds/{id}", summary="Release a zone", tags=["alerts"])
    async def release(id: Id) -> models.Taken:  # noqa: A002
        """A person releases a zone that a rule holds."""
        await _done(_desk(context).release(id))
        return models.Taken(id=id)

    @router.get("/counts", summary="Counts of zones", tags=["alerts"])
    async def counts() -> Any:
        """The last count of each zone that a rule had counted, tag by tag."""
        return {"counts": await _asked(lambda: _desk(context).counts())}


def _add_shipments(router: APIRouter, context: Context) -> None:
    @router.get("/shipments", summary="Shipments", tags=["catalog"])
    async def shipments() -> Any:
        """What is expected to go through the doors, and what of it has passed."""
        return {"shipments": await _asked(lambda: _desk(context).shipments())}

    @router.put("/shipments/{id}", summary="Expect a shipment", tags=["catalog"])
    async def put_shipment(id: Id, given: dict[str, Any]) -> models.Taken:  # noqa: A002
        """Expected contents and door; what has passed of one with the same id stays passed."""
        await _done(_desk(context).put_shipment(given | {"id": id}))
        return models.Taken(id=id)

    @router.delete("/shipments/{id}", summary="Forget it", tags=["catalog"])
    async def remove_shipment(id: Id) -> models.Taken:  # noqa: A002
        """Expect it no longer."""
        await _done(_desk(context).remove_shipment(id))
        return models.Taken(id=id)


def _add_items(router: APIRouter, context: Context) -> None:
    @router.get("/items", summary="Items", tags=["catalog"])
    async def items(
        key: Annotated[str | None, Query(max_length=512, description="Of this key.")] = None,
        after: Annotated[str, Query(max_length=512, description="`next` of the page before.")] = "",
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> Any:
        """The item master, in order of its canonical keys; or the item of one key or EPC."""
        desk = _desk(context)
        if key is not None:
            found = await _asked(lambda: desk.item(key))
            return {"items": [] if found is None else [found], "next": None}
        page = await _asked(lambda: desk.items(limit, after))
        return {"items": page, "next": page[-1]["key"] if len(page) == limit else None}

    @router.put("/items", summary="Put items", tags=["catalog"], response_model=models.Imported)
    async def put_items(
        request: Request,
        replace: Annotated[bool, Query(description="Remove all others first.")] = False,
    ) -> Response:
        """Items as CSV or JSON (docs/catalog.md); the rows that are right are taken."""
        try:
            async with asyncio.timeout(WRITE_S):
                done = await _desk(context).put_items(await request.body(), replace=replace)
        except (StoreError, TimeoutError) as error:
            raise Problem(503, f"The store cannot take them now: {error}.") from error
        report = {
            "taken": len(done.items),
            "refused": done.wrong,
            "problems": done.problems[:MAX_PROBLEMS],
        }
        if done.wrong and not done.items:
            raise Problem(422, f"Nothing is taken: {done.problems[0]}", more=report)
        return JSON(report)


def _desk(context: Context) -> Desk:
    if context.desk is None:
        raise Problem(404, "This gateway takes no orders.")
    return context.desk


async def _asked(question: Callable[[], T]) -> T:
    """The answer, asked in a thread; `Problem` where there is none."""
    return await _done(asyncio.to_thread(question))


async def _done(task: Awaitable[T]) -> T:
    """What comes of it; `Problem` where nothing does."""
    try:
        return await task
    except StoreError as error:
        raise Problem(503, f"The store is in trouble: {error}.") from error
    except Unavailable as error:
        raise Problem(404, str(error)) from error
    except GatewayError as error:
        raise Problem(422, str(error)) from error
