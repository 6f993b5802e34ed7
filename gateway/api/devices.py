"""Readers and sensors."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from gateway.api import models
from gateway.api.answers import JSON
from gateway.api.context import Context
from gateway.api.shapes import reader_json, sensor_json


def device_router(context: Context) -> APIRouter:
    """The declared routes about devices."""
    router = APIRouter(prefix="/api/v1", tags=["devices"])
    devices = context.live.devices

    @router.get("/readers", summary="All readers", response_model=models.ReaderList)
    async def readers() -> Response:
        """Every reader and antenna: whether it works, and if not, why."""
        return JSON({"readers": [reader_json(r) for r in devices.readers.values()]})

    @router.get("/sensors", summary="All sensors", response_model=models.SensorList)
    async def sensors() -> Response:
        """Every sensor and its last value."""
        return JSON({"sensors": [sensor_json(s) for s in devices.sensors.values()]})

    return router
