"""Devices: `readers/*.yaml` read, each as a reader or as a group of sensors, and cross-checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gateway.model.device import BINARY_KINDS, ReaderConfig, ReaderPort, ReaderProfile, SensorConfig
from gateway.settings.address import Address, parse_reader_address
from gateway.settings.device_files import ReaderFile, SensorEntry, SensorGroupFile
from gateway.settings.document import read_document
from gateway.settings.files import yaml_files
from gateway.settings.fit import fit
from gateway.settings.names import DECODERS, READER_DRIVERS, SENSOR_DRIVERS
from gateway.settings.node import Node, Place, named_by_its_file
from gateway.settings.profiles import Profiles, overruled
from gateway.settings.report import Report, quoted, suggestion

LLRP_PORT = 5084


@dataclass(slots=True)
class DeviceFiles:
    """What was read from `readers/`; `whole` is False when a file could not be read at all."""

    readers: list[tuple[str, ReaderFile, Node]] = field(default_factory=list)
    groups: list[tuple[str, SensorGroupFile, Node]] = field(default_factory=list)
    sensor_ids: dict[str, None] = field(
        default_factory=dict
    )  # those of sensors that do not fit as well
    whole: bool = True


def read_devices(site_directory: Path, report: Report) -> DeviceFiles:
    """Every file of `readers/`, in name order, each fitted to what it is."""
    found = DeviceFiles()
    seen: dict[str, Place] = {}
    for path in yaml_files(site_directory / "readers", report):
        tree = read_document(path, report)
        if tree is None:
            found.whole = False
            continue
        if not tree.value:
            report.note(tree.place, "the file is empty: no device")
            continue
        device_id, at = _add(found, tree, path.stem, report)
        if device_id in seen:
            report.problem(at, f"the device {quoted(device_id)} is already in {seen[device_id]}")
        seen.setdefault(device_id, at)
    return found


def _add(found: DeviceFiles, tree: Node, stem: str, report: Report) -> tuple[str, Place]:
    named_by_its_file(tree, stem)
    driver = tree.child("driver")
    name = driver.value if driver else None
    sensors = tree.child("sensors") is not None
    found.sensor_ids |= tree.ids("sensors")
    if sensors or name in SENSOR_DRIVERS.ours + SENSOR_DRIVERS.planned:
        group = fit(tree, SensorGroupFile, report)
        if group:
            device_id = group[0].id or stem
            found.groups.append((device_id, *group))
            return device_id, group[1].at("id").place
    else:
        reader = fit(tree, ReaderFile, report)
        if reader:
            device_id = reader[0].id or stem
            found.readers.append((device_id, *reader))
            return device_id, reader[1].at("id").place
    found.whole = False
    return stem, tree.place


def build_readers(
    files: DeviceFiles, profiles: Profiles, report: Report
) -> tuple[ReaderConfig, ...]:
    """The readers with their profiles; problems with drivers, addresses and profiles reported."""
    readers = []
    first: dict[Address, str] = {}
    for reader_id, file, node in files.readers:
        READER_DRIVERS.check(file.driver, node, report)
        address = _address(file, node, report)
        if address and not file.listen:
            other = first.setdefault(address, reader_id)
            if other != reader_id:
                report.problem(
                    node.at("address").place,
                    f"the reader {quoted(other)} has the same address {address}: "
                    "a reader serves one client",
                )
        profile = _profile(file, profiles, node, report)
        readers.append(_reader(reader_id, file, address, profile))
    return tuple(readers)


def _profile(file: ReaderFile, profiles: Profiles, node: Node, report: Report) -> ReaderProfile:
    profile = profiles.by_id.get(file.profile)
    if profile is None and profiles.whole:
        report.problem(
            node.at("profile").place,
            f"there is no profile {quoted(file.profile)}{suggestion(file.profile, profiles.by_id)}",
        )
    return overruled(profile or profiles.by_id["generic"], file)


def _reader(
    reader_id: str, file: ReaderFile, address: Address | None, profile: ReaderProfile
) -> ReaderConfig:
    return ReaderConfig(
        id=reader_id,
        driver=file.driver,
        host=address.host if address else "",
        port=address.port if address else LLRP_PORT,
        listen=file.listen,
        profile=profile,
        ports=tuple(ReaderPort(port=a.port, power_dbm=a.power_dbm) for a in file.antennas),
        takeover=file.takeover,
        leave_running=file.leave_running,
        clock=file.clock,
    )


def _address(file: ReaderFile, node: Node, report: Report) -> Address | None:
    if file.address is None:
        if file.listen:
            return Address("0.0.0.0", LLRP_PORT)  # noqa: S104 - readers connect from outside
        if file.driver == "llrp":
            report.problem(node.place, "a reader needs an 'address', such as 10.0.0.21:5084")
        return None
    try:
        return parse_reader_address(file.address, LLRP_PORT)
    except ValueError as error:
        report.problem(node.at("address").place, f"address {quoted(file.address)}: {error}")
        return None


def needs_broker(files: DeviceFiles) -> Place | None:
    """Where it says that sensors come over MQTT."""
    groups = ((group, node) for _, group, node in files.groups)
    places = (n.at("driver").place for g, n in groups if g.driver == "mqtt" and g.sensors)
    return next(places, None)


def build_sensors(files: DeviceFiles, report: Report) -> tuple[SensorConfig, ...]:
    """Every sensor of every group; problems with ids, drivers, decoders and topics reported."""
    sensors: dict[str, SensorConfig] = {}
    seen: dict[str, Place] = {}
    for _, group, node in files.groups:
        SENSOR_DRIVERS.check(group.driver, node, report)
        for number, entry in enumerate(group.sensors):
            at = node.at("sensors", number)
            if entry.id in seen:
                place = at.at("id").place
                report.problem(
                    place, f"the sensor {quoted(entry.id)} is already in {seen[entry.id]}"
                )
                continue
            seen[entry.id] = at.at("id").place
            sensors[entry.id] = _sensor(entry, group.driver, at, report)
    return tuple(sensors.values())


def _sensor(entry: SensorEntry, driver: str, node: Node, report: Report) -> SensorConfig:
    DECODERS.check(entry.decoder, node, report)
    if driver == "mqtt" and entry.topic is None and not node.lacks:
        report.problem(node.place, f"the sensor {quoted(entry.id)} needs a 'topic'")
    if entry.kind not in BINARY_KINDS and entry.invert:
        report.problem(node.at("invert").place, "'invert' is for sensors that say true or false")
    options = {k: getattr(entry, k) for k in ("field", "path", "unit")}
    given = {k: v for k, v in options.items() if v is not None}
    if entry.invert:
        given["invert"] = True
    return SensorConfig(
        id=entry.id,
        kind=entry.kind,
        driver=driver,
        topic=entry.topic,
        decoder=entry.decoder,
        options=given,
    )
