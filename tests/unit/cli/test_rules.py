"""`rfid-gateway rules`: what a person sees."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.rules import app
from gateway.store.database import STORE_FILE, open_store
from gateway.store.writer import Writer
from tests.outcomes import epc_of, movement, outcome
from tests.unit.settings.sites import EXAMPLE, MINIMAL, write_site

T_US = 1_795_262_400_000_000
APPLE = "3034257BF7194E4000001A85"
OTHER = """
rules:
  - id: misplaced-stock
    on: movement
    where: {to: {kind: storage}, item: {allowed: false}}
    for: 4m
    alert: {group: [zone], summary: "{goods} is in {zone}"}
"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A carton is a hundred seconds in its bin, then five minutes in another one."""
    rows: list[dict[str, object]] = [{"t": T_US, "reader": "aisle-a", "status": "up"}]
    for second in range(0, 600, 2):
        antenna = 3 if 100 <= second < 400 else 1
        read = {"reader": "aisle-a", "antenna": antenna, "epc": APPLE, "rssi": -55}
        rows.append({"t": T_US + second * 1_000_000, **read})
    folder = tmp_path_factory.mktemp("recording")
    (folder / "items.csv").write_text(f"key,sku,name,home_zones\n{APPLE},A-1,Apples,bin-a-01\n")
    path = folder / "day.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(*args: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(a) for a in args])
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


def offline(recording: Path) -> list[str | Path]:
    items = recording.parent / "items.csv"
    return ["--site", EXAMPLE, "--recording", recording, "--items", items]


def test_check_counts_what_is_fine(tmp_path: Path) -> None:
    assert run("check", "--site", EXAMPLE).startswith("15 rules with ")
    (tmp_path / "r.yaml").write_text("rules:\n  - {id: a, on: movment, alert: {summary: x}}\n")
    told = run("check", "--site", EXAMPLE, "--rules", tmp_path, code=1)
    assert told.startswith(f"{tmp_path}/r.yaml:2:17: rules[0].on: expected one of movement")
    assert json.loads(run("check", "--site", EXAMPLE, "--rules", tmp_path, "--json", code=1))


def test_check_tells_tests_that_fail_because_a_gateway_would_not_take_the_rules_up(
    tmp_path: Path,
) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(
        "rules:\n  - id: a\n    on: movement\n    where: {kind: arrived}\n"
        "    alert: {summary: x}\n    actions: [{hold: staging-1}]\n"
        "    tests: [{events: [{at: 0s, arrived: {epc: E1, to: bin-a-01}}]}]\n"
    )
    told = run("check", "--site", EXAMPLE, "--rules", file, code=1)
    assert told.startswith(f"{file}:2:1: a: test of a fails: told, but not expected: at 0s firing")
    assert run("test", "--site", EXAMPLE, "--rules", file, code=1).startswith(f"{file}:2: a: test")


def test_a_test_that_fails_says_what_was_told_instead(tmp_path: Path) -> None:
    assert run("test", "--site", EXAMPLE).endswith(" tests, 0 failed\n")
    text = """
rules:
  - id: a
    on: movement
    where: {to: bin-a-01}
    alert: {summary: "{zone.name}"}
    tests:
      - name: too late
        events: [{at: 5s, moved: {epc: E1, to: bin-a-01}}]
        expect: [{at: 6s, firing: {epc: E1}}]
"""
    (tmp_path / "r.yaml").write_text(text)
    told = run("test", "--site", EXAMPLE, "--rules", tmp_path, code=1).splitlines()
    assert told[0] == f"{tmp_path}/r.yaml:3: a: too late"
    assert told[1] == "  expected, but not told: at 6s firing {epc: E1}"
    assert told[2].startswith("  told, but not expected: at 5s firing epc=")
    assert told[2].endswith("“Bin A 1”")


def test_backtest_tells_when_rules_would_have_fired(recording: Path) -> None:
    told = run("backtest", *offline(recording))
    (line,) = (n for n in told.splitlines() if "misplaced-stock  A-1" in n)
    assert line.endswith("A-1 Apples is in Bin A 3, belongs in bin-a-01  (ended after 3m)")


def test_backtest_tells_what_other_rules_would_change(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text(OTHER)
    args = [*offline(recording), "--rules", tmp_path / "new.yaml", "--diff"]
    told = json.loads(run("backtest", *args, "--json"))
    assert told["rules"] == {"misplaced-stock": {"alerts": 1, "fired": 1}}
    assert [f["summary"] for f in told["added"]] == ["A-1 Apples is in bin-a-03"]
    assert {f["rule"] for f in told["gone"]} == {"misplaced-stock"}
    signs = {line[0] for line in run("backtest", *args).splitlines() if "A-1" in line}
    assert signs == {"+", "-"}


def test_explain_shows_each_condition_with_what_it_saw(recording: Path) -> None:
    told = run("explain", "misplaced-stock", APPLE, *offline(recording))
    assert "  yes  to: wanted any storage; saw bin-a-03\n" in told
    assert (
        "  NO   item: wanted allowed: false; saw A-1, belongs in bin-a-01, is in bin-a-01" in told
    )
    assert "pending for " in told
    looks = json.loads(run("explain", "misplaced-stock", *offline(recording), "--json"))["looks"]
    assert [look["holds"] for look in looks] == [False, True, False]


def test_an_unknown_rule_is_told_with_a_suggestion(recording: Path) -> None:
    result = CliRunner().invoke(app, ["explain", "misplaced", *map(str, offline(recording))])
    assert str(result.exception) == "there is no rule 'misplaced'; did you mean 'misplaced-stock'?"


def test_backtest_takes_what_the_gateway_has_committed(tmp_path: Path) -> None:
    now_us = time.time_ns() // 1_000
    write_site(tmp_path, {"config/gateway.yaml": MINIMAL + "data_dir: data\n"})
    (tmp_path / "data").mkdir()
    store = open_store(tmp_path / "data" / STORE_FILE)
    writer = Writer(store, lambda _: None)
    writer.start()
    for tag, age_s in ((1, 3 * 86_400), (2, 3_600)):
        at_us = now_us - age_s * 1_000_000
        left = movement(tag, event_time_us=at_us, record_time_us=at_us, door="door-1")
        writer.submit(outcome(tag, [left]))
    writer.stop()
    store.close()
    text = """
rules:
  - id: left
    on: movement
    where: {kind: moved}
    alert: {summary: "{epc} left through {door}"}
"""
    (tmp_path / "left.yaml").write_text(text)
    args = ("backtest", "--json", "--site", tmp_path, "--rules", tmp_path / "left.yaml")
    for span, tags in (("1d", [2]), ("7d", [1, 2])):
        fired = json.loads(run(*args, "--since", span))["fired"]
        assert [f["summary"] for f in fired] == [f"{epc_of(t)} left through door-1" for t in tags]
    result = CliRunner().invoke(app, [str(a) for a in args])
    assert result.exit_code == 2
