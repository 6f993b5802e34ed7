"""What a site directory becomes: numbered places, devices with profiles, secrets, defaults."""

from __future__ import annotations

from dataclasses import fields
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from gateway.drivers import decoders
from gateway.drivers import registry as drivers
from gateway.errors import SettingsError
from gateway.model.delivery import BrokerConfig, SinkConfig
from gateway.model.device import ReaderPort, ReaderProfile, SensorConfig, SensorKind
from gateway.model.place import Antenna, Side, ZoneKind
from gateway.model.tuning import LocationTuning, OverloadTuning
from gateway.settings.configuration import load
from gateway.settings.names import DECODERS, READER_DRIVERS, SENSOR_DRIVERS, SINKS
from gateway.sinks import registry as sinks
from tests.unit.settings.sites import MINIMAL, READER, SITE, load_files, problems, write_site


def test_only_the_site_id_is_required(tmp_path: Path) -> None:
    found = load_files(tmp_path, {})
    assert found.site.id == "dc-north"
    assert found.site.timezone == "UTC"
    site = found.site
    assert not any((site.zones, site.doors, site.antennas))
    assert not any((found.readers, found.sensors, found.sinks, found.notes))
    assert found.broker is None
    assert found.location == LocationTuning()
    assert found.overload == OverloadTuning()
    assert found.data_dir == Path("/var/lib/rfid-gateway")
    assert (found.api_host, found.api_port) == ("127.0.0.1", 8080)


def test_an_absent_directory_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such directory: 'rfid-gateway init"):
        load(tmp_path / "nowhere", {})
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="this is not a directory"):
        load(tmp_path / "file", {})


def test_a_block_with_nothing_in_it_is_left_out(tmp_path: Path) -> None:
    text = MINIMAL + "mqtt:\nsinks:\nlocation:\n  move_after:\n"
    found = load_files(tmp_path, {"config/gateway.yaml": text, "config/site.yaml": "zones:\n"})
    assert found.broker is None
    assert found.sinks == ()
    assert found.location == LocationTuning()


def test_antennas_are_numbered_by_file_name_then_by_their_order(tmp_path: Path) -> None:
    files = {
        "config/site.yaml": SITE,
        "readers/20.yaml": READER,
        "readers/10.yaml": "id: z\naddress: h\nantennas: [{port: 9, zones: [yard, bin-a-01]}]\n",
    }
    assert load_files(tmp_path, files).site.antennas == (
        Antenna(reader="z", port=9, zones=("yard", "bin-a-01")),
        Antenna(reader="dock-1", port=1, door="door-1", side=Side.INSIDE),
        Antenna(reader="dock-1", port=2, zones=("bin-a-01",)),
    )


def test_a_zone_has_the_times_of_its_kind_unless_it_has_its_own(tmp_path: Path) -> None:
    zones = "zones:\n" + "".join(f"  - {{id: {kind}, kind: {kind}}}\n" for kind in ZoneKind)
    zones += "  - {id: own, missing_after: 1h30m, departed_after: 90, move_after: 500ms}\n"
    zones += "  - {id: never, missing_after: never}\n"
    settings = MINIMAL + "location: {storage_missing_after: 5m, departed_after: 2h}\n"
    site = load_files(tmp_path, {"config/gateway.yaml": settings, "config/site.yaml": zones}).site
    times = {z.id: (z.missing_after_s, z.departed_after_s, z.move_after_s) for z in site.zones}
    assert times == {
        "storage": (300.0, None, None),
        "staging": (120.0, None, None),
        "transit": (None, None, None),
        "quarantine": (300.0, None, None),
        "outside": (None, 7200.0, None),
        "own": (5400.0, 90.0, 0.5),
        "never": (None, None, None),
    }


def test_a_reader_overrules_its_profile(tmp_path: Path) -> None:
    files = {
        "config/site.yaml": SITE,
        "readers/a.yaml": "address: '[2001:db8::7]'\nprofile: impinj-speedway\nkeepalive: 10s\n",
        "readers/b.yaml": "address: llrp://h:6000\nprofile: own\nsession: 3\ntakeover: yes\n"
        "leave_running: true\nclock: gateway\nantennas: [{port: 1, zone: yard, power_dbm: 27.5}]\n",
        "readers/profiles/own.yaml": "name: Ours\nkeepalive: 7s\nsession: 0\nmode_index: 3\n",
    }
    first, second = load_files(tmp_path, files).readers
    assert (first.id, first.host, first.port) == ("a", "2001:db8::7", 5084)
    assert first.profile.vendor_pen == 25882
    assert first.profile.report_rssi_centi
    assert first.profile.keepalive_s == 10.0
    assert (second.host, second.port) == ("h", 6000)
    assert second.profile == ReaderProfile(
        id="own", name="Ours", keepalive_s=7.0, session=3, mode_index=3
    )
    assert second.ports == (ReaderPort(port=1, power_dbm=27.5),)
    assert second.takeover
    assert second.leave_running
    assert second.clock == "gateway"


def test_a_profile_of_the_site_replaces_the_packaged_one(tmp_path: Path) -> None:
    files = {
        "readers/a.yaml": "address: h\n",
        "readers/profiles/generic.yaml": "keepalive: 9s\n",
    }
    assert load_files(tmp_path, files).readers[0].profile.keepalive_s == 9.0


def test_a_reader_that_connects_to_us_needs_no_address(tmp_path: Path) -> None:
    reader = load_files(tmp_path, {"readers/a.yaml": "listen: true\n"}).readers[0]
    assert reader.listen
    assert (reader.host, reader.port) == ("0.0.0.0", 5084)


def test_sensors_carry_what_their_decoder_needs(tmp_path: Path) -> None:
    files = {
        "config/gateway.yaml": MINIMAL + "mqtt: {}\n",
        "readers/s.yaml": "id: group\ndriver: mqtt\nsensors:\n"
        "  - {id: door-1/inner, kind: beam, topic: a/b, invert: true}\n"
        "  - {id: t, kind: temperature, topic: c, unit: C}\n",
    }
    assert load_files(tmp_path, files).sensors == (
        SensorConfig(
            id="door-1/inner", kind=SensorKind.BEAM, topic="a/b", options={"invert": True}
        ),
        SensorConfig(id="t", kind=SensorKind.TEMPERATURE, topic="c", options={"unit": "C"}),
    )


def test_the_broker_has_names_of_the_site_and_a_sink_of_its_own(tmp_path: Path) -> None:
    found = load_files(tmp_path, {"config/gateway.yaml": MINIMAL + "mqtt: {host: b}\n"})
    assert found.broker == BrokerConfig(
        host="b", prefix="rfid/dc-north", client_id="rfid-gateway-dc-north"
    )
    assert found.settings.mqtt
    assert found.settings.mqtt.prefix == "rfid/dc-north"
    assert found.sinks == (SinkConfig(name="mqtt", kind="mqtt"),)


def test_sensors_over_mqtt_come_from_this_machine_unless_a_broker_is_set(tmp_path: Path) -> None:
    found = load_files(tmp_path, {"readers/s.yaml": "sensors: [{id: s, kind: beam, topic: t}]\n"})
    assert found.broker is not None
    assert (found.broker.host, found.broker.port) == ("127.0.0.1", 1883)
    assert found.broker.prefix == f"rfid/{found.site.id}"
    (note,) = found.notes
    assert note.message == "gateway.yaml has no 'mqtt:', so these sensors' broker is 127.0.0.1"


def test_a_listed_mqtt_sink_stands_for_the_implicit_one(tmp_path: Path) -> None:
    text = MINIMAL + "mqtt: {}\nsinks: [{name: plant, kind: mqtt}]\n"
    sinks = load_files(tmp_path, {"config/gateway.yaml": text}).sinks
    assert sinks == (SinkConfig(name="plant", kind="mqtt"),)


def test_paths_are_relative_to_what_they_belong_to(tmp_path: Path) -> None:
    text = MINIMAL + "data_dir: state\nsinks:\n  - {name: log, kind: file}\n"
    text += "  - {name: far, kind: file, path: /srv/out.jsonl}\nmqtt: {tls: {ca: ca.pem}}\n"
    found = load_files(tmp_path, {"config/gateway.yaml": text, "ca.pem": "x"})
    assert found.data_dir == tmp_path / "state"
    assert [s.options.get("path") for s in found.sinks] == [
        str(tmp_path / "state" / "movements.jsonl"),
        "/srv/out.jsonl",
        None,
    ]
    assert found.broker
    assert found.broker.tls
    assert found.broker.tls_ca == str(tmp_path / "ca.pem")


def test_a_file_is_below_data_dir_however_the_site_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = "sinks: [{name: log, kind: file, path: movements.jsonl}]\n"
    files = {"config/gateway.yaml": MINIMAL + "data_dir: state\n" + sink}
    load_files(tmp_path / "site", files)
    monkeypatch.chdir(tmp_path)
    found = load(Path("site"), {})
    (options,) = (s.options for s in found.sinks)
    assert found.data_dir / options["path"] == tmp_path / "site" / "state" / "movements.jsonl"


@pytest.mark.parametrize("reference", ["{credential: c}", "{file: keys/f}", "{env: PASSWORD}"])
def test_a_secret_is_found_where_its_reference_says(tmp_path: Path, reference: str) -> None:
    text = MINIMAL + f"mqtt: {{username: u, password: {reference}}}\n"
    files = {"config/gateway.yaml": text, "keys/f": "hunter2\n", "credentials/c": "hunter2"}
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"), "PASSWORD": "hunter2"}
    found = load_files(tmp_path, files, environ)
    assert found.broker
    assert found.broker.password
    assert found.broker.password.reveal() == "hunter2"
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("{env: NOPE}", "mqtt.password: the environment variable 'NOPE' is not set"),
        ("{env: EMPTY}", "mqtt.password: the secret (env EMPTY) is empty"),
        ("{credential: c}", "mqtt.password: the credential 'c' needs $CREDENTIALS_DIRECTORY"),
        ("{credential: ../c}", "expected the name of a systemd credential, without '/'"),
        ("{file: nope}", "nope cannot be read: No such file or directory"),
        ("{file: big}", "big is larger than 16,384 bytes"),
        ("{file: /dev/zero}", "the secret file /dev/zero is not a regular file"),
        ("{file: binary}", "binary is not UTF-8 text"),
        ("{}", "mqtt.password: expected exactly one of credential, file and env"),
        ("{env: A, file: b}", "mqtt.password: expected exactly one of credential, file and env"),
        ("{evn: A}", "unknown key 'evn' in mqtt.password; did you mean 'env'?"),
    ],
)
def test_a_secret_that_is_not_found_is_a_problem(tmp_path: Path, reference: str, told: str) -> None:
    files: dict[str, str | bytes] = {
        "config/gateway.yaml": MINIMAL + f"mqtt: {{password: {reference}}}\n",
        "big": "x" * 20_000,
        "binary": b"\xff\xfe",
    }
    found = problems(tmp_path, files, {"EMPTY": ""})
    assert len(found) == 1
    assert found[0].startswith("config/gateway.yaml:2:")
    assert told in found[0]


@pytest.mark.parametrize("literal", ["hunter2", "'hunter2'", "[hunter2]", "12345678"])
def test_a_literal_secret_is_refused_and_not_repeated(tmp_path: Path, literal: str) -> None:
    text = MINIMAL + f"mqtt:\n  password: {literal}\n"
    sentence = (
        "a secret is never written in the file: use {credential: NAME}, {file: PATH} or {env: NAME}"
    )
    found = problems(tmp_path, {"config/gateway.yaml": text})
    assert found == [f"config/gateway.yaml:3:13: mqtt.password: {sentence}"]


def test_secrets_need_not_be_at_hand_to_check_or_replay(tmp_path: Path) -> None:
    text = MINIMAL + "mqtt: {password: {credential: c}}\n"
    found = load_files(tmp_path, {"config/gateway.yaml": text}, secrets=False)
    assert found.broker
    assert found.broker.password is None


def test_what_is_accepted_but_not_used_yet_is_noted(tmp_path: Path) -> None:
    files = {
        "readers/empty.yaml": "# nothing\n",
    }
    notes = [str(n).removeprefix(f"{tmp_path}/") for n in load_files(tmp_path, files).notes]
    assert notes == [
        "readers/empty.yaml:1:1: the file is empty: no device",
    ]


def test_every_time_of_the_location_engine_can_be_set(tmp_path: Path) -> None:
    names = [f.name for f in fields(LocationTuning) if f.name.endswith("_s")]
    text = MINIMAL + "location:\n"
    text += "".join(f"  {name.removesuffix('_s')}: {n + 1}h\n" for n, name in enumerate(names))
    found = load_files(tmp_path, {"config/gateway.yaml": text}).location
    assert [getattr(found, name) for name in names] == [
        n * 3600.0 + 3600 for n in range(len(names))
    ]


def test_how_long_and_how_many_tags_are_known_has_bounds(tmp_path: Path) -> None:
    text = MINIMAL + "location: {forget_after: 90d, max_tags: 5000}\n"
    found = load_files(tmp_path, {"config/gateway.yaml": text}).location
    assert (found.forget_after_s, found.max_tags) == (90 * 86_400.0, 5_000)
    for wrong in ("forget_after: 10m", "max_tags: 10", "max_tags: none"):
        with pytest.raises(SettingsError, match=wrong.partition(":")[0]):
            load_files(tmp_path, {"config/gateway.yaml": f"{MINIMAL}location: {{{wrong}}}\n"})


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "readers/.dock.yaml.swp": b"\xff",
        "readers/._a.yaml": b"\xff",
        "readers/notes/a.yaml": "x",
    }
    assert load_files(tmp_path, files).readers == ()


def test_a_sink_takes_only_the_kinds_that_are_named(tmp_path: Path) -> None:
    text = MINIMAL + "sinks: [{name: log, kind: file, kinds: [movement, passage]}]\n"
    (sink,) = load_files(tmp_path, {"config/gateway.yaml": text}).sinks
    assert sink.options["kinds"] == ("movement", "passage")


def entry_points(*, group: str) -> list[EntryPoint]:
    """Stands for distributions that bring a driver, a decoder and a sink."""
    names = {DECODERS.group: "acme", SINKS.group: "sap", READER_DRIVERS.group: "walrus"}
    return [EntryPoint(names[group], "somewhere:made", group)]


def test_drivers_decoders_and_sinks_may_come_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.settings.names.entry_points", entry_points)
    files = {
        "config/gateway.yaml": MINIMAL
        + "sinks: [{name: erp, kind: sap, plant: 0100, token: {env: TOKEN}, deep: {a: [1]}}]\n",
        "readers/r.yaml": "driver: walrus\n",
        "readers/s.yaml": "driver: walrus\nsensors: [{id: s, kind: beam, decoder: acme}]\n",
    }
    found = load_files(tmp_path, files, {"TOKEN": "hunter2"})
    (sink,) = found.sinks
    assert (sink.name, sink.kind) == ("erp", "sap")
    assert sink.options["plant"] == "0100"
    assert sink.options["deep"] == {"a": ["1"]}
    assert sink.options["token"].reveal() == "hunter2"
    assert found.readers[0].driver == "walrus"
    assert (found.sensors[0].driver, found.sensors[0].decoder) == ("walrus", "acme")
    told = problems(tmp_path, {"readers/r.yaml": "driver: walruss\n"}, {"TOKEN": "x"})
    listed = "(available: llrp, walrus); did you mean 'walrus'?"
    assert told == [f"readers/r.yaml:1:9: there is no driver 'walruss' {listed}"]


def test_the_names_are_those_of_the_registries() -> None:
    assert {*SINKS.ours, *SINKS.settings} == set(sinks.KINDS)
    assert SINKS.group == sinks.GROUP
    assert set(DECODERS.ours) == set(decoders.DECODERS)
    assert DECODERS.group == decoders.GROUP
    assert READER_DRIVERS.group == SENSOR_DRIVERS.group == drivers.GROUP
    assert set(drivers.DRIVERS) <= {*READER_DRIVERS.ours, *SENSOR_DRIVERS.ours}


def test_doors_connect_their_zones_beside_the_listed_pairs(tmp_path: Path) -> None:
    files = {"config/site.yaml": SITE + "adjacency: [[staging-1, bin-a-01]]\n"}
    site = load_files(tmp_path, files).site
    assert site.adjacency == (("staging-1", "bin-a-01"), ("staging-1", "yard"))
    assert load_files(tmp_path, {"config/site.yaml": SITE}).site.adjacency == ()


def test_a_floor_plan_that_is_not_there_is_noted(tmp_path: Path) -> None:
    files = {"config/site.yaml": "plan: {image: floor.svg, size_m: [60, 40]}\n"}
    found = load_files(tmp_path, files)
    assert found.site.plan.size_m == (60.0, 40.0)
    assert [n.message for n in found.notes] == [
        f"there is no file {tmp_path}/config/floor.svg: no floor plan is shown"
    ]


@pytest.mark.parametrize("name", ["config", "readers", "readers/profiles", "rules"])
@pytest.mark.parametrize("how", ["a file", "a loop"])
def test_a_folder_that_is_none_is_told(tmp_path: Path, name: str, how: str) -> None:
    site = write_site(tmp_path, {})
    if name == "config":
        (site / "config" / "gateway.yaml").unlink()
        (site / "config").rmdir()
    folder = site / name
    folder.parent.mkdir(exist_ok=True)
    if how == "a file":
        folder.touch()
    else:
        folder.symlink_to(folder)
    with pytest.raises(SettingsError) as refused:
        load(site, {})
    assert all("cannot be read: " in p.message for p in refused.value.problems)
