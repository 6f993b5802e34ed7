"""`rfid-gateway config`: what is in force and where it comes from; schemas for editors."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.config import app
from gateway.cli.main import run_command_line
from tests.unit.settings.sites import MINIMAL, load_files, write_site

TEXT = MINIMAL + "mqtt: {host: b, password: {env: BROKER_PASSWORD}}\nlocation: {move_after: 90}\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(write_site(tmp_path, {"config/gateway.yaml": TEXT}))
    monkeypatch.setenv("BROKER_PASSWORD", "hunter2")
    monkeypatch.setenv("RFID_GATEWAY_LOG__LEVEL", "debug")
    return tmp_path


def show(*options: str) -> str:
    result = CliRunner().invoke(app, ["show", "--site", ".", *options])
    assert result.exit_code == 0
    assert "hunter2" not in result.output
    return result.stdout


def test_what_is_shown_is_a_gateway_yaml_that_says_the_same(site: Path, tmp_path: Path) -> None:
    shown = show()
    again = load_files(tmp_path / "again", {"config/gateway.yaml": shown}, {"BROKER_PASSWORD": "x"})
    assert again.location.move_after_s == 90.0
    assert again.settings.log.level == "debug"
    assert again.broker
    assert again.broker.prefix == "rfid/dc-north"


def test_each_value_is_shown_with_its_origin(site: Path) -> None:
    lines = {line.split(":")[0]: line for line in show("--origin").splitlines()}
    assert lines["mqtt.host"].split("  ")[0] == "mqtt.host: b"
    assert lines["mqtt.host"].endswith("# config/gateway.yaml:2:8")
    assert lines["location.move_after"].startswith("location.move_after: 1m30s ")
    assert lines["mqtt.port"].endswith("# default")
    assert lines["log.level"].endswith("# RFID_GATEWAY_LOG__LEVEL")
    assert '{"env": "BROKER_PASSWORD"}' in lines["mqtt.password"]


def test_json_has_every_value_and_its_origin(site: Path) -> None:
    shown = json.loads(show("--json"))
    assert shown["mqtt.port"] == {"value": 1883, "origin": "default"}
    assert shown["site.id"] == {"value": "dc-north", "origin": "config/gateway.yaml:1:8"}
    assert shown["mqtt.password"]["value"] == {"env": "BROKER_PASSWORD"}


def test_problems_of_the_settings_are_told_and_end_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(write_site(tmp_path, {"config/gateway.yaml": "site: {}\n"}))
    monkeypatch.setattr(sys, "argv", ["rfid-gateway", "config", "show", "--site", "."])
    with pytest.raises(SystemExit) as ended:
        run_command_line()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "config/gateway.yaml:1:7: 'id' is required in site\n"


@pytest.mark.parametrize(
    ("file", "keys"),
    [
        ("gateway", {"site", "mqtt", "api", "sinks", "location", "influxdb"}),
        ("site", {"zones", "doors", "adjacency", "plan"}),
        ("reader", {"id", "address", "profile", "antennas", "keepalive"}),
        ("sensors", {"id", "driver", "sensors"}),
        ("profile", {"name", "keepalive", "vendor_pen"}),
    ],
)
def test_every_kind_of_file_has_a_json_schema(file: str, keys: set[str]) -> None:
    result = CliRunner().invoke(app, ["schema", "--file", file])
    assert result.exit_code == 0
    schema = json.loads(result.stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert keys <= schema["properties"].keys()
    assert schema["additionalProperties"] is False


def test_every_setting_is_explained_in_the_schema() -> None:
    schema = json.loads(CliRunner().invoke(app, ["schema"]).stdout)
    for name, model in schema["$defs"].items():
        for key, value in model.get("properties", {}).items():
            assert "description" in value, f"{name}.{key}"
