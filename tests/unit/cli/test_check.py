"""`rfid-gateway check`: exit codes, lines that an editor can follow, and a list for programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.check import app
from gateway.cli.main import run_command_line
from tests.unit.settings.sites import EXAMPLE, MINIMAL, READER, write_site


def test_the_repository_itself_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLE)
    result = CliRunner().invoke(app, ["--site", "."])
    assert result.exit_code == 0
    assert result.stdout == (
        "dc-north: 2 doors, 9 zones, 3 readers, 12 antennas, 7 sensors, 2 sinks, "
        "15 rules; everything is fine\n"
    )


def test_problems_are_lines_with_paths_as_the_site_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_site(
        tmp_path / "my site", {"config/gateway.yaml": MINIMAL + "mqtt: {prot: 1}\nlgo: {}\n"}
    )
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["--site", "my site"])
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "my site/config/gateway.yaml:2:8: unknown key 'prot' in mqtt; did you mean 'port'?",
        "my site/config/gateway.yaml:3:1: unknown key 'lgo'; did you mean 'log'?",
    ]
    assert result.stderr == "2 problems\n"


def test_json_is_a_list_of_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_site(tmp_path, {"readers/r.yaml": READER}))
    result = CliRunner().invoke(app, ["--site", ".", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout) == [
        {
            "file": "readers/r.yaml",
            "line": 4,
            "column": 21,
            "message": "there is no door 'door-1'",
            "severity": "problem",
        },
        {
            "file": "readers/r.yaml",
            "line": 5,
            "column": 21,
            "message": "there is no zone 'bin-a-01'",
            "severity": "problem",
        },
    ]


def test_json_of_a_site_without_problems_holds_its_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write_site(tmp_path, {}))
    result = CliRunner().invoke(app, ["--site", ".", "--json"])
    assert (result.exit_code, json.loads(result.stdout)) == (0, [])
    write_site(tmp_path, {"readers/empty.yaml": "# nothing\n"})
    result = CliRunner().invoke(app, ["--site", ".", "--json"])
    assert result.exit_code == 0
    assert [n["severity"] for n in json.loads(result.stdout)] == ["note"]


def test_secrets_are_needed_unless_told_otherwise(tmp_path: Path) -> None:
    write_site(tmp_path, {"config/gateway.yaml": MINIMAL + "mqtt: {password: {env: NOPE_X}}\n"})
    assert CliRunner().invoke(app, ["--site", str(tmp_path)]).exit_code == 1
    result = CliRunner().invoke(app, ["--site", str(tmp_path), "--without-secrets"])
    assert result.exit_code == 0


def test_a_missing_site_is_one_problem_without_a_position(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--site", str(tmp_path / "nope")])
    assert result.exit_code == 1
    assert result.stdout == (
        f"{tmp_path}/nope: there is no such directory: "
        f"'rfid-gateway init {tmp_path}/nope' writes one\n"
    )


def test_wrong_usage_ends_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["rfid-gateway", "check", "--sight", "."])
    with pytest.raises(SystemExit) as ended:
        run_command_line()
    assert ended.value.code == 2


def test_what_a_sink_refuses_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sinks = "sinks: [{name: wms, kind: webhook, url: 'http://10.0.0.5/hook'}]\n"
    write_site(tmp_path / "site", {"config/gateway.yaml": MINIMAL + sinks})
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["--site", "site"])
    assert result.exit_code == 1
    assert result.stdout == (
        "site/config/gateway.yaml: sink wms: its url is refused: 10.0.0.5 is private; list it in "
        "'allow' if that is meant\n"
    )


def test_rules_are_checked_whatever_else_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = """\
rules:
  - id: a
    on: movement
    where: {to: bin-1, door: door-9}
    alert: {summary: "{epcc}", route: ops}
routes: [{name: opps, to: [nowhere]}]
"""
    site = write_site(
        tmp_path,
        {
            "config/gateway.yaml": MINIMAL
            + "lgo: {}\nmqtt: {host: broker}\nsinks: [{name: log, kind: file, path: x}]\n",
            "config/site.yaml": "zones:\n  - {id: bin-1, kind: storrage}\n"
            "  - {id: yard, kind: outside}\n",
            "rules/a.yaml": rules,
        },
    )
    monkeypatch.chdir(site)
    result = CliRunner().invoke(app, ["--site", "."])
    assert result.exit_code == 1
    kinds = "storage, staging, transit, quarantine, outside"
    # The zone that does not fit is a zone all the same, which rules may name.
    assert [line.split("; did")[0] for line in result.stdout.splitlines()] == [
        "config/gateway.yaml:2:1: unknown key 'lgo'",
        f"config/site.yaml:2:23: zones[0].kind: expected one of {kinds}, got 'storrage'",
        "rules/a.yaml:4:30: there is no door 'door-9'",
        "rules/a.yaml:5:22: '{epcc}': there is no field 'epcc'",
        "rules/a.yaml:5:39: there is no route 'ops'",
        "rules/a.yaml:6:28: there is no sink 'nowhere'",
    ]


def test_what_cannot_be_known_is_not_complained_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = "id: a, on: movement, alert: {summary: x}"
    files = {
        "config/gateway.yaml": MINIMAL + "sinks: [{name: wms, kind: webhok}]\n",
        "config/site.yaml": "zones: [\n",
        "readers/r.yaml": "driver: mqtt\nsensors: [\n",
        "rules/a.yaml": f"rules:\n  - {{{rule}, where: {{door: d, from: [z]}}}}\n"
        "  - {id: b, on: reading, where: {sensors: {sensor: s, above: 1}}, absent: {after: 1m},\n"
        "     alert: {summary: x}, actions: [{mqtt: {topic: t}}, {webhook: {sink: wms}}]}\n",
    }
    monkeypatch.chdir(write_site(tmp_path, files))
    result = CliRunner().invoke(app, ["--site", "."])
    told = [line.split(":")[0] for line in result.stdout.splitlines()]
    assert told == ["config/gateway.yaml", "config/site.yaml", "readers/r.yaml"]
