"""Shapes: the live view's values as the JSON objects of `models`, without pydantic on the way."""

from __future__ import annotations

from typing import Any

from gateway.live import Antenna, LiveView, Reader, Sensor, TagState
from gateway.model import epc
from gateway.model.device import ReaderState
from gateway.model.movement import Presence, iso_utc
from gateway.model.place import Door, Zone

Json = dict[str, Any]

#: Presence by its name in the API.
STATES = {presence.name.lower(): presence for presence in Presence}
_STATE_NAMES = {presence: name for name, presence in STATES.items()}


def tag_json(live: LiveView, tag: TagState) -> Json:
    """`models.Tag`."""
    identity = epc.decode(tag.epc)
    zone = None if tag.zone is None else live.site.zones[tag.zone]
    blind = zone is not None and tag.presence is Presence.UNKNOWN
    return {
        "epc": tag.epc.hex().upper(),
        "epc_uri": identity and identity.uri,
        "gtin": identity and identity.gtin,
        "sscc": identity and identity.sscc,
        "state": _STATE_NAMES[tag.presence],
        "zone": zone and zone.id,
        "zone_name": zone and _name(zone),
        "since": _time(tag.since_us),
        "last_seen": _time(tag.last_us),
        "seq": tag.seq,
        "confidence": tag.confidence,
        "reason": live.devices.why_blind(zone.id) if blind and zone else None,
    }


def zone_json(live: LiveView, number: int) -> Json:
    """`models.Zone`."""
    zone, counts = live.site.zones[number], live.counts(number)
    return {
        "id": zone.id,
        "name": _name(zone),
        "kind": zone.kind,
        "parent": zone.parent,
        "tags": counts.present + counts.unknown,
        "present": counts.present,
        "unknown": counts.unknown,
        "missing": counts.missing,
        "last_change": _time(live.zone_changed_us[number]),
        "blind": live.devices.why_blind(zone.id),
    }


def gtin_json(live: LiveView, gtin: str) -> Json:
    """`models.GtinStock`."""
    tally = live.gtin_tally(gtin)
    places = [
        {
            "zone": None if zone is None else live.site.zones[zone].id,
            "zone_name": None if zone is None else _name(live.site.zones[zone]),
            "state": _STATE_NAMES[presence],
            "tags": tags,
        }
        for (zone, presence), tags in tally.items()
    ]
    return {"gtin": gtin, "tags": sum(tally.values()), "places": places}


def door_json(live: LiveView, door: Door) -> Json:
    """`models.Door`."""

    def sensor(name: str | None) -> Json | None:
        if name is None:
            return None
        known = live.devices.sensors.get(name)
        return {
            "id": name,
            "value": known and known.value,
            "time": _time(known.time_us) if known else None,
            "problem": known and known.problem,
        }

    return {
        "id": door.id,
        "name": _name(door),
        "inside": door.inside,
        "outside": door.outside,
        "readers": [
            reader.id
            for reader in live.devices.readers.values()
            if any(antenna.door == door.id for antenna in reader.antennas.values())
        ],
        "inner_beam": sensor(door.inner_beam),
        "outer_beam": sensor(door.outer_beam),
        "contact": sensor(door.contact),
    }


def reader_json(reader: Reader) -> Json:
    """`models.Reader`."""
    offset_us = reader.clock_offset_us
    return {
        "id": reader.id,
        "up": reader.state is ReaderState.UP,
        "state": reader.state,
        "reason": reader.reason,
        "since": _time(reader.since_us),
        "clock_offset_ms": None if offset_us is None else offset_us / 1_000,
        "antennas": [_antenna_json(reader, antenna) for antenna in reader.antennas.values()],
    }


def sensor_json(sensor: Sensor) -> Json:
    """`models.Sensor`."""
    return {
        "id": sensor.id,
        "kind": sensor.kind,
        "unit": sensor.unit,
        "value": sensor.value,
        "time": _time(sensor.time_us),
        "problem": sensor.problem,
    }


def _antenna_json(reader: Reader, antenna: Antenna) -> Json:
    # While its reader is not up, what an antenna last said counts for nothing.
    own = antenna.state is not None and reader.state is ReaderState.UP
    state = antenna.state if own and antenna.state is not None else reader.state
    return {
        "port": antenna.port,
        "up": state is ReaderState.UP,
        "state": state,
        "reason": (antenna.reason or "") if own else reader.reason,
        "zones": antenna.zones,
        "door": antenna.door,
        "side": antenna.side,
    }


def _name(place: Zone | Door) -> str:
    return place.name or place.id


def _time(time_us: int | None) -> str | None:
    return iso_utc(time_us) if time_us else None
