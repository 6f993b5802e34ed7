"""OpenAPI entries of the plain routes, which FastAPI does not see; tests hold them to the truth."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.api.models import ProblemDocument
from gateway.api.problems import MEDIA_TYPE as PROBLEM
from gateway.live import EventKind

Json = dict[str, Any]

_KEY = (
    "EPC in hex (any case), EPC URI, GS1 Digital Link (its slashes escaped as %2F or not), GS1 "
    "element string, or SSCC"
)
_STATUS: Json = {
    "type": "object",
    "properties": {"status": {"type": "string"}},
    "required": ["status"],
}


def add_schema(app: FastAPI) -> None:
    """Make `app` describe the plain routes as well."""

    def schema() -> Json:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(app)
        return app.openapi_schema

    app.openapi = schema  # type: ignore[method-assign]


def _complete(app: FastAPI) -> Json:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    components = document["components"]["schemas"]
    components["Problem"] = ProblemDocument.model_json_schema()
    document["paths"] |= _plain_paths()
    problem = _answer("What is wrong, in words.", PROBLEM, _reference("Problem"))
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        components.pop(unused, None)
    return document


def _plain_paths() -> Json:
    kinds = {"type": "array", "items": {"type": "string", "enum": list(EventKind)}}
    return {
        "/api/v1/tags/{epc}": _get(
            "Where a tag is",
            "tags",
            _answer("The tag.", "application/json", _reference("Tag")),
            _parameter("epc", "path", _KEY),
        ),
        "/api/v1/zones/{id}": _get(
            "What a zone holds",
            "places",
            _answer("The zone.", "application/json", _reference("Zone")),
            _parameter("id", "path", "The zone's id."),
        ),
        "/api/v1/events": _get(
            "Events as they happen",
            "movements",
            _answer(
                "Server-sent events: movement, passage, reader, sensor, and what is provisional "
                "when asked for; "
                "reset when events after Last-Event-ID are no longer held.",
                "text/event-stream",
                {"type": "string"},
            ),
            _parameter("kind", "query", "Only these kinds.", kinds),
            _parameter("zone", "query", "Only what concerns this zone."),
            _parameter("Last-Event-ID", "header", "Resume after this event."),
        ),
        "/api/v1/inputs": _get(
            "What comes in, as a recording",
            "devices",
            _answer("JSON Lines.", "application/x-ndjson", {"type": "string"}),
        ),
        "/healthz": _get("Is it alive?", "operations", _status("Every part makes progress.")),
        "/readyz": _get("Can it do its work?", "operations", _status("Nothing is in its way.")),
        "/metrics": _get(
            "Figures for Prometheus",
            "operations",
            _answer("Text format.", "text/plain", {"type": "string"}),
        ),
    }


def _get(summary: str, tag: str, answer: Json, *parameters: Json) -> Json:
    operation: Json = {"summary": summary, "tags": [tag], "responses": {"200": answer}}
    if parameters:
        operation["parameters"] = list(parameters)
    return {"get": operation}


def _status(description: str) -> Json:
    return _answer(description, "application/json", _STATUS)


def _answer(description: str, media_type: str, schema: Json) -> Json:
    return {"description": description, "content": {media_type: {"schema": schema}}}


def _parameter(name: str, place: str, description: str, schema: Json | None = None) -> Json:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": description,
        "schema": schema or {"type": "string"},
    }


def _reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
