"""A backtest tells what the daemon told: from reads to alerts, whatever the length of its ticks."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.backtest import TrialEngine, run_recording
from gateway.model.calibration import NO_CALIBRATION
from gateway.model.device import SensorConfig, SensorKind
from gateway.model.tuning import LocationTuning, OverloadTuning
from gateway.rules.build_where import World
from gateway.rules.files import load_rules
from gateway.rules.rule import RuleSet
from gateway.settings.configuration import Configuration
from gateway.watch import Watch
from tests.scene import SITE, START_US, epc_of

S = 1_000_000
WORLD = World(site=SITE, sensors=(SensorConfig(id="door-1/inner", kind=SensorKind.BEAM),))
RULES = """
rules:
  - {id: here, on: movement, where: {to: {kind: storage}}, for: 7s, alert: {summary: "{zone}"}}
  - {id: stays, on: presence, where: {zone: bin-2}, for: 11s, alert: {summary: "{dwell}"}}
  - id: broken
    on: reading
    where: {sensors: {sensor: door-1/inner, is: broken, for: 3s}}
    alert: {summary: "{sensor}"}
  - {id: quiet, on: reader, where: {up: false}, for: 5s, alert: {summary: "{reader}"}}
"""
STAYS = st.tuples(
    st.sampled_from(["A", "B"]),
    st.sampled_from([("aisle", 1), ("aisle", 2), ("dock", 1)]),
    st.integers(0, 60),
    st.integers(3, 25),
)
SWITCHES = st.tuples(st.integers(0, 600), st.sampled_from(["beam", "dock", "aisle"]), st.booleans())


def lines_of(stays: list[Any], switches: list[Any]) -> list[dict[str, Any]]:
    """A recording: tags that stay before antennas for some seconds, and what changes meanwhile."""
    rows: list[dict[str, Any]] = []
    for number, (tag, (reader, port), start_s, for_s) in enumerate(stays):
        for tenth in range(0, for_s * 10, 7):
            t = START_US + start_s * S + tenth * S // 10 + number * 1_700
            epc = epc_of(tag).hex().upper()
            rows.append({"t": t, "reader": reader, "antenna": port, "epc": epc, "rssi": -55.0})
    for tenth, what, value in switches:
        t = START_US + tenth * S // 10 + 3
        if what == "beam":
            rows.append({"t": t, "sensor": "door-1/inner", "value": value})
        else:
            rows.append({"t": t, "reader": what, "status": "up" if value else "down"})
    return sorted(rows, key=lambda row: int(row["t"]))


def told(rules: RuleSet, path: Path, tick_us: int) -> list[tuple[Any, ...]]:
    """Everything that the engine said."""
    configuration = SimpleNamespace(
        site=SITE,
        location=LocationTuning(),
        overload=OverloadTuning(),
        calibration=NO_CALIBRATION,
    )
    watch = Watch(SITE)
    engine = TrialEngine(rules, SITE, watch)
    run_recording(
        cast("Configuration", configuration),
        *(watch, engine, [path], print),
        drain_us=30 * S,
        tick_us=tick_us,
    )
    return [(c.rule, c.key, c.state, c.at_us, c.since_us, c.summary, c.reason) for c in engine.said]


@settings(max_examples=20)
@given(
    st.lists(STAYS, min_size=1, max_size=5),
    st.lists(SWITCHES, max_size=8),
    st.sampled_from([20_000, 50_000, 250_000]),
)
def test_the_tick_of_the_daemon_makes_no_difference_to_what_is_told(
    stays: list[Any], switches: list[Any], tick_us: int
) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / "rules.yaml").write_text(RULES)
        rules = load_rules(Path(folder) / "rules.yaml", WORLD)
        path = Path(folder) / "day.jsonl"
        rows = [{"t": START_US, "reader": r, "status": "up"} for r in ("dock", "aisle")]
        rows += lines_of(stays, switches)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        assert told(rules, path, tick_us) == told(rules, path, 100_000)
