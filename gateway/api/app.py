"""create_app: the HTTP application out of its routes."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from gateway import __version__
from gateway.api import refusals
from gateway.api.context import Context
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
from gateway.api.problems import Problem
from gateway.api.schema import add_schema
from gateway.api.series import series_router
from gateway.api.tags import hot_tag_route, tag_router


def create_app(context: Context) -> FastAPI:
    """The application."""
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
            Problem: refusals.answer_problem,
            RequestValidationError: refusals.answer_invalid,
            HTTPException: refusals.answer_http,
            Exception: refusals.answer_failure,
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
