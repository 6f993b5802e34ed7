"""The site: zones, doors and antennas put together, every reference checked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from gateway.model.device import SensorConfig, SensorKind
from gateway.model.place import Antenna, Door, Plan, Site, Zone, ZoneKind
from gateway.settings.devices import DeviceFiles
from gateway.settings.document import read_document
from gateway.settings.files import is_file
from gateway.settings.fit import fit
from gateway.settings.node import Node, Place
from gateway.settings.report import Report, quoted, suggestion
from gateway.settings.schema import LocationSettings, Settings
from gateway.settings.site_file import DoorEntry, SiteFile, ZoneEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteParts:
    """What was read of a site, ready to be checked and put together.

    `zone_ids` and `door_ids` hold those of entries that do not fit as well, so that one mistake is
    not told twice; None when site.yaml could not be read.
    """

    file: SiteFile
    tree: Node
    zone_ids: Collection[str] | None
    door_ids: Collection[str] | None
    devices: DeviceFiles
    sensors: tuple[SensorConfig, ...]


def read_site(
    directory: Path, devices: DeviceFiles, sensors: tuple[SensorConfig, ...], report: Report
) -> SiteParts:
    """`config/site.yaml` with the devices that belong to it."""
    folder = directory / "config"
    tree = read_document(folder / "site.yaml", report)
    fitted = fit(tree, SiteFile, report) if tree else None
    file, fitted_tree = fitted or (SiteFile(), Node({}, Place("")))
    if file.plan.image and not is_file(folder / file.plan.image):
        place = fitted_tree.at("plan", "image").place
        report.note(place, f"there is no file {folder / file.plan.image}: no floor plan is shown")
    return SiteParts(
        file=file,
        tree=fitted_tree,
        zone_ids=_ids(tree, "zones"),
        door_ids=_ids(tree, "doors"),
        devices=devices,
        sensors=sensors,
    )


def _ids(tree: Node | None, key: str) -> Collection[str] | None:
    if tree is None:
        return None
    entries = tree.child(key)
    readable = entries is None or entries.value is None or isinstance(entries.value, list)
    return tree.ids(key) if readable else None


def build_site(parts: SiteParts, settings: Settings, report: Report) -> Site:
    """The site with every reference inside checked; what is wrong is in the report."""
    file, identity = parts.file, settings.site
    _check_unique("zone", parts.tree.at("zones"), [z.id for z in file.zones], report)
    _check_unique("door", parts.tree.at("doors"), [d.id for d in file.doors], report)
    _check_parents(parts, report)
    _check_doors(parts, report)
    _check_adjacency(parts, report)
    _check_antennas(parts, report)
    return Site(
        id=identity.id,
        name=identity.name,
        timezone=identity.timezone,
        gln=identity.gln,
        zones=tuple(_zone(z, settings.location) for z in file.zones),
        doors=tuple(_door(d) for d in file.doors),
        antennas=_antennas(parts.devices),
        adjacency=_adjacency(file),
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
        arrive_after_s=entry.arrive_after,
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
            arrive_after_s=file.arrive_after,
            move_after_s=file.move_after,
        )
        for reader_id, file, _ in devices.readers
        for a in file.antennas
    )


def _adjacency(file: SiteFile) -> tuple[tuple[str, str], ...]:
    """The pairs that are listed and those that doors connect; none when none are listed."""
    if not file.adjacency:
        return ()
    return tuple(dict.fromkeys([*file.adjacency, *((d.inside, d.outside) for d in file.doors)]))


def _check_unique(what: str, entries: Node, ids: list[str], report: Report) -> None:
    first: dict[str, Place] = {}
    for number, name in enumerate(ids):
        place = entries.at(number, "id").place
        if name in first:
            report.problem(
                place, f"the {what} {quoted(name)} is already on line {first[name].line}"
            )
        first.setdefault(name, place)


def _check_known(
    what: str, name: str, known: Collection[str] | None, place: Place, report: Report
) -> None:
    if known is not None and name not in known and not report.full:
        report.problem(place, f"there is no {what} {quoted(name)}{suggestion(name, known)}")


def _check_parents(parts: SiteParts, report: Report) -> None:
    circling = _circling({z.id: z.parent for z in parts.file.zones})
    for number, entry in enumerate(parts.file.zones):
        if entry.parent is None:
            continue
        place = parts.tree.at("zones", number, "parent").place
        _check_known("zone", entry.parent, parts.zone_ids, place, report)
        if entry.id in circling:
            report.problem(place, f"the zone {quoted(entry.id)} is, by its parents, inside itself")


def _circling(parents: dict[str, str | None]) -> set[str]:
    """The ids that come to themselves when one follows the parents; each id is followed once."""
    circling: set[str] = set()
    done: set[str] = set()
    for start in parents:
        way: dict[str, None] = {}
        at: str | None = start
        while at is not None and at not in done and at not in way:
            way[at] = None
            at = parents.get(at)
        if at in way:
            ids = list(way)
            circling.update(ids[ids.index(at) :])
        done.update(way)
    return circling


def _check_doors(parts: SiteParts, report: Report) -> None:
    kinds = {s.id: s.kind for s in parts.sensors}
    sensor_ids = parts.devices.sensor_ids if parts.devices.whole else None
    for number, entry in enumerate(parts.file.doors):
        node = parts.tree.at("doors", number)
        _check_known("zone", entry.inside, parts.zone_ids, node.at("inside").place, report)
        _check_known("zone", entry.outside, parts.zone_ids, node.at("outside").place, report)
        if entry.inside == entry.outside:
            report.problem(
                node.at("outside").place,
                f"the door {quoted(entry.id)} has the same zone inside and outside",
            )
        for key, name in entry.sensors:
            if name is None:
                continue
            place = node.at("sensors", key).place
            _check_known("sensor", name, sensor_ids, place, report)
            expected = SensorKind.CONTACT if key == "contact" else SensorKind.BEAM
            if kinds.get(name, expected) is not expected:
                report.problem(
                    place,
                    f"{key} needs a sensor of kind {expected}, "
                    f"but {quoted(name)} is a {kinds[name]}",
                )


def _check_adjacency(parts: SiteParts, report: Report) -> None:
    for number, pair in enumerate(parts.file.adjacency):
        at = parts.tree.at("adjacency", number)
        for end, name in enumerate(pair):
            _check_known("zone", name, parts.zone_ids, at.at(end).place, report)
        if pair[0] == pair[1]:
            report.problem(at.place, "a zone is not adjacent to itself")


def _check_antennas(parts: SiteParts, report: Report) -> None:
    for reader_id, file, node in parts.devices.readers:
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
                _check_known("door", antenna.door, parts.door_ids, at.at("door").place, report)
            if antenna.zone is not None:
                _check_known("zone", antenna.zone, parts.zone_ids, at.at("zone").place, report)
            zones = antenna.zones or ()
            for index, zone in enumerate(zones):
                place = at.at("zones", index).place
                _check_known("zone", zone, parts.zone_ids, place, report)
                if zone in zones[:index]:
                    report.problem(place, f"the zone {quoted(zone)} is in the list twice")
