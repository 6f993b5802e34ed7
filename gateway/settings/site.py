"""The site: zones, doors and antennas put together, every reference checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.model.device import SensorConfig, SensorKind
from gateway.model.place import Antenna, Door, Plan, Site, Zone, ZoneKind
from gateway.settings.devices import DeviceFiles
from gateway.settings.node import Node, Place
from gateway.settings.report import Report, quoted, suggestion
from gateway.settings.schema import LocationSettings, SiteIdentity
from gateway.settings.site_file import DoorEntry, SiteFile, ZoneEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a site is built from; `None` for `site` when site.yaml could not be read."""

    identity: SiteIdentity
    location: LocationSettings
    site: tuple[SiteFile, Node] | None
    devices: DeviceFiles
    sensors: tuple[SensorConfig, ...]


def build_site(parts: Parts, report: Report) -> Site:
    """The site with every reference inside checked; what is wrong is in the report."""
    file, tree = parts.site or (SiteFile(), Node({}, Place("")))
    zones = {z.id: _zone(z, parts.location) for z in file.zones}
    doors = {d.id: _door(d) for d in file.doors}
    if parts.site:
        _check_unique("zone", tree.at("zones"), [z.id for z in file.zones], report)
        _check_unique("door", tree.at("doors"), [d.id for d in file.doors], report)
        _check_parents(file.zones, tree, zones, report)
        _check_doors(file.doors, tree, zones, parts, report)
        _check_adjacency(file, tree, zones, report)
        _check_antennas(parts.devices, zones, doors, report)
    return Site(
        id=parts.identity.id,
        name=parts.identity.name,
        timezone=parts.identity.timezone,
        gln=parts.identity.gln,
        zones=tuple(zones.values()),
        doors=tuple(doors.values()),
        antennas=_antennas(parts.devices),
        adjacency=file.adjacency,
        plan=Plan(image=file.plan.image, size_m=file.plan.size_m),
    )


def _zone(entry: ZoneEntry, location: LocationSettings) -> Zone:
    """The zone with the times of its kind, where it has none of its own."""
    missing_s = {
        ZoneKind.STORAGE: location.storage_missing_after,
        ZoneKind.QUARANTINE: location.storage_missing_after,
        ZoneKind.STAGING: location.staging_missing_after,
    }.get(entry.kind)
    departed_s = location.departed_after if entry.kind is ZoneKind.OUTSIDE else None
    return Zone(
        id=entry.id,
        kind=entry.kind,
        name=entry.name,
        parent=entry.parent,
        sgln=entry.sgln,
        area=entry.area or (),
        missing_after_s=_seconds(entry.missing_after, missing_s),
        departed_after_s=_seconds(entry.departed_after, departed_s),
        move_after_s=entry.move_after,
    )


def _seconds(given: float | str | None, by_kind_s: float | None) -> float | None:
    if given is None:
        return by_kind_s
    return None if isinstance(given, str) else given


def _door(entry: DoorEntry) -> Door:
    return Door(
        id=entry.id,
        inside=entry.inside,
        outside=entry.outside,
        name=entry.name,
        position_m=entry.position_m,
        width_m=entry.width_m,
        sgln=entry.sgln,
        inner_beam=entry.sensors.inner_beam,
        outer_beam=entry.sensors.outer_beam,
        contact=entry.sensors.contact,
    )


def _antennas(devices: DeviceFiles) -> tuple[Antenna, ...]:
    return tuple(
        Antenna(
            reader=reader_id,
            port=a.port,
            door=a.door,
            side=a.side,
            zones=a.zones or ((a.zone,) if a.zone else ()),
            power_dbm=a.power_dbm,
            position_m=a.position_m,
        )
        for reader_id, file, _ in devices.readers
        for a in file.antennas
    )


def _check_unique(what: str, entries: Node, ids: list[str], report: Report) -> None:
    first: dict[str, Place] = {}
    for number, name in enumerate(ids):
        place = entries.at(number, "id").place
        if name in first:
            report.problem(
                place, f"the {what} {quoted(name)} is already on line {first[name].line}"
            )
        first.setdefault(name, place)


def _check_known(what: str, name: str, known: Iterable[str], place: Place, report: Report) -> None:
    if name not in known:
        report.problem(place, f"there is no {what} {quoted(name)}{suggestion(name, known)}")


def _check_parents(
    entries: Sequence[ZoneEntry], tree: Node, zones: dict[str, Zone], report: Report
) -> None:
    for number, entry in enumerate(entries):
        if entry.parent is None:
            continue
        place = tree.at("zones", number, "parent").place
        _check_known("zone", entry.parent, zones, place, report)
        above, seen = zones.get(entry.parent), {entry.id}
        while above and above.id not in seen:
            seen.add(above.id)
            above = zones.get(above.parent) if above.parent else None
        if above and above.id == entry.id:
            report.problem(place, f"the zone {quoted(entry.id)} is, by its parents, inside itself")


def _check_doors(
    entries: Sequence[DoorEntry], tree: Node, zones: dict[str, Zone], parts: Parts, report: Report
) -> None:
    sensors = {s.id: s for s in parts.sensors}
    for number, entry in enumerate(entries):
        node = tree.at("doors", number)
        _check_known("zone", entry.inside, zones, node.at("inside").place, report)
        _check_known("zone", entry.outside, zones, node.at("outside").place, report)
        if entry.inside == entry.outside:
            report.problem(
                node.at("outside").place,
                f"the door {quoted(entry.id)} has the same zone inside and outside",
            )
        for key, name in entry.sensors:
            if name is None:
                continue
            place = node.at("sensors", key).place
            if parts.devices.whole:
                _check_known("sensor", name, sensors, place, report)
            expected = SensorKind.CONTACT if key == "contact" else SensorKind.BEAM
            if name in sensors and sensors[name].kind is not expected:
                report.problem(
                    place,
                    f"the sensor {quoted(name)} is of kind {sensors[name].kind}, "
                    f"but {key} needs kind {expected}",
                )


def _check_adjacency(file: SiteFile, tree: Node, zones: dict[str, Zone], report: Report) -> None:
    for number, pair in enumerate(file.adjacency):
        for end, name in enumerate(pair):
            place = tree.at("adjacency", number, end).place
            _check_known("zone", name, zones, place, report)
        if pair[0] == pair[1]:
            report.problem(tree.at("adjacency", number).place, "a zone is not adjacent to itself")


def _check_antennas(
    devices: DeviceFiles, zones: dict[str, Zone], doors: dict[str, Door], report: Report
) -> None:
    for reader_id, file, node in devices.readers:
        first: dict[int, Place] = {}
        for number, antenna in enumerate(file.antennas):
            at = node.at("antennas", number)
            place = at.at("port").place
            if antenna.port in first:
                report.problem(
                    place,
                    f"port {antenna.port} of the reader {quoted(reader_id)} is already on line "
                    f"{first[antenna.port].line}",
                )
            first.setdefault(antenna.port, place)
            if antenna.door is not None:
                _check_known("door", antenna.door, doors, at.at("door").place, report)
            if antenna.zone is not None:
                _check_known("zone", antenna.zone, zones, at.at("zone").place, report)
            for index, zone in enumerate(antenna.zones or ()):
                _check_known("zone", zone, zones, at.at("zones", index).place, report)
