"""Time series: the history of figures that the gateway keeps itself, for charts."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gateway.api import models
from gateway.api.answers import JSON
from gateway.api.context import Context
from gateway.api.problems import Problem, quoted, unknown
from gateway.model.movement import iso_utc
from gateway.series.history_query import Figures, Question
from gateway.series.points import MEASUREMENTS, FieldType
from gateway.settings.values import parse_duration

#: What is asked for when nothing says since when.
DEFAULT_SPAN_S = 6 * 3_600.0

Text = Annotated[str | None, Field(max_length=256)]


class SeriesQuery(BaseModel):
    """What is asked for; tags that are given must be those of the series."""

    model_config = ConfigDict(extra="forbid")

    measurement: str = Field(max_length=64, description=", ".join(MEASUREMENTS))
    field: str = Field(max_length=64, description="One of its fields that are numbers.")
    from_: datetime | None = Field(
        None, alias="from", description="ISO 8601, without an offset UTC; absent: 6 h before `to`."
    )
    to: datetime | None = Field(None, description="Absent: now.")
    step: Text = Field(None, description="Such as 1m; absent: about 300 steps.")
    zone: Text = None
    door: Text = None
    reader: Text = None
    antenna: Text = None
    sensor: Text = None
    kind: Text = None
    to_zone: Text = None
    direction: Text = None

    @property
    def tags(self) -> dict[str, str]:
        """The tags that are given."""
        given = self.model_dump(exclude_none=True, exclude=_NO_TAGS)
        return {name: str(value) for name, value in given.items()}


_NO_TAGS = {"measurement", "field", "from_", "to", "step"}


def series_router(context: Context) -> APIRouter:
    """`GET /api/v1/series`."""
    router = APIRouter(prefix="/api/v1", tags=["series"])

    @router.get("/series", summary="Figures over time", response_model=models.SeriesAnswer)
    async def series(query: Annotated[SeriesQuery, Query()]) -> Response:
        """A field of a measurement, a series for each combination of tags, in equal steps.

        A step without a value is left out: of what is told on change, the last value holds on.
        """
        question = _question(query)
        if context.figures is None:
            raise Problem(503, "There is no history of figures.")
        try:
            answer = await asyncio.to_thread(context.figures, question)
        except sqlite3.Error as error:
            raise Problem(503, f"The history of figures cannot be read now: {error}.") from error
        return JSON(
            {
                "measurement": question.measurement,
                "field": question.field,
                "from": iso_utc(round(question.from_s * 1e6)),
                "to": iso_utc(round(question.to_s * 1e6)),
                "step_s": answer.step_s,
                "complete": answer.complete,
                "series": [_series_json(figures) for figures in answer.series],
            }
        )

    return router


def _question(query: SeriesQuery) -> Question:
    _check(query.measurement, query.field, query.tags)
    to_s = time.time() if query.to is None else _seconds(query.to)
    from_s = to_s - DEFAULT_SPAN_S if query.from_ is None else _seconds(query.from_)
    if not 0 <= from_s < to_s:
        raise Problem(400, "from: expected a time before 'to'.")
    return Question(
        measurement=query.measurement,
        field=query.field,
        from_s=from_s,
        to_s=to_s,
        step_s=_step_s(query.step),
        tags=query.tags,
    )


def _check(name: str, field: str, tags: dict[str, str]) -> None:
    measurement = MEASUREMENTS.get(name)
    if measurement is None:
        raise unknown("measurement", name, MEASUREMENTS)
    numbers = [f for f, kind in measurement.fields.items() if kind is not FieldType.TEXT]
    if field not in numbers:
        raise unknown(f"figure of the measurement {name}", field, numbers)
    for tag in tags:
        if tag not in measurement.tags:
            listed = ", ".join(measurement.tags)
            raise Problem(400, f"{tag}: the measurement {quoted(name)} has only the tags {listed}.")


def _step_s(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise Problem(400, f"step: {error}.") from error
    return seconds or None


def _seconds(moment: datetime) -> float:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def _series_json(figures: Figures) -> dict[str, object]:
    return {
        "tags": figures.tags,
        "before": figures.before,
        "points": [
            [s.time_s * 1_000, s.count, round(s.mean, 6), s.lowest, s.highest, s.last]
            for s in figures.steps
        ],
    }
