"""Generated sites for benchmarks, training and tests: a row of dock doors, and a rack of bins.

`write_site` writes one as a site directory, so that the recordings of a benchmark can be replayed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from gateway.errors import Unavailable
from gateway.model.device import SensorKind
from gateway.model.place import Antenna, Door, Point, Side, Site, Zone, ZoneKind
from gateway.model.tuning import LocationTuning

#: The first door is this far from the corner of the hall.
FIRST_DOOR_M = 2.0
STAGING_DEPTH_M = 8.0
YARD_DEPTH_M = 12.0
DOOR_WIDTH_M = 2.9

COLUMN_M = 1.2
RACK_DEPTH_M = 1.2
#: The front of the rack; the antennas hang before it.
RACK_FRONT_M = 5.0
BEFORE_RACK_M = 2.2
RACK_ANTENNA_HEIGHT_M = 2.6
#: A rack antenna sees the columns whose middle is this near to it, along the rack.
SEES_M = 2.0
PORTS_PER_READER = 4

_TIMES = LocationTuning()


def dock(
    doors: int = 6,
    pitch_m: float = 3.7,
    *,
    power_dbm: float = 30.0,
    antenna_height_m: float = 1.4,
    inside_m: float = 0.9,
    outside_m: float = -0.2,
) -> Site:
    """Doors in a row, a staging zone behind each and one yard before all of them.

    Each door has a reader with two antennas on either post, the inner pair at `inside_m` into the
    hall (ports 1 and 2), the outer pair at `outside_m` (ports 3 and 4); two beams; a contact.
    """
    names = _numbered("door", doors)
    xs = [FIRST_DOOR_M + pitch_m * n for n in range(doors)]
    left, right = xs[0] - pitch_m / 2, xs[-1] + pitch_m / 2
    zones = [_zone("yard", ZoneKind.OUTSIDE, (left, -YARD_DEPTH_M), (right, 0.0))]
    antennas: list[Antenna] = []
    placed: list[Door] = []
    for name, x in zip(names, xs, strict=True):
        staging = name.replace("door", "staging")
        corner, far = (x - pitch_m / 2, 0.0), (x + pitch_m / 2, STAGING_DEPTH_M)
        zones.append(_zone(staging, ZoneKind.STAGING, corner, far))
        placed.append(
            Door(
                id=name,
                inside=staging,
                outside="yard",
                position_m=(round(x, 3), 0.0),
                width_m=DOOR_WIDTH_M,
                inner_beam=f"{name}/inner",
                outer_beam=f"{name}/outer",
                contact=f"{name}/contact",
            )
        )
        spots = [
            (side, across, depth)
            for side, depth in ((Side.INSIDE, inside_m), (Side.OUTSIDE, outside_m))
            for across in (-DOOR_WIDTH_M / 2, DOOR_WIDTH_M / 2)
        ]
        antennas += [
            Antenna(
                reader=name.replace("door", "dock"),
                port=port,
                door=name,
                side=side,
                power_dbm=power_dbm,
                position_m=(round(x + across, 3), depth, antenna_height_m),
            )
            for port, (side, across, depth) in enumerate(spots, start=1)
        ]
    return Site(id="dock", zones=tuple(zones), doors=tuple(placed), antennas=tuple(antennas))


def rack(columns: int = 12, levels: int = 2, antennas: int = 6, *, power_dbm: float = 30.0) -> Site:
    """A rack of bins, `columns` wide and `levels` high, before antennas that see several bins each.

    The antennas are spread evenly along the rack; bins are `bin-<column>-<level>`.
    """
    width_m = columns * COLUMN_M
    middles = [(n + 0.5) * COLUMN_M for n in range(columns)]
    numbers = _numbered("bin", columns)
    zones = [
        _zone(
            f"{name}-{level}",
            ZoneKind.STORAGE,
            (middle - COLUMN_M / 2, RACK_FRONT_M),
            (middle + COLUMN_M / 2, RACK_FRONT_M + RACK_DEPTH_M),
        )
        for name, middle in zip(numbers, middles, strict=True)
        for level in range(1, levels + 1)
    ]
    readers = _numbered("rack", -(-antennas // PORTS_PER_READER))
    placed = []
    for n in range(antennas):
        x = (n + 0.5) * width_m / antennas
        seen = [name for name, m in zip(numbers, middles, strict=True) if abs(m - x) <= SEES_M]
        placed.append(
            Antenna(
                reader=readers[n // PORTS_PER_READER],
                port=n % PORTS_PER_READER + 1,
                zones=tuple(f"{name}-{level}" for name in seen for level in range(1, levels + 1)),
                power_dbm=power_dbm,
                position_m=(round(x, 3), RACK_FRONT_M - BEFORE_RACK_M, RACK_ANTENNA_HEIGHT_M),
            )
        )
    return Site(id="rack", zones=tuple(zones), antennas=tuple(placed))


def columns_of(site: Site) -> dict[str, int]:
    """The column of every storage zone that has an area: its rank along x, from 0."""
    middles = {
        z.id: round(sum(x for x, _ in z.area) / len(z.area), 2)
        for z in site.zones
        if z.kind is ZoneKind.STORAGE and z.area
    }
    ranks = {x: n for n, x in enumerate(sorted(set(middles.values())))}
    return {zone: ranks[x] for zone, x in middles.items()}


def write_site(site: Site, directory: Path) -> None:
    """Write `site` as a site directory that `gateway.settings.configuration.load` takes.

    Readers get addresses on this machine: the directory is meant for replays.
    """
    gateway: dict[str, Any] = {"site": {"id": site.id}}
    files = {
        "config/gateway.yaml": gateway,
        "config/site.yaml": {
            "zones": [_zone_entry(zone) for zone in site.zones],
            "doors": [_door_entry(door) for door in site.doors],
        },
    }
    for number, reader in enumerate(site.readers):
        files[f"readers/{reader}.yaml"] = {
            "id": reader,
            "driver": "llrp",
            "address": f"127.0.0.1:{5084 + number}",
            "antennas": [_antenna_entry(a) for a in site.antennas if a.reader == reader],
        }
    if sensors := _sensor_entries(site):
        gateway["mqtt"] = {"host": "127.0.0.1"}
        files["readers/sensors.yaml"] = {"id": "sensors", "driver": "mqtt", "sensors": sensors}
    try:
        for name, content in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=120)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"cannot write {directory}: {error.strerror}") from error


def _zone(name: str, kind: ZoneKind, corner: Point, far: Point) -> Zone:
    """A rectangular zone with the times of its kind."""
    (x0, y0), (x1, y1) = ((round(x, 3), round(y, 3)) for x, y in (corner, far))
    return Zone(
        id=name,
        kind=kind,
        area=((x0, y0), (x1, y0), (x1, y1), (x0, y1)),
        missing_after_s={
            ZoneKind.STORAGE: _TIMES.storage_missing_after_s,
            ZoneKind.STAGING: _TIMES.staging_missing_after_s,
        }.get(kind),
        departed_after_s=_TIMES.departed_after_s if kind is ZoneKind.OUTSIDE else None,
    )


def _numbered(name: str, count: int) -> list[str]:
    """`door-1` … `door-9`, or `door-01` … `door-12`: the order of names is that of numbers."""
    return [f"{name}-{n:0{len(str(count))}d}" for n in range(1, count + 1)]


def _zone_entry(zone: Zone) -> dict[str, Any]:
    return {"id": zone.id, "kind": zone.kind.value, "area": [list(point) for point in zone.area]}


def _door_entry(door: Door) -> dict[str, Any]:
    sensors = {k: getattr(door, k) for k in ("inner_beam", "outer_beam", "contact")}
    return {
        "id": door.id,
        "inside": door.inside,
        "outside": door.outside,
        "position_m": list(door.position_m or ()),
        "width_m": door.width_m,
        "sensors": {k: name for k, name in sensors.items() if name},
    }


def _antenna_entry(antenna: Antenna) -> dict[str, Any]:
    watches: dict[str, Any] = {"zones": list(antenna.zones)}
    if antenna.door is not None and antenna.side is not None:
        watches = {"door": antenna.door, "side": antenna.side.value}
    return {
        "port": antenna.port,
        **watches,
        "power_dbm": antenna.power_dbm,
        "position_m": list(antenna.position_m or ()),
    }


def _sensor_entries(site: Site) -> list[dict[str, str]]:
    kinds = {"inner_beam": SensorKind.BEAM, "outer_beam": SensorKind.BEAM} | {
        "contact": SensorKind.CONTACT
    }
    return [
        {"id": name, "kind": kind.value, "topic": f"dock/{name}", "decoder": "plain"}
        for door in site.doors
        for key, kind in kinds.items()
        if (name := getattr(door, key))
    ]
