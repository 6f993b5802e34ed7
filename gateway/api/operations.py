"""For those who keep the gateway running: alive, ready, and in figures."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.answers import JSON
from gateway.api.context import Context
from gateway.telemetry.metrics import CONTENT_TYPE


def operation_routes(context: Context) -> list[Route]:
    """`GET /healthz`, `/readyz` and `/metrics`."""
    health, metrics = context.health, context.metrics

    async def healthz(_: Request) -> Response:
        parts = health.parts()
        alive = not any(part.stalled for part in parts)
        body = {
            "status": "alive" if alive else "stalled",
            "parts": {
                p.name: {"stalled": p.stalled, "last_step_s_ago": round(p.age_s, 3)} for p in parts
            },
        }
        return JSON(body, status_code=200 if alive else 503)

    async def readyz(_: Request) -> Response:
        reasons, alarms = health.reasons(), health.alarms()
        body = {"status": "not ready" if reasons else "ready", "reasons": reasons}
        if alarms:
            body["alarms"] = alarms
        return JSON(body, status_code=503 if reasons else 200)

    async def figures(_: Request) -> Response:
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", figures)]
