"""Events as rules see them: the facts of a movement, a passage, a reader, a place."""

from __future__ import annotations

from typing import Any

from gateway.model.device import DeviceStatus
from gateway.model.movement import Kind, Movement, Presence
from gateway.model.passage import Passage
from gateway.model.place import Site
from gateway.rules.facts import Facts, Places
from gateway.rules.sensors import SensorStates

#: EPCs that are kept of a load, so that it can be judged again.
MAX_EPCS = 1_000
_STATES = {Kind.MISSING: Presence.MISSING, Kind.DEPARTED: Presence.DEPARTED}


def of_movement(movement: Movement) -> Facts:
    """What a movement says; `zone` is where the tag is, or was if it is no longer seen."""
    values = {
        "epc": movement.epc,
        "kind": str(movement.kind),
        "from": movement.from_zone,
        "to": movement.to_zone,
        "zone": movement.to_zone or movement.from_zone,
        "door": movement.door,
        "direction": None if movement.direction is None else str(movement.direction),
        "passage": movement.passage,
        "confidence": movement.confidence,
        "chances": movement.evidence.get("zones"),
        "dwell": movement.dwell_s,
    }
    return Facts(_given(values), movement.event_time_us)


def of_presence(epc: str, zone: str | None, state: Presence, since_us: int) -> Facts:
    """Where a tag is."""
    word = state.name.lower()
    return Facts(_given({"epc": epc, "zone": zone, "state": word, "since_us": since_us}))


def presence_after(movement: Movement) -> Facts:
    """Where a tag is after a movement; one that is missing is where it was."""
    state = _STATES.get(movement.kind, Presence.PRESENT)
    zone = movement.from_zone if movement.kind is Kind.MISSING else movement.to_zone
    return of_presence(movement.epc, zone, state, movement.event_time_us)


def of_passage(passage: Passage) -> Facts:
    """What a passage says."""
    expected = passage.expected or {}
    values = {
        "passage": passage.id,
        "door": passage.door,
        "direction": None if passage.direction is None else str(passage.direction),
        "verdict": None if passage.verdict is None else str(passage.verdict),
        "tags": len(passage.epcs),
        "epcs": list(passage.epcs[:MAX_EPCS]),
        "confidence": passage.confidence,
        "shipment": expected.get("shipment") or expected.get("id"),
        "duration": (passage.end_us - passage.start_us) / 1e6,
    }
    return Facts(_given(values), passage.event_time_us)


def of_reader(status: DeviceStatus, site: Site) -> Facts:
    """How a reader or an antenna is; `zone` and `door` if it watches only one."""
    antennas = [
        a for a in site.antennas if a.reader == status.reader and status.port in (None, a.port)
    ]
    zones = {zone for a in antennas for zone in a.zones}
    doors = {a.door for a in antennas if a.door is not None}
    values = {
        "reader": status.reader,
        "antenna": status.port,
        "state": str(status.state),
        "up": status.up,
        "reason": status.reason[:200],
        "zone": zones.pop() if len(zones) == 1 else None,
        "door": doors.pop() if len(doors) == 1 else None,
    }
    return Facts(_given(values))


def of_place(key: tuple[str, ...], subject: str, places: Places, sensors: SensorStates) -> Facts:
    """A sensor, door, zone or SKU that is looked at; nothing at all for the site as a whole."""
    values: dict[str, Any] = {key[0]: subject} if key else {}
    if key == ("sensor",):
        for owner in sensors.owners(subject):
            values.setdefault("door" if owner in places.doors else "zone", owner)
    if "door" in values and values["door"] in places.doors:
        values.setdefault("zone", places.doors[values["door"]].inside)
    return Facts(values)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
