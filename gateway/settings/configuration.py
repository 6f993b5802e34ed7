"""Configuration: a site directory, read and checked as a whole, ready to build the gateway from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Problem
from gateway.model.delivery import BrokerConfig, SinkConfig
from gateway.model.device import ReaderConfig, SensorConfig
from gateway.model.place import Site
from gateway.model.tuning import LocationTuning, OverloadTuning
from gateway.settings.address import parse_address
from gateway.settings.credentials import Secrets
from gateway.settings.devices import build_readers, build_sensors, read_devices
from gateway.settings.document import read_document
from gateway.settings.environment import read_environment
from gateway.settings.files import yaml_files
from gateway.settings.fit import fit
from gateway.settings.node import Node, Place, merged
from gateway.settings.profiles import load_profiles
from gateway.settings.report import Report
from gateway.settings.schema import FileSink, MqttSettings, Settings, SiteIdentity
from gateway.settings.site import Parts, build_site
from gateway.settings.site_file import SiteFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything that a gateway is built from; nothing in it needs to be checked again."""

    directory: Path
    settings: Settings
    site: Site
    readers: tuple[ReaderConfig, ...]
    sensors: tuple[SensorConfig, ...]
    broker: BrokerConfig | None
    sinks: tuple[SinkConfig, ...]
    location: LocationTuning
    overload: OverloadTuning
    data_dir: Path
    api_host: str
    api_port: int
    notes: tuple[Problem, ...] = ()  # what the user should know, though nothing is wrong


def load(
    directory: Path, environ: Mapping[str, str] = os.environ, *, secrets: bool = True
) -> Configuration:
    """Read and check a site directory; raises `SettingsError` with every problem at once.

    With `secrets` False, secrets are not looked up and are None in the result.
    """
    report = Report()
    _check_directory(directory, report)
    found = _read_settings(directory, environ, report)
    settings, tree = found or (Settings(site=SiteIdentity(id="unknown")), Node({}, Place("")))
    settings_problems = report.problems
    devices = read_devices(directory, report)
    # A broker that is set but wrong has been complained of already.
    broker_set = settings.mqtt is not None or bool(settings_problems)
    sensors = build_sensors(devices, broker=broker_set, report=report)
    parts = Parts(
        identity=settings.site,
        location=settings.location,
        site=_read_site(directory, report),
        devices=devices,
        sensors=sensors,
    )
    site = build_site(parts, report)
    readers = build_readers(devices, load_profiles(directory, report), report)
    keys = Secrets(directory, environ, report, required=secrets)
    data_dir = directory / settings.data_dir
    listen = parse_address(settings.api.listen, default_port=8080, lowest_port=0)
    broker = _broker(settings, tree, directory, keys, report)
    sinks = _sinks(settings, tree, data_dir, report)
    _check_influxdb(settings, tree, keys, report)
    _check_rules(directory, report)
    report.raise_problems()
    return Configuration(
        directory=directory,
        settings=settings,
        site=site,
        readers=readers,
        sensors=sensors,
        broker=broker,
        sinks=sinks,
        location=settings.location.tuning(),
        overload=settings.overload.tuning(),
        data_dir=data_dir,
        api_host=listen.host,
        api_port=listen.port,
        notes=tuple(report.notes),
    )


def load_settings(
    directory: Path, environ: Mapping[str, str] = os.environ
) -> tuple[Settings, Node]:
    """Only the settings of gateway.yaml, conf.d and the environment, and where each is written."""
    report = Report()
    _check_directory(directory, report)
    found = _read_settings(directory, environ, report)
    report.raise_problems()
    assert found is not None  # without a problem there are settings
    return found


def _check_directory(directory: Path, report: Report) -> None:
    if not directory.is_dir():
        wrong = "is not a directory" if directory.exists() else "there is no such directory"
        report.problem(
            Place(str(directory)), f"{wrong}: write one with 'rfid-gateway init {directory}'"
        )
        report.raise_problems()


def _read_settings(
    directory: Path, environ: Mapping[str, str], report: Report
) -> tuple[Settings, Node] | None:
    """Defaults < gateway.yaml < conf.d in name order < environment."""
    config = directory / "config"
    main = config / "gateway.yaml"
    tree: Node | None = Node({}, Place(str(main), 1, 1))
    paths = [main] if main.exists() else []
    for path in [*paths, *yaml_files(config / "conf.d", report)]:
        document = read_document(path, report)
        tree = merged(tree, document) if tree and document else None
    over = read_environment(environ, report)
    found = fit(merged(tree, over), Settings, report) if tree else None
    return (_completed(found[0]), found[1]) if found else None


def _completed(settings: Settings) -> Settings:
    """The settings with what follows from other settings filled in."""
    if settings.mqtt is None:
        return settings
    site_id = settings.site.id
    given = settings.mqtt
    mqtt = given.model_copy(
        update={
            "prefix": given.prefix or f"rfid/{site_id}",
            "client_id": given.client_id or f"rfid-gateway-{site_id}",
        }
    )
    return settings.model_copy(update={"mqtt": mqtt})


def _read_site(directory: Path, report: Report) -> tuple[SiteFile, Node] | None:
    path = directory / "config" / "site.yaml"
    if not path.exists():
        return SiteFile(), Node({}, Place(str(path), 1, 1))
    tree = read_document(path, report)
    return fit(tree, SiteFile, report) if tree else None


def _broker(
    settings: Settings, tree: Node, directory: Path, keys: Secrets, report: Report
) -> BrokerConfig | None:
    mqtt = settings.mqtt
    if mqtt is None:
        return None
    at = tree.at("mqtt")
    ca, cert, key = _tls_files(mqtt, at, directory, report)
    return BrokerConfig(
        host=mqtt.host,
        port=mqtt.port,
        username=mqtt.username,
        password=keys.resolve(mqtt.password, at.at("password").place),
        tls=mqtt.tls is not None,
        tls_ca=ca,
        tls_cert=cert,
        tls_key=key,
        prefix=mqtt.prefix or "",
        client_id=mqtt.client_id or "",
    )


def _tls_files(
    mqtt: MqttSettings, at: Node, directory: Path, report: Report
) -> tuple[str | None, str | None, str | None]:
    if mqtt.tls is None:
        return None, None, None
    paths = []
    for name, given in (("ca", mqtt.tls.ca), ("cert", mqtt.tls.cert), ("key", mqtt.tls.key)):
        path = directory / given if given else None
        if path and not path.is_file():
            report.problem(at.at("tls", name).place, f"there is no file {path}")
        paths.append(str(path) if path else None)
    if (mqtt.tls.cert is None) != (mqtt.tls.key is None):
        report.problem(at.at("tls").place, "'cert' and 'key' go together: give both or neither")
    return paths[0], paths[1], paths[2]


def _sinks(
    settings: Settings, tree: Node, data_dir: Path, report: Report
) -> tuple[SinkConfig, ...]:
    sinks: dict[str, SinkConfig] = {}
    for number, entry in enumerate(settings.sinks):
        at = tree.at("sinks", number)
        if entry.name in sinks:
            report.problem(at.at("name").place, f"the sink '{entry.name}' is already in the list")
        if entry.kind == "mqtt" and settings.mqtt is None:
            report.problem(
                at.at("kind").place, "a sink of kind mqtt needs a broker: add mqtt: {host: …}"
            )
        options = {"path": str(data_dir / entry.path)} if isinstance(entry, FileSink) else {}
        sinks[entry.name] = SinkConfig(name=entry.name, kind=entry.kind, options=options)
    if settings.mqtt is not None and not any(s.kind == "mqtt" for s in sinks.values()):
        if "mqtt" in sinks:
            report.problem(
                tree.at("sinks").place,
                "the name 'mqtt' is taken by the sink that mqtt: brings along",
            )
        sinks["mqtt"] = SinkConfig(name="mqtt", kind="mqtt")
    return tuple(sinks.values())


def _check_rules(directory: Path, report: Report) -> None:
    for path in yaml_files(directory / "rules", report):
        if read_document(path, report):
            report.note(Place(str(path), 1, 1), "rules are not evaluated by this version yet")


def _check_influxdb(settings: Settings, tree: Node, keys: Secrets, report: Report) -> None:
    if settings.influxdb is None:
        return
    at = tree.at("influxdb")
    keys.resolve(settings.influxdb.token, at.at("token").place)
    report.note(at.key or at.place, "influxdb is checked but not used by this version yet")
