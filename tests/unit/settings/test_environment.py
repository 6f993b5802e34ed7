"""The environment wins over conf.d, that over gateway.yaml, that over the defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.settings.configuration import load_settings
from gateway.settings.origins import settings_in_force
from tests.unit.settings.sites import MINIMAL, load_files, problems, write_site

P = "RFID_GATEWAY_"


def test_each_layer_wins_over_the_one_below(tmp_path: Path) -> None:
    files = {
        "config/gateway.yaml": MINIMAL + "mqtt: {host: main, port: 1, username: main}\n",
        "config/conf.d/10.yaml": "mqtt: {host: ten, port: 10}\nsinks: [{name: a, kind: file}]\n",
        "config/conf.d/20.yaml": "mqtt: {host: twenty}\nsinks: [{name: b, kind: file}]\n",
    }
    settings, tree = load_settings(write_site(tmp_path, files), {P + "MQTT__HOST": "environment"})
    found = {
        s.name: (s.value, s.origin.removeprefix(f"{tmp_path}/config/"))
        for s in settings_in_force(settings, tree)
    }
    assert found["mqtt.host"] == ("environment", "RFID_GATEWAY_MQTT__HOST")
    assert found["mqtt.port"] == (10, "conf.d/10.yaml:1:19")
    assert found["mqtt.username"] == ("main", "gateway.yaml:2:29")
    assert found["log.level"] == ("info", "default")
    (sink,) = found["sinks"][0]
    assert (sink["name"], sink["kind"], sink["path"]) == ("b", "file", "movements.jsonl")
    assert found["sinks"][1] == "conf.d/20.yaml:2:1"


@pytest.mark.parametrize("text", ["0614141", "no", "1e3", "1.10", "true", "2026-11-21", "1:30"])
def test_identifiers_from_the_environment_stay_text(tmp_path: Path, text: str) -> None:
    assert load_files(tmp_path, {}, {P + "SITE__ID": text}).site.id == text
    whole = {P + "SITE": f"{{id: {text}, name: x}}"}
    assert load_files(tmp_path, {}, whole).site.id == text


def test_blocks_and_lists_may_be_given_whole(tmp_path: Path) -> None:
    environ = {
        P + "MQTT": '{"host": "h", "port": 5}',
        P + "SINKS": "[{name: 5, kind: file}]",
        P + "LOCATION__MOVE_AFTER": "1m",
    }
    found = load_files(tmp_path, {}, environ)
    assert found.broker
    assert (found.broker.host, found.broker.port) == ("h", 5)
    assert [s.name for s in found.sinks] == ["5", "mqtt"]
    assert found.location.move_after_s == 60.0


def test_a_secret_in_the_environment_is_referred_to_and_replaces_the_file_s(
    tmp_path: Path,
) -> None:
    files = {"config/gateway.yaml": MINIMAL + "mqtt: {password: {credential: c}}\n"}
    environ = {P + "MQTT__PASSWORD": "[hunter2, null: ~"}
    found = load_files(tmp_path, files, environ)
    assert found.broker
    assert found.broker.password
    assert found.broker.password.reveal() == "[hunter2, null: ~"
    assert "hunter2" not in repr(found)


def test_a_secret_s_place_may_be_given_in_the_environment(tmp_path: Path) -> None:
    files = {"config/gateway.yaml": MINIMAL + "mqtt: {password: {env: X}}\n", "key": "hunter2"}
    found = load_files(tmp_path, files, {P + "MQTT__PASSWORD__FILE": "key"})
    assert found.broker
    assert found.broker.password
    assert found.broker.password.reveal() == "hunter2"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("MQTT__HOSST", "b", "unknown key 'hosst' in mqtt; did you mean 'host'?"),
        ("MQT__HOST", "b", "there is no setting 'mqt'; did you mean 'RFID_GATEWAY_MQTT'?"),
        ("XYZZY__A", "b", "there is no setting 'xyzzy'"),
        ("DATADIR", "/x", "there is no setting 'datadir'; did you mean 'RFID_GATEWAY_DATA_DIR'?"),
        ("MQTT__PORT", "abc", "mqtt.port: expected a whole number, got 'abc'"),
        ("MQTT__HOST__X", "x", "mqtt.host: expected text, got a mapping"),
        ("SITE", "x", "site: expected a mapping (lines of 'key: value'), got 'x'"),
        ("SINKS", "x", "sinks: expected a list, got 'x'"),
        ("LOG__LEVEL", "verbose", "log.level: expected one of debug, info, warning, error, got "),
    ],
)
def test_a_mistake_in_the_environment_is_told_by_the_variable_s_name(
    tmp_path: Path, name: str, value: str, told: str
) -> None:
    found = problems(tmp_path, {}, {P + name: value})
    assert len(found) == 1
    assert found[0].startswith(f"{P}{name}: {told}")


def test_a_block_in_the_environment_is_bounded(tmp_path: Path) -> None:
    found = problems(tmp_path, {}, {P + "MQTT": "[" * 100_000})
    assert len(found) == 1
    assert found[0].startswith("RFID_GATEWAY_MQTT: mqtt: expected a mapping")
    assert len(found[0]) < 300


def test_a_secret_inside_a_block_in_the_environment_is_refused(tmp_path: Path) -> None:
    found = problems(tmp_path, {}, {P + "MQTT": '{"password": "hunter2"}'})
    assert len(found) == 1
    assert "a secret is never written" in found[0]
    assert "hunter2" not in found[0]


def test_variables_of_others_and_empty_ones_are_passed_over(tmp_path: Path) -> None:
    environ = {
        P + "PORT": "tcp://10.0.0.1:8080",  # Kubernetes sets these beside a service
        P + "SERVICE_HOST": "10.0.0.1",
        P + "PORT_8080_TCP_ADDR": "10.0.0.1",
        P + "MQTT__PORT": "",
        "PATH": "/bin",
    }
    assert load_files(tmp_path, {}, environ).broker is None
