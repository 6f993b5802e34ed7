"""create_app: the HTTP application out of its routes."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from gateway import __version__
from gateway.api import problems
from gateway.api.context import Ask, Context, Desk, History, Outbox, Subscribe
from gateway.api.desk import desk_router
from gateway.api.devices import device_router
from gateway.api.events import event_routes
from gateway.api.guard import Guard
from gateway.api.inputs import input_routes
from gateway.api.lookup import lookup_router
from gateway.api.movements import movement_router
from gateway.api.operations import operation_routes
from gateway.api.outbox import outbox_router
from gateway.api.places import hot_zone_route, place_router
from gateway.api.schema import add_schema
from gateway.api.series import series_router
from gateway.api.streams import Streams
from gateway.api.tags import hot_tag_route, tag_router
from gateway.live import LiveView
from gateway.telemetry.health import Health
from gateway.telemetry.metrics import Metrics


def create_app(
    *,
    live: LiveView,
    history: History,
    metrics: Metrics,
    health: Health,
    streams: Streams,
    inputs: Subscribe | None = None,
    outbox: Outbox | None = None,
    desk: Desk | None = None,
    figures: Ask | None = None,
) -> FastAPI:
    """The application. `streams` is also what ends them when the server stops."""
    context = Context(
        live=live,
        history=history,
        metrics=metrics,
        health=health,
        streams=streams,
        inputs=inputs,
        outbox=outbox,
        desk=desk,
        figures=figures,
    )
    long_lived = [*event_routes(context), *input_routes(context)]
    app = FastAPI(
        title="rfid-gateway",
        description="What is where, how the devices are, and what has happened.",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,  # FastAPI's pages load their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(Guard, streams=frozenset(route.path for route in long_lived))],
        exception_handlers={
            problems.Problem: problems.answer_problem,
            RequestValidationError: problems.answer_invalid,
            HTTPException: problems.answer_http,
            Exception: problems.answer_failure,
        },
    )
    routes = app.router.routes
    routes.append(hot_zone_route(context))
    for router in (
        tag_router,
        lookup_router,
        place_router,
        device_router,
        movement_router,
        outbox_router,
        desk_router,
        series_router,
    ):
        app.include_router(router(context))
    routes.extend(long_lived)
    routes.extend(operation_routes(context))
    routes.append(hot_tag_route(context))  # last: its path takes in slashes
    add_schema(app)
    return app
