"""`GET /api/v1/series`: figures over time, asked for in words that are checked."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import pytest

from gateway.api import models
from gateway.series.history_query import Answer, Figures, Question, Step
from tests.unit.api.serving import asking, new_gateway

ANSWER = Answer(
    step_s=60,
    complete=True,
    series=[
        Figures(
            tags={"site": "dc-north", "zone": "yard"},
            before=3.0,
            steps=[
                Step(time_s=1_800_000_000, count=2, mean=4.5, lowest=4.0, highest=5.0, last=5.0)
            ],
        )
    ],
)


async def test_figures_are_told_per_series_and_step() -> None:
    asked: list[Question] = []

    def answer(question: Question) -> Answer:
        asked.append(question)
        return ANSWER

    span = "from=2027-01-15T07:00:00Z&to=2027-01-15T09:00:00%2B01:00"
    query = f"measurement=zone&field=tags&zone=yard&{span}&step=1m"
    async with asking(new_gateway(figures=answer)) as client:
        reply = await client.get(f"/api/v1/series?{query}")
    assert reply.status_code == 200
    models.SeriesAnswer.model_validate_json(reply.content)
    assert reply.json()["series"] == [
        {
            "tags": {"site": "dc-north", "zone": "yard"},
            "before": 3.0,
            "points": [[1_800_000_000_000, 2, 4.5, 4.0, 5.0, 5.0]],
        }
    ]
    assert asked == [
        Question(
            measurement="zone",
            field="tags",
            from_s=datetime(2027, 1, 15, 7, tzinfo=UTC).timestamp(),
            to_s=datetime(2027, 1, 15, 8, tzinfo=UTC).timestamp(),
            step_s=60.0,
            tags={"zone": "yard"},
        )
    ]


async def test_the_last_six_hours_are_what_is_meant_without_a_time() -> None:
    asked: list[Question] = []

    def answer(question: Question) -> Answer:
        asked.append(question)
        return ANSWER

    async with asking(new_gateway(figures=answer)) as client:
        assert (await client.get("/api/v1/series?measurement=reader&field=up")).status_code == 200
    assert asked[0].to_s - asked[0].from_s == 6 * 3_600
    assert asked[0].step_s is None


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("field=up", 400, "measurement"),
        ("measurement=zones&field=tags", 404, "Did you mean 'zone'?"),
        ("measurement=zone&field=tag", 404, "Did you mean 'tags'?"),
        ("measurement=movement&field=epc", 404, "There is no figure of the measurement movement"),
        ("measurement=zone&field=tags&door=d", 400, "has only the tags site, zone"),
        ("measurement=zone&field=tags&step=often", 400, "step: expected a duration"),
        ("measurement=zone&field=tags&from=2027-01-02&to=2027-01-01", 400, "a time before 'to'"),
        ("measurement=zone&field=tags&from=soon", 400, "from"),
        ("measurement=zone&field=tags&form=2027-01-02", 400, "form"),
    ],
)
async def test_what_cannot_be_asked_is_told(query: str, status: int, words: str) -> None:
    async with asking(new_gateway(figures=lambda _: ANSWER)) as client:
        reply = await client.get(f"/api/v1/series?{query}")
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert words in reply.json()["detail"]


async def test_a_history_that_cannot_be_read_is_no_mistake_of_the_client() -> None:
    def fail(_: Question) -> Answer:
        raise sqlite3.OperationalError("disk I/O error")

    for figures in (fail, None):
        async with asking(new_gateway(figures=figures)) as client:
            reply = await client.get("/api/v1/series?measurement=zone&field=tags")
        assert reply.status_code == 503
