"""Names that drivers, decoders and sinks go by: ours, those to come, and those from outside.

A distribution may bring its own by an entry point; here only its name is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points

from gateway.settings.node import Node
from gateway.settings.report import Report, quoted, suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a key such as `driver` may say."""

    what: str
    ours: tuple[str, ...]
    planned: tuple[str, ...]  # in the contracts, but not in this version
    group: str  # the entry point group of those from outside
    settings: tuple[str, ...] = ()  # what a setting of its own adds, so that no list names it

    def available(self) -> tuple[str, ...]:
        """Every name that can be used, sorted."""
        outside = {entry.name for entry in entry_points(group=self.group)}
        return tuple(sorted({*self.ours, *outside}))

    def misfit(self, name: str) -> str | None:
        """What is wrong with a name; None when it can be used."""
        if name in self.ours or name in (available := self.available()):
            return None
        if name in self.settings:
            return f"{self.what} {quoted(name)} is not for this list: set '{name}:' instead"
        listed = f"(available: {', '.join(available)})"
        if name in self.planned:
            return f"{self.what} {quoted(name)} is not available in this version {listed}"
        return f"there is no {self.what} {quoted(name)} {listed}{suggestion(name, available)}"

    def check(self, name: str, node: Node, report: Report) -> None:
        """Report a name at the key of `node` that cannot be used."""
        if not report.full and (misfit := self.misfit(name)):
            report.problem(node.at(self.what).place, misfit)


_DRIVERS = "rfid_gateway.drivers"

READER_DRIVERS = Names(
    what="driver", ours=("llrp",), planned=("sllurp", "r200", "uhfreader18"), group=_DRIVERS
)
SENSOR_DRIVERS = Names(what="driver", ours=("mqtt",), planned=("scale", "scanner"), group=_DRIVERS)
DECODERS = Names(
    what="decoder",
    ours=("plain",),
    planned=("zigbee2mqtt", "shelly", "tasmota", "esphome", "json"),
    group="rfid_gateway.decoders",
)
SINKS = Names(
    what="sink kind",
    ours=("epcis", "file", "mqtt", "webhook"),
    planned=("nats",),
    group="rfid_gateway.sinks",
    settings=("influxdb",),
)
