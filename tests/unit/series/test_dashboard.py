"""The dashboard for Grafana names what exists, and a real InfluxDB answers every question in it."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from gateway.series.line_protocol import line
from gateway.series.points import ALERT, MEASUREMENTS, MOVEMENT, READER, READS, SENSOR, ZONE, Point
from tests.databases import Influx1
from tests.outcomes import NOW_US

DASHBOARD = json.loads((Path(__file__).parents[3] / "grafana" / "rfid-gateway.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
QUERIES: list[str] = [target["query"] for panel in PANELS for target in panel["targets"]]
VARIABLES: list[str] = [variable["query"] for variable in DASHBOARD["templating"]["list"]]

#: A point of everything that the dashboard asks for.
POINTS = (
    Point(MOVEMENT, ("dc", "moved", "yard", "door-1", "out"), ("30", "a", "x", 0.9, 4.0), NOW_US),
    Point(MOVEMENT, ("dc", "missing", "bin", None, None), ("30", "a", "y", 0.9, 4.0), NOW_US),
    Point(READS, ("dc", "dock", "1", None, "door-1"), (9, 3, -60.0, -50.0), NOW_US),
    Point(ZONE, ("dc", "yard"), (4, 1, 0), NOW_US),
    Point(SENSOR, ("dc", "t", "temperature"), (20.5, None), NOW_US),
    Point(SENSOR, ("dc", "b", "beam"), (None, True), NOW_US),
    Point(READER, ("dc", "dock"), (1, 0.9, 2.5, 0), NOW_US),
    Point(ALERT, ("dc", "dwell", "warning"), ("firing", "zone=a", "z"), NOW_US),
)


@pytest.mark.parametrize("query", [*QUERIES, *VARIABLES])
def test_a_question_names_only_what_exists(query: str) -> None:
    (name,) = set(re.findall(r'FROM "(\w+)"', query))
    measurement = MEASUREMENTS[name]
    known = {name, *measurement.tags, *measurement.fields}
    assert set(re.findall(r'"(\w+)"', query)) <= known
    for values in re.findall(r'"kind" (?:!=|=) \'(\w+)\'', query):
        assert values in {"arrived", "moved", "departed", "missing", "retracted"}


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_a_legend_names_only_tags_that_are_grouped_by(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        grouped = target["query"].partition("GROUP BY")[2]
        for tag in re.findall(r"\$tag_(\w+)", target.get("alias", "")):
            assert f'"{tag}"' in grouped


def test_every_field_that_is_a_figure_is_shown() -> None:
    shown = {
        (MEASUREMENTS[name], field)
        for query in QUERIES
        for name in re.findall(r'FROM "(\w+)"', query)
        for field in re.findall(r'"(\w+)"', query.partition(" FROM ")[0])
    }
    expected = {(m, field) for m in MEASUREMENTS.values() for field in m.fields}
    told_otherwise = {
        (READS, "reads"),
        (ZONE, "arrived"),
        (ZONE, "left"),
        (MOVEMENT, "id"),
    }
    assert expected - shown == told_otherwise


def test_panels_have_a_place_and_a_number_of_their_own() -> None:
    cells = [
        (x, y)
        for panel in PANELS
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"]
        assert panel["datasource"]["uid"] == "${DS_INFLUXDB}"


@pytest.mark.server
def test_a_real_database_answers_every_question(influx1: Influx1) -> None:
    body = "\n".join(str(line(point)) for point in POINTS).encode()
    request = urllib.request.Request(f"{influx1.url}/write?db=rfid&precision=ns", data=body)
    with urllib.request.urlopen(request) as reply:
        assert reply.status == 204
    begin_ns, end_ns = (NOW_US - 60_000_000) * 1_000, (NOW_US + 60_000_000) * 1_000
    for query in [*QUERIES, *VARIABLES]:
        asked = query.replace("$timeFilter", f"time >= {begin_ns} AND time < {end_ns}")
        for variable, value in (("$__interval", "10s"), ("$site", ".*"), ("$zone", ".*")):
            asked = asked.replace(variable, value)
        assert influx1.do(asked), asked
