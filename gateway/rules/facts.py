"""Facts: what is known when a rule is looked at; `View` finds the rest of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.model.catalog import Item
from gateway.model.device import SensorKind
from gateway.model.epc import uri as epc_uri
from gateway.model.place import Site
from gateway.rules.knowledge import Knowledge
from gateway.rules.sensors import SensorStates
from gateway.rules.stock import Stock

#: Texts in fields are cut here: they come from tags, items and devices.
MAX_TEXT = 200
_SENSOR_KINDS = frozenset(str(kind) for kind in SensorKind)
#: What is looked up by something that the facts name.
_BY_SUBJECT = {
    "epc_uri": "epc",
    "shipment": "epc",
    "held": "sensor",
    "silent": "sensor",
    "value": "sensor",
    "stock": "sku",
    "minimum": "sku",
}


@dataclass(slots=True)
class Facts:
    """What an event said of its subject. `values` holds plain JSON values only: they are stored.

    `event_us` is the time of the event, None for a state, which is looked at as it is now.
    """

    values: dict[str, Any]
    event_us: int | None = None


class Places:
    """The site's zones and doors as rules look at them."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.zones = {zone.id: zone for zone in site.zones}
        self.doors = {door.id: door for door in site.doors}
        self._within = {zone: self._ancestors(zone) for zone in self.zones}

    def within(self, zone: str | None) -> frozenset[str]:
        """A zone and all that it is a part of."""
        return self._within.get(zone or "", frozenset())

    def parts(self, zone: str) -> frozenset[str]:
        """A zone and all that is a part of it."""
        return frozenset(z for z, within in self._within.items() if zone in within)

    def _ancestors(self, zone: str | None) -> frozenset[str]:
        found: set[str] = set()
        while zone is not None and zone not in found:
            found.add(zone)
            known = self.zones.get(zone)
            zone = known.parent if known else None
        return frozenset(found)


class View:
    """Everything that conditions, keys and summaries may look at, beside the facts."""

    def __init__(
        self, places: Places, knowledge: Knowledge, sensors: SensorStates, stock: Stock
    ) -> None:
        self.places, self.knowledge = places, knowledge
        self.sensors, self.stock = sensors, stock
        self.passed_us: dict[str, int] = {}  # door → end of its last passage
        self.heard_us: dict[str, int] = {}  # reader, or reader/port → when it read something
        self.started_us: int | None = None  # nothing is known of the time before

    def item(self, facts: Facts) -> Item | None:
        """The item of the tag that the facts are about."""
        epc = facts.values.get("epc")
        return self.knowledge.item(epc) if epc else None

    def zone(self, facts: Facts) -> str | None:
        """Where the subject is."""
        zone: str | None = facts.values.get("zone")
        return zone

    def held(self, zone: str | None) -> bool:
        """Whether a zone, or one that it is a part of, is held."""
        return any(map(self.knowledge.held, self.places.within(zone)))

    def at_home(self, item: Item, zone: str | None) -> bool:
        """Whether a zone is one of an item's home zones, or in one."""
        return not self.places.within(zone).isdisjoint(item.home_zones)

    def allowed(self, item: Item, zone: str | None) -> bool:
        """Whether an item may be in a zone: it is allowed there, or nothing is said of it."""
        zones = item.allowed_zones or item.home_zones
        return not zones or not self.places.within(zone).isdisjoint((*zones, *item.home_zones))

    def elsewhere(self, facts: Facts) -> float | None:
        """How likely a tag is where its item may not be; None where nothing is known of that.

        Where antennas tell one zone from the other without doubt, it is or it is not.
        """
        item, zone = self.item(facts), self.zone(facts)
        if item is None or zone is None:
            return None
        chances: dict[str, float] | None = facts.values.get("chances")
        if not chances:
            return float(not self.allowed(item, zone))
        return sum(p for other, p in chances.items() if not self.allowed(item, other))

    def silent_s(self, sensor: str, now_us: int) -> float:
        """For how long a sensor has said nothing; since the start, if it never spoke."""
        state = self.sensors.state(sensor)
        last_us = state.last_us if state else self.started_us or now_us
        return max(0.0, (now_us - last_us) / 1e6)

    def unheard_s(self, facts: Facts, now_us: int) -> float | None:
        """For how long a reader or antenna has read nothing; None if it never has."""
        reader, port = facts.values.get("reader"), facts.values.get("antenna")
        last_us = self.heard_us.get(f"{reader}/{port}" if port is not None else f"{reader}")
        return None if last_us is None else max(0.0, (now_us - last_us) / 1e6)

    def quiet_s(self, door: str, now_us: int) -> float:
        """For how long nothing has gone through a door; since the start, if nothing ever did."""
        last_us = self.passed_us.get(door, self.started_us or now_us)
        return max(0.0, (now_us - last_us) / 1e6)

    def field(self, facts: Facts, name: str, now_us: int) -> Any:
        """A field's value, None where it has none; texts are cut to a bearable length."""
        value = self._field(facts, name, now_us)
        return value[:MAX_TEXT] if isinstance(value, str) else value

    def _field(self, facts: Facts, name: str, now_us: int) -> Any:  # noqa: PLR0911 - a table
        values = facts.values
        if name in values:
            return values[name]
        base, _, part = name.partition(".")
        if base == "item":
            return self._of_item(facts, part)
        if name == "goods":
            return self._goods(facts)
        if part in ("name", "kind"):
            return self._of_place(base, values.get(base), part)
        if name in _SENSOR_KINDS:
            return self._of_sensor(facts, SensorKind(name))
        if name == "time":
            return now_us if facts.event_us is None else facts.event_us
        if name == "dwell":
            since_us = values.get("since_us")
            return None if since_us is None else max(0.0, (now_us - since_us) / 1e6)
        if name == "elsewhere":
            return self.elsewhere(facts)
        if name == "quiet":
            return self.unheard_s(facts, now_us)
        if base in _BY_SUBJECT and (subject := values.get(_BY_SUBJECT[base])) is not None:
            return self._by_subject(base, subject, values.get("door"), now_us)
        return None

    def _by_subject(self, name: str, subject: str, door: str | None, now_us: int) -> Any:
        """What is known of an EPC, a sensor or an SKU beside the facts."""
        match name:
            case "epc_uri":
                return epc_uri(bytes.fromhex(subject))
            case "shipment":
                return self.knowledge.shipment_expects(subject, door)
            case "held":
                return self.sensors.held_s(subject, now_us)
            case "silent":
                return self.silent_s(subject, now_us)
            case "value":
                state = self.sensors.state(subject)
                return state.value if state else None
            case "stock":
                return self.stock.count(subject)
        return self.stock.minimum(subject)

    def _of_item(self, facts: Facts, part: str) -> Any:
        item = self.item(facts)
        if part == "known":
            return item is not None
        if item is None:
            return None
        if part in ("at_home", "allowed"):
            test = self.at_home if part == "at_home" else self.allowed
            return test(item, self.zone(facts))
        value = getattr(item, part)
        return list(value) if isinstance(value, tuple) else value

    def _goods(self, facts: Facts) -> str | None:
        """What people call a tag: its SKU and name, else what its EPC stands for, else its EPC."""
        item, epc = self.item(facts), facts.values.get("epc")
        if item is not None and (item.sku or item.name):
            return " ".join(part for part in (item.sku, item.name) if part)
        return (epc_uri(bytes.fromhex(epc)) or epc) if epc else None

    def _of_place(self, base: str, name: str | None, part: str) -> str | None:
        if name is None:
            return None
        if base == "sku":
            return self.stock.name(name)
        if base == "door":
            door = self.places.doors.get(name)
            return (door.name or name) if door else name
        zone = self.places.zones.get(name)
        if part == "kind":
            return zone.kind if zone else None
        return (zone.name or name) if zone else name

    def _of_sensor(self, facts: Facts, kind: SensorKind) -> Any:
        values = facts.values
        owner = values.get("door") or values.get("zone")
        ids = [values["sensor"]] if "sensor" in values else self.sensors.of(owner, kind)
        for sensor in ids:
            if self.sensors.kind(sensor) is kind:
                state = self.sensors.state(sensor)
                return state.value if state else None
        return None
