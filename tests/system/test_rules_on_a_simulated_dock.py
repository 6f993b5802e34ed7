"""The shipped rules on a simulated dock, from reads to alerts: quiet where nothing is wrong, and
told once for each load that leaves without a shipment."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import emulate, replay, rules

EXAMPLE = Path(__file__).parents[2]
SECONDS = 40


def run(app: Any, *args: str | Path) -> str:
    result = CliRunner().invoke(app, [str(a) for a in args])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def dock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a site, some of its traffic, and the same with shipments in use."""
    folder = tmp_path_factory.mktemp("dock")
    day = folder / "day.jsonl.gz"
    scenario = ("--scenario", "nominal", "--seconds", str(SECONDS))
    run(emulate.app, *scenario, "--write-site", folder / "site", "--record", day)
    with gzip.open(day, "rb") as file:
        recorded = file.readlines()
    first_us = json.loads(recorded[0])["t"]
    line = {"epc": "3034257BF7194E4000001A85"}
    shipment = {"id": "S-1", "way": "out", "lines": [line]}
    command = json.dumps({"t": first_us, "command": {"shipment": shipment}}).encode() + b"\n"
    with gzip.open(folder / "with-shipments.jsonl.gz", "wb") as file:
        file.writelines([command, *recorded])
    return folder


def test_where_no_shipments_are_used_nobody_is_told_of_anything(dock: Path) -> None:
    told = run(
        rules.app,
        *("backtest", "--json", "--site", dock / "site", "--rules", EXAMPLE / "rules"),
        *("--recording", dock / "day.jsonl.gz", "--drain", "1m"),
    )
    assert json.loads(told)["fired"] == []


def test_each_load_that_leaves_without_a_shipment_is_told_once(dock: Path) -> None:
    recording = dock / "with-shipments.jsonl.gz"
    run(
        replay.app,
        *(recording, "--site", dock / "site", "--rules", EXAMPLE / "rules", "--drain", "1m"),
        *("--out", dock / "movements.jsonl", "--alerts", dock / "alerts.jsonl"),
    )
    left = [m for m in lines(dock / "movements.jsonl") if m["direction"] == "out"]
    alerts = [a for a in lines(dock / "alerts.jsonl") if a["rule"] == "outbound-without-shipment"]
    assert len(left) > 20
    firing = [a for a in alerts if a["state"] == "firing"]
    assert {a["key"] for a in firing} == {f"passage={m['passage']}" for m in left}
    assert len({a["id"] for a in firing}) == len(firing) < len(left) / 2
    fired = json.loads(
        run(
            rules.app,
            *("backtest", "--json", "--site", dock / "site", "--rules", EXAMPLE / "rules"),
            *("--recording", recording, "--drain", "1m"),
        )
    )["fired"]
    keys = {f["key"] for f in fired if f["rule"] == "outbound-without-shipment"}
    assert keys == {f"epc={m['epc']}" for m in left}
