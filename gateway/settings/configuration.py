"""Configuration: a site directory, read and checked as a whole, ready to build the gateway from."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Problem
from gateway.model.calibration import Calibration
from gateway.model.delivery import BrokerConfig, InfluxConfig, SinkConfig
from gateway.model.device import ReaderConfig, SensorConfig
from gateway.model.place import Site
from gateway.model.tuning import LocationTuning, OutboxTuning, OverloadTuning
from gateway.settings.address import parse_address
from gateway.settings.calibration_file import USUAL_FILE, read_calibration
from gateway.settings.credentials import Secrets
from gateway.settings.devices import build_readers, build_sensors, needs_broker, read_devices
from gateway.settings.document import read_document
from gateway.settings.files import yaml_files
from gateway.settings.node import Node, Place
from gateway.settings.profiles import load_profiles
from gateway.settings.report import Report
from gateway.settings.schema import Settings, SiteIdentity
from gateway.settings.site import build_site, read_site
from gateway.settings.sources import read_settings, with_broker
from gateway.settings.upstream import Upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything that a gateway is built from; nothing in it needs to be checked again."""

    directory: Path
    settings: Settings
    site: Site
    readers: tuple[ReaderConfig, ...]
    sensors: tuple[SensorConfig, ...]
    broker: BrokerConfig | None
    influx: InfluxConfig | None
    sinks: tuple[SinkConfig, ...]
    location: LocationTuning
    calibration: Calibration
    overload: OverloadTuning
    outbox: OutboxTuning
    data_dir: Path
    api_host: str
    api_port: int
    notes: tuple[Problem, ...] = ()  # what the user should know, though nothing is wrong

    @property
    def calibration_notes(self) -> tuple[Problem, ...]:
        """What the calibration says of antennas and zones that the site does not have."""
        file = str(self.directory / (self.settings.location.calibration or USUAL_FILE))
        return tuple(note for note in self.notes if note.file == file)

    @property
    def sensor_ids(self) -> frozenset[str]:
        """Ids of all sensors that the site has or speaks of."""
        doors = self.site.doors
        named = (s for d in doors for s in (d.inner_beam, d.outer_beam, d.contact) if s)
        return frozenset((*(s.id for s in self.sensors), *named))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What could be read of a site directory, for who checks more before anything is refused.

    The configuration lacks what the report complains of. `named` holds the ids of each kind that
    are written, those of entries that do not fit as well; None where nobody can say.
    """

    configuration: Configuration
    report: Report
    named: Mapping[str, Collection[str] | None]


def load(
    directory: Path, environ: Mapping[str, str] = os.environ, *, secrets: bool = True
) -> Configuration:
    """Read and check a site directory; raises `SettingsError` with every problem at once.

    With `secrets` False, secrets are not looked up and are None in the result.
    """
    draft = read(directory, environ, secrets=secrets)
    _check_rules(directory, draft.report)
    draft.report.raise_problems()
    return draft.configuration


def read(
    directory: Path, environ: Mapping[str, str] = os.environ, *, secrets: bool = True
) -> Draft:
    """Read and check all but the rules; raises `SettingsError` only if there is no directory."""
    report = Report()
    _check_directory(directory, report)
    found = read_settings(directory, environ, report)
    settings, tree = found or (Settings(site=SiteIdentity(id="unknown")), Node({}, Place("")))
    # A broker that is set but wrong has been complained of already.
    no_broker = settings.mqtt is None and not report.problems
    devices = read_devices(directory, report)
    if no_broker and (place := needs_broker(devices)):
        settings = with_broker(settings)
        report.note(place, "gateway.yaml has no 'mqtt:', so these sensors' broker is 127.0.0.1")
    sensors = build_sensors(devices, report)
    readers = build_readers(devices, load_profiles(directory, report), report)
    parts = read_site(directory, devices, sensors, report)
    site = build_site(parts, settings, report)
    data_dir = directory / settings.data_dir
    upstream = Upstream(
        settings=settings,
        tree=tree,
        site=site,
        directory=directory,
        data_dir=data_dir,
        secrets=Secrets(directory, environ, report, required=secrets),
        report=report,
    )
    broker, influx, sinks = upstream.broker(), upstream.influx(), upstream.sinks()
    at = tree.at("location", "calibration")
    calibration = read_calibration(directory, settings.location.calibration, at, site, report)
    listen = parse_address(settings.api.listen, default_port=8080, lowest_port=0)
    configuration = Configuration(
        directory=directory,
        settings=settings,
        site=site,
        readers=readers,
        sensors=sensors,
        broker=broker,
        influx=influx,
        sinks=sinks,
        location=settings.location.tuning(),
        calibration=calibration,
        overload=settings.overload.tuning(),
        outbox=settings.outbox.tuning(),
        data_dir=data_dir,
        api_host=listen.host,
        api_port=listen.port,
        notes=tuple(report.notes),
    )
    named: dict[str, Collection[str] | None] = {"zone": parts.zone_ids, "door": parts.door_ids}
    named["sensor"] = devices.sensor_ids if devices.whole else None
    named["reader"] = [reader.id for reader in readers] if devices.whole else None
    sure_of_sinks = found and not tree.at("sinks").lacks and not tree.at("mqtt").lacks
    named["sink"] = [sink.name for sink in sinks] if sure_of_sinks else None
    return Draft(configuration=configuration, report=report, named=named)


def load_settings(
    directory: Path, environ: Mapping[str, str] = os.environ
) -> tuple[Settings, Node]:
    """Only the settings of gateway.yaml, conf.d and the environment, and where each is written."""
    report = Report()
    _check_directory(directory, report)
    found = read_settings(directory, environ, report)
    report.raise_problems()
    assert found is not None  # without a problem there are settings
    return found


def _check_directory(directory: Path, report: Report) -> None:
    try:
        wrong = "" if stat.S_ISDIR(directory.stat().st_mode) else "this is not a directory"
    except FileNotFoundError:
        wrong = f"there is no such directory: 'rfid-gateway init {directory}' writes one"
    except OSError as error:
        wrong = f"cannot be read: {error.strerror}"
    if wrong:
        report.problem(Place(str(directory)), wrong)
        report.raise_problems()


def _check_rules(directory: Path, report: Report) -> None:
    """That the rule files can be read at all; `gateway.rules` looks at what they say."""
    for path in yaml_files(directory / "rules", report):
        read_document(path, report)
